import { beforeAll, describe, expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { crossSigningKeysOf, deviceKeysOf } from '../support/device-keys.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { type MatrixClient, matrixClient, register, until } from '../support/matrix-client.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';
import { listen } from '../support/sync-client.ts';

/** Someone with one device. */
interface Person {
  readonly url: string;
  readonly serverName: string;
  readonly client: MatrixClient;
  readonly deviceId: string;
}

let synapse: Synapse;
let hearth: Hearth;
let names = 0;

const person = async ({ serverName, clientUrl: url }: Synapse | Hearth): Promise<Person> => {
  const client = await register(url, `user${++names}`);
  const { device_id: deviceId } = await client.request<{ device_id: string }>('GET', '/account/whoami');
  return { url, serverName, client, deviceId };
};

beforeAll(async () => {
  if (noSynapse) return;
  const ca = await createTestCa();
  [synapse, hearth] = await Promise.all([
    startSynapse(ca, {
      presence: { enabled: true },
      rc_presence: { per_user: { per_second: 1000, burst_count: 1000 } },
    }),
    startHearth(ca, { settings: ['--presence', 'on'] }),
  ]);
});

const part = encodeURIComponent;

/** Two people in an encrypted room, of which the first one has made it. */
async function together(one: Person, other: Person): Promise<string> {
  const roomId = await one.client.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
  });
  await other.client.join(roomId, one.serverName);
  await until(
    () => one.client.membership(roomId, other.client.userId),
    (is) => is === 'join',
    { what: 'the join arrives' },
  );
  return roomId;
}

const upload = ({ client, deviceId }: Person, more: object = {}, seed = deviceId) =>
  client.request('POST', '/keys/upload', {
    device_keys: deviceKeysOf(client.userId, deviceId, `${client.userId} ${seed}`),
    ...more,
  });

interface KeysReply {
  readonly device_keys: Record<string, Record<string, { keys: object; unsigned?: object; signatures: object }>>;
  readonly master_keys?: Record<string, { keys: object }>;
  readonly failures: Record<string, unknown>;
}

/** What someone is told of someone else's devices. */
async function devicesOf(other: Person, by: Person) {
  const asked = { device_keys: { [other.client.userId]: [] } };
  return by.client.request<KeysReply>('POST', '/keys/query', asked);
}

/** Asks until it is right: changes take their time to arrive. */
const devicesBecome = (other: Person, by: Person, expected: readonly string[], what: string) =>
  until(
    async () => Object.keys((await devicesOf(other, by)).device_keys[other.client.userId] ?? {}).sort(),
    (ids) => JSON.stringify(ids) === JSON.stringify([...expected].sort()),
    { what },
  );

async function signInAgain({ url, client, serverName }: Person): Promise<Person> {
  const [user = ''] = client.userId.slice(1).split(':');
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: `pass-${user}` };
  const reply = await client.request<{ access_token: string; device_id: string }>('POST', '/login', body);
  return {
    ...{ url, serverName, deviceId: reply.device_id },
    client: matrixClient(url, reply.access_token, client.userId),
  };
}

describe.each([
  ['Synapse tells Hearth', () => [synapse, hearth] as const],
  ['Hearth tells Synapse', () => [hearth, synapse] as const],
])('%s', (_way, servers) => {
  const two = async () => {
    const [from, to] = servers();
    const [teller, hearer] = [await person(from), await person(to)];
    return { teller, hearer, roomId: await together(teller, hearer) };
  };

  test('who is typing', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer, roomId } = await two();
    const ear = await listen(hearer.client);
    const type = (typing: boolean) =>
      teller.client.request('PUT', `/rooms/${part(roomId)}/typing/${part(teller.client.userId)}`, {
        typing,
        timeout: 30_000,
      });
    await type(true);
    await ear.until(() => ear.typing(roomId).includes(teller.client.userId), 'someone types');
    await type(false);
    await ear.until(() => ear.typing(roomId).length === 0, 'nobody types any more');
  });

  test('what has been read, by thread, and nothing of what was read in private', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer, roomId } = await two();
    const [first, second, third] = [
      await hearer.client.send(roomId, 'one'),
      await hearer.client.send(roomId, 'two'),
      await hearer.client.send(roomId, 'three'),
    ];
    await until(
      () => teller.client.bodies(roomId),
      (bodies) => bodies.includes('three'),
    );
    const ear = await listen(hearer.client);
    const read = (kind: string, eventId: string, body: object) =>
      teller.client.request('POST', `/rooms/${part(roomId)}/receipt/${kind}/${part(eventId)}`, body);
    await read('m.read', first, {});
    await read('m.read', second, { thread_id: 'main' });
    await read('m.read.private', third, {});
    const receipt = (eventId: string) =>
      ear.heard.receipts
        .map((content) => content[eventId] as { 'm.read'?: Record<string, { thread_id?: string }> } | undefined)
        .map((byType) => byType?.['m.read']?.[teller.client.userId])
        .find((data) => data !== undefined);
    await ear.until(() => receipt(first) !== undefined && receipt(second) !== undefined, 'receipts');
    expect(receipt(first)?.thread_id).toBeUndefined();
    expect(receipt(second)?.thread_id).toBe('main');
    await teller.client.send(roomId, 'the end');
    await until(
      () => hearer.client.bodies(roomId),
      (bodies) => bodies.includes('the end'),
    );
    expect(JSON.stringify(ear.heard.receipts)).not.toContain(third);
  });

  test('who is online, and doing what', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer } = await two();
    const ear = await listen(hearer.client);
    const told = () => ear.heard.presence.filter(({ sender }) => sender === teller.client.userId).at(-1)?.content;
    for (const presence of ['online', 'unavailable']) {
      await teller.client.request('PUT', `/presence/${part(teller.client.userId)}/status`, {
        ...{ presence, status_msg: `I am ${presence}` },
      });
      await ear.until(() => told()?.['status_msg'] === `I am ${presence}`, presence);
      expect(told()).toMatchObject({ presence });
    }
    const status = await hearer.client.request('GET', `/presence/${part(teller.client.userId)}/status`);
    expect(status).toMatchObject({ presence: 'unavailable', status_msg: 'I am unavailable' });
  });

  test('messages to a device, and to all devices, each once', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer } = await two();
    const ear = await listen(hearer.client);
    const send = (txnId: string, device: string, n: number) =>
      teller.client.request('PUT', `/sendToDevice/m.test/${txnId}`, {
        // Synapse takes `*` for all devices only where it stands alone.
        messages: { [hearer.client.userId]: { [device]: { n }, ...(device !== '*' && { UNKNOWN: { n: 0 } }) } },
      });
    for (let n = 1; n <= 5; n++) await send(`t${n}`, n % 2 ? hearer.deviceId : '*', n);
    await ear.until(() => ear.heard.toDevice.length >= 5, 'messages arrive');
    expect(ear.heard.toDevice).toEqual(
      [1, 2, 3, 4, 5].map((n) => ({ type: 'm.test', sender: teller.client.userId, content: { n } })),
    );
  });

  test('devices and their keys, names, cross-signing, and that they are gone', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer } = await two();
    const ear = await listen(hearer.client);
    const changed = async (what: string) => {
      await ear.until(() => ear.heard.changed.includes(teller.client.userId), what);
      ear.heard.changed.length = 0;
    };
    await upload(teller);
    await changed('the keys of a device');
    await devicesBecome(teller, hearer, [teller.deviceId], 'the device is there');

    const second = await signInAgain(teller);
    await upload(second);
    await changed('a second device');
    await devicesBecome(teller, hearer, [teller.deviceId, second.deviceId], 'two devices');

    await teller.client.request('PUT', `/devices/${second.deviceId}`, { display_name: 'Second' });
    await changed('another name');

    const { signBySelf, ...keys } = crossSigningKeysOf(teller.client.userId);
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: teller.client.userId },
      password: `pass-${teller.client.userId.slice(1).split(':')[0]}`,
    };
    await teller.client.request('POST', '/keys/device_signing/upload', { ...keys, auth });
    await changed('cross-signing keys');
    await until(
      async () => (await devicesOf(teller, hearer)).master_keys?.[teller.client.userId]?.keys,
      (master) => JSON.stringify(master) === JSON.stringify(keys.master_key.keys),
      { what: 'the master key' },
    );
    const device = signBySelf(
      deviceKeysOf(teller.client.userId, teller.deviceId, `${teller.client.userId} ${teller.deviceId}`),
    );
    await teller.client.request('POST', '/keys/signatures/upload', {
      [teller.client.userId]: { [teller.deviceId]: device },
    });
    await until(
      async () =>
        (await devicesOf(teller, hearer)).device_keys[teller.client.userId]?.[teller.deviceId]?.signatures ?? {},
      (signatures) => Object.keys(Object.values(signatures)[0] ?? {}).length === 2,
      { what: 'the signature of the self-signing key' },
    );

    await second.client.request('POST', '/logout', {});
    await changed('a device is gone');
    await devicesBecome(teller, hearer, [teller.deviceId], 'one device is left');
  });

  test('devices of who comes into a room', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const [from, to] = servers();
    const [teller, hearer] = [await person(from), await person(to)];
    await upload(teller);
    const ear = await listen(hearer.client);
    await together(hearer, teller);
    await ear.until(() => ear.heard.changed.includes(teller.client.userId), 'someone has come');
    await devicesBecome(teller, hearer, [teller.deviceId], 'with a device');
  });

  test('one-time keys, each once, then the fallback key', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const { teller, hearer } = await two();
    const key = (name: string) => ({ key: name, signatures: { [teller.client.userId]: {} } });
    await upload(teller, {
      one_time_keys: { 'signed_curve25519:A': key('a') },
      fallback_keys: { 'signed_curve25519:F': { ...key('f'), fallback: true } },
    });
    const claim = async () => {
      const wanted = { [teller.client.userId]: { [teller.deviceId]: 'signed_curve25519' } };
      const { one_time_keys } = await hearer.client.request<{ one_time_keys: Record<string, Record<string, object>> }>(
        'POST',
        '/keys/claim',
        { one_time_keys: wanted },
      );
      return Object.keys(one_time_keys[teller.client.userId]?.[teller.deviceId] ?? {});
    };
    expect(await claim()).toEqual(['signed_curve25519:A']);
    expect(await claim()).toEqual(['signed_curve25519:F']);
    expect(await claim()).toEqual(['signed_curve25519:F']);
  });
});
