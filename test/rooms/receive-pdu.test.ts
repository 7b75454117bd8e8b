import { beforeEach, describe, expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { hasRightContentHash } from '../../main/protocol/event-hash.ts';
import { type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import type { EventDraft } from '../../main/rooms/rooms.ts';
import type { EventId, RoomId } from '../../shared/ids.ts';
import {
  answersFrom,
  createRoom,
  incoming,
  join,
  member,
  message,
  outcomes,
  type RoomServer,
  receive,
  roomServer,
  sign,
  user,
} from '../support/room-server.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');
const eve = user('@eve:b.test');

let a: RoomServer;
let b: RoomServer;
let roomId: RoomId;

/** A room of Alice's at a.test that Bob of b.test has joined through it. b.test can ask a.test, and the other way. */
beforeEach(async () => {
  [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
});

const say = async (server: RoomServer, sender: typeof alice, body: string): Promise<RoomEvent> => {
  const [stored] = await server.rooms.append(roomId, [message(sender, body)]);
  return (stored as { event: RoomEvent }).event;
};
const send = async (server: RoomServer, draft: EventDraft): Promise<RoomEvent> => {
  const [stored] = await server.rooms.append(roomId, [draft]);
  return (stored as { event: RoomEvent }).event;
};
/** An event that b.test makes without asking anyone whether it may. */
const forge = (draft: EventDraft, change: JsonObject = {}, of = b): RoomEvent => {
  const base = b.rooms.template(roomId, message(bob, 'x'));
  const pdu: Record<string, never> = { ...(base as Record<string, never>), ...(change as Record<string, never>) };
  const { type, sender, content, stateKey } = draft;
  return sign(
    { ...pdu, type, sender, content, ...(stateKey !== undefined && { state_key: stateKey }), ...change },
    of,
    '11',
  );
};
const stateIds = (server: RoomServer) => [...server.rooms.currentState(roomId).entries()].map(([, id]) => id).sort();

test('an event of another server becomes part of the room', async () => {
  const event = await say(b, bob, 'hello');
  const [outcome] = await receive(a, b, event);
  expect(outcome).toMatchObject({ outcome: 'accepted', eventId: event.eventId, roomId, source: 'live', sender: bob });
  expect(a.rooms.forwardExtremities(roomId)).toEqual([event.eventId]);
  expect(a.rooms.event(event.eventId)).toMatchObject({ outcome: 'accepted', outlier: false, source: 'live' });
  expect(a.rooms.event(event.eventId)?.event.pdu).toEqual(event.pdu);
  expect(outcomes(await receive(a, b, event))).toEqual(['duplicate']);
});

describe('what is refused, and at which step', () => {
  test('format: no event, not the format, a room that is not here', async () => {
    const event = await say(b, bob, 'x');
    const elsewhere = { ...event.pdu, room_id: '!nowhere:c.test' };
    const list = await receive(a, b, 'nothing', { ...event.pdu, depth: 'deep' }, elsewhere);
    expect(list).toMatchObject([
      { outcome: 'dropped', step: 'format', reason: 'This server is not in the room.' },
      {
        outcome: 'dropped',
        step: 'format',
        reason: '`depth` is not an integer.',
        eventId: expect.stringMatching(/^\$/),
      },
      { outcome: 'dropped', step: 'format', reason: 'This server is not in the room.' },
    ]);
  });

  test('auth events: those of another room, for which nobody is asked for prev events', async () => {
    const other = await createRoom(a, alice);
    await join(a, b, other, bob);
    const event = forge(message(bob, 'x'), { room_id: other });
    const list = await receive(a, b, event);
    expect(list).toMatchObject([{ outcome: 'rejected', step: 'authEvents', rule: 'auth events are of the room' }]);
    expect(a.rooms.event(event.eventId)).toMatchObject({ outcome: 'rejected', outlier: true });
    expect(a.asked).toEqual([]);
  });

  test('format: floats, where the room version is strict', async () => {
    const event = await say(b, bob, 'x');
    const violations = [{ kind: 'float' as const, path: ['content', 'n'] }];
    const list = await a.rooms.receive([{ pdu: event.pdu, violations }], { origin: b.serverName, source: 'live' });
    expect(list).toMatchObject([{ outcome: 'dropped', step: 'format', eventId: event.eventId }]);
  });

  test('signatures: bad ones are dropped, those without a key wait for it', async () => {
    const [bad, later] = [await say(b, bob, 'bad'), await say(b, bob, 'later')];
    a.signatures.set(bad.eventId, 'bad').set(later.eventId, 'keyMissing');
    const list = await receive(a, b, bad, later);
    expect(list).toMatchObject([{ outcome: 'dropped', step: 'signatures' }, { outcome: 'parked' }]);
    expect(a.rooms.event(bad.eventId)).toBeUndefined();
    a.signatures.clear();
    Object.assign(a.answers, answersFrom(b.rooms));
    await a.platform.advance(120_000);
    await expect.poll(() => a.rooms.event(later.eventId)?.outcome).toBe('accepted');
    expect(a.told.find(({ eventId }) => eventId === later.eventId)).toMatchObject({
      outcome: 'accepted',
      source: 'live',
    });
    expect(a.count('FROM staged_pdus')).toBe(0);
  });

  test('hash: what does not fit it is redacted, and goes on', async () => {
    const event = await say(b, bob, 'original');
    const [outcome] = await receive(a, b, { ...event.pdu, content: { body: 'changed', msgtype: 'm.text' } });
    expect(outcome).toMatchObject({ outcome: 'redacted', eventId: event.eventId });
    expect(a.rooms.event(event.eventId)).toMatchObject({ outcome: 'accepted', event: { content: {} } });
  });

  test('auth events: one that does not allow it, one too many', async () => {
    const byEve = forge(message(eve, 'x'), {
      auth_events: b.rooms
        .currentState(roomId)
        .events()
        .slice(0, 1)
        .map((e) => e.eventId),
    });
    const power = b.rooms.currentState(roomId).id('m.room.join_rules', '') as EventId;
    const template = b.rooms.template(roomId, message(bob, 'x'));
    const tooMany = forge(message(bob, 'x'), { auth_events: [...(template['auth_events'] as string[]), power] });
    const list = await receive(a, b, byEve, tooMany);
    expect(outcomes(list)).toEqual(['rejected', 'rejected']);
    expect(list.map(({ step }) => step)).toEqual(['authEvents', 'authEvents']);
    expect(list[0]?.rule).toBe('sender is joined');
    expect(list[1]?.decidedBy).toEqual([power]);
    expect(a.rooms.event(byEve.eventId)).toMatchObject({ outcome: 'rejected', why: { rule: 'sender is joined' } });
  });

  test('state before: he was banned, though he cites the time before that', async () => {
    const old = b.rooms.template(roomId, message(bob, 'x'))['auth_events'] as string[];
    const ban = await send(a, member(alice, bob, 'ban'));
    const late = forge(message(bob, 'x'), { auth_events: old, prev_events: [ban.eventId], depth: 99 });
    const [outcome] = await receive(a, b, late);
    expect(outcome).toMatchObject({ outcome: 'rejected', step: 'stateBefore', decidedBy: [ban.eventId] });
    expect(a.rooms.forwardExtremities(roomId)).toEqual([ban.eventId]);
  });

  test('current state: the ban is on another branch', async () => {
    const ban = await send(a, member(alice, bob, 'ban'));
    const late = await say(b, bob, 'you cannot have banned me yet');
    const [outcome] = await receive(a, b, late);
    expect(outcome).toMatchObject({ outcome: 'softFailed', step: 'currentState', decidedBy: [ban.eventId] });
    expect(a.rooms.forwardExtremities(roomId)).toEqual([ban.eventId]);
    expect(a.rooms.event(late.eventId)?.outcome).toBe('softFailed');
    const { events } = a.rooms.arrived(roomId, { after: 0, upTo: a.rooms.position(), limit: 100 });
    expect(events.map(({ event }) => event.eventId)).not.toContain(late.eventId);
    const next = await say(a, alice, 'gone');
    expect(next.prevEvents).toEqual([ban.eventId]);
  });

  test('one that is bad does not fail the others', async () => {
    const [one, two, three] = [await say(b, bob, '1'), await say(b, bob, '2'), await say(b, bob, '3')];
    a.signatures.set(two.eventId, 'bad');
    Object.assign(a.answers, answersFrom(b.rooms));
    const list = await receive(a, b, one, 7 as never, two, three, one);
    expect(outcomes(list)).toEqual(['accepted', 'dropped', 'dropped', 'accepted', 'duplicate']);
  });
});

test('an event that we fail on is dropped, and the others of its batch are not', async () => {
  const weak = await roomServer('c.test', { indigestible: 'poison' });
  await join(a, weak, roomId, user('@carol:c.test'));
  const carol = a.rooms.currentState(roomId).get('m.room.member', '@carol:c.test') as RoomEvent;
  await receive(b, a, carol);
  const events = [await say(b, bob, '1'), await say(b, bob, 'poison'), await say(b, bob, '3')];
  Object.assign(weak.answers, answersFrom(b.rooms));
  const list = await receive(weak, b, ...events);
  expect(outcomes(list)).toEqual(['accepted', 'dropped', 'accepted']); // the last by the state that b.test tells
  expect(list[1]?.reason).toBe('This server failed on it.');
  expect(weak.rooms.event(events[0]?.eventId as EventId)?.outcome).toBe('accepted');
  expect(weak.rooms.event(events[1]?.eventId as EventId)).toBeUndefined();
});

test('numbers stay as they were written, so that hashes stay right', async () => {
  const old = await createRoom(a, alice, '5');
  await join(a, b, old, bob);
  const base = b.rooms.template(old, message(bob, 'x'));
  const content = { one: new RawNumber('1.0'), big: new RawNumber('1e40'), zero: new RawNumber('-0'), text: '1.0' };
  const event = sign({ ...base, content }, b, '5');
  expect(outcomes(await receive(a, b, event))).toEqual(['accepted']);
  await a.close();
  const again = await roomServer('a.test', { path: a.path });
  const read = again.rooms.event(event.eventId)?.event as RoomEvent;
  expect(read.pdu).toEqual(event.pdu);
  expect(hasRightContentHash(read.pdu)).toBe(true);
});

test('more than may wait in a room is dropped', async () => {
  const small = await roomServer('c.test', { limits: { parkedPerRoom: 2 } });
  await join(a, small, roomId, user('@carol:c.test'));
  const events = [await say(b, bob, '1'), await say(b, bob, '2'), await say(b, bob, '3')];
  for (const { eventId } of events) small.signatures.set(eventId, 'keyMissing');
  expect(outcomes(await receive(small, b, ...events))).toEqual(['parked', 'parked', 'dropped']);
  expect(outcomes(await receive(small, b, ...events))).toEqual(['parked', 'parked', 'dropped']);
  expect(small.count('FROM staged_pdus')).toBe(2);
});

test('what nobody can make whole is given up after a day', async () => {
  const event = await say(b, bob, '1');
  a.signatures.set(event.eventId, 'keyMissing');
  expect(outcomes(await receive(a, b, event))).toEqual(['parked']);
  await expect
    .poll(
      async () => {
        await a.platform.advance(3_600_000);
        return a.count('FROM staged_pdus');
      },
      { interval: 1, timeout: 15_000 },
    )
    .toBe(0);
  expect(a.told.at(-1)).toMatchObject({ outcome: 'dropped', eventId: event.eventId, step: 'signatures' });
  expect(a.rooms.event(event.eventId)).toBeUndefined();
});

test('events that come out of order are put in order', async () => {
  const events = [await say(b, bob, '1'), await say(b, bob, '2'), await say(b, bob, '3')];
  const list = await receive(a, b, ...[...events].reverse());
  expect(outcomes(list)).toEqual(['accepted', 'accepted', 'accepted']);
  expect(list.map(({ eventId }) => eventId)).toEqual([...events].reverse().map(({ eventId }) => eventId));
  const { events: arrived } = a.rooms.arrived(roomId, { after: 0, upTo: a.rooms.position(), limit: 3 });
  expect(arrived.map(({ event }) => event.content['body'])).toEqual(['1', '2', '3']);
  expect(a.asked).toEqual([]);
});

test('both sides of a fork agree on the state, and the next event joins them', async () => {
  await send(a, {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: { [alice]: 100, [bob]: 50 } },
  });
  const levels = a.rooms.event(a.rooms.forwardExtremities(roomId)[0] as EventId)?.event as RoomEvent;
  await receive(b, a, levels);
  const topic = (server: RoomServer, sender: typeof alice, text: string) =>
    send(server, { type: 'm.room.topic', sender, stateKey: '', content: { topic: text } });
  const [ofA, ofB] = [
    [await topic(a, alice, 'a'), await say(a, alice, 'on a')],
    [await topic(b, bob, 'b'), await say(b, bob, 'on b')],
  ];
  expect(outcomes(await receive(a, b, ...ofB))).toEqual(['accepted', 'accepted']);
  expect(outcomes(await receive(b, a, ...ofA))).toEqual(['accepted', 'accepted']);
  expect(stateIds(a)).toEqual(stateIds(b));
  expect(a.rooms.currentState(roomId).get('m.room.topic', '')?.content['topic']).toBe('b'); // the later one of two allowed
  expect(a.rooms.forwardExtremities(roomId)).toHaveLength(2);
  const merge = await say(a, alice, 'both');
  expect([...merge.prevEvents].sort()).toEqual([ofA[1]?.eventId, ofB[1]?.eventId].sort());
  expect(outcomes(await receive(b, a, merge))).toEqual(['accepted']);
  expect(b.rooms.forwardExtremities(roomId)).toEqual([merge.eventId]);
  const changes = a.rooms.stateChanges(roomId, { after: 0, upTo: a.rooms.position() });
  expect(changes.find(({ type }) => type === 'm.room.topic')?.eventId).toBe(ofB[0]?.eventId);
});

test('a ban on one side of a fork undoes what he did on the other', async () => {
  await send(a, {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: { [alice]: 100, [bob]: 50 } },
  });
  await receive(b, a, a.rooms.event(a.rooms.forwardExtremities(roomId)[0] as EventId)?.event as RoomEvent);
  const topic = await send(b, { type: 'm.room.topic', sender: bob, stateKey: '', content: { topic: 'mine' } });
  const ban = await send(a, member(alice, bob, 'ban'));
  expect(await receive(a, b, topic)).toMatchObject([{ outcome: 'softFailed' }]);
  const told: unknown[] = [];
  b.rooms.changes.on(({ position, users }) => told.push({ position, users }));
  expect(await receive(b, a, ban)).toMatchObject([{ outcome: 'accepted' }]);
  expect(told).toEqual([{ position: b.rooms.position(), users: [bob] }]);
  expect(b.rooms.currentState(roomId).id('m.room.topic', '')).toBeUndefined();
  expect(b.rooms.currentState(roomId).id('m.room.member', bob)).toBe(ban.eventId);
  expect(b.rooms.info(roomId)?.resident).toBe(false);
  expect(b.rooms.memberships(bob)).toMatchObject([{ membership: 'ban', eventId: ban.eventId, sender: alice }]);
});

test('a rejected prev event contributes the state before it', async () => {
  const rejected = forge({ type: 'm.room.topic', sender: bob, stateKey: '', content: { topic: 'no' } });
  const after = forge(message(bob, 'after it'), { prev_events: [rejected.eventId], depth: 50 });
  const before = a.rooms.forwardExtremities(roomId);
  const list = await receive(a, b, rejected, after);
  expect(outcomes(list)).toEqual(['rejected', 'accepted']);
  expect(a.rooms.currentState(roomId).id('m.room.topic', '')).toBeUndefined();
  expect(a.rooms.stateBefore(after.eventId)?.size).toBe(a.rooms.currentState(roomId).size);
  expect(before).toHaveLength(1);
  expect(a.rooms.forwardExtremities(roomId)).toEqual([after.eventId]); // and what is behind it is followed, too
});

test('signatures that come later are added to what is here', async () => {
  const event = await say(b, bob, 'hello');
  await receive(a, b, event);
  const signatures = { ...(event.pdu['signatures'] as JsonObject), 'c.test': { 'ed25519:c': 'sig' } };
  expect(outcomes(await receive(a, b, { ...event.pdu, signatures }))).toEqual(['duplicate']);
  expect(a.rooms.event(event.eventId)?.event.pdu['signatures']).toEqual(signatures);
});

test('events in a circle, as only old room versions can have, wait and hold up nobody', async () => {
  const oldRoom = await createRoom(a, alice, '1');
  await join(a, b, oldRoom, bob);
  const base = b.rooms.template(oldRoom, message(bob, 'x'));
  const at = (id: string, prev: string) =>
    sign({ ...base, event_id: `$${id}:b.test`, prev_events: [[`$${prev}:b.test`, { sha256: '' }]] }, b, '1');
  const [one, two, self] = [at('one', 'two'), at('two', 'one'), at('self', 'self')];
  a.answers.missingEvents = async () => ({ pdus: incoming(one, two) });
  const good = sign({ ...base, event_id: '$good:b.test' }, b, '1');
  const list = await receive(a, b, one, two, self, good);
  expect(outcomes(list)).toEqual(['parked', 'parked', 'dropped', 'accepted']);
});
