import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RemoteError } from '../../main/network/remote-servers.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RoomAlias, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let ann: UserId;
let abe: UserId;
let bob: UserId;
let roomId: RoomId;
let alias: RoomAlias;
let number = 0;

beforeAll(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, abe, bob] = [a.user('ann'), a.user('abe'), b.user('bob')];
});
beforeEach(async () => {
  network.calm();
  roomId = await a.room(ann);
  alias = `#room${number++}:a.test` as RoomAlias;
});

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const unknown = { status: 404, errcode: 'M_NOT_FOUND' };
const thrown = (work: () => unknown) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

test('an alias is made by a member, and found here and from elsewhere', async () => {
  expect(a.directory.isTaken(alias)).toBe(false);
  a.directory.create(alias, roomId, ann);
  expect(a.directory.isTaken(alias)).toBe(true);
  expect(await a.directory.resolve(alias)).toEqual({ roomId, servers: ['a.test'] });
  expect(await b.directory.resolve(alias)).toEqual({ roomId, servers: ['a.test'] });
  await b.memberships.join({ userId: bob, room: alias, via: [] });
  expect((await b.directory.resolve(alias)).servers).toEqual(['a.test', 'b.test']);
  await network.settle();
  await a.memberships.leave({ userId: ann, roomId });
  expect(a.directory.resolveLocal(alias)).toEqual({ roomId, servers: ['b.test'] }); // those who are there now
});

test('making one: refusals', () => {
  const create = (name: string, room: string, user = ann) =>
    thrown(() => a.directory.create(name as RoomAlias, room as RoomId, user));
  expect(create(alias, roomId, abe)).toMatchObject(forbidden);
  expect(create(alias, '!no:a.test')).toMatchObject(forbidden);
  expect(create('#room:b.test', roomId)).toMatchObject({ status: 400, errcode: 'M_INVALID_PARAM' });
  expect(create(alias, roomId)).toBeUndefined();
  expect(create(alias, roomId)).toMatchObject({ status: 409, errcode: 'M_UNKNOWN' });
});

describe('resolving', () => {
  test('what is not there is 404, here and elsewhere', async () => {
    await expect(a.directory.resolve(alias)).rejects.toMatchObject(unknown);
    await expect(b.directory.resolve(alias)).rejects.toMatchObject(unknown);
  });

  test('a server that does not answer is 502', async () => {
    network.cut(a, b);
    await expect(b.directory.resolve(alias)).rejects.toMatchObject({ status: 502, errcode: 'M_UNKNOWN' });
  });

  test('ours are never asked for elsewhere', async () => {
    await expect(a.directory.resolve('#no:a.test' as RoomAlias)).rejects.toMatchObject(unknown);
    expect(network.asked).toEqual([]);
  });

  test("another's answer is bounded, and its own server is part of it", async () => {
    network.meddle(async () => ({
      status: 200,
      body: { room_id: roomId, servers: Array.from({ length: 5_000 }, (_, index) => `s${index}.test`) },
      violations: [],
    }));
    const { servers } = await b.directory.resolve(alias);
    expect(servers).toHaveLength(101);
    expect(servers).toContain('a.test');
  });

  test('nonsense is an error', async () => {
    network.meddle(async () => ({ status: 200, body: { room_id: 'x' }, violations: [] }));
    await expect(b.directory.resolve(alias)).rejects.toMatchObject({ status: 502 });
    network.meddle(async ({ to }) => {
      throw new RemoteError(to, 'no', { stage: 'reply', status: 500 });
    });
    await expect(b.directory.resolve(alias)).rejects.toMatchObject({ status: 502 });
  });
});

describe('deleting', () => {
  const other = '#other:a.test';
  const canonical = () => a.rooms.currentState(roomId).get('m.room.canonical_alias', '')?.content;

  test('by who made it; it goes out of the canonical alias, the rest stays', async () => {
    a.directory.create(alias, roomId, ann);
    await a.setState(roomId, ann, 'm.room.canonical_alias', { alias, alt_aliases: [other, alias], more: 1 });
    await a.directory.delete(alias, ann);
    expect(a.directory.isTaken(alias)).toBe(false);
    expect(canonical()).toEqual({ alt_aliases: [other], more: 1 });
  });

  test('without a new event where the room does not mention it', async () => {
    a.directory.create(alias, roomId, ann);
    await a.setState(roomId, ann, 'm.room.canonical_alias', { alias: other });
    const before = a.rooms.position();
    await a.directory.delete(alias, ann);
    expect(a.rooms.position()).toBe(before);
  });

  test('by who may set the canonical alias, and by nobody else', async () => {
    await a.memberships.join({ userId: abe, room: roomId, via: [] });
    a.directory.create(alias, roomId, ann);
    await expect(a.directory.delete(alias, abe)).rejects.toMatchObject(forbidden);
    await a.setState(roomId, ann, 'm.room.power_levels', { users: { [ann]: 100, [abe]: 50 } });
    await a.directory.delete(alias, abe);
    await expect(a.directory.delete(alias, ann)).rejects.toMatchObject(unknown);
  });

  test('by its maker who has no power in the room: the canonical alias stays', async () => {
    await a.memberships.join({ userId: abe, room: roomId, via: [] });
    a.directory.create(alias, roomId, abe);
    await a.setState(roomId, ann, 'm.room.canonical_alias', { alias });
    await a.directory.delete(alias, abe);
    expect(a.directory.isTaken(alias)).toBe(false);
    expect(canonical()).toEqual({ alias });
  });
});

test('the aliases of a room are for its members, and for all where it is world readable', async () => {
  a.directory.create(alias, roomId, ann);
  expect(a.directory.ofRoom(roomId, ann)).toEqual([alias]);
  expect(thrown(() => a.directory.ofRoom(roomId, abe))).toMatchObject(forbidden);
  expect(thrown(() => a.directory.ofRoom('!no:a.test' as RoomId, ann))).toMatchObject(forbidden);
  await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'world_readable' });
  expect(a.directory.ofRoom(roomId, abe)).toEqual([alias]);
});

test('aliases move with a room', async () => {
  a.directory.create(alias, roomId, ann);
  const replacement = await a.room(ann);
  a.directory.move(roomId, replacement);
  expect((await a.directory.resolve(alias)).roomId).toBe(replacement);
});

describe('what other servers ask', () => {
  const query = (text: string) => a.ask('b.test' as ServerName, 'GET', `/_matrix/federation/v1/query/${text}`);
  const profile = (field?: string, user = '@ann:a.test') =>
    query(`profile?user_id=${encodeURIComponent(user)}${field === undefined ? '' : `&field=${field}`}`);

  test('query/directory', async () => {
    a.directory.create(alias, roomId, ann);
    const ask = (name: string) => query(`directory?room_alias=${encodeURIComponent(name)}`);
    expect((await ask(alias)).body).toEqual({ room_id: roomId, servers: ['a.test'] });
    expect((await ask('#no:a.test')).body['errcode']).toBe('M_NOT_FOUND');
    expect((await ask('#no:b.test')).body['errcode']).toBe('M_NOT_FOUND');
    expect((await ask('room')).body['errcode']).toBe('M_INVALID_PARAM');
    expect((await query('directory')).status).toBe(400);
    expect(network.asked).toEqual([]); // nobody is asked on behalf of others
  });

  test.each<[what: string, field: string | undefined, user: string, status: number, body: JsonObject]>([
    ['all of it', undefined, '@ann:a.test', 200, { displayname: 'ann' }],
    ['one field', 'displayname', '@ann:a.test', 200, { displayname: 'ann' }],
    ['one that is not set', 'avatar_url', '@ann:a.test', 200, {}],
    ['one that nobody defined', 'x', '@ann:a.test', 404, { errcode: 'M_NOT_FOUND' }],
    ['one that every object has', 'constructor', '@ann:a.test', 404, { errcode: 'M_NOT_FOUND' }],
    ['nobody', undefined, '@no:a.test', 404, { errcode: 'M_NOT_FOUND' }],
    ["another server's user", undefined, '@bob:b.test', 400, { errcode: 'M_INVALID_PARAM' }],
    ['no user', undefined, 'ann', 400, { errcode: 'M_INVALID_PARAM' }],
  ])('query/profile: %s', async (_, field, user, status, body) => {
    const reply = await profile(field, user);
    expect(reply.status).toBe(status);
    if (status === 200) expect(reply.body).toEqual(body);
    else expect(reply.body).toMatchObject(body);
  });

  test('version', async () => {
    expect(await b.remote.version(a.name)).toEqual({ name: 'Hearth', version: '1' });
  });
});
