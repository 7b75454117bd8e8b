import { type JsonObject, RawNumber } from '../../../main/protocol/json.ts';
import { type Attempt, after, alice, bob, carol, dave, type Row, scene, setState, usersOf } from '../auth-table.ts';
import { type TestRoom, testRoom } from '../pdu-factory.ts';

const properties = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'];

const set = (room: TestRoom, sender: string, content: JsonObject): Attempt =>
  setState(room, sender, 'm.room.power_levels', '', content);

/** The first power levels of a room. */
function first(version: string, content: JsonObject): Attempt {
  return set(
    after(testRoom(version), (line) => line.join(alice)),
    alice,
    content,
  );
}

/** bob, who is at 50 and may change power levels, changes them. */
function bobChanges(from: JsonObject, to: JsonObject) {
  return (room: TestRoom): Attempt => {
    const full = (content: JsonObject): JsonObject => ({
      ...content,
      users: { ...usersOf(room), ...(content['users'] as JsonObject) },
      events: { 'm.room.power_levels': 50, ...(content['events'] as JsonObject) },
    });
    return set(
      after(room, (line) => line.powerLevels(alice, full(from))),
      bob,
      full(to),
    );
  };
}

/** The rules of `m.room.power_levels`. */
export const powerLevelRows: readonly Row[] = [
  {
    rule: 'levels are integers',
    since: 10,
    allows: {
      integers: (room) => set(room, alice, { ban: -60, events: { 'm.x': 1 }, notifications: { room: 1 } }),
    },
    rejects: {
      ...Object.fromEntries(
        properties.map((key) => [`${key} as a string`, (room) => set(room, alice, { [key]: '0' })]),
      ),
      'ban as null': (room) => set(room, alice, { ban: null }),
      'ban as a float': (room) => set(room, alice, { ban: new RawNumber('50.0') }),
      'events as a number': (room) => set(room, alice, { events: 1 }),
      'events with a string': (room) => set(room, alice, { events: { 'm.x': '1' } }),
      'notifications as an array': (room) => set(room, alice, { notifications: [] }),
      'notifications with a string': (room) => set(room, alice, { notifications: { room: '1' } }),
      'the first ones too': (_, version) => first(version, { ban: '50' }),
    },
  },
  {
    rule: 'levels are integers',
    until: 9,
    allows: {
      strings: (room) => set(room, alice, { ban: ' +060 ', events: { 'm.x': '-1' }, notifications: { room: '1' } }),
    },
    rejects: {},
  },
  {
    rule: 'users have levels',
    allows: {
      'user IDs': (room) => set(room, alice, { users: usersOf(room, { [carol]: 1, '@Old Name!:c.test': 2 }) }),
      'left out': (_, version) => first(version, {}),
    },
    rejects: {
      'no object': (room) => set(room, alice, { users: 1 }),
      'an array': (room) => set(room, alice, { users: [] }),
      'no user ID': (room) => set(room, alice, { users: usersOf(room, { carol: 1 }) }),
      'no server name': (room) => set(room, alice, { users: usersOf(room, { '@carol': 1 }) }),
      true: (room) => set(room, alice, { users: usersOf(room, { [carol]: true }) }),
      null: (room) => set(room, alice, { users: usersOf(room, { [carol]: null }) }),
      'a float in a string': (room) => set(room, alice, { users: usersOf(room, { [carol]: '1.5' }) }),
      'in the first ones': (_, version) => first(version, { users: { carol: 1 } }),
    },
  },
  {
    rule: 'users have levels',
    until: 9,
    allows: {
      'a string': (room) => set(room, alice, { users: usersOf(room, { [carol]: ' +010 ' }) }),
      'a float': (room) => set(room, alice, { users: usersOf(room, { [carol]: new RawNumber('5.114698E1') }) }),
    },
    rejects: {
      'a float beyond a double': (room) =>
        set(room, alice, { users: usersOf(room, { [carol]: new RawNumber('1e999') }) }),
    },
  },
  {
    rule: 'users have levels',
    since: 10,
    allows: {},
    rejects: {
      'a string': (room) => set(room, alice, { users: usersOf(room, { [carol]: '10' }) }),
      'a float': (room) => set(room, alice, { users: usersOf(room, { [carol]: new RawNumber('50.57') }) }),
    },
  },
  {
    rule: 'creators are not listed',
    since: 12,
    allows: { others: (room) => set(room, alice, { users: { [bob]: 50, [carol]: 1 } }) },
    rejects: {
      'the creator': (room) => set(room, alice, { users: { [alice]: 100 } }),
      'an additional creator': (_, version) =>
        set(scene(version, { additional_creators: [carol] }), alice, { users: { [carol]: 0 } }),
      'in the first ones': (_, version) => first(version, { users: { [alice]: 100 } }),
    },
  },
  {
    rule: 'creators are not listed',
    until: 11,
    allows: { 'the creator': (room) => set(room, alice, { users: { [alice]: 100 } }) },
    rejects: {},
  },
  {
    rule: 'levels can be compared',
    until: 9,
    allows: { 'the first of a room': (_, version) => first(version, { events: 1 }) },
    rejects: { 'later ones': (room) => set(room, alice, { events: 1 }) },
  },
  ...properties.flatMap((key): Row[] => [
    {
      rule: 'current level is within the sender’s',
      allows: {
        [`${key} removed`]: bobChanges({ [key]: 50 }, {}),
        [`${key} changed`]: bobChanges({ [key]: 50 }, { [key]: 0 }),
        // users_default, were it so high, would make everybody the sender's equal: nothing that matters here
        [`${key} left above`]: bobChanges(
          { [key]: key.endsWith('s_default') ? 50 : 51 },
          { [key]: key.endsWith('s_default') ? 50 : 51 },
        ),
      },
      rejects: {
        [`${key} removed`]: bobChanges({ [key]: 51 }, {}),
        [`${key} changed`]: bobChanges({ [key]: 51 }, { [key]: 0 }),
      },
    },
    {
      rule: 'new level is within the sender’s',
      allows: {
        [`${key} added`]: bobChanges({}, { [key]: 50 }),
        [`${key} changed`]: bobChanges({ [key]: 1 }, { [key]: 50 }),
      },
      rejects: {
        [`${key} added`]: bobChanges({}, { [key]: 51 }),
        [`${key} changed`]: bobChanges({ [key]: 1 }, { [key]: 51 }),
      },
    },
  ]),
  ...['events', 'notifications'].flatMap((map): Row[] => [
    {
      rule: 'current level is within the sender’s',
      since: map === 'events' ? 1 : 6,
      allows: {
        [`${map} removed`]: bobChanges({ [map]: { x: 50 } }, {}),
        [`${map} changed`]: bobChanges({ [map]: { x: 50 } }, { [map]: { x: 0 } }),
        [`${map} left above`]: bobChanges({ [map]: { x: 51 } }, { [map]: { x: 51 } }),
      },
      rejects: {
        [`${map} removed`]: bobChanges({ [map]: { x: 51 } }, { [map]: {} }),
        [`${map} removed with all`]: bobChanges({ [map]: { x: 51 } }, {}),
        [`${map} changed`]: bobChanges({ [map]: { x: 51 } }, { [map]: { x: 0 } }),
      },
    },
    {
      rule: 'new level is within the sender’s',
      since: map === 'events' ? 1 : 6,
      allows: { [`${map} added`]: bobChanges({}, { [map]: { x: 50 } }) },
      rejects: {
        [`${map} added`]: bobChanges({}, { [map]: { x: 51 } }),
        [`${map} changed`]: bobChanges({ [map]: { x: 1 } }, { [map]: { x: 51 } }),
      },
    },
  ]),
  {
    rule: 'new level is within the sender’s',
    until: 5,
    allows: { 'any notification': bobChanges({ notifications: { x: 51 } }, { notifications: { x: 99 } }) },
    rejects: {},
  },
  {
    rule: 'level of another user is below the sender’s',
    allows: {
      'lower, changed': bobChanges({ users: { [carol]: 49 } }, { users: { [carol]: 0 } }),
      'lower, removed': bobChanges({ users: { [carol]: 49 } }, {}),
      'equal, left': bobChanges({ users: { [carol]: 50 } }, { users: { [carol]: 50, [dave]: 1 } }),
      'one’s own': bobChanges({}, { users: { [bob]: 0 } }),
    },
    rejects: {
      'equal, changed': bobChanges({ users: { [carol]: 50 } }, { users: { [carol]: 0 } }),
      'equal, removed': bobChanges({ users: { [carol]: 50 } }, {}),
      'higher, changed': bobChanges({ users: { [carol]: 51 } }, { users: { [carol]: 50 } }),
    },
  },
  {
    rule: 'new level is within the sender’s',
    allows: { 'a user': bobChanges({}, { users: { [carol]: 50 } }) },
    rejects: {
      'a user, added': bobChanges({}, { users: { [carol]: 51 } }),
      'a user, changed': bobChanges({ users: { [carol]: 1 } }, { users: { [carol]: 51 } }),
      'one’s own': bobChanges({}, { users: { [bob]: 51 } }),
    },
  },
  {
    rule: 'new level is within the sender’s',
    since: 12,
    allows: {
      'a creator, any': (room) => set(room, alice, { ban: Number.MAX_SAFE_INTEGER, users: { [bob]: 1_000_000 } }),
    },
    rejects: {},
  },
  {
    rule: 'new level is within the sender’s',
    until: 11,
    allows: {},
    rejects: { 'a creator, above 100': (room) => set(room, alice, { ban: 101, users: usersOf(room), invite: 10 }) },
  },
];
