import { beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../../main/protocol/json.ts';
import type { ServerName } from '../../../shared/ids.ts';
import { clientServer } from '../../support/client-server.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;

const there = 'there.test' as ServerName;
const nobody = '@nobody:hearth.test';
let server: Server;
let alice: Awaited<ReturnType<Server['signIn']>>;

beforeEach(async () => {
  server = await clientServer();
  alice = await server.signIn('alice', 'PHONE');
});

const deviceKeys = (deviceId: string, userId = alice.userId) => ({
  ...{ user_id: userId, device_id: deviceId, algorithms: ['m.olm.v1.curve25519-aes-sha2'] },
  keys: { [`ed25519:${deviceId}`]: 'abc' },
  signatures: { [userId]: { [`ed25519:${deviceId}`]: 'def' } },
});
const upload = (keys: object) => alice.get('POST', '/keys/upload', keys);
const post = async (endpoint: string, body: JsonObject) =>
  (await server.federation(there, 'POST', `/_matrix/federation/v1/user/keys/${endpoint}`, body)).body;
const devices = (userId: string) =>
  server.federation(there, 'GET', `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`);
const master = { keys: { 'ed25519:MM': 'MM' }, usage: ['master'] };

test('devices of our users, with their names and public cross-signing keys', async () => {
  await upload({ device_keys: deviceKeys('PHONE') });
  await alice.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
  await alice.get('POST', '/keys/device_signing/upload', { master_key: { user_id: alice.userId, ...master } });
  await server.signIn('alice', 'TABLET'); // it has no keys
  expect((await devices(alice.userId)).body).toEqual({
    user_id: alice.userId,
    stream_id: 0, // there.test shares no room, and has been told nothing
    devices: [{ device_id: 'PHONE', keys: deviceKeys('PHONE'), device_display_name: 'Phone' }],
    master_key: { user_id: alice.userId, ...master },
  });
  expect(await devices(nobody)).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } });
  expect(await devices('@alice:there.test')).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } });
});

test('keys of our users, and of nobody else', async () => {
  await upload({ device_keys: deviceKeys('PHONE') });
  await alice.get('POST', '/keys/device_signing/upload', { master_key: { user_id: alice.userId, ...master } });
  const query = (ids: string[]) =>
    post('query', { device_keys: { [alice.userId]: ids, [nobody]: [], '@x:there.test': [], nonsense: [] } });
  const keys = { [alice.userId]: { PHONE: { ...deviceKeys('PHONE'), unsigned: {} } } };
  const master_keys = { [alice.userId]: { user_id: alice.userId, ...master } };
  expect(await query([])).toEqual({ device_keys: keys, master_keys, self_signing_keys: {} });
  expect((await query(['PHONE', 'UNKNOWN']))['device_keys']).toEqual(keys);
  expect((await query(['UNKNOWN']))['device_keys']).toEqual({ [alice.userId]: {} });
});

test('one-time keys once each, then the fallback key; the inspector is told of each claim', async () => {
  const key = (name: string) => ({ key: name, signatures: {} });
  await upload({ one_time_keys: { 'signed_curve25519:A': key('a'), 'signed_curve25519:B': key('b') } });
  await upload({ fallback_keys: { 'signed_curve25519:F': key('f') } });
  const claim = () =>
    post('claim', {
      one_time_keys: {
        [alice.userId]: { PHONE: 'signed_curve25519', GONE: 'signed_curve25519', BAD: 7 },
        [nobody]: {},
      },
    });
  const claimed = (name: string, value: string) => ({
    one_time_keys: { [alice.userId]: { PHONE: { [`signed_curve25519:${name}`]: key(value) } } },
  });
  expect(await claim()).toEqual(claimed('A', 'a'));
  expect(await claim()).toEqual(claimed('B', 'b'));
  expect(await claim()).toEqual(claimed('F', 'f'));
  expect(await claim()).toEqual(claimed('F', 'f'));
  const rest = ['GONE none', 'BAD none'];
  expect(server.claims).toEqual([
    ...['PHONE oneTime', ...rest, 'PHONE oneTime', ...rest, 'PHONE fallback', ...rest, 'PHONE fallback', ...rest],
  ]);
});

test('an OpenID token says who somebody is, for an hour, and opens nothing else', async () => {
  const { access_token: token, ...rest } = await alice.get('POST', `/user/${alice.userId}/openid/request_token`, {});
  expect(rest).toEqual({ token_type: 'Bearer', matrix_server_name: 'hearth.test', expires_in: 3600 });
  const userinfo = (given: string) =>
    server.federation(there, 'GET', `/_matrix/federation/v1/openid/userinfo?access_token=${given}`);
  expect((await userinfo(token)).body).toEqual({ sub: alice.userId });
  expect(await userinfo(alice.token)).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
  expect(await server.ask('GET', '/account/whoami', undefined, token)).toMatchObject({ status: 401 });
  expect(await alice.ask('POST', `/user/${nobody}/openid/request_token`, {})).toMatchObject({ status: 403 });
  await server.platform.advance(3_600_000);
  expect(await userinfo(token)).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
});
