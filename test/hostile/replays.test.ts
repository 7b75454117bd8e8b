import { beforeAll, expect, test } from 'vitest';
import { type Scene, setScene, unique } from '../support/hostile-scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

test('a transaction that comes again gets its first reply, and is not looked at again', async () => {
  const room = await scene.room('12');
  const txnId = unique();
  const [first, second] = [room.message('first'), room.event('x.never', {}, {}, { aside: true })];
  const firstId = room.idOf(first);
  const reply = await scene.deliver([first], txnId);
  expect(reply.flow.pdus).toMatchObject([{ outcome: 'accepted', eventId: firstId }]);

  const again = await scene.deliver([first], txnId);
  expect([again.status, again.body]).toEqual([200, reply.body]);
  expect(again.flow.id).not.toBe(reply.flow.id);
  expect(again.flow).toMatchObject({ status: 200, pdus: [] });

  const changed = await scene.deliver([second], txnId);
  expect([changed.status, changed.body]).toEqual([200, reply.body]);
  expect(changed.flow.pdus).toEqual([]);
  await room.expectOnly([firstId]);
});

test('a transaction that comes ten times at once is taken once', async () => {
  const room = await scene.room('12');
  const txnId = unique();
  const pdus = [room.message('one'), room.message('two')];
  const ids = pdus.map(room.idOf);
  const replies = await Promise.all(
    Array.from({ length: 10 }, () => scene.peer.send(scene.hearth.serverName, pdus, txnId)),
  );
  for (const { status, body } of replies) {
    expect([status, body]).toEqual([200, { pdus: Object.fromEntries(ids.map((id) => [id, {}])) }]);
  }
  await room.expectOnly(ids);
});

test('an event that comes again in another transaction is a duplicate', async () => {
  const room = await scene.room('12');
  const pdu = room.message('once');
  const eventId = room.idOf(pdu);
  await scene.deliver([pdu]);
  const { status, results, flow } = await scene.deliver([pdu, pdu]);
  expect([status, results]).toEqual([200, { [eventId]: {} }]);
  expect(flow.pdus.map(({ outcome }) => outcome)).toEqual(['duplicate', 'duplicate']);
  await room.expectOnly([eventId]);
});

test('an event that is there twice in a transaction is taken once', async () => {
  const room = await scene.room('1');
  const pdu = room.message('twice');
  const eventId = room.idOf(pdu);
  const { results, flow } = await scene.deliver([pdu, pdu]);
  expect(results).toEqual({ [eventId]: {} });
  expect(flow.pdus.map(({ outcome }) => outcome).sort()).toEqual(['accepted', 'duplicate']);
  await room.expectOnly([eventId]);
});

test('where servers choose IDs, another event under a known ID changes nothing', async () => {
  const room = await scene.room('1');
  const prev_events = room.cite(room.tip());
  const known = room.message('known');
  const eventId = room.idOf(known);
  await scene.deliver([known]);
  const other = room.event(
    'm.room.message',
    { msgtype: 'm.text', body: 'other' },
    { event_id: eventId, prev_events },
    { aside: true },
  );
  const { results, flow } = await scene.deliver([other]);
  expect(results).toEqual({ [eventId]: {} });
  expect(flow.pdus).toMatchObject([{ outcome: 'duplicate' }]);
  await room.expectOnly([eventId]);
  expect(await scene.owner.bodies(room.roomId)).not.toContain('other');
});

test.each([
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['with a slash', 'a%2Fb'],
  ['with fire', '%F0%9F%94%A5'],
  ['of 2,000 characters', 'x'.repeat(2000)],
  ['..', '..'],
  ['with a NUL', '%00'],
])('the transaction ID %s is one like any other', async (_what, txnId) => {
  const room = await scene.room('12');
  const pdu = room.message('once');
  const eventId = room.idOf(pdu);
  const reply = await scene.peer.send(scene.hearth.serverName, [pdu], txnId);
  expect([reply.status, reply.body]).toEqual([200, { pdus: { [eventId]: {} } }]);
  const again = await scene.peer.send(scene.hearth.serverName, [], txnId);
  expect([again.status, again.body]).toEqual([200, reply.body]);
  await room.expectOnly([eventId]);
});

test('a transaction that comes again after a restart gets its first reply', async () => {
  const room = await scene.room('12');
  const txnId = unique();
  const pdu = room.message('before');
  const { body } = await scene.peer.send(scene.hearth.serverName, [pdu], txnId);
  await scene.hearth.stop();
  await scene.hearth.start();
  const again = await scene.peer.send(scene.hearth.serverName, [room.event('x.never', {}, {}, { aside: true })], txnId);
  expect([again.status, again.body]).toEqual([200, body]);
  await room.expectOnly([room.idOf(pdu)]);
});
