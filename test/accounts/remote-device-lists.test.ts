import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { ServerName } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { crossSigningKeysOf, deviceKeysOf } from '../support/device-keys.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

const there = 'there.test' as ServerName;
const erin = '@erin:there.test';
const keys = (deviceId: string, seed = deviceId) => deviceKeysOf(erin, deviceId, seed);

let network: MemoryNetwork;
let other: MemoryServer;
let server: Server;
let dora: Client;
let roomId: string;
let since: string;
/** What there.test would answer, and what it was asked. */
let answers: {
  streamId: number;
  devices: string[];
  master?: JsonObject;
  before?: () => Promise<void> | void;
  isDown?: boolean;
};
let asked: string[];

/** dora is here, in an encrypted room of erin, whose server answers for her devices as the test says. */
beforeEach(async () => {
  network = memoryNetwork();
  const here = await network.server('here.test');
  other = await network.server(there);
  server = await clientServer({ on: here });
  dora = await server.signIn('dora', 'PHONE');
  const encryption = { type: 'm.room.encryption', sender: other.user('erin'), content: {}, stateKey: '' };
  roomId = await other.room(other.user('erin'), { more: [encryption] });
  await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${there}`, {});
  since = (await dora.sync()).next_batch;
  answers = { streamId: 5, devices: ['A'] };
  asked = [];
  network.meddle(async ({ request }, go) => {
    if (!request.endpoint.startsWith('user/')) return go();
    asked.push(request.endpoint);
    const { streamId, devices, master } = answers;
    await answers.before?.();
    if (answers.isDown) throw new Error('connection refused');
    const crossSigning = master && { master_key: master };
    const body =
      request.endpoint === 'user/devices'
        ? {
            ...{ user_id: erin, stream_id: streamId, ...crossSigning },
            devices: devices.map((id) => ({ device_id: id, keys: keys(id), device_display_name: `name of ${id}` })),
          }
        : {
            device_keys: { [erin]: Object.fromEntries(devices.map((id) => [id, keys(id)])) },
            ...(master && { master_keys: { [erin]: master } }),
          };
    return { status: 200, body: body as JsonObject, violations: [] };
  });
});

const query = async (ids: string[] = []) => dora.get('POST', '/keys/query', { device_keys: { [erin]: ids } });
const devices = async () => Object.keys((await query()).device_keys[erin] ?? {}).sort();
const update = (streamId: number, previous: number[], more: JsonObject) =>
  server.receiveEdu(there, {
    type: 'm.device_list_update',
    content: { user_id: erin, stream_id: streamId, prev_id: previous, device_id: 'B', ...more },
  });
const changed = async () => {
  const { device_lists, next_batch } = await dora.sync(since);
  since = next_batch;
  return device_lists ?? {};
};
/** Background work has had its turns. */
const idle = async () => {
  for (let turn = 0; turn < 30; turn++) await new Promise(setImmediate);
};
/** A list that is known with its stream ID. */
const known = async () => {
  await devices();
  update(5, [4], {}); // of which nothing is known: it is asked for
  await idle();
  asked.length = 0;
};

test('a list is asked for once, and then known as long as nothing changes', async () => {
  answers.master = crossSigningKeysOf(erin).master_key;
  const first = await query();
  expect(first.device_keys[erin].A).toEqual({ ...keys('A'), unsigned: {} });
  expect(first.master_keys[erin]).toEqual(answers.master);
  expect(await query()).toEqual(first);
  expect((await query(['X'])).device_keys[erin]).toEqual({});
  expect(asked).toEqual(['user/keys/query']);
});

test('of who shares no room nothing is kept', async () => {
  await dora.act(roomId, 'leave');
  expect(await devices()).toEqual(['A']);
  expect(await devices()).toEqual(['A']);
  expect(asked).toEqual(['user/keys/query', 'user/keys/query']);
});

test('updates that follow one another are applied, and clients told', async () => {
  await known();
  update(7, [5], { keys: keys('B'), device_display_name: 'new' });
  expect(await changed()).toMatchObject({ changed: [erin] });
  expect((await query()).device_keys[erin].B).toEqual({ ...keys('B'), unsigned: { device_display_name: 'new' } });
  update(9, [7], { device_id: 'A', deleted: true });
  expect(await devices()).toEqual(['B']);
  update(9, [7], { device_id: 'A', deleted: true }); // it comes twice
  update(10, [9], {}); // a device without keys is none
  expect(await devices()).toEqual([]);
  const { master_key, self_signing_key } = crossSigningKeysOf(erin);
  const content = { user_id: erin, master_key, self_signing_key };
  server.receiveEdu(there, { type: 'm.signing_key_update', content });
  const reply = await query();
  expect(reply.master_keys[erin]).toEqual(master_key);
  expect(reply.self_signing_keys[erin]).toEqual(self_signing_key);
  expect(asked).toEqual([]);
});

test.each<[what: string, streamId: number, previous: number[], more: JsonObject]>([
  ['after a gap', 9, [8], { keys: keys('B') }],
  ['that follows nothing', 9, [], { keys: keys('B') }],
  ['with keys of another device', 9, [5], { keys: keys('C') }],
  ['with another user’s keys', 9, [5], { keys: deviceKeysOf('@x:there.test', 'B') }],
  ['of no device', 9, [5], { device_id: 7 }],
])('an update %s: the whole list is asked for again', async (_what, streamId, previous, more) => {
  await known();
  answers = { streamId, devices: ['A', 'C'] };
  update(streamId, previous, more);
  expect(await changed()).toMatchObject({ changed: [erin] });
  await idle();
  expect(asked).toEqual(['user/devices']);
  expect(await devices()).toEqual(['A', 'C']);
  update(11, [streamId], { device_id: 'A', deleted: true }); // which goes on from there
  expect(await devices()).toEqual(['C']);
  expect(asked).toEqual(['user/devices']);
});

test('a server that is down is asked again and again; clients are told when it has answered', async () => {
  await known();
  answers.isDown = true;
  update(9, [8], {});
  expect(await changed()).toMatchObject({ changed: [erin] });
  await idle();
  const reply = await query();
  expect(Object.keys(reply.failures)).toEqual([there]); // what is here is old, and nobody gets it
  expect(reply.device_keys[erin]).toBeUndefined();
  expect(await changed()).toEqual({});
  answers = { streamId: 9, devices: ['A', 'D'] };
  await server.platform.advance(60_000);
  expect(await changed()).toMatchObject({ changed: [erin] });
  asked.length = 0;
  expect(await devices()).toEqual(['A', 'D']);
  expect(asked).toEqual([]);
});

test('what changes while a list is on its way is asked for again', async () => {
  let once = true;
  answers.before = () => {
    if (!once) return;
    once = false;
    update(6, [5], { keys: keys('B') });
    answers = { streamId: 6, devices: ['A', 'B'] };
  };
  expect(await devices()).toEqual(['A']); // clients are told that this has changed
  await idle();
  expect(asked).toEqual(['user/keys/query', 'user/devices']);
  expect(await devices()).toEqual(['A', 'B']);
});

describe('whoever shares no room any more', () => {
  test('is forgotten when they leave, and asked for anew when they come back', async () => {
    await known();
    await other.memberships.leave({ userId: other.user('erin'), roomId: roomId as never });
    await network.settle();
    expect(await changed()).toMatchObject({ left: [erin] });
    answers.devices = ['NEW'];
    expect(await devices()).toEqual(['NEW']);
    expect(asked).toEqual(['user/keys/query']);
  });

  test('is forgotten when we leave', async () => {
    await known();
    await dora.act(roomId, 'leave');
    expect(await changed()).toMatchObject({ left: [erin] });
    await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${there}`, {});
    answers.devices = ['NEW'];
    expect(await devices()).toEqual(['NEW']);
    expect(asked).toEqual(['user/keys/query']);
  });
});
