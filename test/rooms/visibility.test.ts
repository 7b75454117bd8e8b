import { expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { StateKey } from '../../main/protocol/state-map.ts';
import { stateKeyOf } from '../../main/protocol/state-map.ts';
import type { RoomState, StoredEvent } from '../../main/rooms/rooms.ts';
import { visibility } from '../../main/rooms/visibility.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';

const ann = '@ann:a.test' as UserId;
const bob = '@bob:b.test' as UserId;
const bill = '@bill:b.test' as UserId;
const b = 'b.test' as ServerName;
const roomId = '!room:a.test' as RoomId;

type Step = readonly [name: string, type: string, stateKey: string | undefined, content?: Record<string, string>];
const says = (name: string): Step => [name, 'm.room.message', undefined];
const member = (user: UserId, membership: string, name = `${user} ${membership}`): Step => [
  name,
  'm.room.member',
  user,
  { membership },
];
const setting = (history_visibility: string, name = history_visibility): Step => [
  name,
  'm.room.history_visibility',
  '',
  { history_visibility },
];

/** A room in which one thing happens after the other, as far as visibility reads it. */
function room(steps: readonly Step[], fate: (name: string) => Partial<StoredEvent> = () => ({})) {
  const events = new Map<EventId, StoredEvent>();
  const before = new Map<EventId, RoomState>();
  let state = new Map<StateKey, RoomEvent>();
  const view = (map: ReadonlyMap<StateKey, RoomEvent>) =>
    ({
      get: (type: string, key: string) => map.get(stateKeyOf(type, key)),
      id: (type: string, key: string) => map.get(stateKeyOf(type, key))?.eventId,
      entries: () => [...map].map(([key, { eventId }]) => [key, eventId]),
    }) as unknown as RoomState;
  for (const [position, [name, type, stateKey, content = {}]] of steps.entries()) {
    const eventId = name as EventId;
    const event = { eventId, roomId, type, stateKey, content } as unknown as RoomEvent;
    const stored = { event, outcome: 'accepted', outlier: false, position, ...fate(name) } as StoredEvent;
    events.set(eventId, stored);
    before.set(eventId, view(state));
    if (stateKey !== undefined) state = new Map(state).set(stateKeyOf(type, stateKey), event);
  }
  const current = view(state);
  const joined = [...state.values()].filter(({ content }) => content['membership'] === 'join');
  const { toUser, toServer, isWorldReadable } = visibility({
    event: (eventId) => events.get(eventId),
    stateBefore: (eventId) => (events.get(eventId)?.outlier ? undefined : before.get(eventId)),
    currentState: () => current,
    servers: () => new Set(joined.map(({ stateKey }) => stateKey?.split(':')[1] as ServerName)),
  });
  const all = [...events.values()];
  return {
    user: (user: UserId) => [...toUser(user, all)],
    server: async (server: ServerName) => [...(await toServer(server, all))],
    isWorldReadable: () => isWorldReadable(roomId),
  };
}

const life = (visibilityOfRoom: readonly Step[], leaves = true): readonly Step[] => [
  member(ann, 'join'),
  ...visibilityOfRoom,
  says('before'),
  member(bob, 'invite'),
  says('invited'),
  member(bob, 'join'),
  says('joined'),
  ...(leaves ? [member(bob, 'leave'), says('left')] : []),
];

const own = ['@bob:b.test invite', '@bob:b.test join', '@bob:b.test leave'];

// What Bob sees who was invited, joined and left. Everybody's own membership changes are judged before or after.
const table: readonly [what: string, setting: readonly Step[], seen: readonly string[]][] = [
  ['world_readable', [setting('world_readable')], ['before', 'invited', 'joined', 'left', ...own]],
  ['shared', [setting('shared')], ['before', 'invited', 'joined', ...own]],
  ['no setting is shared', [], ['before', 'invited', 'joined', ...own]],
  ['what nobody understands is shared', [setting('nonsense')], ['before', 'invited', 'joined', ...own]],
  ['invited', [setting('invited')], ['invited', 'joined', ...own]],
  ['joined', [setting('joined')], ['joined', ...own.slice(1)]],
];

test.each(table)('%s: a user who was invited, joined and left', (_, setting, expected) => {
  const seen = room(life(setting)).user(bob);
  for (const name of ['before', 'invited', 'joined', 'left', ...own]) {
    expect([name, seen.includes(name as EventId)]).toEqual([name, expected.includes(name)]);
  }
});

test.each(table)('%s: a server whose only user did the same, and is gone', async (_, setting, expected) => {
  const seen = await room(life(setting)).server(b);
  for (const name of ['before', 'invited', 'joined', 'left', ...own]) {
    expect([name, seen.includes(name as EventId)]).toEqual([name, expected.includes(name)]);
  }
});

test('a user who never was there sees what is world readable, and nothing else', () => {
  const steps = [says('first'), setting('world_readable'), says('open'), setting('joined'), says('closed')];
  // the setting's own events: before or after
  expect(room([member(ann, 'join'), ...steps]).user(bob)).toEqual(['world_readable', 'open', 'joined']);
});

test('who came back sees under shared what was said meanwhile; who was only invited again does not', () => {
  const away = [...life([]), says('later'), member(bob, 'invite', 'again'), says('after')];
  expect(room(away).user(bob)).not.toContain('left');
  expect(room(away).user(bob)).toContain('joined'); // from his first stay
  const back = [...away, member(bob, 'join', 'back')];
  expect(room(back).user(bob)).toEqual(expect.arrayContaining(['left', 'later', 'again', 'after', 'back']));
});

test('a ban ends it as a leave does', () => {
  const seen = room([...life([], false), member(bob, 'ban'), says('after')]).user(bob);
  expect(seen).toContain('@bob:b.test ban');
  expect(seen).not.toContain('after');
});

test('clients are never shown what was soft-failed, rejected or is an outlier; servers are sent the first two', async () => {
  const refused: Record<string, Partial<StoredEvent>> = {
    soft: { outcome: 'softFailed' },
    no: { outcome: 'rejected' },
    out: { outlier: true },
  };
  const steps = [...life([], false), says('soft'), says('no'), says('out')];
  const { user, server } = room(steps, (name) => ({
    ...refused[name],
    ...(name in refused && { position: undefined }),
  }));
  expect(user(bob)).not.toEqual(expect.arrayContaining(['soft']));
  expect(user(bob)).not.toEqual(expect.arrayContaining(['no']));
  const served = await server(b);
  expect(served).toEqual(expect.arrayContaining(['soft', 'no']));
  expect(served).not.toContain('out');
});

test('a server sees what any of its users may see', async () => {
  const steps = [
    member(ann, 'join'),
    setting('joined'),
    says('none'),
    member(bill, 'join'),
    says('bill'),
    member(bill, 'leave'),
    says('nobody'),
    member(bob, 'join'),
    says('bob'),
  ];
  const seen = await room(steps).server(b);
  expect(seen.filter((name) => ['none', 'bill', 'nobody', 'bob'].includes(name))).toEqual(['bill', 'bob']);
  expect(await room(steps).server('sub.b.test' as ServerName)).toEqual([]);
});

test('a user whose name ends like a server of the room is not its user', async () => {
  const odd = '@x:b.test:b.test' as UserId; // no user ID, yet some old rooms hold such state keys
  expect(await room([member(ann, 'join'), setting('joined'), member(odd, 'join'), says('x')]).server(b)).not.toContain(
    'x',
  );
});

test('whether a room is world readable is judged by its current state', () => {
  expect(room([setting('world_readable')]).isWorldReadable()).toBe(true);
  expect(room([setting('world_readable'), setting('shared')]).isWorldReadable()).toBe(false);
});
