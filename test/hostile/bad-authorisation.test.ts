import { beforeAll, describe, expect } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { aside, type BadPdu, testBadPdus } from '../support/bad-pdus.ts';
import { type JoinedRoom, type Scene, setScene } from '../support/hostile-scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

const low = () => `@low:${scene.peer.serverName}`;

/** Delivers what a scenario builds on. */
async function good(room: JoinedRoom, pdu: JsonObject): Promise<JsonObject> {
  expect((await scene.deliver([pdu])).results).toEqual({ [room.idOf(pdu)]: {} });
  return pdu;
}
const member = (room: JoinedRoom, userId: string, membership: string, fields: JsonObject = {}) =>
  room.event('m.room.member', { membership }, { sender: userId, state_key: userId, ...fields });
const lowJoins = (room: JoinedRoom) => good(room, member(room, low(), 'join'));

const rejected = { outcome: 'rejected', step: 'authEvents' } as const;

/** "Considering the event's `auth_events`" */
const authEvents: readonly BadPdu[] = [
  {
    what: 'the same auth event twice',
    make: (room) => aside(room, {}, { auth_events: room.cite(...room.auth(), ...room.auth().slice(-1)) }),
    ...rejected,
    rule: 'auth events have no duplicates',
  },
  {
    what: 'two auth events for one piece of state',
    make: async (room) => {
      const before = room.idOf(room.stateEvent('m.room.member', scene.peer.userId));
      await good(room, member(room, scene.peer.userId, 'join', { origin_server_ts: 1 }));
      return aside(room, {}, { auth_events: room.cite(...room.auth(), before) });
    },
    ...rejected,
    rule: 'auth events have no duplicates',
  },
  {
    what: 'an auth event that does not authorise it',
    make: (room) => {
      const other = room.idOf(room.stateEvent('m.room.join_rules'));
      return aside(room, {}, { auth_events: room.cite(...room.auth(), other) });
    },
    ...rejected,
    rule: 'auth events are those selected',
  },
  {
    what: 'a message among its auth events',
    make: async (room) => {
      const spoken = await good(room, room.message('before'));
      return aside(room, {}, { auth_events: room.cite(...room.auth(), room.idOf(spoken)) });
    },
    ...rejected,
    rule: 'auth events are those selected',
  },
  {
    what: 'an auth event that was rejected',
    make: async (room) => {
      await lowJoins(room);
      const fields = { sender: low(), state_key: '' };
      const levels = room.event('m.room.power_levels', { users: { [low()]: 100 } }, fields, { aside: true });
      expect((await scene.deliver([levels])).flow.pdus).toMatchObject([{ outcome: 'rejected' }]);
      const honest = room.idOf(room.stateEvent('m.room.power_levels'));
      const cited = room.auth().map((id) => (id === honest ? room.idOf(levels) : id));
      return aside(room, {}, { auth_events: room.cite(...cited) });
    },
    ...rejected,
    rule: 'auth events are not rejected',
  },
  {
    what: 'the auth events of another room',
    make: async (room) => {
      const other = await scene.room(room.rules.version);
      return aside(room, {}, { auth_events: other.cite(...other.auth()) });
    },
    ...rejected,
    rule: 'auth events are of the room',
  },
  {
    what: 'no create event among its auth events',
    versions: ['1', '5', '11'],
    make: (room) => aside(room, {}, { auth_events: room.cite(...room.auth().slice(1)) }),
    ...rejected,
    rule: 'auth events have the create event',
  },
  {
    what: 'no member event among its auth events',
    make: (room) => aside(room, {}, { auth_events: room.cite(...room.auth().slice(0, -1)) }),
    ...rejected,
    rule: 'sender is joined',
  },
  {
    what: 'no auth events at all',
    versions: ['1', '5', '11'],
    make: (room) => aside(room, {}, { auth_events: [] }),
    ...rejected,
    rule: 'auth events have the create event',
  },
];

const byLow =
  (type: string, content: JsonObject, fields: JsonObject = {}) =>
  async (room: JoinedRoom) => {
    await lowJoins(room);
    return room.event(type, content, { sender: low(), ...fields }, { aside: true });
  };

const forbidden: readonly BadPdu[] = [
  {
    what: 'a message of somebody who never joined',
    make: (room) => aside(room, {}, { sender: low() }),
    ...rejected,
    rule: 'sender is joined',
  },
  {
    what: 'state set by somebody without the level for it',
    make: byLow('m.room.topic', { topic: 'bad' }, { state_key: '' }),
    ...rejected,
    rule: 'sender has the required level',
  },
  {
    what: 'a level that somebody gives to themselves',
    make: (room) => byLow('m.room.power_levels', { users: { [low()]: 100 } }, { state_key: '' })(room),
    ...rejected,
    rule: 'sender has the required level',
  },
  {
    what: "state under somebody else's user ID",
    make: (room) => room.event('x.mood', { is: 'bad' }, { state_key: scene.owner.userId }, { aside: true }),
    ...rejected,
    rule: 'state key is the sender’s own',
  },
  {
    what: 'a join of somebody else',
    make: (room) => {
      const fields = { state_key: `@victim:${scene.hearth.serverName}` };
      return room.event('m.room.member', { membership: 'join' }, fields, { aside: true });
    },
    ...rejected,
    rule: 'sender is the member',
  },
  {
    what: 'a kick by somebody without the level for it',
    make: async (room) => {
      await lowJoins(room);
      const fields = { sender: low(), state_key: scene.owner.userId, auth_events: withTarget(room, low()) };
      return room.event('m.room.member', { membership: 'leave' }, fields, { aside: true });
    },
    ...rejected,
    rule: 'sender may kick',
  },
  {
    what: 'a membership that there is not',
    make: (room) =>
      room.event('m.room.member', { membership: 'dance' }, { state_key: scene.peer.userId }, { aside: true }),
    ...rejected,
    rule: 'membership is known',
  },
  {
    what: 'a member event without a membership',
    make: (room) => room.event('m.room.member', {}, { state_key: scene.peer.userId }, { aside: true }),
    ...rejected,
    rule: 'member event names user and membership',
  },
  {
    what: 'power levels in words',
    versions: ['10', '11', '12'],
    make: (room) => room.event('m.room.power_levels', { ban: 'high' }, { state_key: '' }, { aside: true }),
    ...rejected,
    rule: 'levels are integers',
  },
  {
    what: 'power levels for what is no user',
    make: (room) => {
      const users = JSON.parse('{ "__proto__": 100 }') as JsonObject;
      return room.event('m.room.power_levels', { users }, { state_key: '' }, { aside: true });
    },
    ...rejected,
    rule: 'users have levels',
  },
  {
    what: 'a second create event',
    versions: ['1', '5', '11'],
    make: (room) => {
      const content = { room_version: room.rules.version, creator: scene.peer.userId };
      return room.event('m.room.create', content, { state_key: '', auth_events: [] }, { aside: true });
    },
    ...rejected,
    rule: 'create has no prev events',
  },
  {
    what: 'a message that nothing comes before',
    make: (room) => aside(room, {}, { prev_events: [] }),
    outcome: 'rejected',
    step: 'stateBefore',
    rule: 'room is created',
  },
  {
    what: 'a message after a leave, with the join to authorise it',
    make: async (room) => {
      const join = await lowJoins(room);
      const cited = room.auth(low());
      await good(room, member(room, low(), 'leave'));
      expect(cited).toContain(room.idOf(join));
      return aside(room, {}, { sender: low(), auth_events: room.cite(...cited) });
    },
    outcome: 'rejected',
    step: 'stateBefore',
    rule: 'sender is joined',
  },
  {
    what: 'a message that a banned user says to have sent before the ban',
    make: async (room) => {
      await lowJoins(room);
      const fields = { sender: low(), auth_events: room.cite(...room.auth(low())), prev_events: room.cite(room.tip()) };
      const target = { state_key: low(), auth_events: withTarget(room, scene.peer.userId, low()) };
      await good(room, room.event('m.room.member', { membership: 'ban' }, target));
      return aside(room, {}, fields);
    },
    outcome: 'softFailed',
    step: 'currentState',
    rule: 'sender is joined',
  },
];

/** What a member event about somebody else cites: their membership, too. */
function withTarget(room: JoinedRoom, sender: string, target: string = scene.owner.userId) {
  return room.cite(...room.auth(sender), room.idOf(room.stateEvent('m.room.member', target)));
}

describe('auth events', () => testBadPdus(() => scene, authEvents));
describe('auth rules', () => testBadPdus(() => scene, forbidden));
