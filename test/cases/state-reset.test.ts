import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventId } from '../../shared/ids.ts';
import {
  type CaseRoom,
  caseRoom,
  everyoneTalks,
  expectSame,
  expectSound,
  forge,
  give,
  levelsOf,
  stateAt,
  topicAt,
  topicBy,
} from '../support/case-room.ts';
import { message } from '../support/room-server.ts';

const joinRules = ({ b, roomId }: CaseRoom, at = b) => at.rooms.currentState(roomId).get('m.room.join_rules', '');

describe.each(['6', '10', '11', '12'])(
  'from a time when one was still somebody, in a room of version %s',
  (version) => {
    test('what was taken from one does not come back', async () => {
      const room = await caseRoom(version);
      const { network, roomId, a, b, c, e, ann, eve } = room;
      const old = forge(e, roomId, topicBy(eve, 'eve was here'));
      const oldLevels = forge(e, roomId, {
        ...{ type: 'm.room.power_levels', sender: eve, stateKey: '' },
        content: { ...levelsOf(room), events: { 'm.room.topic': 25 } },
      });
      await a.setState(roomId, ann, 'm.room.topic', { topic: 'of the house' });
      await a.setState(roomId, ann, 'm.room.power_levels', levelsOf(room, { [eve]: 0 }));
      await network.settle();
      const before = stateAt(a, roomId);

      // both were allowed where they say they stand: history takes them, the room as it is now does not
      for (const server of [a, b, c])
        expect(await give(server, e, old, oldLevels)).toEqual(['softFailed', 'softFailed']);
      const merge = forge(e, roomId, message(eve, 'and all of it is one again'), {
        prev_events: [old.eventId, oldLevels.eventId, ...e.rooms.forwardExtremities(roomId)],
      });
      for (const server of [a, b, c]) {
        expect(await give(server, e, merge)).toEqual(['accepted']);
        expect(stateAt(server, roomId)).toEqual(before);
      }
      expect(await give(e, e, old, oldLevels, merge)).toEqual(['softFailed', 'softFailed', 'accepted']);
      await everyoneTalks(room);
      expectSame(room, a, b, c, e);
      expect(topicAt(a, roomId)).toBe('of the house');
    });
  },
);

/**
 * Problem A of https://github.com/matrix-org/matrix-spec-proposals/pull/4297: who made the join rules has left. A server
 * pretends that at a point of which it gives nothing away the old ones stood, in a state that is all well signed. By
 * version 2 of state resolution neither the old nor the new ones are allowed then, and the room has none: that is what
 * all servers come to. Version 2.1 keeps them.
 */
test.each([
  ['10', false],
  ['11', false],
  ['12', true],
])('a state that never was, in a room of version %s: its join rules are kept: %s', async (version, isKept) => {
  const room = await caseRoom(version);
  const { network, roomId, a, b, c, e, ann, bob, cleo, eve } = room;
  const old = joinRules(room)?.eventId as EventId;
  const closed = await a.setState(roomId, ann, 'm.room.join_rules', { join_rule: 'invite' });
  await network.settle();
  await a.memberships.leave({ userId: ann, roomId });
  await network.settle();

  const hidden = forge(e, roomId, message(eve, 'nobody will ever see this'));
  const lie = forge(e, roomId, message(eve, 'what do you say to that?'), {
    prev_events: [...e.rooms.forwardExtremities(roomId), hidden.eventId],
  });
  const ids = [...e.rooms.currentState(roomId).entries()].map(([, id]) => (id === closed.event.eventId ? old : id));
  const chain = [...(await e.rooms.authChain(ids))];
  network.meddle(async ({ to, request }, go) => {
    if (to !== e.name) return go();
    const answer = (body: JsonObject) => ({ status: 200, body, violations: [] });
    if (request.endpoint === 'get_missing_events') return answer({ events: [] });
    if (request.endpoint === 'backfill') return answer({ origin: e.name, origin_server_ts: 0, pdus: [] });
    if (request.endpoint === 'state_ids') return answer({ pdu_ids: ids, auth_chain_ids: chain });
    return go();
  });
  for (const server of [b, c]) expect(await give(server, e, lie)).toEqual(['accepted']);
  for (const server of [b, c]) expect(joinRules(room, server)?.eventId).toBe(isKept ? closed.event.eventId : undefined);
  expect(stateAt(b, roomId)).toEqual(stateAt(c, roomId));

  // Either way the room goes on.
  await b.send(roomId, bob, 'strange');
  await c.send(roomId, cleo, 'indeed');
  await network.settle();
  await b.setState(roomId, bob, 'm.room.join_rules', { join_rule: 'invite' });
  await network.settle();
  expectSame(room, b, c);
  expect(joinRules(room)?.sender).toBe(bob);
  for (const server of [b, c]) expectSound(server, roomId);
});
