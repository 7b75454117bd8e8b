import { beforeAll, describe, expect, test } from 'vitest';
import { eventIdOf } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import { type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import type { LocalMembership } from '../../main/rooms/rooms.ts';
import type { RoomId, UserId } from '../../shared/ids.ts';
import { type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let a: MemoryServer; // invites
let b: MemoryServer; // is invited
let ann: UserId;
let bob: UserId;

beforeAll(async () => {
  const network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  await network.server('c.test');
  ann = a.user('ann');
  bob = b.user('bob');
});

const rulesIn = (version: string): RoomVersionRules => rulesOf(version) as RoomVersionRules;
const path = (...parts: readonly string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join('');
const standing = (roomId: RoomId): LocalMembership | undefined =>
  b.rooms.memberships(bob).find((membership) => membership.roomId === roomId);

type Change = (pdu: JsonObject) => JsonObject;
interface Changes {
  readonly before?: Change;
  readonly after?: Change;
  readonly state?: (whole: readonly JsonObject[]) => readonly JsonObject[];
  readonly roomVersion?: string;
  readonly eventId?: string;
  readonly roomId?: string;
  readonly api?: 'v1' | 'v2';
}

const stateTypes = ['m.room.create', 'm.room.join_rules', 'm.room.name'];

async function invite(roomId: RoomId, version: string, changes: Changes = {}) {
  const { before = (pdu) => pdu, after = (pdu) => pdu, state = (whole) => whole, api = 'v2' } = changes;
  const rules = rulesIn(version);
  const content = { membership: 'invite' };
  const draft = { type: 'm.room.member', sender: ann, stateKey: bob, content, origin: a.name };
  const pdu = after(signEvent(before(a.rooms.template(roomId, draft)), rules, a.name, a.key));
  const current = a.rooms.currentState(roomId);
  const whole = stateTypes.map((type) => current.get(type, '')?.pdu).filter((event) => event !== undefined);
  let eventId = changes.eventId;
  try {
    eventId ??= eventIdOf(pdu, rules);
  } catch {
    eventId = `$${'x'.repeat(43)}`; // what cannot be hashed has no ID
  }
  const inviteState = state(whole);
  const body =
    api === 'v1'
      ? { ...pdu, unsigned: { invite_room_state: inviteState } }
      : { room_version: changes.roomVersion ?? version, event: pdu, invite_room_state: inviteState };
  const uri = `/_matrix/federation/${api}/invite${path(changes.roomId ?? roomId, eventId)}`;
  return { pdu, eventId, ...(await b.ask(a.name, 'PUT', uri, body as JsonObject)) };
}

const room = (version = '11') =>
  a.room(ann, {
    version,
    more: [{ type: 'm.room.name', sender: ann, content: { name: 'Here' }, stateKey: '' }],
  });

test.each(['1', '2', '3', '6', '10', '11', '12'])(
  'an invite to a room of version %s comes back signed by us, and is shown to the invitee',
  async (version) => {
    const roomId = await room(version);
    const { status, body, pdu } = await invite(roomId, version);
    expect(status).toBe(200);
    const event = body['event'] as JsonObject;
    const { signatures, ...rest } = event;
    const { signatures: before, ...sent } = pdu;
    expect(rest).toEqual(sent);
    expect(signatures).toEqual({ ...(before as JsonObject), 'b.test': { 'ed25519:test': expect.any(String) } });

    const shown = standing(roomId);
    expect(shown).toMatchObject({ membership: 'invite', sender: ann });
    expect(shown?.strippedState?.map(({ type }) => type)).toEqual([...stateTypes, 'm.room.member']);
    for (const entry of shown?.strippedState ?? []) {
      expect(Object.keys(entry).sort()).toEqual(['content', 'sender', 'state_key', 'type']);
    }
  },
);

test('version 1 of the endpoint takes the event alone, and answers a pair', async () => {
  const roomId = await room('2');
  const { status, value } = await invite(roomId, '2', { api: 'v1' });
  expect(status).toBe(200);
  expect(value).toMatchObject([200, { event: { state_key: bob, unsigned: { invite_room_state: expect.any(Array) } } }]);
  expect(standing(roomId)?.strippedState?.map(({ type }) => type)).toContain('m.room.name');
});

test('the same invite again is signed again, and does not undo its rejection', async () => {
  const roomId = await room();
  const first = await invite(roomId, '11');
  const uri = `/_matrix/federation/v2/invite${path(roomId, first.eventId)}`;
  const again = () => b.ask(a.name, 'PUT', uri, { room_version: '11', event: first.pdu, invite_room_state: [] });
  expect((await again()).body).toEqual(first.body);
  expect(standing(roomId)).toMatchObject({ membership: 'invite', strippedState: { length: 4 } });
  await b.memberships.leave({ userId: bob, roomId });
  expect((await again()).body).toEqual(first.body);
  expect(standing(roomId)?.membership).toBe('leave');
});

// https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2inviteroomideventid
const refused: readonly [what: string, changes: Changes, status: number, errcode: string][] = [
  ['an unknown room version', { roomVersion: 'nonsense' }, 400, 'M_INCOMPATIBLE_ROOM_VERSION'],
  ['another type', { before: (pdu) => ({ ...pdu, type: 'm.room.topic' }) }, 400, 'M_INVALID_PARAM'],
  ['a join', { before: (pdu) => ({ ...pdu, content: { membership: 'join' } }) }, 400, 'M_INVALID_PARAM'],
  ['no membership', { before: (pdu) => ({ ...pdu, content: {} }) }, 400, 'M_INVALID_PARAM'],
  ['a sender of another server', { before: (pdu) => ({ ...pdu, sender: '@x:c.test' }) }, 400, 'M_INVALID_PARAM'],
  ["another server's invitee", { before: (pdu) => ({ ...pdu, state_key: '@x:c.test' }) }, 400, 'M_INVALID_PARAM'],
  ['an invitee that is none', { before: (pdu) => ({ ...pdu, state_key: 'bob' }) }, 400, 'M_INVALID_PARAM'],
  ['no state key', { before: ({ state_key: _, ...pdu }) => pdu }, 400, 'M_INVALID_PARAM'],
  ['an invitee without an account', { before: (pdu) => ({ ...pdu, state_key: '@nobody:b.test' }) }, 404, 'M_NOT_FOUND'],
  ['no signature', { after: (pdu) => ({ ...pdu, signatures: {} }) }, 400, 'M_INVALID_PARAM'],
  [
    'a wrong content hash',
    { after: (pdu) => ({ ...pdu, content: { membership: 'invite', x: 1 } }) },
    400,
    'M_INVALID_PARAM',
  ],
  ['another event ID in the path', { eventId: `$${'x'.repeat(43)}` }, 400, 'M_INVALID_PARAM'],
  ['another room in the path', { roomId: '!other:a.test' }, 400, 'M_INVALID_PARAM'],
  ['a float in the event', { after: (pdu) => ({ ...pdu, extra: new RawNumber('1.5') }) }, 400, 'M_BAD_JSON'],
  ['an event of another room version', { roomVersion: '1' }, 400, 'M_BAD_JSON'],
];

test.each(refused)('%s: %o → %i %s', async (_, changes, status, errcode) => {
  const roomId = await room();
  const { status: is, body } = await invite(roomId, '11', changes);
  expect([is, body['errcode']]).toEqual([status, errcode]);
  expect(standing(roomId)).toBeUndefined();
});

test('M_INCOMPATIBLE_ROOM_VERSION says which', async () => {
  const { body } = await invite(await room(), '11', { roomVersion: '99' });
  expect(body['room_version']).toBe('99');
});

test.each(['v1', 'v2'] as const)('%s: who wants no invites gets none', async (api) => {
  const version = api === 'v1' ? '1' : '12';
  const roomId = await a.room(ann, { version });
  b.uninvitable.add(bob);
  const reply = await invite(roomId, version, { api });
  expect(reply).toMatchObject({ status: 403, body: { errcode: 'M_INVITE_BLOCKED' } });
  expect(standing(roomId)).toBeUndefined();
  const invited = a.memberships.invite({ userId: ann, roomId, target: bob });
  await expect(invited).rejects.toMatchObject({ status: 403, errcode: 'M_INVITE_BLOCKED' });
  expect(a.members(roomId, 'invite')).toEqual([]);
  b.uninvitable.delete(bob);
});

describe('invite_room_state', () => {
  const strip = (event: JsonObject): JsonObject => {
    const { type, state_key, sender, content } = event;
    return { type, state_key, sender, content } as JsonObject;
  };
  const isCreate = ({ type }: JsonObject) => type === 'm.room.create';
  const rows: readonly [
    what: string,
    state: NonNullable<Changes['state']>,
    in11: number,
    in12: number,
    shown: number,
  ][] = [
    ['whole', (whole) => whole, 200, 200, 3],
    ['all stripped', (whole) => whole.map(strip), 200, 400, 3],
    [
      'stripped but for the create event',
      (whole) => whole.map((event) => (isCreate(event) ? event : strip(event))),
      200,
      200,
      3,
    ],
    ['without a create event', (whole) => whole.filter((event) => !isCreate(event)), 200, 400, 2],
    ['empty', () => [], 200, 400, 0],
    [
      'with a wrong signature',
      (whole) => whole.map((event) => (isCreate(event) ? event : { ...event, signatures: {} })),
      200,
      400,
      1,
    ],
    ['with nonsense', (whole) => [...whole, null, 7, 'x', []] as never, 200, 400, 3],
  ];

  test.each(rows)('%s', async (_, state, in11, in12, shown) => {
    for (const [version, expected] of [
      ['11', in11],
      ['12', in12],
    ] as const) {
      const roomId = await room(version);
      const { status, body } = await invite(roomId, version, { state });
      expect([version, status, status === 200 ? undefined : body['errcode']]).toEqual([
        version,
        expected,
        expected === 200 ? undefined : 'M_INVALID_PARAM',
      ]);
      if (status === 200) expect(standing(roomId)?.strippedState).toHaveLength(shown + 1);
    }
  });

  test('of another room: refused in version 12, left out before', async () => {
    for (const [version, expected] of [
      ['11', 200],
      ['12', 400],
    ] as const) {
      const other = await room(version);
      const theirs = a.rooms.currentState(other).get('m.room.name', '')?.pdu as JsonObject;
      const roomId = await room(version);
      const { status } = await invite(roomId, version, { state: (whole) => [...whole.slice(0, 2), theirs] });
      expect([version, status]).toEqual([version, expected]);
      if (status === 200) expect(standing(roomId)?.strippedState?.map(({ type }) => type)).not.toContain('m.room.name');
    }
  });

  test('of a whole other room, in version 12: its create event is not the one that the room ID names', async () => {
    const other = await room('12');
    const theirs = stateTypes.map((type) => a.rooms.currentState(other).get(type, '')?.pdu as JsonObject);
    expect((await invite(await room('12'), '12', { state: () => theirs })).status).toBe(400);
  });

  test('no more than a hundred entries are shown', async () => {
    const roomId = await room();
    const many = Array.from({ length: 500 }, () => ({ type: 'x', state_key: '', sender: ann, content: {} }));
    expect((await invite(roomId, '11', { state: (whole) => [...whole, ...many] })).status).toBe(200);
    expect(standing(roomId)?.strippedState?.length).toBeLessThanOrEqual(101);
  });
});

describe('in a room that we are in', () => {
  test('the invite is signed, and comes by /send', async () => {
    const roomId = await room();
    const bill = b.user('bill');
    await b.memberships.join({ userId: bill, room: roomId, via: [a.name] });
    const { status } = await invite(roomId, '11');
    expect(status).toBe(200);
    expect(standing(roomId)).toBeUndefined();
  });

  test('who is in it already, or banned, is not invited', async () => {
    const roomId = await room();
    await b.memberships.join({ userId: b.user('bill'), room: roomId, via: [a.name] });
    await b.memberships.join({ userId: bob, room: roomId, via: [] });
    // a.test has not heard of it
    expect((await invite(roomId, '11')).body['errcode']).toBe('M_FORBIDDEN');
  });

  test('the ACL counts', async () => {
    const roomId = await room();
    const bill = b.user('bill');
    await b.memberships.join({ userId: bill, room: roomId, via: [a.name] });
    await a.setState(roomId, ann, 'm.room.power_levels', { users: { [ann]: 100, [bill]: 100 } });
    await b.rooms.receive(
      [{ pdu: a.rooms.currentState(roomId).get('m.room.power_levels', '')?.pdu as JsonObject, violations: [] }],
      { origin: a.name, source: 'live' },
    );
    await b.setState(roomId, bill, 'm.room.server_acl', { allow: ['*'], deny: ['a.test'] });
    expect((await invite(roomId, '11')).body['errcode']).toBe('M_FORBIDDEN');
  });
});
