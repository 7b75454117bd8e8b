import { expect, test } from 'vitest';
import type { RoomState } from '../../main/rooms/rooms.ts';
import type { UserId } from '../../shared/ids.ts';
import {
  answersFrom,
  createRoom,
  join,
  member,
  message,
  outcomes,
  type RoomServer,
  receive,
  roomServer,
  user,
} from '../support/room-server.ts';

const each = 200;
const alice = user('@alice:a.test');
const bob = user('@bob:b.test');
const view = (state: RoomState | undefined) => [...(state?.entries() ?? [])].map((entry) => entry.join(' ')).sort();

/** Two halves of a room that have not heard of each other for as long as it took so many to come in. */
async function netsplit(
  version: string,
): Promise<[RoomServer, RoomServer, Parameters<RoomServer['rooms']['append']>[0]]> {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice, version);
  await join(a, b, roomId, bob);
  for (const { rooms, serverName } of [a, b]) {
    const users = Array.from({ length: each }, (_, number) => user(`@u${number}:${serverName}`));
    await rooms.append(
      roomId,
      users.map((one) => member(one, one, 'join')),
    );
  }
  return [a, b, roomId];
}

test.each(['1', '11', '12'])(
  'what a netsplit of many members comes to is found while others have their turn: version %s',
  async (version) => {
    const [a, b, roomId] = await netsplit(version);
    const { event, state, stateIds, eventAuth } = answersFrom(b.rooms);
    Object.assign(a.answers, { event, state, stateIds, eventAuth }); // nothing that lies between: only states
    const [tip] = await b.rooms.append(roomId, [message(bob, 'hello again')]);

    let isDone = false;
    let turns = 0;
    let said = Promise.resolve();
    const turn = () => {
      turns++;
      if (turns === 10) said = a.rooms.append(roomId, [message(alice, 'what we say does not wait')]).then(() => {});
      if (!isDone) setImmediate(turn);
    };
    turn();
    expect(outcomes(await receive(a, b, tip as never))).toEqual(['accepted']);
    isDone = true;
    await said;

    const members = a.rooms
      .currentState(roomId)
      .ofType('m.room.member')
      .map(({ stateKey }) => stateKey as UserId);
    expect(new Set(members).size).toBe(2 * each + 2);
    expect(a.rooms.forwardExtremities(roomId)).toHaveLength(2);
    const [merge] = await a.rooms.append(roomId, [message(alice, 'one again')]);
    expect(a.rooms.forwardExtremities(roomId)).toEqual([merge?.event.eventId]);

    // the other half comes to the same from its side, by the events themselves
    Object.assign(b.answers, answersFrom(a.rooms, 100));
    expect(outcomes(await receive(b, a, merge as never))).toEqual(['accepted']);
    expect(view(b.rooms.currentState(roomId))).toEqual(view(a.rooms.currentState(roomId)));
    expect(b.rooms.forwardExtremities(roomId)).toEqual(a.rooms.forwardExtremities(roomId));
  },
  60_000,
);
