import { beforeAll, describe, expect, test } from 'vitest';
import { eventIdOf } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import { isObject, type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let c: MemoryServer;
let ann: UserId;
let bob: UserId;

beforeAll(async () => {
  network = memoryNetwork();
  [a, b, c] = [await network.server('a.test'), await network.server('b.test'), await network.server('c.test')];
  ann = a.user('ann');
  bob = b.user('bob');
});

const rulesIn = (version: string): RoomVersionRules => rulesOf(version) as RoomVersionRules;
const path = (...parts: readonly string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join('');
const at = (endpoint: string, version = 'v1') => `/_matrix/federation/${version}/${endpoint}`;

async function template(kind: 'join' | 'leave' | 'knock', roomId: RoomId, userId: UserId, version = '11') {
  const { status, body } = await b.remote
    .request(a.name, {
      method: 'GET',
      uri: `${at(`make_${kind}`)}${path(roomId, userId)}?ver=${version}`,
      endpoint: `make_${kind}`,
    })
    .then(({ status, body }) => ({ status, body: body as JsonObject }));
  expect(status).toBe(200);
  return body['event'] as JsonObject;
}

const signed = (pdu: JsonObject, version = '11', by: MemoryServer = b) =>
  signEvent(pdu, rulesIn(version), by.name, by.key);

describe('make_join', () => {
  const make = (roomId: string, userId: string, query = '?ver=11', from: MemoryServer = b) =>
    a.ask(from.name, 'GET', `${at('make_join')}${path(roomId, userId)}${query}`);

  test('gives a template that says who, where and how', async () => {
    const roomId = await a.room(ann);
    const { status, body } = await make(roomId, bob);
    expect(status).toBe(200);
    expect(body['room_version']).toBe('11');
    expect(body['event']).toMatchObject({
      type: 'm.room.member',
      room_id: roomId,
      sender: bob,
      state_key: bob,
      content: { membership: 'join' },
      prev_events: a.rooms.forwardExtremities(roomId),
    });
    expect(body['event']).not.toHaveProperty('signatures');
    expect(body['event']).not.toHaveProperty('hashes');
  });

  test('an absent ver means version 1', async () => {
    expect((await make(await a.room(ann, { version: '1' }), bob, '')).status).toBe(200);
    expect((await make(await a.room(ann, { version: '2' }), bob, '')).body['errcode']).toBe(
      'M_INCOMPATIBLE_ROOM_VERSION',
    );
  });

  test('refusals', async () => {
    const open = await a.room(ann);
    const closed = await a.room(ann, { joinRule: { join_rule: 'invite' } });
    const local = await a.rooms.create(rulesIn('11'), [
      { type: 'm.room.create', sender: ann, content: { 'm.federate': false }, stateKey: '' },
      { type: 'm.room.member', sender: ann, content: { membership: 'join' }, stateKey: ann },
      { type: 'm.room.join_rules', sender: ann, content: { join_rule: 'public' }, stateKey: '' },
    ]);
    const denied = await a.room(ann);
    await a.setState(denied, ann, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] });
    const banned = await a.room(ann);
    await a.memberships.ban({ userId: ann, roomId: banned, target: bob });

    const rows: readonly [what: string, roomId: string, userId: string, status: number, errcode: string][] = [
      ['an unknown room', '!nowhere:a.test', bob, 404, 'M_NOT_FOUND'],
      ["another server's user", open, '@cleo:c.test', 403, 'M_FORBIDDEN'],
      ['a room by invitation', closed, bob, 403, 'M_FORBIDDEN'],
      ['a room that does not federate', local.roomId, bob, 403, 'M_FORBIDDEN'],
      ['a room whose ACL denies the server', denied, bob, 403, 'M_FORBIDDEN'],
      ['a room that bans the user', banned, bob, 403, 'M_FORBIDDEN'],
      ['no room ID', 'nonsense', bob, 400, 'M_INVALID_PARAM'],
      ['no user ID', open, 'bob', 400, 'M_INVALID_PARAM'],
    ];
    for (const [what, roomId, userId, status, errcode] of rows) {
      const { status: is, body } = await make(roomId, userId);
      expect([what, is, body['errcode']]).toEqual([what, status, errcode]);
    }
    const { status, body } = await make(open, bob, '?ver=1&ver=10');
    expect([status, body['errcode'], body['room_version']]).toEqual([400, 'M_INCOMPATIBLE_ROOM_VERSION', '11']);
    expect((await make(open, bob, '?ver=10&ver=11')).status).toBe(200);
  });

  test('a room that we have left is not ours to give', async () => {
    const roomId = await a.room(ann);
    await a.memberships.leave({ userId: ann, roomId });
    expect((await make(roomId, bob)).status).toBe(404);
  });
});

type Change = (pdu: JsonObject) => JsonObject;
const content =
  (membership: string): Change =>
  (pdu) => ({ ...pdu, content: { membership } });

/** Rows that send_join, send_leave and send_knock have in common. `after`: spoiled after signing. */
const spoiled: readonly [
  what: string,
  change: { before?: Change; after?: Change; roomId?: string; eventId?: string; by?: 'c' },
  status: number,
  errcode: string,
][] = [
  ['another type', { before: (pdu) => ({ ...pdu, type: 'm.room.topic' }) }, 400, 'M_INVALID_PARAM'],
  ['another membership', { before: content('ban') }, 400, 'M_INVALID_PARAM'],
  ['no membership', { before: (pdu) => ({ ...pdu, content: {} }) }, 400, 'M_INVALID_PARAM'],
  ['a sender of another server', { before: (pdu) => ({ ...pdu, sender: '@cleo:c.test' }) }, 400, 'M_INVALID_PARAM'],
  [
    'a state key that is not the sender',
    { before: (pdu) => ({ ...pdu, state_key: '@x:b.test' }) },
    400,
    'M_INVALID_PARAM',
  ],
  ['no state key', { before: ({ state_key: _, ...pdu }) => pdu }, 400, 'M_INVALID_PARAM'],
  ['another room in the event', { before: (pdu) => ({ ...pdu, room_id: '!x:a.test' }) }, 400, 'M_INVALID_PARAM'],
  ['another event ID in the path', { eventId: `$${'x'.repeat(43)}` }, 400, 'M_INVALID_PARAM'],
  ['an unknown room in the path', { roomId: '!x:a.test' }, 404, 'M_NOT_FOUND'],
  ['no signature', { after: (pdu) => ({ ...pdu, signatures: {} }) }, 400, 'M_INVALID_PARAM'],
  ["another server's signature", { by: 'c' }, 400, 'M_INVALID_PARAM'],
  [
    'a wrong content hash',
    { after: (pdu) => ({ ...pdu, content: { ...(pdu['content'] as JsonObject), x: 1 } }) },
    400,
    'M_INVALID_PARAM',
  ],
  ['no hashes', { after: ({ hashes: _, ...pdu }) => pdu }, 400, 'M_BAD_JSON'],
  ['a depth that is no number', { before: (pdu) => ({ ...pdu, depth: 'deep' }) }, 400, 'M_BAD_JSON'],
  ['a float', { after: (pdu) => ({ ...pdu, extra: new RawNumber('1.5') }) }, 400, 'M_BAD_JSON'],
  [
    'more than 20 prev events',
    { before: (pdu) => ({ ...pdu, prev_events: Array.from({ length: 21 }, () => '$x') }) },
    400,
    'M_BAD_JSON',
  ],
];

async function handIn(
  kind: 'join' | 'leave' | 'knock',
  roomId: RoomId,
  change: (typeof spoiled)[number][1] = {},
  version = 'v2',
) {
  const { before = (pdu) => pdu, after = (pdu) => pdu, by } = change;
  const pdu = after(signed(before(await template(kind, roomId, bob)), '11', by === 'c' ? c : b));
  const eventId = change.eventId ?? idOf(pdu);
  const uri = at(`send_${kind}`, kind === 'knock' ? 'v1' : version) + path(change.roomId ?? roomId, eventId);
  return { pdu, eventId: eventId as EventId, ...(await a.ask(b.name, 'PUT', uri, pdu)) };
}

function idOf(pdu: JsonObject): string {
  try {
    return eventIdOf(pdu, rulesIn('11'));
  } catch {
    return `$${'x'.repeat(43)}`; // with a float in it, it has none
  }
}

describe('send_join', () => {
  test.each(spoiled)('%s: %o → %i %s', async (_, change, status, errcode) => {
    const roomId = await a.room(ann);
    const { status: is, body } = await handIn('join', roomId, change);
    expect([is, body['errcode']]).toEqual([status, errcode]);
    expect(a.members(roomId)).toEqual([ann]);
  });

  test('gives the state before the join, and the auth chain of all', async () => {
    const roomId = await a.room(ann);
    await a.setState(roomId, ann, 'm.room.name', { name: 'Here' });
    const state = a.rooms.currentState(roomId);
    const { status, body, pdu, eventId } = await handIn('join', roomId);
    expect(status).toBe(200);
    expect(body).toMatchObject({ origin: 'a.test', event: pdu, members_omitted: false });
    const ids = (key: string) => (body[key] as JsonObject[]).map((event) => eventIdOf(event, rulesIn('11'))).sort();
    expect(ids('state')).toEqual([...state.entries()].map(([, id]) => id).sort());
    expect(ids('state')).not.toContain(eventId);
    const chain = await a.rooms.authChain([eventId, ...(ids('state') as EventId[])]);
    expect(ids('auth_chain')).toEqual([...chain].sort());
    const cited = (body['auth_chain'] as JsonObject[]).map(({ type }) => type);
    expect(cited).toEqual(expect.arrayContaining(['m.room.create', 'm.room.join_rules'])); // in the state, too
    expect(a.members(roomId)).toEqual([ann, bob]);
    expect(a.rooms.servers(roomId)).toContain('b.test');
  });

  test('version 1 of it answers a pair', async () => {
    const roomId = await a.room(ann);
    const { status, value } = await handIn('join', roomId, {}, 'v1');
    expect(status).toBe(200);
    expect(value).toMatchObject([200, { origin: 'a.test', state: expect.any(Array), auth_chain: expect.any(Array) }]);
  });

  test('the same join again gets the same answer', async () => {
    const roomId = await a.room(ann);
    const first = await handIn('join', roomId);
    const uri = at('send_join', 'v2') + path(roomId, first.eventId);
    const again = await a.ask(b.name, 'PUT', uri, first.pdu);
    expect(again.status).toBe(200);
    expect(again.body['state']).toEqual(first.body['state']);
    expect(a.rooms.forwardExtremities(roomId)).toEqual([first.eventId]);
  });

  test('what the room forbids meanwhile is 403, and nothing is stored', async () => {
    const roomId = await a.room(ann);
    const pdu = signed(await template('join', roomId, bob));
    await a.memberships.ban({ userId: ann, roomId, target: bob });
    const eventId = idOf(pdu) as EventId;
    const { status, body } = await a.ask(b.name, 'PUT', at('send_join', 'v2') + path(roomId, eventId), pdu);
    expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN']);
    expect(a.members(roomId)).toEqual([ann]);
  });

  test('an ACL since make_join is 403', async () => {
    const roomId = await a.room(ann);
    const pdu = signed(await template('join', roomId, bob));
    await a.setState(roomId, ann, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] });
    const uri = at('send_join', 'v2') + path(roomId, idOf(pdu));
    expect((await a.ask(b.name, 'PUT', uri, pdu)).body['errcode']).toBe('M_FORBIDDEN');
  });

  test('members are left out when asked, but those after whom the room is called', async () => {
    const roomId = await a.room(ann);
    for (const name of ['zoe', 'yan', 'xen', 'wim', 'vic', 'una'])
      await a.memberships.join({ userId: a.user(name), room: roomId, via: [] });
    const join = async (query: string) => {
      const pdu = signed(await template('join', roomId, bob));
      const uri = `${at('send_join', 'v2')}${path(roomId, idOf(pdu))}${query}`;
      const { body } = await a.ask(b.name, 'PUT', uri, pdu);
      const members = (body['state'] as JsonObject[]).filter(({ type }) => type === 'm.room.member');
      return { body, members: members.map((event) => String(event['state_key']).slice(1, 4)) };
    };
    const { body, members } = await join('?omit_members=true');
    expect(members.sort()).toEqual(['ann', 'wim', 'xen', 'yan', 'zoe']);
    expect(body).toMatchObject({ members_omitted: true, servers_in_room: ['a.test'] });
    const inState = new Set((body['state'] as JsonObject[]).map((event) => JSON.stringify(event)));
    expect((body['auth_chain'] as JsonObject[]).filter((event) => inState.has(JSON.stringify(event)))).toEqual([]);

    await a.setState(roomId, ann, 'm.room.name', { name: 'Named' });
    expect((await join('?omit_members=true')).members).toEqual([]);
    expect((await join('?omit_members=false')).members).toHaveLength(8);
  });

  test('other servers in the room learn of it from us', async () => {
    const roomId = await a.room(ann);
    const cleo = c.user('cleo');
    await c.memberships.join({ userId: cleo, room: roomId, via: [a.name] });
    await handIn('join', roomId);
    await network.settle();
    expect(c.members(roomId)).toEqual([ann, bob, cleo]);
  });
});

describe('send_leave', () => {
  const joined = async () => {
    const roomId = await a.room(ann);
    expect((await handIn('join', roomId)).status).toBe(200);
    return roomId;
  };

  test.each(spoiled)('%s: %o → %i %s', async (_, change, status, errcode) => {
    const roomId = await joined();
    const { status: is, body } = await handIn('leave', roomId, change);
    expect([is, body['errcode']]).toEqual([status, errcode]);
    expect(a.members(roomId)).toEqual([ann, bob]);
  });

  test('v2 answers an empty object, v1 a pair', async () => {
    const first = await joined();
    expect(await handIn('leave', first)).toMatchObject({ status: 200, value: {} });
    expect(a.members(first)).toEqual([ann]);
    expect(await handIn('leave', await joined(), {}, 'v1')).toMatchObject({ status: 200, value: [200, {}] });
  });

  test('who is not in the room gets no template', async () => {
    const roomId = await a.room(ann);
    const uri = at('make_leave') + path(roomId, bob);
    expect((await a.ask(b.name, 'GET', uri)).body['errcode']).toBe('M_FORBIDDEN');
  });
});

describe('knocking', () => {
  const knockable = () => a.room(ann, { joinRule: { join_rule: 'knock' } });

  test.each(spoiled)('%s: %o → %i %s', async (_, change, status, errcode) => {
    const roomId = await knockable();
    const { status: is, body } = await handIn('knock', roomId, change);
    expect([is, body['errcode']]).toEqual([status, errcode]);
    expect(a.members(roomId, 'knock')).toEqual([]);
  });

  test('answers with whole events by which the room can be known', async () => {
    const roomId = await knockable();
    const { status, body } = await handIn('knock', roomId);
    expect(status).toBe(200);
    const state = body['knock_room_state'] as JsonObject[];
    expect(state.map(({ type }) => type)).toEqual(['m.room.create', 'm.room.join_rules']);
    expect(state.every(({ signatures }) => isObject(signatures))).toBe(true);
    expect(a.members(roomId, 'knock')).toEqual([bob]);
  });

  test('is for rooms that want it', async () => {
    const uri = `${at('make_knock')}${path(await a.room(ann), bob)}?ver=11`;
    expect((await a.ask(b.name, 'GET', uri)).body['errcode']).toBe('M_FORBIDDEN');
  });
});

describe('restricted rooms', () => {
  const rule = (...rooms: readonly string[]) => ({
    join_rule: 'restricted',
    allow: rooms.map((room_id) => ({ type: 'm.room_membership', room_id })),
  });
  const make = (roomId: string) => a.ask(b.name, 'GET', `${at('make_join')}${path(roomId, bob)}?ver=11`);

  test('a member of an allowed room is let in by a user of ours, whose server signs', async () => {
    const lobby = await a.room(ann);
    await handIn('join', lobby);
    const roomId = await a.room(ann, { joinRule: rule('!unknown:x.test', lobby) });
    const { body } = await make(roomId);
    expect(body['event']).toMatchObject({ content: { membership: 'join', join_authorised_via_users_server: ann } });
    const reply = await handIn('join', roomId);
    expect(reply.status).toBe(200);
    const event = reply.body['event'] as JsonObject;
    expect(Object.keys(event['signatures'] as JsonObject).sort()).toEqual(['a.test', 'b.test']);
    expect(a.rooms.event(reply.eventId)?.event.pdu).toEqual(event);
    expect(a.members(roomId)).toEqual([ann, bob]);
  });

  test('refusals, at make_join and at send_join', async () => {
    const lobby = await a.room(ann);
    const rows: readonly [what: string, joinRule: JsonObject, status: number, errcode: string][] = [
      ['not in the lobby', rule(lobby), 403, 'M_FORBIDDEN'],
      ['a lobby that we do not know', rule('!unknown:x.test'), 400, 'M_UNABLE_TO_AUTHORISE_JOIN'],
      ['one that we know, one that we do not', rule(lobby, '!unknown:x.test'), 400, 'M_UNABLE_TO_AUTHORISE_JOIN'],
      ['no conditions', rule(), 403, 'M_FORBIDDEN'],
      ['no list', { join_rule: 'restricted' }, 403, 'M_FORBIDDEN'],
      [
        'a condition of another kind',
        { join_rule: 'restricted', allow: [{ type: 'x', room_id: lobby }] },
        403,
        'M_FORBIDDEN',
      ],
      [
        'nonsense',
        { join_rule: 'restricted', allow: [null, 7, { type: 'm.room_membership', room_id: 7 }] },
        403,
        'M_FORBIDDEN',
      ],
    ];
    for (const [what, joinRule, status, errcode] of rows) {
      const roomId = await a.room(ann, { joinRule });
      const { status: is, body } = await make(roomId);
      expect([what, is, body['errcode']]).toEqual([what, status, errcode]);

      // the same at send_join, for which a template of another room is bent
      const open = await a.room(ann);
      const pdu = signed({
        ...(await template('join', open, bob)),
        room_id: roomId,
        content: { membership: 'join', join_authorised_via_users_server: ann },
        prev_events: a.rooms.forwardExtremities(roomId),
        auth_events: [],
      });
      const reply = await a.ask(b.name, 'PUT', at('send_join', 'v2') + path(roomId, idOf(pdu)), pdu);
      expect([what, reply.status, reply.body['errcode']]).toEqual([what, status, errcode]);
    }
  });

  test('met, but nobody of ours may invite: another server has to be asked', async () => {
    const lobby = await a.room(ann);
    await handIn('join', lobby);
    const roomId = await a.room(ann, { joinRule: rule(lobby) });
    const abe = a.user('abe');
    await a.memberships.invite({ userId: ann, roomId, target: abe });
    await a.memberships.join({ userId: abe, room: roomId, via: [] });
    await a.setState(roomId, ann, 'm.room.power_levels', { users: { [ann]: 100 }, invite: 50 });
    await a.memberships.leave({ userId: ann, roomId });
    const { status, body } = await make(roomId);
    expect([status, body['errcode']]).toEqual([400, 'M_UNABLE_TO_GRANT_JOIN']);
  });

  test('who was let in at make_join and may not any more is refused at send_join', async () => {
    const lobby = await a.room(ann);
    await handIn('join', lobby);
    const roomId = await a.room(ann, { joinRule: rule(lobby) });
    const pdu = signed(await template('join', roomId, bob));
    await a.memberships.kick({ userId: ann, roomId: lobby, target: bob });
    const { status, body } = await a.ask(b.name, 'PUT', at('send_join', 'v2') + path(roomId, idOf(pdu)), pdu);
    expect([status, body['errcode']]).toEqual([403, 'M_FORBIDDEN']);
  });

  test("we do not speak for another server's user", async () => {
    const lobby = await a.room(ann);
    await handIn('join', lobby);
    const roomId = await a.room(ann, { joinRule: rule(lobby) });
    const { status, body } = await handIn('join', roomId, {
      before: (pdu) => ({ ...pdu, content: { membership: 'join', join_authorised_via_users_server: '@cleo:c.test' } }),
    });
    expect([status, body['errcode']]).toEqual([400, 'M_INVALID_PARAM']);
  });

  test('an invite needs no condition', async () => {
    const roomId = await a.room(ann, { joinRule: rule() });
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    const { body } = await make(roomId);
    expect(body['event']).toMatchObject({ content: { membership: 'join' } });
    expect((await handIn('join', roomId)).status).toBe(200);
  });
});
