import { beforeAll, describe, expect, test } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { eventIdOf } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import { type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import { type Scene, setScene, unique } from '../support/hostile-scene.ts';
import { startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

const part = encodeURIComponent;
const nobody = '$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
const v1 = '/_matrix/federation/v1';
const v2 = '/_matrix/federation/v2';

/** A room of the owner's, and what a server says about it by send_join and its like. */
interface Handed {
  readonly roomId: string;
  readonly rules: RoomVersionRules;
  readonly template: JsonObject;
}

async function templateOf(api: string, version = '11'): Promise<Handed> {
  const preset = api === 'make_knock' ? 'private_chat' : 'public_chat';
  const knocking = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const roomId = await scene.owner.createRoom({
    room_version: version,
    preset,
    ...(api === 'make_knock' && { initial_state: [knocking] }),
  });
  const uri = `${v1}/${api}/${part(roomId)}/${part(scene.peer.userId)}?ver=${version}`;
  const { status, body } = await scene.peer.ask(scene.hearth.serverName, 'GET', uri);
  expect([status, body['room_version']]).toEqual([200, version]);
  return { roomId, rules: rulesOf(version) as RoomVersionRules, template: body['event'] as JsonObject };
}

const sign = ({ rules }: Handed, event: JsonObject) => signEvent(event, rules, scene.peer.serverName, scene.peer.key);

/** Which users the owner sees in the room, with their memberships. */
async function members(roomId: string): Promise<Record<string, unknown>> {
  const { chunk } = await scene.owner.request<{ chunk: { state_key: string; content: JsonObject }[] }>(
    'GET',
    `/rooms/${part(roomId)}/members`,
  );
  return Object.fromEntries(chunk.map(({ state_key, content }) => [state_key, content['membership']]));
}

type Spoil = (handed: Handed) => {
  readonly event?: JsonObject;
  readonly body?: string;
  readonly path?: { readonly roomId?: string; readonly eventId?: string };
};

const rows: readonly (readonly [what: string, status: number, errcode: string, spoil: Spoil])[] = [
  [
    'of another room',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, room_id: '!x:y.test' }) }),
  ],
  ['under another event ID', 400, 'M_INVALID_PARAM', () => ({ path: { eventId: nobody } })],
  ['for a room that is not here', 404, 'M_NOT_FOUND', () => ({ path: { roomId: '!x:y.test' } })],
  ['of another type', 400, 'M_INVALID_PARAM', (handed) => ({ event: sign(handed, { ...handed.template, type: 'x' }) })],
  [
    'with another membership',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, content: { membership: 'ban' } }) }),
  ],
  [
    'without a membership',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, content: {} }) }),
  ],
  [
    "of another server's user",
    400,
    'M_INVALID_PARAM',
    (handed) => {
      const user = '@x:other.test';
      return { event: sign(handed, { ...handed.template, sender: user, state_key: user }) };
    },
  ],
  [
    'of a user of ours',
    400,
    'M_INVALID_PARAM',
    (handed) => {
      const user = scene.owner.userId;
      return { event: sign(handed, { ...handed.template, sender: user, state_key: user }) };
    },
  ],
  [
    'about somebody else',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, state_key: `@x:${scene.peer.serverName}` }) }),
  ],
  [
    'that nobody has signed',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: { ...sign(handed, handed.template), signatures: {} } }),
  ],
  [
    'that was changed after signing',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: { ...sign(handed, handed.template), depth: 99 } }),
  ],
  [
    'whose content was changed after signing',
    400,
    'M_INVALID_PARAM',
    (handed) => {
      const { content } = handed.template as { content: JsonObject };
      return { event: { ...sign(handed, handed.template), content: { ...content, displayname: 'x' } } };
    },
  ],
  [
    'with a float',
    400,
    'M_BAD_JSON',
    (handed) => {
      const { content } = handed.template as { content: JsonObject };
      return { event: sign(handed, { ...handed.template, content: { ...content, n: new RawNumber('1.5') } }) };
    },
  ],
  [
    'with a key twice',
    400,
    'M_BAD_JSON',
    (handed) => ({ body: writeJson(sign(handed, handed.template)).replace('"content":', '"content":{},"content":') }),
  ],
  [
    'without auth events',
    403,
    'M_FORBIDDEN',
    (handed) => ({ event: sign(handed, { ...handed.template, auth_events: [] }) }),
  ],
  [
    'with prev events that nobody has',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, prev_events: [nobody] }) }),
  ],
  [
    'with auth events that nobody has',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, auth_events: [nobody] }) }),
  ],
  [
    'without prev events',
    400,
    'M_INVALID_PARAM',
    (handed) => ({ event: sign(handed, { ...handed.template, prev_events: [] }) }),
  ],
  ['that is no object', 400, 'M_BAD_JSON', () => ({ body: '[]' })],
  ['that is no event', 400, 'M_BAD_JSON', () => ({ body: '{}', path: { eventId: nobody } })],
  ['that is no JSON', 400, 'M_NOT_JSON', () => ({ body: '{' })],
  ['of 2 MB', 413, 'M_TOO_LARGE', () => ({ body: `{"x":"${'x'.repeat(2_000_000)}"}` })],
];

describe.each([
  ['make_join', `${v2}/send_join`],
  ['make_knock', `${v1}/send_knock`],
] as const)('after %s', (make, send) => {
  test.each(rows)('an event %s is refused: %s %s', async (_what, status, errcode, spoil) => {
    const handed = await templateOf(make);
    const before = await members(handed.roomId);
    const good = sign(handed, handed.template);
    const { event = good, body, path = {} } = spoil(handed);
    const eventId = path.eventId ?? eventIdOf(event, handed.rules);
    const uri = `${send}/${part(path.roomId ?? handed.roomId)}/${part(eventId)}?${unique()}`;
    const reply = await scene.ask('PUT', uri, body ?? writeJson(event));
    expect([reply.status, reply.body['errcode']]).toEqual([status, errcode]);
    expect(reply.flow).toMatchObject({ status, errcode });
    expect(await members(handed.roomId)).toEqual(before);

    const goodUri = `${send}/${part(handed.roomId)}/${part(eventIdOf(good, handed.rules))}?${unique()}`;
    expect((await scene.ask('PUT', goodUri, good)).status).toBe(200);
    expect((await members(handed.roomId))[scene.peer.userId]).toBe(make === 'make_join' ? 'join' : 'knock');
  });
});

test.each([
  ['a user of another server', '@x:other.test', '', 403, 'M_FORBIDDEN'],
  ['a user of ours', '', '', 403, 'M_FORBIDDEN'],
  ['nobody', 'x', '', 400, 'M_INVALID_PARAM'],
] as const)('make_join for %s is refused', async (_what, user, _none, status, errcode) => {
  const roomId = await scene.owner.createRoom({ preset: 'public_chat' });
  const uri = `${v1}/make_join/${part(roomId)}/${part(user || scene.owner.userId)}?ver=12&${unique()}`;
  const reply = await scene.ask('GET', uri);
  expect([reply.status, reply.body['errcode']]).toEqual([status, errcode]);
  expect(reply.flow).toMatchObject({ status, errcode });
});

test('make_join without the version of the room is refused, and told which it is', async () => {
  const roomId = await scene.owner.createRoom({ preset: 'public_chat', room_version: '11' });
  const uri = `${v1}/make_join/${part(roomId)}/${part(scene.peer.userId)}?ver=1&ver=__proto__&${unique()}`;
  const reply = await scene.ask('GET', uri);
  expect([reply.status, reply.body]).toMatchObject([
    400,
    { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', room_version: '11' },
  ]);
});

describe('an invite', () => {
  const inviteTo = (userId: string, change: JsonObject = {}) => {
    const room = scene.peer.createRoom('11');
    const event = room.event(
      'm.room.member',
      { membership: 'invite' },
      { state_key: userId, ...change },
      { aside: true },
    );
    const invite_room_state = ['m.room.create', 'm.room.join_rules'].map((type) => room.stateEvent(type));
    return { room, event, invite_room_state };
  };

  const invites: readonly (readonly [
    what: string,
    status: number,
    errcode: string,
    change: (body: JsonObject) => JsonObject | string,
  ])[] = [
    [
      'to a room version that nobody knows',
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
      (body) => ({ ...body, room_version: '99' }),
    ],
    [
      'to the room version __proto__',
      400,
      'M_INCOMPATIBLE_ROOM_VERSION',
      (body) => ({ ...body, room_version: '__proto__' }),
    ],
    ['without a room version', 400, 'M_MISSING_PARAM', ({ room_version, ...body }) => body],
    ['without an event', 400, 'M_MISSING_PARAM', ({ event, ...body }) => body],
    ['with a list for an event', 400, 'M_BAD_JSON', (body) => ({ ...body, event: [] })],
    [
      'that nobody has signed',
      400,
      'M_INVALID_PARAM',
      (body) => ({ ...body, event: { ...(body['event'] as JsonObject), signatures: {} } }),
    ],
    [
      'that was changed after signing',
      400,
      'M_INVALID_PARAM',
      (body) => ({ ...body, event: { ...(body['event'] as JsonObject), depth: 99 } }),
    ],
    [
      'with a float',
      400,
      'M_BAD_JSON',
      (body) => ({ ...body, event: { ...(body['event'] as JsonObject), n: new RawNumber('0.5') } }),
    ],
    ['whose room state is no list', 400, 'M_BAD_JSON', (body) => ({ ...body, invite_room_state: 'all' })],
  ];

  test.each(invites)('%s is refused: %s %s', async (_what, status, errcode, change) => {
    const { room, event, invite_room_state } = inviteTo(scene.owner.userId);
    const uri = `${v2}/invite/${part(room.roomId)}/${part(room.idOf(event))}?${unique()}`;
    const body = change({ room_version: '11', event, invite_room_state });
    const reply = await scene.ask('PUT', uri, typeof body === 'string' ? body : writeJson(body));
    expect([reply.status, reply.body['errcode']]).toEqual([status, errcode]);
    expect(reply.flow).toMatchObject({ status, errcode });
    expect(await scene.owner.invites()).not.toContain(room.roomId);
  });

  test.each([
    ['for a user who is not there', (): string => `@nobody:${scene.hearth.serverName}`, 404, 'M_NOT_FOUND'],
    ["for another server's user", (): string => '@x:other.test', 400, 'M_INVALID_PARAM'],
    ['for what is no user', (): string => 'x', 400, 'M_INVALID_PARAM'],
  ] as const)('%s is refused: %s %s', async (_what, user, status, errcode) => {
    const { room, event, invite_room_state } = inviteTo(user());
    const uri = `${v2}/invite/${part(room.roomId)}/${part(room.idOf(event))}?${unique()}`;
    const reply = await scene.ask('PUT', uri, { room_version: '11', event, invite_room_state });
    expect([reply.status, reply.body['errcode']]).toEqual([status, errcode]);
    expect(reply.flow).toMatchObject({ status, errcode });
  });

  test('by a server that does not send its sender is refused', async () => {
    const { room, event, invite_room_state } = inviteTo(scene.owner.userId);
    const stranger = await startRawPeer(scene.peer.ca);
    const uri = `${v2}/invite/${part(room.roomId)}/${part(room.idOf(event))}`;
    const body = { room_version: '11', event, invite_room_state };
    const reply = await stranger.ask(scene.hearth.serverName, 'PUT', uri, body);
    expect([reply.status, reply.body['errcode']]).toEqual([400, 'M_INVALID_PARAM']);
    expect(await scene.flow(uri)).toMatchObject({ status: 400, errcode: 'M_INVALID_PARAM' });
    expect(await scene.owner.invites()).not.toContain(room.roomId);
  });
});
