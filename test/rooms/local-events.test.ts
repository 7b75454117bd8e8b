import { expect, test } from 'vitest';
import { RawNumber } from '../../main/protocol/json.ts';
import { roomVersions } from '../../main/protocol/room-versions.ts';
import { createRoom, join, member, message, publicRoom, roomServer, user } from '../support/room-server.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');

test.each([...roomVersions.values()].map((rules) => [rules.version, rules] as const))(
  'a room of version %s is made, and goes on',
  async (_version, rules) => {
    const { rooms } = await roomServer('a.test');
    const { roomId, events } = await rooms.create(rules, publicRoom(alice, rules.version));
    const [said] = await rooms.append(roomId, [message(alice, 'hello')]);
    expect(events.map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
    expect(rooms.info(roomId)).toMatchObject({ roomId, rules, resident: true, gap: false });
    expect(rooms.forwardExtremities(roomId)).toEqual([said?.event.eventId]);
    expect(said?.event.prevEvents).toEqual([events.at(-1)?.event.eventId]);
    const state = rooms.currentState(roomId);
    expect([...state.entries()].map(([key]) => key).sort()).toEqual([
      'm.room.create\0',
      'm.room.join_rules\0',
      `m.room.member\0${alice}`,
      'm.room.power_levels\0',
    ]);
    expect(state.get('m.room.create', '')?.content['room_version']).toBe(rules.version);
    expect(rooms.localMembers(roomId)).toEqual([alice]);
    expect(rooms.stateBefore(events[0]?.event.eventId ?? ('' as never))?.size).toBe(0);
    expect(rooms.stateAfter(said?.event.eventId ?? ('' as never))?.size).toBe(4);
  },
);

test('two rooms that are alike in the same millisecond are two', async () => {
  const server = await roomServer('a.test');
  expect(await createRoom(server, alice, '12')).not.toBe(await createRoom(server, alice, '12'));
});

test('what the rules forbid is refused, and nothing of the turn is kept', async () => {
  const server = await roomServer('a.test');
  const { rooms } = server;
  const roomId = await createRoom(server, alice);
  const events = server.count('FROM events');
  const drafts = [message(alice, 'one'), message(user('@eve:a.test'), 'two')];
  await expect(rooms.append(roomId, drafts)).rejects.toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
  expect(server.count('FROM events')).toBe(events);
  expect(() => rooms.template(roomId, message(bob, 'x'))).toThrow('@bob:b.test is not joined to the room');
});

test('each draft is judged by the state after the one before', async () => {
  const server = await roomServer('a.test');
  const roomId = await createRoom(server, alice);
  const carol = user('@carol:a.test');
  const [, , last] = await server.rooms.append(roomId, [
    member(carol, carol, 'join'),
    message(carol, 'hello'),
    member(alice, carol, 'ban'),
  ]);
  expect(last?.outcome).toBe('accepted');
  await expect(server.rooms.append(roomId, [message(carol, 'again')])).rejects.toThrow('not joined');
});

test('numbers that canonical JSON has not are refused, and so is what is too large', async () => {
  const server = await roomServer('a.test');
  const roomId = await createRoom(server, alice, '5');
  const draft = (content: object) => [{ type: 'x', sender: alice, content: content as never }];
  const refused = (content: object) => expect(server.rooms.append(roomId, draft(content))).rejects;
  await refused({ deep: [{ n: new RawNumber('1.5') }] }).toMatchObject({ status: 400, errcode: 'M_BAD_JSON' });
  await refused({ n: 2 ** 53 }).toMatchObject({ status: 400, errcode: 'M_BAD_JSON' });
  await refused({ body: 'x'.repeat(65_400) }).toMatchObject({ status: 413, errcode: 'M_TOO_LARGE' });
  const longType = [{ ...draft({})[0], type: 'x'.repeat(256), sender: alice, content: {} }];
  await expect(server.rooms.append(roomId, longType)).rejects.toMatchObject({ status: 413, errcode: 'M_TOO_LARGE' });
});

test('an event goes to all other servers in the room, and a leave to the server that has left by it', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  await a.rooms.append(roomId, [message(alice, 'nobody else is here')]);
  expect(a.sent).toEqual([]);
  await join(a, b, roomId, bob);
  expect([...a.rooms.servers(roomId)].sort()).toEqual(['a.test', 'b.test']);
  await a.rooms.append(roomId, [message(alice, 'hello')]);
  await a.rooms.append(roomId, [member(alice, bob, 'leave')]);
  await a.rooms.append(roomId, [message(alice, 'alone again')]);
  expect(a.sent.map(({ event, to }) => [event.content['body'] ?? event.content['membership'], to])).toEqual([
    ['hello', ['b.test']],
    ['leave', ['b.test']],
  ]);
  expect([...a.rooms.servers(roomId)]).toEqual(['a.test']);
});

test('signatures of others are added, whatever else they send back', async () => {
  const server = await roomServer('a.test');
  const roomId = await createRoom(server, alice);
  const sign = async () => ({ type: 'changed', signatures: { 'b.test': { 'ed25519:b': 'sig' }, 'a.test': {} } });
  const [stored] = await server.rooms.append(roomId, [member(alice, bob, 'invite')], { sign });
  expect(stored?.event.pdu).toMatchObject({ type: 'm.room.member', signatures: { 'b.test': { 'ed25519:b': 'sig' } } });
  expect(Object.keys(stored?.event.pdu['signatures'] ?? {})).toEqual(['a.test', 'b.test']);
  expect(server.rooms.event(stored?.event.eventId ?? ('' as never))?.event.pdu).toEqual(stored?.event.pdu);
});

test('changes are told after the commit, with positions that grow', async () => {
  const server = await roomServer('a.test');
  const told: number[] = [];
  server.rooms.changes.on(({ position }) => {
    expect(server.rooms.position()).toBeGreaterThanOrEqual(position);
    told.push(position);
  });
  const roomId = await createRoom(server, alice);
  await server.rooms.append(roomId, [message(alice, 'a'), message(alice, 'b')]);
  expect(told).toEqual([1, 2, 3, 4, 5, 6]);
  const page = server.rooms.arrived(roomId, { after: 4, upTo: 6, limit: 10 });
  expect(page.events.map(({ event }) => event.content['body'])).toEqual(['a', 'b']);
  expect(server.rooms.arrived(roomId, { after: 0, upTo: 6, limit: 2 })).toMatchObject({ limited: true });
  expect(server.rooms.stateChanges(roomId, { after: 2, upTo: 6 }).map(({ type }) => type)).toEqual([
    'm.room.power_levels',
    'm.room.join_rules',
  ]);
});

test('who signs an invite may take as long as they like: the room goes on, and what it forbids meanwhile stays out', async () => {
  const server = await roomServer('a.test');
  const { rooms } = server;
  const roomId = await createRoom(server, alice);
  const slow = async (...meanwhile: Parameters<typeof rooms.append>[1] & readonly unknown[]) => {
    let signed = () => {};
    const asked = new Promise<void>((resolve) => {
      signed = resolve;
    });
    const sign = async () => {
      await asked;
      return { signatures: { 'b.test': { 'ed25519:b': 'sig' } } };
    };
    const inviting = rooms.append(roomId, [member(alice, bob, 'invite')], { sign });
    inviting.catch(() => {}); // it is looked at below
    const said = await rooms.append(roomId, meanwhile); // while they think about it
    signed();
    return { inviting, said };
  };

  const { inviting, said } = await slow(message(alice, 'meanwhile'));
  const [invite] = await inviting;
  expect(invite?.event.prevEvents).not.toContain(said[0]?.event.eventId);
  expect(new Set(rooms.forwardExtremities(roomId))).toEqual(new Set([invite?.event.eventId, said[0]?.event.eventId]));
  expect(rooms.currentState(roomId).id('m.room.member', bob)).toBe(invite?.event.eventId);

  const forbidden = await slow(member(alice, bob, 'ban'));
  await expect(forbidden.inviting).rejects.toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
  expect(rooms.currentState(roomId).get('m.room.member', bob)?.content).toEqual({ membership: 'ban' });
  expect(server.count("FROM events WHERE outcome <> 'accepted'")).toBe(0);
});

test('what has to be on disk with an event is, or the event is not', async () => {
  const server = await roomServer('a.test');
  const roomId = await createRoom(server, alice);
  const { db, rooms } = server;
  db.exec('CREATE TABLE notes (event_id TEXT)');
  const note = db.prepare<[string]>('INSERT INTO notes VALUES (?)');
  let told = 0;
  rooms.changes.on(() => {
    told++;
    expect(server.count('FROM notes')).toBe(1);
  });
  await rooms.append(roomId, [message(alice, 'one')], {
    within: ([sent]) => {
      expect(told).toBe(0);
      note.run(sent?.event.eventId ?? '');
    },
  });
  expect(told).toBe(1);

  const [events, tip] = [server.count('FROM events'), rooms.forwardExtremities(roomId)];
  const fail = () => {
    note.run('gone');
    throw new Error('the disk is full');
  };
  await expect(rooms.append(roomId, [message(alice, 'two')], { within: fail })).rejects.toThrow('the disk is full');
  expect([server.count('FROM events'), rooms.forwardExtremities(roomId)]).toEqual([events, tip]);
  expect(server.count('FROM notes')).toBe(1);
  expect(server.sent).toEqual([]);
});
