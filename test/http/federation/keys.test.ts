import { expect, test } from 'vitest';
import { keyRoutes } from '../../../main/http/federation/keys.ts';
import { isObject, type JsonObject, type JsonValue } from '../../../main/protocol/json.ts';
import { signatureOf, signedJson, verifySignature } from '../../../main/protocol/signing.ts';
import type { ServerName } from '../../../shared/ids.ts';
import { day, hour, keyReply, keyWorld, newKey, now } from '../../network/key-world.ts';
import { askRoutes } from '../../support/ask-routes.ts';
import { us } from '../../support/federation-client.ts';

async function served() {
  const world = await keyWorld();
  const routes = askRoutes(keyRoutes({ keys: world.keyServer }));
  const ask = (method: string, path: string, body?: JsonObject | string) =>
    routes('anybody.test' as ServerName, method, `/_matrix/key/v2/${path}`, body);
  const query = async (server: string, rest = '') => {
    const { body } = await ask('GET', `query/${encodeURIComponent(server)}${rest}`);
    return listOf(body['server_keys']);
  };
  return { ...world, ask, query };
}

const listOf = (value: JsonValue | undefined): readonly JsonObject[] =>
  (value as readonly JsonObject[]).filter(isObject);

test('our own keys, by the new path and the old one', async () => {
  const { ask, ownKeys } = await served();
  const { keyId, publicKey } = ownKeys.current();
  for (const path of ['server', 'server/ed25519%3Ax']) {
    const { status, body } = await ask('GET', path);
    expect(status).toBe(200);
    expect(body).toMatchObject({ server_name: us, valid_until_ts: now + 7 * day, old_verify_keys: {} });
    expect(verifySignature(publicKey, signedJson(body), signatureOf(body, us, keyId) ?? '')).toBe(true);
  }
});

test('keys of others are served word for word, with our signature beside theirs', async () => {
  const { peer, query, ownKeys } = await served();
  const key = newKey();
  const a = peer('a.test', (name) => keyReply(name, [key]));
  const [reply = expect.fail(), ...rest] = await query(a.name);
  expect(rest).toEqual([]);
  const { signatures, ...said } = reply;
  const { signatures: own, ...original } = a.reply ?? {};
  expect([said, own]).toEqual([original, expect.anything()]);
  expect(Object.keys(signatures as object)).toEqual([a.name, us]);
  for (const [server, signer] of [
    [a.name, key],
    [us, ownKeys.current()],
  ] as const) {
    expect(verifySignature(signer.publicKey, signedJson(reply), signatureOf(reply, server, signer.keyId) ?? '')).toBe(
      true,
    );
  }
});

test('a reply is kept for half of its lifetime', async () => {
  const { peer, query, fetches, platform } = await served();
  const a = peer('a.test', (name) => keyReply(name, [newKey()], { validUntilTs: now + 10 * hour }));
  await query(a.name);
  await platform.advance(5 * hour);
  await query(a.name);
  expect(fetches(a.name)).toBe(1);
  await platform.advance(1);
  await query(a.name);
  expect(fetches(a.name)).toBe(2);
});

test('nothing is served that expires within the hour, or before it is wanted, if there is better', async () => {
  const { peer, query, fetches, platform } = await served();
  const key = newKey();
  const a = peer('a.test', (name) => keyReply(name, [key], { validUntilTs: now + 10 * hour }));
  await query(a.name);
  await platform.advance(10_000);
  await query(a.name, `?minimum_valid_until_ts=${now + 10 * hour}`);
  expect(fetches(a.name)).toBe(1);
  a.reply = keyReply(a.name, [key], { validUntilTs: now + 20 * hour });
  const [reply] = await query(a.name, `?minimum_valid_until_ts=${now + 10 * hour + 1}`);
  expect(fetches(a.name)).toBe(2);
  expect(reply?.['valid_until_ts']).toBe(now + 20 * hour);

  const soon = peer('soon.test', (name) => keyReply(name, [key], { validUntilTs: platform.clock.now() + hour / 2 }));
  await query(soon.name);
  await platform.advance(6000);
  soon.reply = keyReply(soon.name, [key], { validUntilTs: now + 5 * hour });
  expect((await query(soon.name))[0]?.['valid_until_ts']).toBe(now + 5 * hour);
});

test('a server that is down is served from what is kept, however old; one that nobody knows is left out', async () => {
  const { peer, query, ask, platform } = await served();
  const a = peer('a.test', (name) => keyReply(name, [newKey()]));
  const unknown = peer('unknown.test');
  await query(a.name);
  a.reply = undefined;
  await platform.advance(100 * day);
  expect(await query(a.name)).toMatchObject([{ server_name: a.name, valid_until_ts: now + day }]);
  const { status, body } = await ask('GET', `query/${unknown.name}`);
  expect([status, body]).toEqual([200, { server_keys: [] }]);
});

test('a key that is in an older reply only is served from that', async () => {
  const { peer, ask, platform } = await served();
  const [old, key] = [newKey('ed25519:old'), newKey('ed25519:new')];
  const a = peer('a.test', (name) => keyReply(name, [old]));
  const query = async (...keyIds: string[]) => {
    const criteria = Object.fromEntries(keyIds.map((keyId) => [keyId, {}]));
    const { body } = await ask('POST', 'query', { server_keys: { [a.name]: criteria } });
    return listOf(body['server_keys']).map((reply) => Object.keys(reply['verify_keys'] as object));
  };
  expect(await query()).toEqual([['ed25519:old']]);
  await platform.advance(day);
  a.reply = keyReply(a.name, [key], { validUntilTs: now + 3 * day });
  expect(await query('ed25519:new')).toEqual([['ed25519:new']]);
  expect(await query('ed25519:old')).toEqual([['ed25519:old']]);
  expect(await query('ed25519:old', 'ed25519:new')).toEqual([['ed25519:old'], ['ed25519:new']]);
  expect(await query('ed25519:never')).toEqual([['ed25519:new']]);
});

test('many servers at once, ourselves among them; names that are none are left out', async () => {
  const { peer, ask } = await served();
  const [a, b] = ['a.test', 'b.test'].map((host) => peer(host, (name) => keyReply(name, [newKey()])));
  const asked = {
    [a?.name ?? '']: { 'ed25519:k1': { minimum_valid_until_ts: now } },
    [b?.name ?? '']: {},
    [us]: {},
    'no/name': {},
    'c.test': 7,
  };
  const { status, body } = await ask('POST', 'query', { server_keys: asked });
  expect(status).toBe(200);
  expect(listOf(body['server_keys']).map((reply) => reply['server_name'])).toEqual([a?.name, b?.name, us]);
});

test('a query asks no more than twenty servers for us, and serves no more than two hundred', async () => {
  const { peer, ask, net } = await served();
  const peers = Array.from({ length: 250 }, (_, i) => peer(`p${i}.test`, (name) => keyReply(name, [newKey()])));
  const asked = { server_keys: Object.fromEntries(peers.map(({ name }) => [name, {}])) };
  expect(listOf((await ask('POST', 'query', asked)).body['server_keys'])).toHaveLength(20);
  expect(net.requests).toHaveLength(20);
  for (let i = 0; i < 12; i++) await ask('POST', 'query', asked);
  expect(listOf((await ask('POST', 'query', asked)).body['server_keys'])).toHaveLength(200);
});

test.each<[method: string, path: string, body: JsonObject | string | undefined, status: number, errcode: string]>([
  ['GET', 'query/no%2Fname', undefined, 400, 'M_INVALID_PARAM'],
  ['GET', 'query/a.test?minimum_valid_until_ts=x', undefined, 400, 'M_INVALID_PARAM'],
  ['POST', 'query', {}, 400, 'M_MISSING_PARAM'],
  ['POST', 'query', { server_keys: [] }, 400, 'M_BAD_JSON'],
  ['POST', 'query', 'x', 400, 'M_NOT_JSON'],
  [
    'POST',
    'query',
    { server_keys: Object.fromEntries(Array.from({ length: 5001 }, (_, i) => [`p${i}`, {}])) },
    400,
    'M_BAD_JSON',
  ],
])('%s %s is refused', async (method, path, body, status, errcode) => {
  const { ask } = await served();
  expect(await ask(method, path, body)).toMatchObject({ status, body: { errcode } });
});
