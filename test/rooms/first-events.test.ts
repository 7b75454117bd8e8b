import { expect, test } from 'vitest';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { firstEvents, type Preset, type RoomWishes } from '../../main/rooms/first-events.ts';
import type { RoomAlias, UserId } from '../../shared/ids.ts';

const alice = '@alice:hearth.test' as UserId;
const bob = '@bob:other.test' as UserId;

const plain: RoomWishes = {
  creator: alice,
  creatorProfile: { displayname: 'Alice' },
  preset: 'private_chat',
  alias: undefined,
  name: undefined,
  topic: undefined,
  invite: [],
  creationContent: {},
  powerLevelOverride: {},
  initialState: [],
};

function events(wishes: Partial<RoomWishes> = {}, version = '11') {
  const rules = rulesOf(version);
  if (rules === undefined) throw new Error(version);
  return firstEvents({ ...plain, ...wishes }, rules);
}

/** The last event of a type wins, as in the room. */
const contentOf = (type: string, ...made: Parameters<typeof events>) =>
  events(...made).findLast((event) => event.type === type)?.content;

test('the order is that of the specification', () => {
  const made = events({
    alias: '#pub:hearth.test' as RoomAlias,
    name: 'Pub',
    topic: 'Beer',
    initialState: [
      { type: 'm.room.encryption', stateKey: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'a.b', stateKey: 'key', content: {} },
    ],
  });
  expect(made.map(({ type, stateKey }) => [type, stateKey])).toEqual([
    ['m.room.create', ''],
    ['m.room.member', alice],
    ['m.room.power_levels', ''],
    ['m.room.canonical_alias', ''],
    ['m.room.join_rules', ''],
    ['m.room.history_visibility', ''],
    ['m.room.guest_access', ''],
    ['m.room.encryption', ''],
    ['a.b', 'key'],
    ['m.room.name', ''],
    ['m.room.topic', ''],
  ]);
  expect(made.every(({ sender }) => sender === alice)).toBe(true);
  expect(made[1]?.content).toEqual({ displayname: 'Alice', membership: 'join' });
  expect(made[3]?.content).toEqual({ alias: '#pub:hearth.test' });
  expect(made.at(-1)?.content).toEqual({ topic: 'Beer', 'm.topic': { 'm.text': [{ body: 'Beer' }] } });
});

// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom, its table of presets
test.each<[Preset, joinRule: string, guests: string, invite: number]>([
  ['private_chat', 'invite', 'can_join', 0],
  ['trusted_private_chat', 'invite', 'can_join', 0],
  ['public_chat', 'public', 'forbidden', 50],
])('%s', (preset, joinRule, guests, invite) => {
  expect(contentOf('m.room.join_rules', { preset })).toEqual({ join_rule: joinRule });
  expect(contentOf('m.room.history_visibility', { preset })).toEqual({ history_visibility: 'shared' });
  expect(contentOf('m.room.guest_access', { preset })).toEqual({ guest_access: guests });
  expect(contentOf('m.room.power_levels', { preset })).toMatchObject({ invite, users: { [alice]: 100 } });
});

test('initial state takes the place of what a preset sets, and gives way to the name', () => {
  const initialState = [
    { type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'knock' } },
    { type: 'm.room.name', stateKey: '', content: { name: 'First' } },
  ];
  const made = events({ initialState, name: 'Second' });
  expect(made.filter(({ type }) => type === 'm.room.join_rules')).toHaveLength(1);
  expect(contentOf('m.room.join_rules', { initialState })).toEqual({ join_rule: 'knock' });
  expect(made.filter(({ type }) => type === 'm.room.name').map(({ content }) => content['name'])).toEqual([
    'First',
    'Second',
  ]);
});

test.each([
  ['1', { creator: alice, room_version: '1' }],
  ['10', { creator: alice, room_version: '10' }],
  ['11', { room_version: '11' }],
  ['12', { room_version: '12' }],
])('the server has the last word on who created a room of version %s, and on that', (version, content) => {
  const creationContent = { creator: bob, room_version: '3', type: 'm.space', 'm.federate': false };
  expect(contentOf('m.room.create', { creationContent }, version)).toEqual({
    type: 'm.space',
    'm.federate': false,
    ...content,
  });
});

test('invitees of a trusted private chat are equals: by level, and since version 12 as creators', () => {
  const trusted = { preset: 'trusted_private_chat', invite: [bob, alice] } as const;
  expect(contentOf('m.room.power_levels', trusted, '11')).toMatchObject({ users: { [alice]: 100, [bob]: 100 } });
  expect(contentOf('m.room.create', trusted, '11')).toEqual({ room_version: '11' });
  expect(contentOf('m.room.power_levels', trusted, '12')).toMatchObject({ users: {} });
  const creationContent = { additional_creators: [bob, '@carol:third.test'] };
  expect(contentOf('m.room.create', { ...trusted, creationContent }, '12')).toMatchObject({
    additional_creators: [bob, '@carol:third.test'],
  });
});

test('since version 12 a tombstone needs more than state_default, and creators have no level', () => {
  const levels = contentOf('m.room.power_levels', {}, '12');
  expect(levels).toMatchObject({ users: {}, state_default: 50, events: { 'm.room.tombstone': 150 } });
  const override = (user: UserId) => () =>
    contentOf('m.room.power_levels', { powerLevelOverride: { users: { [user]: 9 } } }, '12');
  expect(override(bob)()).toMatchObject({ users: { [bob]: 9 } });
  expect(override(alice)).toThrow(expect.objectContaining({ status: 400, errcode: 'M_INVALID_ROOM_STATE' }));
});

test('overrides of power levels go on top', () => {
  const powerLevelOverride = { invite: 100, events: { 'm.room.name': 0 } };
  expect(contentOf('m.room.power_levels', { powerLevelOverride })).toMatchObject({
    invite: 100,
    events: { 'm.room.name': 0 },
    users: { [alice]: 100 },
  });
});
