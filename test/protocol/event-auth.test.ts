import { expect, test } from 'vitest';
import { authorize } from '../../main/protocol/event-auth.ts';
import { roomRows } from '../support/auth-rows/room.ts';
import {
  after,
  alice,
  attempt,
  bob,
  carol,
  dave,
  frank,
  scene,
  setMember,
  setState,
  tryRules,
} from '../support/auth-table.ts';
import { testRoom } from '../support/pdu-factory.ts';

tryRules(roomRows);

test('a refusal tells the facts and the events that decided', () => {
  const room = scene('11');
  const topic = setState(room, carol, 'm.room.topic', '');
  expect(authorize(topic.event, topic.state)).toEqual({
    allowed: false,
    rule: 'sender has the required level',
    reason: '@carol:c.test has 0, needs 50 for m.room.topic',
    decidedBy: [room.get('m.room.power_levels')?.eventId],
  });
  const invited = attempt(room, { type: 'm.room.message', sender: dave });
  expect(authorize(invited.event, invited.state)).toMatchObject({
    reason: '@dave:d.test is not joined: its membership is invite',
    decidedBy: [room.get('m.room.member', dave)?.eventId],
  });
});

test('without power levels the create event decides', () => {
  const room = after(testRoom('11'), (line) => [line.join(alice), line.join(bob)]);
  const { event, state } = setState(room, bob, 'm.room.topic', '');
  expect(authorize(event, state)).toMatchObject({ decidedBy: [room.get('m.room.create')?.eventId] });
});

test('long values of others are cut in reasons', () => {
  const { event, state } = setMember(scene('11'), carol, carol, 'x'.repeat(60_000));
  const verdict = authorize(event, state);
  expect(verdict.allowed || verdict.reason.length).toBeLessThan(200);
});

test('no signature is good unless somebody says so', () => {
  const via = { join_authorised_via_users_server: bob };
  const { event, state } = setMember(scene('11'), frank, frank, 'join', via);
  expect(authorize(event, state)).toMatchObject({ allowed: false, rule: 'authorising server signed' });
});
