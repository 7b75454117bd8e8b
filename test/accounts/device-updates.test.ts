import { beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { clientServer } from '../support/client-server.ts';
import { crossSigningKeysOf, deviceKeysOf } from '../support/device-keys.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

let network: MemoryNetwork;
let others: readonly [MemoryServer, MemoryServer];
let server: Server;
let dora: Client;

beforeEach(async () => {
  network = memoryNetwork();
  const here = await network.server('here.test');
  others = [await network.server('one.test'), await network.server('two.test')];
  server = await clientServer({ on: here });
  dora = await server.signIn('dora', 'PHONE');
});

const upload = (client: Client, seed = client.deviceId) =>
  client.get('POST', '/keys/upload', { device_keys: deviceKeysOf(client.userId, client.deviceId, seed) });
/** A new room of someone on another server, with dora in it. */
const meet = async (other: MemoryServer) => {
  const roomId = await other.room(other.user('erin'));
  await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${other.name}`, {});
  return roomId;
};
const join = async (other: MemoryServer, roomId: string) => {
  await other.memberships.join({ userId: other.user('erin'), room: roomId as never, via: [server.serverName] });
};
interface Sent {
  readonly to: string;
  readonly type: string;
  readonly device: string;
  readonly id: number;
  readonly previous: readonly number[];
  readonly content: JsonObject;
}
/** What has been sent about devices since the last time. */
const sent = (): readonly Sent[] =>
  server.edus.splice(0).map(({ to, edu }) => {
    const content = edu['content'] as JsonObject;
    const { device_id, stream_id, prev_id } = content;
    const [device, id, previous] = [device_id as string, stream_id as number, prev_id as number[]];
    return { to, type: String(edu['edu_type']), device, id, previous, content };
  });

test('devices are told to the servers in the rooms of their user, each update after the one before', async () => {
  await upload(dora);
  expect(sent()).toEqual([]); // nobody has to know
  await meet(others[0]);
  const [first, ...none] = sent();
  expect(none).toEqual([]);
  expect(first).toMatchObject({ to: 'one.test', type: 'm.device_list_update', device: 'PHONE', previous: [] });
  expect(first?.content['keys']).toEqual(deviceKeysOf(dora.userId, 'PHONE'));

  await dora.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
  const [named] = sent();
  expect(named).toMatchObject({ device: 'PHONE', previous: [first?.id], content: { device_display_name: 'Phone' } });
  expect(server.keyDirectory.devicesFor(others[0].name, dora.userId as never)['stream_id']).toBe(named?.id);

  const tablet = await server.signIn('dora', 'TABLET');
  await upload(tablet);
  const [added] = sent();
  expect(added).toMatchObject({ device: 'TABLET', previous: [named?.id] });
  await tablet.get('POST', '/logout');
  expect(sent()).toMatchObject([{ device: 'TABLET', previous: [added?.id], content: { deleted: true } }]);
});

test('servers that are met later hear of all devices, and then of the same updates as the others', async () => {
  await upload(dora);
  await upload(await server.signIn('dora', 'TABLET'));
  await meet(others[0]);
  sent();
  const roomId = await meet(others[1]);
  const met = sent();
  expect(met.map(({ to, device }) => `${to} ${device}`)).toEqual(['two.test PHONE', 'two.test TABLET']);
  expect(met[1]?.previous).toEqual([met[0]?.id]);
  await join(others[0], roomId); // which knows dora
  expect(sent()).toEqual([]);

  await dora.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
  const updates = sent();
  expect(updates.map(({ to }) => to).sort()).toEqual(['one.test', 'two.test']);
  expect(new Set(updates.map(({ id }) => id)).size).toBe(1);
  expect(updates.find(({ to }) => to === 'two.test')?.previous).toEqual([met[1]?.id]);
});

test('a server that comes into a room of ours hears of our devices', async () => {
  await upload(dora);
  const roomId = await dora.createRoom({ preset: 'public_chat' });
  await join(others[0], roomId);
  expect(sent()).toMatchObject([{ to: 'one.test', device: 'PHONE', previous: [] }]);
});

test('who shares no room any more hears nothing, and all of it when they come back', async () => {
  await upload(dora);
  const roomId = await meet(others[0]);
  sent();
  await dora.act(roomId, 'leave');
  await dora.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
  expect(sent()).toEqual([]);
  await meet(others[0]);
  expect(sent()).toMatchObject([{ to: 'one.test', previous: [], content: { device_display_name: 'Phone' } }]);
});

test('cross-signing keys, and what they sign', async () => {
  await upload(dora);
  await meet(others[0]);
  sent();
  const { signBySelf, ...keys } = crossSigningKeysOf(dora.userId);
  await dora.get('POST', '/keys/device_signing/upload', keys);
  expect(sent()).toMatchObject([{ type: 'm.signing_key_update', content: { user_id: dora.userId, ...keys } }]);
  const signed = signBySelf(deviceKeysOf(dora.userId, 'PHONE'));
  await dora.get('POST', '/keys/signatures/upload', { [dora.userId]: { PHONE: signed } });
  expect(sent()).toMatchObject([{ type: 'm.device_list_update', device: 'PHONE', content: { keys: signed } }]);
  await meet(others[1]);
  expect(sent().map(({ to, type }) => `${to} ${type}`)).toEqual([
    'two.test m.device_list_update',
    'two.test m.signing_key_update',
  ]);
});
