import { beforeEach, expect, test } from 'vitest';
import type { RemotePdus } from '../../main/network/remote-servers.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
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

let a: RoomServer;
let b: RoomServer;
let roomId: RoomId;

/** a.test made the room, b.test is in it, and nothing that is said from here on is sent to the other by itself. */
beforeEach(async () => {
  [a, b] = [await roomServer('a.test', { limits: { walkEvents: 100 } }), await roomServer('b.test')];
  roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
});

const send = async (server: RoomServer, draft: EventDraft): Promise<RoomEvent> => {
  const [stored] = await server.rooms.append(roomId, [draft]);
  return (stored as { event: RoomEvent }).event;
};
const sayMany = async (count: number): Promise<RoomEvent[]> => {
  const stored = await b.rooms.append(
    roomId,
    Array.from({ length: count }, (_, number) => message(bob, `${number}`)),
  );
  return stored.map(({ event }) => event);
};
const bodies = (server: RoomServer) =>
  server.rooms
    .arrived(roomId, { after: 0, upTo: server.rooms.position(), limit: 2000 })
    .events.map(({ event }) => event.content['body'])
    .filter((body) => body !== undefined);

test('what was missed is fetched in several rounds, and arrives in order', async () => {
  Object.assign(a.answers, answersFrom(b.rooms, 10));
  const events = await sayMany(35);
  const last = events.at(-1) as RoomEvent;
  expect(outcomes(await receive(a, b, last))).toEqual(['accepted']);
  expect(bodies(a)).toEqual(Array.from({ length: 35 }, (_, number) => `${number}`));
  expect(a.asked).toEqual(Array(4).fill('missingEvents b.test'));
  expect(a.rooms.event(events[3]?.eventId as EventId)).toMatchObject({ source: 'missing', outcome: 'accepted' });
  expect(a.told.filter(({ source }) => source === 'missing')).toHaveLength(34);
  expect(a.rooms.forwardExtremities(roomId)).toEqual([last.eventId]);
  expect(a.rooms.info(roomId)?.gap).toBe(false);
});

test('where get_missing_events brings nothing, backfill does', async () => {
  const { backfill } = answersFrom(b.rooms, 10);
  Object.assign(a.answers, { backfill, missingEvents: async (): Promise<RemotePdus> => ({ pdus: [] }) });
  const events = await sayMany(12);
  expect(outcomes(await receive(a, b, events.at(-1) as RoomEvent))).toEqual(['accepted']);
  expect(bodies(a)).toHaveLength(12);
});

test('beyond the bound of a walk, the state is asked for, and the rest is history that is missing', async () => {
  const c = await roomServer('c.test', { limits: { walkEvents: 20 } });
  await join(a, c, roomId, user('@carol:c.test'));
  Object.assign(c.answers, answersFrom(b.rooms, 10));
  const carol = a.rooms.event(a.rooms.forwardExtremities(roomId)[0] as EventId)?.event as RoomEvent;
  await receive(b, a, carol);
  await b.platform.advance(1000); // of two that stand on both sides of the gap, the younger one is resolved to
  const renamed = await send(b, { ...member(bob, bob, 'join'), content: { membership: 'join', displayname: 'Bob' } });
  const events = await sayMany(40);
  const list = await c.rooms.receive(incoming(events.at(-1) as RoomEvent), { origin: b.serverName, source: 'live' });
  expect(outcomes(list)).toEqual(['accepted']);
  expect(bodies(c)).toHaveLength(21);
  expect(c.rooms.currentState(roomId).id('m.room.member', bob)).toBe(renamed.eventId);
  expect(c.rooms.currentState(roomId).size).toBe(b.rooms.currentState(roomId).size);
  expect(c.rooms.event(renamed.eventId)?.outlier).toBe(true);
  expect(c.rooms.backwardExtremities(roomId)).toContainEqual({
    missing: events[18]?.eventId,
    citedBy: events[19]?.eventId,
  });
  expect(c.rooms.info(roomId)?.gap).toBe(false);
});

test('what was before we came into the room is not told as news', async () => {
  const old = await sayMany(12);
  expect(new Set(outcomes(await receive(a, b, ...old)))).toEqual(new Set(['accepted']));
  await a.rooms.append(
    roomId,
    Array.from({ length: 10 }, (_, number) => message(alice, `a${number}`)),
  );
  const c = await roomServer('c.test');
  await join(a, c, roomId, user('@carol:c.test'));
  Object.assign(c.answers, answersFrom(b.rooms, 10));
  const late = await send(b, message(bob, 'b.test has heard of nothing since')); // its prev event is old[11]
  const list = await c.rooms.receive(incoming(late), { origin: b.serverName, source: 'live' });
  expect(outcomes(list)).toEqual(['accepted']);
  expect(bodies(c)).toEqual(['b.test has heard of nothing since']);
  expect(c.rooms.stateBefore(late.eventId)?.size).toBe(b.rooms.stateBefore(late.eventId)?.size);
  expect(c.count("FROM events WHERE source = 'missing'")).toBe(0);
});

test('a gap that nobody can fill is visible, waits, and is filled when somebody can', async () => {
  const events = await sayMany(3);
  const [outcome] = await receive(a, b, events[2] as RoomEvent);
  expect(outcome).toMatchObject({ outcome: 'parked', missing: [events[1]?.eventId], step: 'stateBefore' });
  expect(a.rooms.info(roomId)?.gap).toBe(true);
  expect(a.count('FROM staged_pdus')).toBe(1);
  Object.assign(a.answers, answersFrom(b.rooms, 10));
  await a.platform.advance(120_000);
  await expect.poll(() => bodies(a)).toEqual(['0', '1', '2']);
  expect(a.rooms.info(roomId)?.gap).toBe(false);
  expect(a.count('FROM staged_pdus')).toBe(0);
});

test('behind a gap that could not be filled, not every event begins the search anew', async () => {
  const events = await sayMany(5);
  for (const event of events.slice(1)) expect(outcomes(await receive(a, b, event))).toEqual(['parked']);
  expect(a.asked.filter((asked) => asked === 'missingEvents b.test')).toHaveLength(1);
});

/** A question that is answered once the test says so, by nothing. */
function silence() {
  let end = () => {};
  const answer = new Promise<RemotePdus>((resolve) => {
    end = () => resolve({ pdus: [] });
  });
  return { missingEvents: () => answer, end: () => end() };
}

test('a server that does not answer holds up what comes from it, and nobody else', async () => {
  const carol = user('@carol:c.test');
  const c = await roomServer('c.test');
  await join(a, c, roomId, carol);
  const events = await sayMany(2);
  const { missingEvents, end } = silence();
  Object.assign(a.answers, { missingEvents });
  const held = receive(a, b, events[1] as RoomEvent); // its prev event is asked for, in vain
  await expect.poll(() => a.asked).toContain('missingEvents b.test');
  const late = receive(a, b, events[0] as RoomEvent);
  const [said] = await c.rooms.append(roomId, [message(carol, 'hello')]);
  expect(outcomes(await receive(a, c, (said as { event: RoomEvent }).event))).toEqual(['accepted']);
  expect(bodies(a)).toEqual(['hello']);
  await a.platform.advance(20_000);
  expect([await held, await late].map(outcomes)).toEqual([['parked'], ['parked']]);
  end();
});

test('of one server only so much waits for its turn in memory, the rest on disk', async () => {
  const events = await sayMany(40);
  const { missingEvents, end } = silence();
  Object.assign(a.answers, { missingEvents });
  const [first, ...others] = [...events].reverse() as [RoomEvent, ...RoomEvent[]];
  const held = receive(a, b, first);
  await expect.poll(() => a.asked).toContain('missingEvents b.test');
  const replies = others.map((event) => receive(a, b, event));
  await expect.poll(() => a.count('FROM staged_pdus')).toBe(20); // and 19 wait behind the first
  await a.platform.advance(20_000);
  expect((await Promise.all([held, ...replies])).map(outcomes)).toEqual(Array(40).fill(['parked']));
  expect(a.count('FROM staged_pdus')).toBe(40);
  end();
});

test('what waits has its turn when what it lacked comes by itself', async () => {
  const events = await sayMany(3);
  expect(outcomes(await receive(a, b, events[2] as RoomEvent))).toEqual(['parked']);
  expect(outcomes(await receive(a, b, events[0] as RoomEvent, events[1] as RoomEvent))).toEqual([
    'accepted',
    'accepted',
  ]);
  await a.platform.advance(2000);
  await expect.poll(() => bodies(a)).toEqual(['0', '1', '2']);
});

test('what waits is there after a restart, and so is the room', async () => {
  const events = await sayMany(3);
  await receive(a, b, events[0] as RoomEvent);
  expect(outcomes(await receive(a, b, events[2] as RoomEvent))).toEqual(['parked']);
  const before = {
    position: a.rooms.position(),
    extremities: a.rooms.forwardExtremities(roomId),
    state: [...a.rooms.currentState(roomId).entries()].sort(),
    memberships: a.rooms.memberships(alice),
    servers: [...a.rooms.servers(roomId)].sort(),
  };
  await a.close();
  const again = await roomServer('a.test', { path: a.path });
  expect({
    position: again.rooms.position(),
    extremities: again.rooms.forwardExtremities(roomId),
    state: [...again.rooms.currentState(roomId).entries()].sort(),
    memberships: again.rooms.memberships(alice),
    servers: [...again.rooms.servers(roomId)].sort(),
  }).toEqual(before);
  Object.assign(again.answers, answersFrom(b.rooms, 10));
  await again.platform.advance(120_000);
  await expect.poll(() => bodies(again)).toEqual(['0', '1', '2']);
});

test('missing auth events are fetched, with theirs', async () => {
  Object.assign(a.answers, answersFrom(b.rooms, 10));
  await send(b, { ...member(bob, bob, 'join'), content: { membership: 'join', displayname: 'Bob' } });
  const renamedAgain = await send(b, {
    ...member(bob, bob, 'join'),
    content: { membership: 'join', displayname: 'Bobby' },
  });
  const base = b.rooms.template(roomId, message(bob, 'x'));
  // It cites the new member event as an auth event, but what a.test has as its prev event.
  const event = sign({ ...base, content: { body: 'x' }, prev_events: a.rooms.forwardExtremities(roomId) }, b, '11');
  const [outcome] = await receive(a, b, event);
  expect(outcome).toMatchObject({ outcome: 'accepted' });
  expect(a.rooms.event(renamedAgain.eventId)).toMatchObject({ outlier: true, position: undefined, source: 'outlier' });
  expect(a.rooms.currentState(roomId).id('m.room.member', bob)).not.toBe(renamedAgain.eventId);
  expect(a.rooms.stateBefore(renamedAgain.eventId)).toBeUndefined();
});

test('an outlier that comes by itself becomes part of the history', async () => {
  Object.assign(a.answers, answersFrom(b.rooms, 10));
  const renamed = await send(b, { ...member(bob, bob, 'join'), content: { membership: 'join', displayname: 'Bob' } });
  a.rooms.storeOutlier(renamed, 'accepted');
  expect(a.rooms.event(renamed.eventId)?.outlier).toBe(true);
  expect(outcomes(await receive(a, b, renamed))).toEqual(['accepted']);
  expect(a.rooms.event(renamed.eventId)).toMatchObject({ outlier: false, source: 'live', outcome: 'accepted' });
  expect(a.rooms.event(renamed.eventId)?.position).toBe(a.rooms.position());
  expect(a.rooms.currentState(roomId).id('m.room.member', bob)).toBe(renamed.eventId);
  expect(a.rooms.forwardExtremities(roomId)).toEqual([renamed.eventId]);
});

test('history is put before what is here, judged by the state there, and tells no client', async () => {
  const { rooms } = b;
  const answers = answersFrom(a.rooms, 10);
  Object.assign(b.answers, answers);
  const told: number[] = [];
  rooms.changes.on(({ position }) => told.push(position));
  const [oldest] = rooms.backwardExtremities(roomId);
  const { pdus } = await answers.backfill(a.serverName, roomId, [oldest?.missing as EventId], 10);
  const list = await rooms.receive(pdus, { origin: a.serverName, source: 'backfill' });
  expect(outcomes(list)).toEqual(['accepted', 'accepted', 'accepted', 'accepted']);
  const page = rooms.page(roomId, { from: undefined, towards: 'start', limit: 10 });
  expect(page.map(({ event }) => event.type)).toEqual([
    'm.room.member',
    'm.room.join_rules',
    'm.room.power_levels',
    'm.room.member',
    'm.room.create',
  ]);
  expect(page.slice(1).map(({ position }) => position)).toEqual([-1, -2, -3, -4]);
  expect(page.map(({ source }) => source)).toEqual(['join', 'backfill', 'backfill', 'backfill', 'backfill']);
  const forward = rooms.page(roomId, { from: undefined, towards: 'end', limit: 10 });
  expect(forward.map(({ event }) => event.eventId)).toEqual([...page].reverse().map(({ event }) => event.eventId));
  const [second] = rooms.page(roomId, { from: page[1] as never, towards: 'start', limit: 1 });
  expect(second?.event.eventId).toBe(page[2]?.event.eventId);
  expect(page.map(({ event }) => rooms.stateBefore(event.eventId)?.size)).toEqual([4, 3, 2, 1, 0]);
  expect(rooms.backwardExtremities(roomId)).toEqual([]);
  expect(told).toEqual([]);
  expect(rooms.arrived(roomId, { after: 0, upTo: rooms.position(), limit: 10 }).events).toHaveLength(1);
});

test('a server that answers with junk, for ever, is left alone', async () => {
  let made = 0;
  a.answers.missingEvents = async () => {
    const base = b.rooms.template(roomId, message(bob, 'x'));
    const junk = Array.from({ length: 10 }, () => sign({ ...base, content: { junk: made++ } }, b, '11'));
    return { pdus: incoming(...junk) };
  };
  const events = await sayMany(2);
  expect(outcomes(await receive(a, b, events[1] as RoomEvent))).toEqual(['parked']);
  expect(made).toBeLessThanOrEqual(110);
  expect(a.count('FROM events')).toBe(5);
});

test('a slow room holds up no other, and its sender has a reply in time', async () => {
  const other = await createRoom(a, alice);
  await join(a, b, other, bob);
  const { missingEvents, ...rest } = answersFrom(b.rooms, 10);
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  Object.assign(a.answers, rest, {
    missingEvents: async (...asked: Parameters<typeof missingEvents>) => {
      await answered;
      return missingEvents(...asked);
    },
  });
  const events = await sayMany(3);
  const slow = receive(a, b, events[2] as RoomEvent);
  const [quick] = await b.rooms.append(other, [message(bob, 'quick')]);
  expect(outcomes(await receive(a, b, quick as never))).toEqual(['accepted']);
  await a.platform.advance(16_000);
  const [outcome] = await slow;
  expect(outcome).toMatchObject({ outcome: 'parked', eventId: events[2]?.eventId });
  expect(a.count('FROM staged_pdus')).toBe(1);
  answer();
  await expect.poll(() => bodies(a)).toEqual(['0', '1', '2']);
  expect(a.count('FROM staged_pdus')).toBe(0);
  expect(a.told.find(({ eventId }) => eventId === events[2]?.eventId)).toMatchObject({ outcome: 'accepted' });
});
