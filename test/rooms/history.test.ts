import { beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RoomId, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer; // has the history
let b: MemoryServer; // joins late, and scrolls back
let ann: UserId;
let bob: UserId;
let roomId: RoomId;

beforeEach(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, bob] = [a.user('ann'), b.user('bob')];
  roomId = await a.room(ann);
});

const saying = async (count: number) => {
  for (let number = 1; number <= count; number++) await a.send(roomId, ann, String(number));
};
const joinBob = async () => {
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  await network.settle();
};
/** As /messages does: all that is here, newest first, and where it ends. */
function scroll(server: MemoryServer) {
  const events = server.rooms.page(roomId, { from: undefined, towards: 'start', limit: 1_000 });
  const last = events.at(-1);
  const end = last && { topological: last.topological, position: last.position ?? 0 };
  const said = events.map(({ event }) => event.content['body']).filter((body) => body !== undefined);
  return { events, end, said };
}
const backfills = () => network.asked.filter((line) => line.endsWith('backfill'));

test('scrolling back to the beginning, page by page', async () => {
  await saying(150);
  await joinBob();
  expect(scroll(b).said).toEqual([]);
  let rounds = 0;
  while (await b.history.fillBefore(roomId, scroll(b).end)) rounds++;
  expect(scroll(b).said).toEqual(Array.from({ length: 150 }, (_, index) => String(150 - index)));
  expect(rounds).toBe(2); // a hundred at a time
  expect(scroll(b).events.at(-1)?.event.type).toBe('m.room.create');
  expect(b.rooms.backwardExtremities(roomId)).toEqual([]);
  expect(await b.history.fillBefore(roomId, scroll(b).end)).toBe(false);
});

test('history does not come as news', async () => {
  await saying(3);
  await joinBob();
  const before = b.rooms.position();
  const state = [...b.rooms.currentState(roomId).entries()];
  await b.history.fillBefore(roomId, scroll(b).end);
  expect(b.rooms.arrived(roomId, { after: before, upTo: b.rooms.position(), limit: 10 }).events).toEqual([]);
  expect([...b.rooms.currentState(roomId).entries()]).toEqual(state);
  expect(b.visibility.toUser(bob, scroll(b).events).size).toBe(scroll(b).events.length); // shared
});

test('nobody is asked while the place is above the gap', async () => {
  await saying(3);
  await joinBob();
  await b.send(roomId, bob, 'new');
  const asked = backfills().length;
  const [newest] = b.rooms.page(roomId, { from: undefined, towards: 'start', limit: 1 });
  const place = { topological: newest?.topological ?? 0, position: newest?.position ?? 0 };
  expect(await b.history.fillBefore(roomId, place)).toBe(false);
  expect(backfills()).toHaveLength(asked);
  expect(await b.history.fillBefore(roomId, scroll(b).end)).toBe(true);
});

test('asked twice at once, it asks once', async () => {
  await saying(3);
  await joinBob();
  const { end } = scroll(b);
  expect(await Promise.all([b.history.fillBefore(roomId, end), b.history.fillBefore(roomId, end)])).toEqual([
    true,
    true,
  ]);
  expect(backfills()).toHaveLength(1);
});

test('a server that cannot help is followed by another, and both are left alone for a while', async () => {
  const c = await network.server('c.test');
  const cleo = c.user('cleo');
  await saying(3);
  await c.memberships.join({ userId: cleo, room: roomId, via: [a.name] });
  await network.settle();
  while (await c.history.fillBefore(roomId, scroll(c).end));
  await joinBob();
  network.cut(a, b);
  network.calm();
  network.cut(a, b);
  expect(await b.history.fillBefore(roomId, scroll(b).end)).toBe(true);
  expect(backfills()).toEqual(['b.test a.test backfill', 'b.test c.test backfill']);
  expect(scroll(b).said).toEqual(['3', '2', '1']);
});

test('a gap that nobody can fill is left alone, longer each time', async () => {
  await saying(3);
  await joinBob();
  network.cut(a, b);
  const { end } = scroll(b);
  const tries = async () => {
    await b.history.fillBefore(roomId, end);
    return backfills().length;
  };
  expect(await tries()).toBe(1);
  expect(await tries()).toBe(1);
  await b.platform.advance(61_000);
  expect(await tries()).toBe(1); // the gap may be tried again, but its only server rests for longer
  network.heal(a, b);
  await b.platform.advance(10 * 60_000);
  expect(await b.history.fillBefore(roomId, end)).toBe(true);
});

test('events that are not signed are not taken', async () => {
  await saying(3);
  await joinBob();
  network.meddle(async ({ request }, go) => {
    const reply = await go();
    if (request.endpoint !== 'backfill') return reply;
    const { pdus } = reply.body as JsonObject;
    return { ...reply, body: { pdus: (pdus as JsonObject[]).map((pdu) => ({ ...pdu, signatures: {} })) } };
  });
  expect(await b.history.fillBefore(roomId, scroll(b).end)).toBe(false);
  expect(scroll(b).said).toEqual([]);
});

test('more than was asked for is not taken', async () => {
  await saying(120);
  await joinBob();
  network.meddle(async ({ request }, go) => {
    const reply = await go();
    if (request.endpoint !== 'backfill') return reply;
    const { pdus } = reply.body as JsonObject;
    return { ...reply, body: { pdus: Array.from({ length: 50 }, () => pdus).flat() as JsonObject[] } };
  });
  expect(await b.history.fillBefore(roomId, scroll(b).end)).toBe(true);
  expect(scroll(b).said.length).toBeLessThanOrEqual(100);
});

test('a room that we are not in is not filled', async () => {
  expect(await b.history.fillBefore('!no:a.test' as RoomId, undefined)).toBe(false);
  expect(network.asked).toEqual([]);
});
