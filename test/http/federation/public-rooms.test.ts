import { beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../../main/protocol/json.ts';
import { clientServer } from '../../support/client-server.ts';
import { type MemoryServer, memoryNetwork } from '../../support/memory-servers.ts';

const network = memoryNetwork();
const path = '/_matrix/federation/v1/publicRooms';
let a: MemoryServer;
let b: MemoryServer;
let zoo: string;
let space: string;
let client: Awaited<ReturnType<Awaited<ReturnType<typeof clientServer>>['signIn']>>;

beforeAll(async () => {
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  const ann = a.user('ann');
  const named = (type: string, content: JsonObject) => ({ type, sender: ann, stateKey: '', content });
  const room = async (more: ReturnType<typeof named>[]) => {
    const roomId = await a.room(ann, { more });
    a.roomList.publish(roomId);
    return roomId;
  };
  zoo = await room([named('m.room.name', { name: 'Zoo' }), named('m.room.topic', { topic: 'zebras' })]);
  await room([named('m.room.server_acl', { allow: ['*'], deny: ['b.test'] })]);
  const onA = await clientServer({ on: a });
  const host = await onA.signIn('ann');
  space = await host.createRoom({
    visibility: 'public',
    name: 'Space',
    room_version: '12',
    creation_content: { type: 'm.space' },
  });
  await host.createRoom({ visibility: 'public', name: 'Home only', creation_content: { 'm.federate': false } });
  client = await (await clientServer({ on: b })).signIn('bob');
});

const idsOf = (body: JsonObject) => (body['chunk'] as JsonObject[]).map((room) => room['room_id']).sort();

describe('served', () => {
  const get = (query = '') => a.ask(b.name, 'GET', `${path}${query}`);
  const post = (body: JsonObject) => a.ask(b.name, 'POST', path, body);

  test('to another server, without what it cannot enter', async () => {
    const { status, body } = await get();
    expect(status).toBe(200);
    expect(idsOf(body)).toEqual([zoo, space].sort());
    expect(body['total_room_count_estimate']).toBe(2);
  });

  test('page by page, forward and back', async () => {
    const { body: first } = await get('?limit=1');
    expect(first['prev_batch']).toBeUndefined();
    const { body: second } = await post({ limit: 1, since: first['next_batch'] ?? '' });
    expect(second['next_batch']).toBeUndefined();
    expect([...idsOf(first), ...idsOf(second)].sort()).toEqual([zoo, space].sort());
    expect((await get(`?limit=1&since=${second['prev_batch']}`)).body['chunk']).toEqual(first['chunk']);
    expect(await get('?since=elsewhere')).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } });
    expect(idsOf((await get('?limit=0')).body)).toHaveLength(2); // 0 is no limit
  });

  test('by what they are called, and what they are', async () => {
    expect(idsOf((await post({ filter: { generic_search_term: 'ZEBRA' } })).body)).toEqual([zoo]);
    expect(idsOf((await post({ filter: { room_types: ['m.space'] } })).body)).toEqual([space]);
    expect(idsOf((await post({ filter: { room_types: [null] } })).body)).toEqual([zoo]);
    expect(idsOf((await post({ filter: { room_types: [] } })).body)).toEqual([]);
  });

  test('networks: all of them are ours, and of another there is nothing', async () => {
    expect(idsOf((await get('?include_all_networks=true')).body)).toHaveLength(2);
    expect(idsOf((await get('?third_party_instance_id=irc-free')).body)).toEqual([]);
    const both = { include_all_networks: true, third_party_instance_id: 'irc-free' };
    expect(await post(both)).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } });
  });

  test('only where the setting says so', async () => {
    const shy = await network.server('shy.test', { publicDirectory: false });
    const refused = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
    expect(await shy.ask(b.name, 'GET', path)).toMatchObject(refused);
    expect(await shy.ask(b.name, 'POST', path, {})).toMatchObject(refused);
    expect(await client.ask('GET', '/publicRooms?server=shy.test')).toMatchObject(refused);
  });
});

describe('asked for', () => {
  test('by GET where all are wanted, by POST where some are', async () => {
    network.calm();
    const all = await client.get('GET', '/publicRooms?server=a.test&limit=1');
    expect(all.chunk).toHaveLength(1);
    const next = await client.get('GET', `/publicRooms?server=a.test&limit=1&since=${all.next_batch}`);
    expect([...all.chunk, ...next.chunk].map((room: JsonObject) => room['room_id']).sort()).toEqual(
      [zoo, space].sort(),
    );
    const found = await client.get('POST', '/publicRooms?server=a.test', { filter: { room_types: ['m.space'] } });
    expect(found.chunk).toMatchObject([{ room_id: space, name: 'Space' }]);
    expect(network.asked).toEqual(Array(3).fill('b.test a.test publicRooms'));
  });

  test('what is no room is left out, and what is no list is an error', async () => {
    const good = { room_id: zoo, num_joined_members: 1, world_readable: false, guest_can_join: false };
    const chunk = [good, { ...good, room_id: 'zoo' }, { ...good, num_joined_members: 'many' }, { ...good, name: 1 }, 7];
    network.meddle(async () => ({ status: 200, body: { chunk, next_batch: 1 }, violations: [] }));
    expect(await client.get('GET', '/publicRooms?server=a.test')).toEqual({ chunk: [good] });
    network.meddle(async () => ({ status: 200, body: { rooms: [] }, violations: [] }));
    expect(await client.ask('GET', '/publicRooms?server=a.test')).toMatchObject({ status: 502 });
    network.calm();
    expect(await client.ask('GET', '/publicRooms?server=gone.test')).toMatchObject({ status: 502 });
    const wrongToken = await client.ask('GET', '/publicRooms?server=a.test&since=nonsense');
    expect(wrongToken).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } });
  });
});
