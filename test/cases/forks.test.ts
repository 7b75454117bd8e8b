import { describe, expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventDraft } from '../../main/rooms/rooms.ts';
import type { UserId } from '../../shared/ids.ts';
import {
  type CaseRoom,
  caseRoom,
  everyoneTalks,
  expectSame,
  forge,
  give,
  levelsOf,
  topicAt,
  topicBy,
} from '../support/case-room.ts';

const act = (sender: UserId, type: string, content: JsonObject, stateKey = ''): EventDraft => ({
  ...{ type, sender, stateKey, content },
});
const member = (sender: UserId, target: UserId, membership: string) =>
  act(sender, 'm.room.member', { membership }, target);

test.each(['1', '6', '11', '12'])('twenty forks, in any order: version %s', async (version) => {
  const room = await caseRoom(version);
  const { network, roomId, a, b, c, e, ann, eve } = room;
  const forks: RoomEvent[] = Array.from({ length: 20 }, (_, number) => {
    const kinds = [
      topicBy(eve, `${number}`),
      act(eve, 'test.key', { number }, `${number}`),
      act(eve, 'm.room.name', {}),
    ];
    return forge(e, roomId, kinds[number % 3] as EventDraft, { origin_server_ts: 1_700_000_100_000 + number });
  });
  const turned = (by: number) => [...forks.slice(by), ...forks.slice(0, by)];
  expect(await give(a, e, ...forks)).toEqual(forks.map(() => 'accepted'));
  for (const event of [...forks].reverse()) expect(await give(b, e, event)).toEqual(['accepted']);
  expect(await give(c, e, ...turned(7))).toEqual(forks.map(() => 'accepted'));
  expect(await give(e, e, ...turned(13))).toEqual(forks.map(() => 'accepted'));
  for (const server of [a, b, c, e]) expect(server.rooms.forwardExtremities(roomId)).toHaveLength(20);
  expectSame(room, a, b, c, e);
  // version 1 goes by depth, and where that is the same by the hash of the event ID; since version 2 the latest stands
  if (version !== '1') expect(topicAt(a, roomId)).toBe('18');

  const merge = await a.send(roomId, ann, 'one again');
  expect(merge.event.prevEvents).toHaveLength(20);
  await network.settle();
  for (const server of [a, b, c, e]) expect(server.rooms.forwardExtremities(roomId)).toEqual([merge.event.eventId]);
  expectSame(room, a, b, c, e);
});

interface Conflict {
  readonly what: string;
  /** What each does while no server hears of another. */
  readonly ann: (room: CaseRoom) => readonly EventDraft[];
  readonly bob: (room: CaseRoom) => readonly EventDraft[];
  readonly cleo: (room: CaseRoom) => readonly EventDraft[];
  readonly expected: (room: CaseRoom) => void;
}

const membershipOf = ({ a, roomId }: CaseRoom, user: UserId) =>
  a.rooms.currentState(roomId).get('m.room.member', user)?.content['membership'];

const conflicts: readonly Conflict[] = [
  {
    what: 'who is demoted by the creator has banned nobody meanwhile',
    ann: (room) => [act(room.ann, 'm.room.power_levels', levelsOf(room, { [room.bob]: 0 }))],
    bob: ({ bob, eve }) => [member(bob, eve, 'ban'), topicBy(bob, 'without eve')],
    cleo: ({ cleo }) => [topicBy(cleo, 'by cleo')],
    expected(room) {
      expect(membershipOf(room, room.eve)).toBe('join');
      expect(topicAt(room.a, room.roomId)).toBe('by cleo');
    },
  },
  {
    what: 'two of the same power who ban somebody: banned once',
    ann: ({ ann }) => [act(ann, 'm.room.name', { name: 'calm' })],
    bob: ({ bob, eve }) => [member(bob, eve, 'ban')],
    cleo: ({ cleo, eve }) => [member(cleo, eve, 'ban')],
    expected(room) {
      expect(membershipOf(room, room.eve)).toBe('ban');
      expect(room.a.rooms.currentState(room.roomId).get('m.room.name', '')?.content).toEqual({ name: 'calm' });
    },
  },
  {
    what: 'a ban by the creator stands against what the banned does meanwhile',
    ann: ({ ann, bob }) => [member(ann, bob, 'ban')],
    bob: ({ bob, eve }) => [member(bob, eve, 'leave'), act(bob, 'm.room.join_rules', { join_rule: 'invite' })],
    cleo: ({ cleo }) => [topicBy(cleo, 'what now?')],
    expected(room) {
      expect([membershipOf(room, room.bob), membershipOf(room, room.eve)]).toEqual(['ban', 'join']);
      const rules = room.a.rooms.currentState(room.roomId).get('m.room.join_rules', '');
      expect(rules?.content['join_rule']).toBe('public');
    },
  },
  {
    what: 'of two who close the room and open it, the later stands; who is kicked meanwhile is out',
    ann: ({ ann }) => [act(ann, 'm.room.join_rules', { join_rule: 'invite' })],
    bob: ({ bob, eve }) => [member(bob, eve, 'leave')],
    cleo: ({ cleo }) => [act(cleo, 'm.room.join_rules', { join_rule: 'knock' })],
    expected(room) {
      expect(membershipOf(room, room.eve)).toBe('leave');
      expect(room.a.rooms.currentState(room.roomId).get('m.room.join_rules', '')?.sender).toBe(room.cleo);
    },
  },
];

describe.each(['8', '11', '12'])('while all links are cut, in a room of version %s', (version) => {
  test.each(conflicts)('$what', async ({ expected, ...acts }) => {
    const room = await caseRoom(version);
    const { network, roomId, a, b, c, e, ann, bob, cleo, eve } = room;
    const all = [a, b, c, e];
    for (const one of all) for (const other of all) if (one !== other) network.cut(one, other);
    await a.rooms.append(roomId, acts.ann(room));
    await b.rooms.append(roomId, acts.bob(room));
    await c.rooms.append(roomId, acts.cleo(room));
    await network.settle(); // all that was sent is lost
    for (const one of all) for (const other of all) if (one !== other) network.heal(one, other);

    // Each says something again, and by what it cites the others learn what they have missed.
    for (const [server, userId] of [[a, ann] as const, [b, bob] as const, [c, cleo] as const]) {
      try {
        await server.send(roomId, userId, 'are you there?');
      } catch {
        continue; // the others have told them by then that they are out
      }
      await network.settle();
    }
    expect(e.rooms.info(roomId)).toBeDefined();
    await a.send(roomId, ann, 'one again');
    await network.settle();
    expected(room);
    const inRoom = [[a, ann] as const, [b, bob] as const, [c, cleo] as const, [e, eve] as const].filter(
      ([, user]) => membershipOf(room, user) === 'join',
    );
    expectSame(room, ...inRoom.map(([server]) => server));
    await everyoneTalks(
      room,
      ...all.filter((one) => !inRoom.some(([server]) => server === one)).map(({ name }) => name),
    );
    expectSame(room, ...inRoom.map(([server]) => server));
  });
});
