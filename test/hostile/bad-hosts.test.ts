import type { ServerResponse } from 'node:http';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { signJson } from '../../main/protocol/signing.ts';
import { type Scene, setScene } from '../support/hostile-scene.ts';
import { Refused } from '../support/matrix-client.ts';
import { type RawPeer, type RawRoom, startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

/** Of each test: what a server has answered wrongly may keep this one from asking it again. */
let host: RawPeer;
let room: RawRoom;
beforeEach(async () => {
  host = await startRawPeer(scene.peer.ca);
  room = host.createRoom('11');
});

const give = (response: ServerResponse, body: JsonObject | string, status = 200) =>
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(typeof body === 'string' ? body : writeJson(body));

/** The owner is told that it failed, is in no room, and can be told why by the console; another host is joined. */
async function expectNoJoin(): Promise<void> {
  const refused = await scene.owner.join(room.roomId, host.serverName).then(
    () => undefined,
    (error: unknown) => error as Refused,
  );
  expect(refused).toBeInstanceOf(Refused);
  expect(refused?.errcode).toMatch(/^M_/);
  expect(await scene.owner.request('GET', '/joined_rooms')).not.toMatchObject({
    joined_rooms: expect.arrayContaining([room.roomId]),
  });
  const { flows } = await scene.console.call('flows.list', { direction: 'outbound', peer: host.serverName, limit: 10 });
  expect(flows.map(({ endpoint }) => endpoint)).toContain('make_join');
  const good = scene.peer.createRoom('12');
  expect(await scene.owner.join(good.roomId, scene.peer.serverName)).toBe(good.roomId);
}

interface Answer {
  readonly what: string;
  readonly status?: number;
  readonly how: (event: JsonObject) => JsonObject | string;
}

const offer = (change: JsonObject, version: JsonValue = '11') => ({ room_version: version, event: template(change) });

const template = (change: JsonObject): JsonObject => ({
  ...{ type: 'm.room.member', room_id: room.roomId, sender: scene.owner.userId, state_key: scene.owner.userId },
  ...{ content: { membership: 'join' }, origin_server_ts: 1, depth: 6 },
  ...{ prev_events: room.cite(room.tip()), auth_events: room.cite(room.tip()) },
  ...change,
});

const templates: readonly Answer[] = [
  { what: 'no JSON', how: () => '<html>' },
  { what: 'a list', how: () => '[]' },
  { what: 'nothing', how: () => ({}) },
  { what: 'an error of its own', status: 500, how: () => ({ errcode: 'M_UNKNOWN', error: 'no' }) },
  { what: 'an error that is none', status: 403, how: () => '[[' },
  { what: 'a room version that nobody knows', how: () => offer({}, '99') },
  { what: 'a room version that is no string', how: () => offer({}, {}) },
  { what: 'another version than the room has', how: () => offer({}, '12') },
  { what: 'a template for another room', how: () => offer({ room_id: `!x:${host.serverName}` }) },
  { what: 'a template for another user', how: () => offer({ sender: `@x:${scene.hearth.serverName}` }) },
  { what: 'a template about another user', how: () => offer({ state_key: '@x:y.test' }) },
  { what: 'a template of another type', how: () => offer({ type: 'm.room.power_levels' }) },
  { what: 'a template of a ban', how: () => offer({ content: { membership: 'ban' } }) },
  { what: 'a template without prev events', how: () => offer({ prev_events: 'none' }) },
];

describe.each(templates)('a host that answers make_join with $what', ({ how, status }) => {
  test('is not joined, and nothing is signed for it', async () => {
    const asked: string[] = [];
    host.answer('make_join', (_asked, response) => give(response, how({}), status));
    host.answer('send_join', ({ url }, response) => {
      asked.push(url);
      give(response, '{}', 404);
    });
    await expectNoJoin();
    expect(asked).toEqual([]);
  });
});

const stateOf = (of: RawRoom, ...types: readonly string[]) => [
  ...types.map((type) => of.stateEvent(type)),
  of.stateEvent('m.room.member', host.userId),
];
const whole = () => stateOf(room, 'm.room.create', 'm.room.power_levels', 'm.room.join_rules');
const joined = (state: readonly JsonObject[], event: JsonObject): JsonObject => ({
  ...{ origin: host.serverName, event, state, auth_chain: state },
});

const replies: readonly Answer[] = [
  { what: 'no JSON', how: () => '}' },
  { what: 'nothing', how: () => ({}) },
  { what: 'an error', status: 403, how: () => ({ errcode: 'M_FORBIDDEN', error: 'no' }) },
  { what: 'no state', how: (event) => joined([], event) },
  { what: 'a state that is no list', how: (event) => ({ ...joined([], event), state: 'all', auth_chain: 7 }) },
  { what: 'a state without the create event', how: (event) => joined(whole().slice(1), event) },
  {
    what: 'a state that nobody has signed',
    how(event) {
      const unsigned = whole().map((pdu) => ({ ...pdu, signatures: {} }));
      return joined(unsigned, event);
    },
  },
  {
    what: 'the state of another room',
    how: (event) => joined(stateOf(host.createRoom('11'), 'm.room.create', 'm.room.join_rules'), event),
  },
  {
    what: 'a state that does not let us in',
    how(event) {
      room.event('m.room.join_rules', { join_rule: 'invite' }, { state_key: '' });
      return joined(whole(), event);
    },
  },
  { what: '100,000 events that are none', how: (event) => joined(new Array(100_000).fill({}), event) },
  { what: '1,000 levels', how: () => `{"state":${'['.repeat(1000)}${']'.repeat(1000)}}` },
];

describe.each(replies)('a host that answers send_join with $what', ({ how, status }) => {
  test('is not joined', async () => {
    host.answer('send_join', ({ body }, response) => give(response, how(body), status));
    await expectNoJoin();
  });
});

test('a host that gives back another join than ours changes nothing about it', async () => {
  const sent: JsonObject[] = [];
  host.answer('send_join', ({ body }, response) => {
    sent.push(body);
    give(response, joined(whole(), signEvent({ ...body, depth: 99 }, room.rules, host.serverName, host.key)));
  });
  expect(await scene.owner.join(room.roomId, host.serverName)).toBe(room.roomId);
  const [ours] = sent as [JsonObject];
  const state = await scene.owner.request<{ type: string; event_id: string; state_key: string }[]>(
    'GET',
    `/rooms/${encodeURIComponent(room.roomId)}/state`,
  );
  const member = state.find(({ type, state_key }) => type === 'm.room.member' && state_key === scene.owner.userId);
  expect(member?.event_id).toBe(room.idOf(ours));
});

const keys: readonly (readonly [what: string, answer: (good: JsonObject) => JsonObject | string])[] = [
  ['no JSON', () => 'keys'],
  ['nothing', () => ({})],
  ['keys that are not signed', ({ signatures, ...rest }) => rest],
  [
    'keys of another server',
    (good) => signJson({ ...good, server_name: 'other.test', signatures: {} }, host.serverName, host.key),
  ],
  [
    'keys that are no keys',
    (good) =>
      signJson({ ...good, verify_keys: { 'ed25519:raw': { key: 'x' } }, signatures: {} }, host.serverName, host.key),
  ],
  [
    'keys that were valid once',
    (good) => signJson({ ...good, valid_until_ts: 1, signatures: {} }, host.serverName, host.key),
  ],
];

describe.each(keys)('a host that publishes %s', (_what, answer) => {
  test('is not joined, nor believed to be who it is', async () => {
    const good: JsonObject = {
      ...{ server_name: host.serverName, verify_keys: { [host.key.keyId]: { key: host.key.publicKey } } },
      ...{ old_verify_keys: {}, valid_until_ts: Date.now() + 86_400_000 },
    };
    host.answer('server', (_asked, response) => give(response, answer(signJson(good, host.serverName, host.key))));
    const { status, body } = await host.ask(scene.hearth.serverName, 'GET', '/_matrix/federation/v1/publicRooms');
    expect([status, body['errcode']]).toEqual([401, 'M_UNAUTHORIZED']);
    await expectNoJoin();
  });
});
