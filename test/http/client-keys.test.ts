import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { clientServer } from '../support/client-server.ts';
import { keyOf } from '../support/device-keys.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

let server: Server;
let alice: Client;
let bob: Client;

beforeEach(async () => {
  server = await clientServer();
  alice = await server.signIn('alice', 'PHONE');
  bob = await server.signIn('bob', 'LAPTOP');
});

const part = encodeURIComponent;

const deviceKeys = ({ userId, deviceId }: Client) => {
  const key = keyOf(`device ${deviceId}`, deviceId);
  const keys = { [`ed25519:${deviceId}`]: key.publicKey, [`curve25519:${deviceId}`]: 'c25519' };
  return key.signed(
    { user_id: userId, device_id: deviceId, algorithms: ['m.olm.v1.curve25519-aes-sha2'], keys },
    userId,
  );
};
const upload = (client: Client, keys: object) => client.get('POST', '/keys/upload', keys);
const oneTimeKeys = (...names: string[]) =>
  Object.fromEntries(names.map((name) => [`signed_curve25519:${name}`, { key: `key ${name}`, signatures: {} }]));
const claim = async (by: Client, of: Client) => {
  const wanted = { one_time_keys: { [of.userId]: { [of.deviceId]: 'signed_curve25519' } } };
  return Object.keys((await by.get('POST', '/keys/claim', wanted)).one_time_keys[of.userId][of.deviceId] ?? {});
};
const query = (by: Client, ...users: string[]) =>
  by.get('POST', '/keys/query', { device_keys: Object.fromEntries(users.map((user) => [user, []])) });

describe('device keys', () => {
  test('are had as they were uploaded, with the name of the device', async () => {
    await upload(alice, { device_keys: deviceKeys(alice) });
    await alice.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
    const { device_keys, failures } = await query(bob, alice.userId, '@nobody:hearth.test');
    expect(device_keys[alice.userId]).toEqual({
      PHONE: { ...deviceKeys(alice), unsigned: { device_display_name: 'Phone' } },
    });
    expect(device_keys['@nobody:hearth.test']).toEqual({});
    expect(failures).toEqual({});
  });

  test('of another device, or of another shape, are refused', async () => {
    const refused = async (keys: object) => (await alice.ask('POST', '/keys/upload', keys)).status;
    expect(await refused({ device_keys: deviceKeys(bob) })).toBe(400);
    expect(await refused({ device_keys: { ...deviceKeys(alice), algorithms: 'olm' } })).toBe(400);
    expect(await refused({ one_time_keys: { nonsense: 'x' } })).toBe(400);
    expect(await refused({ one_time_keys: { 'signed_curve25519:A': 7 } })).toBe(400);
    expect(await alice.ask('POST', '/keys/query', { device_keys: { alice: [] } })).toMatchObject({ status: 400 });
  });

  test('servers that do not answer are named', async () => {
    const { failures, device_keys } = await query(alice, '@a:gone.test', alice.userId);
    expect(Object.keys(failures)).toEqual(['gone.test']);
    expect(device_keys).toHaveProperty([alice.userId]);
  });
});

describe('one-time keys', () => {
  test('are given out once each, in the order of upload, then the fallback key', async () => {
    await upload(alice, { one_time_keys: oneTimeKeys('B') });
    const fallback_keys = { 'signed_curve25519:F': { key: 'fallback', fallback: true, signatures: {} } };
    const { one_time_key_counts } = await upload(alice, { one_time_keys: oneTimeKeys('A'), fallback_keys });
    expect(one_time_key_counts).toEqual({ signed_curve25519: 2 });
    expect(await alice.sync()).toMatchObject({
      device_one_time_keys_count: { signed_curve25519: 2 },
      device_unused_fallback_key_types: ['signed_curve25519'],
    });
    const claimed = await Promise.all([claim(bob, alice), claim(bob, alice)]);
    expect(claimed.flat()).toEqual(['signed_curve25519:B', 'signed_curve25519:A']);
    expect(await claim(bob, alice)).toEqual(['signed_curve25519:F']);
    expect(await claim(bob, alice)).toEqual(['signed_curve25519:F']);
    expect(await alice.sync()).toMatchObject({
      device_one_time_keys_count: { signed_curve25519: 0 },
      device_unused_fallback_key_types: [],
    });
    await upload(alice, { fallback_keys }); // the same one again is still a used one
    expect((await alice.sync()).device_unused_fallback_key_types).toEqual([]);
  });

  test('the same again is nothing new, another under the same name is refused', async () => {
    await upload(alice, { one_time_keys: oneTimeKeys('A') });
    expect((await upload(alice, { one_time_keys: oneTimeKeys('A') })).one_time_key_counts).toEqual({
      signed_curve25519: 1,
    });
    const other = { one_time_keys: { 'signed_curve25519:A': { key: 'other', signatures: {} } } };
    expect(await alice.ask('POST', '/keys/upload', other)).toMatchObject({ status: 400 });
  });

  test('of a device that is gone there are none', async () => {
    await upload(alice, { device_keys: deviceKeys(alice), one_time_keys: oneTimeKeys('A') });
    await alice.get('POST', '/logout');
    expect(await claim(bob, alice)).toEqual([]);
    expect((await query(bob, alice.userId)).device_keys[alice.userId]).toEqual({});
  });
});

describe('device lists', () => {
  /** An encrypted room with both in it. */
  const encryptedRoom = async () => {
    const initial_state = [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }];
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state });
    await bob.get('POST', `/join/${part(roomId)}`, {});
    return roomId;
  };

  test('whoever shares a room learns of new keys, and of those who come and go', async () => {
    const first = (await alice.sync()).next_batch;
    const roomId = await encryptedRoom();
    const joined = await alice.sync(first);
    expect(joined.device_lists).toEqual({ changed: [bob.userId], left: [] });
    await upload(bob, { device_keys: deviceKeys(bob) });
    const changed = await alice.sync(joined.next_batch);
    expect(changed.device_lists).toEqual({ changed: [bob.userId], left: [] });
    await upload(bob, { device_keys: deviceKeys(bob) }); // no news
    expect(await alice.sync(changed.next_batch)).not.toHaveProperty('device_lists');
    await bob.get('PUT', '/devices/LAPTOP', { display_name: 'Laptop' });
    const renamed = await alice.sync(changed.next_batch);
    expect(renamed.device_lists.changed).toEqual([bob.userId]);
    await bob.act(roomId, 'leave');
    expect((await alice.sync(renamed.next_batch)).device_lists).toEqual({ changed: [], left: [bob.userId] });
    const { changed: since, left } = await alice.get('GET', `/keys/changes?from=${first}&to=${renamed.next_batch}`);
    expect([...since, ...left]).toEqual([bob.userId]);
  });

  test('one learns of one’s own devices, wakes for it, and strangers do not', async () => {
    const since = (await alice.sync()).next_batch;
    const tablet = await server.signIn('alice', 'TABLET');
    const waiting = alice.sync(since, '&timeout=30000');
    await upload(tablet, { device_keys: deviceKeys(tablet) });
    expect((await waiting).device_lists).toEqual({ changed: [alice.userId], left: [] });
    expect((await bob.sync()).device_lists).toBeUndefined();
  });
});

describe('to-device messages', () => {
  const send = (txnId: string, messages: object, type = 'm.test') =>
    bob.get('PUT', `/sendToDevice/${type}/${txnId}`, { messages });

  test('stay until the device comes back with the next token', async () => {
    const since = (await alice.sync()).next_batch;
    await send('1', { [alice.userId]: { PHONE: { n: 1 } } });
    await send('1', { [alice.userId]: { PHONE: { n: 1 } } }); // the same one
    const first = await alice.sync(since);
    expect(first.to_device.events).toEqual([{ sender: bob.userId, type: 'm.test', content: { n: 1 } }]);
    expect((await alice.sync(since)).to_device).toEqual(first.to_device);
    expect(await alice.sync(first.next_batch)).not.toHaveProperty('to_device');
    expect(await alice.sync(since)).not.toHaveProperty('to_device'); // it has had them
  });

  test('go to one device or to all of them, and to others by way of their server', async () => {
    const tablet = await server.signIn('alice', 'TABLET');
    await send('2', { [alice.userId]: { '*': { n: 1 } }, '@carol:other.test': { X: { n: 2 } } });
    await send('3', { [alice.userId]: { TABLET: { n: 3 }, UNKNOWN: { n: 4 } } });
    const told = async (client: Client) =>
      (await client.sync()).to_device.events.map(({ content }: { content: { n: number } }) => content.n);
    expect(await told(alice)).toEqual([1]);
    expect(await told(tablet)).toEqual([1, 3]);
    expect(server.edus).toEqual([
      {
        to: 'other.test',
        edu: {
          edu_type: 'm.direct_to_device',
          content: {
            sender: bob.userId,
            type: 'm.test',
            message_id: expect.any(String),
            messages: { '@carol:other.test': { X: { n: 2 } } },
          },
        },
      },
    ]);
  });

  test('come a hundred at a time', async () => {
    const since = (await alice.sync()).next_batch;
    for (let n = 0; n < 120; n++) await send(`many${n}`, { [alice.userId]: { PHONE: { n } } });
    const first = await alice.sync(since);
    const second = await alice.sync(first.next_batch, '&timeout=30000');
    expect(first.to_device.events).toHaveLength(100);
    expect(second.to_device.events).toHaveLength(20);
    expect(second.to_device.events.at(-1).content).toEqual({ n: 119 });
  });

  test('of another server count once', async () => {
    const messages = new Map([[alice.userId as never, new Map([['PHONE', { n: 1 }]])]]);
    for (let i = 0; i < 2; i++) server.toDevice.receive('@carol:other.test' as never, 'id', 'm.test', messages);
    expect((await alice.sync()).to_device.events).toHaveLength(1);
  });
});

describe('cross-signing', () => {
  const keys = (seed: string, { userId }: Client) => {
    const [master, self, user] = ['master', 'self', 'user'].map((name) => keyOf(`${seed} ${name}`));
    if (master === undefined || self === undefined || user === undefined) throw new Error('three keys');
    const unsigned = ({ publicKey, keyId }: typeof master, usage: string): JsonObject => ({
      user_id: userId,
      usage: [usage],
      keys: { [keyId]: publicKey },
    });
    const upload = {
      master_key: unsigned(master, 'master'),
      self_signing_key: master.signed(unsigned(self, 'self_signing'), userId),
      user_signing_key: master.signed(unsigned(user, 'user_signing'), userId),
    };
    return { master, self, user, upload };
  };
  const put = (client: Client, body: object) => client.ask('POST', '/keys/device_signing/upload', body);
  const password = (name: string) => ({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: name },
    password: `pass-${name}`,
  });

  test('the first keys are taken as they are, others only with the password', async () => {
    const first = keys('first', alice).upload;
    expect(await put(alice, first)).toMatchObject({ status: 200 });
    expect(await put(alice, first)).toMatchObject({ status: 200 }); // the reply may have been lost
    const second = keys('second', alice).upload;
    const challenge = await put(alice, second);
    expect(challenge).toMatchObject({ status: 401, body: { flows: [{ stages: ['m.login.password'] }] } });
    const { session } = challenge.body;
    expect(await put(alice, { ...second, auth: { ...password('alice'), session } })).toMatchObject({ status: 200 });
    const { master_keys, self_signing_keys, user_signing_keys } = await query(alice, alice.userId);
    expect(master_keys[alice.userId]).toEqual(second.master_key);
    expect(self_signing_keys[alice.userId]).toEqual(second.self_signing_key);
    expect(user_signing_keys[alice.userId]).toEqual(second.user_signing_key);
    expect((await query(bob, alice.userId)).user_signing_keys).toEqual({});
  });

  test('keys that are not signed as they must be are refused', async () => {
    const { upload: good } = keys('good', alice);
    const { upload: other } = keys('other', alice);
    const refused = async (body: object) => (await put(alice, body)).body.errcode;
    expect(await refused({ self_signing_key: good.self_signing_key })).toBe('M_MISSING_PARAM');
    expect(await refused({ ...good, self_signing_key: other.self_signing_key })).toBe('M_INVALID_SIGNATURE');
    expect(await refused({ ...good, master_key: { ...good.master_key, usage: ['self_signing'] } })).toBe(
      'M_INVALID_PARAM',
    );
    expect(await refused(keys('bob', bob).upload)).toBe('M_INVALID_PARAM');
  });

  test('signatures are added, each seen by whom it concerns', async () => {
    const [hers, his] = [keys('hers', alice), keys('his', bob)];
    await put(alice, hers.upload);
    await put(bob, his.upload);
    await upload(alice, { device_keys: deviceKeys(alice) });
    const sign = (client: Client, body: object) => client.get('POST', '/keys/signatures/upload', body);

    const ownDevice = hers.self.signed(deviceKeys(alice), alice.userId);
    const hisMaster = hers.user.signed(his.upload.master_key, alice.userId);
    const done = await sign(alice, {
      [alice.userId]: { PHONE: ownDevice },
      [bob.userId]: { [his.master.publicKey]: hisMaster },
    });
    expect(done).toEqual({ failures: {} });
    const seenBy = async (client: Client) => query(client, alice.userId, bob.userId);
    expect((await seenBy(bob)).device_keys[alice.userId].PHONE.signatures[alice.userId]).toHaveProperty([
      hers.self.keyId,
    ]);
    expect((await seenBy(alice)).master_keys[bob.userId].signatures[alice.userId]).toHaveProperty([hers.user.keyId]);
    expect((await seenBy(bob)).master_keys[bob.userId].signatures ?? {}).not.toHaveProperty([alice.userId]);

    const forged = keyOf('forged', hers.self.publicKey).signed(deviceKeys(alice), alice.userId);
    const { failures } = await sign(alice, {
      [alice.userId]: { PHONE: forged, NONE: ownDevice },
      [bob.userId]: { [his.master.publicKey]: { ...hisMaster, usage: ['changed'] } },
    });
    expect(failures).toMatchObject({
      [alice.userId]: { PHONE: { errcode: 'M_INVALID_SIGNATURE' }, NONE: { errcode: 'M_NOT_FOUND' } },
      [bob.userId]: { [his.master.publicKey]: { errcode: 'M_INVALID_PARAM' } },
    });
  });

  test('a device signs the master key', async () => {
    await upload(alice, { device_keys: deviceKeys(alice) });
    const { upload: given, master } = keys('hers', alice);
    await put(alice, given);
    const signed = keyOf('device PHONE', 'PHONE').signed(given.master_key, alice.userId);
    const { failures } = await alice.get('POST', '/keys/signatures/upload', {
      [alice.userId]: { [master.publicKey]: signed },
    });
    expect(failures).toEqual({});
    expect((await query(bob, alice.userId)).master_keys[alice.userId].signatures[alice.userId]).toHaveProperty([
      'ed25519:PHONE',
    ]);
  });
});
