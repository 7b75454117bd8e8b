import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { signingKeyFromSeed, signJson } from '../../main/protocol/signing.ts';
import { aside } from '../support/bad-pdus.ts';
import { type JoinedRoom, type Scene, setScene, unique } from '../support/hostile-scene.ts';

let scene: Scene;
let room: JoinedRoom;
beforeAll(async () => {
  scene = await setScene();
  room = await scene.room('12');
});

type Change = (headers: Record<string, string>) => Record<string, string | string[]>;

interface BadAuth {
  readonly what: string;
  readonly change: Change;
  readonly why: RegExp;
}

const send = () => `/_matrix/federation/v1/send/${unique()}`;
const header =
  (change: (value: string) => string | string[]): Change =>
  ({ authorization = '', ...rest }) => ({ ...rest, authorization: change(authorization) });
const parameter = (name: string, value: string): Change =>
  header((given) => given.replace(new RegExp(`${name}="[^"]*"`), `${name}="${value}"`));

/** https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
const rows: readonly BadAuth[] = [
  { what: 'no Authorization', change: ({ authorization, ...rest }) => rest, why: /no Authorization/ },
  { what: 'an access token', change: header(() => 'Bearer token'), why: /no Authorization/ },
  { what: 'X-Matrix and nothing', change: header(() => 'X-Matrix'), why: /not X-Matrix/ },
  { what: 'X-Matrix without parameters', change: header(() => 'X-Matrix ,'), why: /lacks/ },
  { what: 'X-Matrix with JSON', change: header(() => 'X-Matrix {"origin":1}'), why: /well formed/ },
  { what: 'no sig', change: header((given) => given.replace(/,sig="[^"]*"/, '')), why: /lacks/ },
  { what: 'a quote that does not end', change: header((given) => given.slice(0, -1)), why: /well formed/ },
  { what: 'a parameter twice', change: header((given) => `${given},origin="other.test"`), why: /twice/ },
  { what: '5,000 characters', change: header((given) => `${given},x="${'x'.repeat(5000)}"`), why: /too long/ },
  { what: 'another signature', change: parameter('sig', 'A'.repeat(86)), why: /does not hold/ },
  { what: 'a signature that is none', change: parameter('sig', '???'), why: /does not hold/ },
  { what: 'another destination', change: parameter('destination', 'other.test'), why: /it is for other\.test/ },
  { what: 'an empty destination', change: parameter('destination', ''), why: /it is for/ },
  { what: 'an unknown key', change: parameter('key', 'ed25519:unknown'), why: /no key ed25519:unknown/ },
  { what: 'a key of another algorithm', change: parameter('key', 'rsa:1'), why: /no key ID/ },
  { what: 'an origin that is no server name', change: parameter('origin', 'a b'), why: /no server name/ },
  { what: 'an origin that does not answer', change: parameter('origin', '127.0.0.1:1'), why: /no key/ },
  { what: 'the port of a database for its origin', change: parameter('origin', '127.0.0.1:6379'), why: /no key/ },
];

describe.each(rows)('a request with $what', ({ change, why }) => {
  test('is refused by 401, and nothing of it is taken', async () => {
    const reply = await scene.ask('PUT', send(), { pdus: [aside(room)] }, change);
    expect([reply.status, reply.body]).toEqual([401, { errcode: 'M_UNAUTHORIZED', error: expect.stringMatching(why) }]);
    expect(reply.flow).toMatchObject({ status: 401, errcode: 'M_UNAUTHORIZED', outcomes: {} });
    expect(reply.flow.auth).toMatchObject({ verified: false, why: expect.stringMatching(why) });
    await room.expectOnly([]);
  });
});

test('our own name for its origin is refused', async () => {
  const reply = await scene.ask('PUT', send(), { pdus: [] }, parameter('origin', scene.hearth.serverName));
  expect([reply.status, reply.body['errcode']]).toEqual([401, 'M_UNAUTHORIZED']);
  expect(reply.flow.auth).toMatchObject({ verified: false, why: 'it claims to come from this server itself' });
});

test('a signature made by a key that the origin does not have is refused', async () => {
  const { peer, hearth } = scene;
  const uri = send();
  const covered = {
    method: 'PUT',
    uri,
    origin: peer.serverName,
    destination: hearth.serverName,
    content: { pdus: [] },
  };
  const signed = signJson(covered, peer.serverName, signingKeyFromSeed(peer.key.keyId, Buffer.alloc(32, 9)));
  const sig = ((signed['signatures'] as JsonObject)[peer.serverName] as JsonObject)[peer.key.keyId];
  const reply = await scene.ask('PUT', uri, { pdus: [] }, parameter('sig', String(sig)));
  expect([reply.status, reply.body['errcode']]).toEqual([401, 'M_UNAUTHORIZED']);
  expect(reply.flow.auth).toMatchObject({ verified: false, why: 'the signature does not hold' });
});

describe('headers that were good for another request', () => {
  const body = '{"pdus":[]}';
  const goodHeaders = async (uri: string) => {
    let good: Record<string, string> = {};
    const reply = await scene.ask('PUT', uri, body, (headers) => {
      good = headers;
      return headers;
    });
    expect(reply.status).toBe(200);
    return good;
  };

  test.each([
    ['body', (uri: string) => [uri, '{"pdus":[],"edus":[]}'] as const],
    ['path', (uri: string) => [`${uri}x`, body] as const],
    ['query', (uri: string) => [`${uri}?x=1`, body] as const],
    ['escape in the path', (uri: string) => [uri.replace('case', 'c%61se'), body] as const],
  ])('are refused with another %s', async (_what, changed) => {
    const uri = send();
    const good = await goodHeaders(uri);
    const [path, content] = changed(uri);
    const reply = await scene.ask('PUT', path, content, () => good);
    expect([reply.status, reply.body['errcode']]).toEqual([401, 'M_UNAUTHORIZED']);
    expect(reply.flow.auth).toMatchObject({ verified: false, why: 'the signature does not hold' });
    await room.expectOnly([]);
  });
});

/** A server with several keys signs with each, in a header each. */
describe('several headers', () => {
  const wrong = (given: string) => given.replace(/sig="[^"]*"/, `sig="${'A'.repeat(86)}"`);
  test.each([
    ['the first signature holds', (given: string) => [given, wrong(given)]],
    ['the second signature holds', (given: string) => [wrong(given), given]],
    ['one is for other eyes', (given: string) => ['Bearer token', given]],
  ])('are taken where %s', async (_what, change) => {
    const reply = await scene.ask('PUT', send(), { pdus: [] }, header(change));
    expect([reply.status, reply.body]).toEqual([200, { pdus: {} }]);
    expect(reply.flow.auth).toMatchObject({ verified: true, origin: scene.peer.serverName });
  });

  test.each([
    ['none holds', (given: string) => [wrong(given), wrong(given)], /does not hold/],
    [
      'they are of two origins',
      (given: string) => [given, given.replace(/origin="[^"]*"/, 'origin="other.test"')],
      /different/,
    ],
    ['there are eleven', (given: string) => new Array<string>(11).fill(given), /more than 10/],
  ])('are refused where %s', async (_what, change, why) => {
    const reply = await scene.ask('PUT', send(), { pdus: [aside(room)] }, header(change));
    expect([reply.status, reply.body['errcode']]).toEqual([401, 'M_UNAUTHORIZED']);
    expect(reply.flow.auth).toMatchObject({ verified: false, why: expect.stringMatching(why) });
    await room.expectOnly([]);
  });
});
