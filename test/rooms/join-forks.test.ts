import { expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { RoomId } from '../../shared/ids.ts';
import {
  createRoom,
  join,
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

/** `count` events of Bob's that all follow the same one. */
function forksOf(b: RoomServer, roomId: RoomId, count: number): RoomEvent[] {
  const base = b.rooms.template(roomId, message(bob, 'x'));
  return Array.from({ length: count }, (_, number) => sign({ ...base, content: { body: `${number}` } }, b, '11'));
}

async function forkedRoom(count: number) {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
  const forks = forksOf(b, roomId, count);
  expect(new Set(outcomes(await receive(a, b, ...forks)))).toEqual(new Set(['accepted']));
  expect(a.rooms.forwardExtremities(roomId)).toHaveLength(count);
  return { a, roomId, forks };
}

test('up to ten forks are joined by the next event', async () => {
  const { a, roomId, forks } = await forkedRoom(10);
  const [joined] = await a.rooms.append(roomId, [message(alice, 'all')]);
  expect([...(joined?.event.prevEvents ?? [])].sort()).toEqual(forks.map(({ eventId }) => eventId).sort());
  expect(a.rooms.forwardExtremities(roomId)).toEqual([joined?.event.eventId]);
});

test('of more, an event cites the newest ten and ten others', async () => {
  const { a, roomId, forks } = await forkedRoom(45);
  const newest = forks.slice(-10).map(({ eventId }) => eventId);
  const [joined] = await a.rooms.append(roomId, [message(alice, 'some')]);
  expect(joined?.event.prevEvents).toHaveLength(20);
  expect(joined?.event.prevEvents).toEqual(expect.arrayContaining(newest));
  expect(a.rooms.forwardExtremities(roomId)).toHaveLength(26);
});

test('a room that is left with many forks is mended when it is quiet, and no client sees how', async () => {
  const { a, roomId } = await forkedRoom(12);
  const before = a.rooms.position();
  await a.platform.advance(30_000);
  expect(a.rooms.forwardExtremities(roomId)).toHaveLength(12);
  await a.platform.advance(60_000);
  await expect.poll(() => a.rooms.forwardExtremities(roomId)).toHaveLength(1);
  expect(a.sent.at(-1)).toMatchObject({ event: { type: 'org.matrix.dummy_event', sender: alice }, to: ['b.test'] });
  expect(a.rooms.arrived(roomId, { after: before, upTo: a.rooms.position(), limit: 10 }).events).toEqual([]);
});
