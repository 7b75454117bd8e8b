import { beforeEach, describe, expect, test } from 'vitest';
import { type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import type { RoomState } from '../../main/rooms/rooms.ts';
import { upgradedPowerLevels } from '../../main/rooms/upgraded-power-levels.ts';
import type { RoomId, UserId } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

type Client = Awaited<ReturnType<Awaited<ReturnType<typeof clientServer>>['signIn']>>;

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let ann: Client;
let bob: Client;
let onA: Awaited<ReturnType<typeof clientServer>>;

beforeEach(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  onA = await clientServer({ on: a });
  ann = await onA.signIn('ann');
  bob = await (await clientServer({ on: b })).signIn('bob');
});

const part = encodeURIComponent;
const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
const upgrade = async (client: Client, roomId: string, version: string, more: object = {}): Promise<RoomId> =>
  (await client.act(roomId, 'upgrade', { new_version: version, ...more })).replacement_room;
const content = (server: MemoryServer, roomId: string, type: string, key = '') =>
  server.rooms.currentState(roomId as RoomId).get(type, key)?.content as JsonObject;

test('the old room ends in a tombstone, the new one has what it had', async () => {
  const old = await ann.createRoom({
    room_version: '10',
    preset: 'public_chat',
    name: 'Kitchen',
    topic: 'Food',
    creation_content: { 'm.federate': true, 'org.example': 'not ours to copy' },
    initial_state: [
      { type: 'm.room.server_acl', content: { allow: ['*'], deny: ['evil.test'] } },
      { type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
      { type: 'org.example.widget', content: { by: 'ann' } },
    ],
    power_level_content_override: { users: { [ann.userId]: 100, [bob.userId]: 60 }, ban: 70 },
  });
  await ann.act(old, 'ban', { user_id: '@evil:c.test', reason: 'spam' });
  const before = a.rooms.currentState(old as RoomId);
  const next = await upgrade(ann, old, '12');

  expect(content(a, old, 'm.room.tombstone')).toMatchObject({ replacement_room: next });
  expect(a.rooms.info(next)?.rules.version).toBe('12');
  expect(content(a, next, 'm.room.create')).toEqual({ room_version: '12', predecessor: { room_id: old } });
  for (const type of [
    'server_acl',
    'encryption',
    'name',
    'topic',
    'guest_access',
    'history_visibility',
    'join_rules',
  ]) {
    expect(content(a, next, `m.room.${type}`), type).toEqual(before.get(`m.room.${type}`, '')?.content);
  }
  expect(content(a, next, 'org.example.widget')).toBeUndefined();
  expect(content(a, next, 'm.room.member', '@evil:c.test')).toEqual({ membership: 'ban', reason: 'spam' });
  expect(a.members(next)).toEqual([ann.userId]);
  const levels = content(a, next, 'm.room.power_levels');
  expect(levels['users']).toEqual({ [bob.userId]: 60 }); // a creator has no level
  expect(levels).toMatchObject({ ban: 70, events: { 'm.room.tombstone': 100, 'm.room.name': 50 } });
  expect(content(a, old, 'm.room.power_levels')).toMatchObject({ events_default: 50, invite: 50 });
  await expect(upgrade(ann, next, '12')).resolves.toMatch(/^!/); // and on
});

describe('creators', () => {
  test('besides the user are those of the request, and nobody else', async () => {
    const old = await ann.createRoom({
      room_version: '12',
      creation_content: { additional_creators: [bob.userId], type: 'm.space' },
    });
    const plain = await upgrade(ann, old, '12');
    expect(content(a, plain, 'm.room.create')['additional_creators']).toBeUndefined();
    expect(content(a, plain, 'm.room.create')['type']).toBe('m.space');
    await ann.setState(plain, 'm.room.power_levels', { users: { [bob.userId]: 50, '@cat:c.test': 50 } });
    const next = await upgrade(ann, plain, '12', { additional_creators: [bob.userId, ann.userId] });
    expect(content(a, next, 'm.room.create')['additional_creators']).toEqual([bob.userId]);
    expect(content(a, next, 'm.room.power_levels')['users']).toEqual({ '@cat:c.test': 50 });
    expect(content(a, next, 'm.room.power_levels')['events']).toMatchObject({ 'm.room.tombstone': 150 });
  });

  test('are named in the levels of versions that have no other way to say so', async () => {
    const old = await ann.createRoom({ room_version: '12', creation_content: { additional_creators: [bob.userId] } });
    const next = await upgrade(ann, old, '11', { additional_creators: ['@cat:c.test'] });
    expect(content(a, next, 'm.room.create')).toMatchObject({ predecessor: { room_id: old, event_id: /^\$/ } });
    expect(content(a, next, 'm.room.create')['additional_creators']).toBeUndefined();
    expect(content(a, next, 'm.room.power_levels')['users']).toEqual({ [ann.userId]: 100, [bob.userId]: 100 });
  });
});

test('levels of old become integers, and what is none is left out', () => {
  const [rules, next] = [rulesOf('9'), rulesOf('10')] as [RoomVersionRules, RoomVersionRules];
  const users = { '@a:a.test': '100', '@b:a.test': new RawNumber('50.5'), '@c:a.test': 'much', '@d:a.test': 10 };
  const event = { rules, content: { users, ban: ' 60 ', kick: null, invite: {}, events: [] } };
  const old = { get: (type: string) => (type === 'm.room.power_levels' ? event : undefined) } as unknown as RoomState;
  expect(upgradedPowerLevels(old, next, [])).toEqual({
    users: { '@a:a.test': 100, '@b:a.test': 50, '@d:a.test': 10 },
    events: {},
    notifications: {},
    ban: 60,
  });
});

test('join rules that a version does not know become invites', async () => {
  const old = await ann.createRoom({ room_version: '9', initial_state: [] });
  await ann.setState(old, 'm.room.join_rules', { join_rule: 'restricted', allow: [] });
  expect(content(a, await upgrade(ann, old, '10'), 'm.room.join_rules')).toMatchObject({ join_rule: 'restricted' });
  const again = await ann.createRoom({ room_version: '9' });
  await ann.setState(again, 'm.room.join_rules', { join_rule: 'restricted', allow: [] });
  expect(content(a, await upgrade(ann, again, '6'), 'm.room.join_rules')).toEqual({ join_rule: 'invite' });
});

test('aliases and the place in the directory go with it', async () => {
  const old = await ann.createRoom({ room_version: '11', visibility: 'public', room_alias_name: 'kitchen' });
  await ann.get('PUT', `/directory/room/${part('#food:a.test')}`, { room_id: old });
  await ann.setState(old, 'm.room.canonical_alias', { alias: '#kitchen:a.test', alt_aliases: ['#food:a.test'] });
  const next = await upgrade(ann, old, '12');
  for (const alias of ['#kitchen:a.test', '#food:a.test']) {
    expect(await b.directory.resolve(alias as never)).toMatchObject({ roomId: next });
  }
  expect(content(a, next, 'm.room.canonical_alias')).toEqual({
    alias: '#kitchen:a.test',
    alt_aliases: ['#food:a.test'],
  });
  expect(content(a, old, 'm.room.canonical_alias')).toEqual({});
  expect(a.roomList.isPublished(next)).toBe(true);
  expect(a.roomList.isPublished(old as RoomId)).toBe(false);
});

test('who follows comes in by the tombstone, and what they have set holds there', async () => {
  const old = await ann.createRoom({ room_version: '10', preset: 'public_chat', room_alias_name: 'kitchen' });
  await bob.get('POST', `/join/${part('#kitchen:a.test')}`, {});
  const mute = { actions: [], conditions: [{ kind: 'event_match', key: 'room_id', pattern: old }] };
  await bob.get('PUT', `/pushrules/global/override/${part(old)}`, mute);
  await bob.get('PUT', `/pushrules/global/room/${part(old)}`, { actions: ['notify'] });
  await bob.get('PUT', `/pushrules/global/room/${part(old)}/enabled`, { enabled: false });
  const tags = `/user/${part(bob.userId)}/rooms/`;
  await bob.get('PUT', `${tags}${part(old)}/tags/m.favourite`, { order: 0.5 });
  await bob.get('PUT', `/user/${part(bob.userId)}/account_data/m.direct`, { [ann.userId]: [old] });
  await network.settle();
  const next = await upgrade(ann, old, '12');
  await network.settle();
  expect(content(b, old, 'm.room.tombstone')).toMatchObject({ replacement_room: next });
  expect(await bob.ask('PUT', `/rooms/${part(old)}/send/m.room.message/1`, { body: 'x' })).toMatchObject(forbidden);

  await bob.act(next, 'join'); // no server is named: a version 12 ID has none either
  expect(b.members(next)).toEqual([ann.userId, bob.userId]);
  const rules = (await bob.get('GET', '/pushrules/')).global;
  const own = (kind: string) => rules[kind].find((rule: { rule_id: string }) => rule.rule_id === next);
  expect(own('override')).toMatchObject({ conditions: [{ pattern: next }], actions: [], enabled: true });
  expect(own('room')).toMatchObject({ actions: ['notify'], enabled: false });
  expect(await bob.get('GET', `${tags}${part(next)}/tags`)).toEqual({ tags: { 'm.favourite': { order: 0.5 } } });
  expect(await bob.get('GET', `/user/${part(bob.userId)}/account_data/m.direct`)).toEqual({
    [ann.userId]: [old, next],
  });
});

test('a room that only says that it replaces another gets nothing of what was set for that', async () => {
  const old = await ann.createRoom({ preset: 'public_chat' });
  await ann.get('PUT', `/user/${part(ann.userId)}/rooms/${part(old)}/tags/m.favourite`, {});
  const liar = await b.room(bob.userId as UserId, { creation: { predecessor: { room_id: old, event_id: '$x' } } });
  await ann.get('POST', `/join/${part(liar)}?via=b.test`, {});
  expect(await ann.get('GET', `/user/${part(ann.userId)}/rooms/${part(liar)}/tags`)).toEqual({ tags: {} });
});

test('refusals', async () => {
  const old = await ann.createRoom({ room_version: '10', preset: 'public_chat' });
  const eve = await onA.signIn('eve');
  const ask = (client: Client, body: object) => client.ask('POST', `/rooms/${part(old)}/upgrade`, body);
  expect(await ask(ann, { new_version: '99' })).toMatchObject({
    status: 400,
    body: { errcode: 'M_UNSUPPORTED_ROOM_VERSION' },
  });
  expect(await ask(ann, {})).toMatchObject({ status: 400 });
  expect(await ask(eve, { new_version: '12' })).toMatchObject(forbidden);
  await eve.act(old, 'join');
  expect(await ask(eve, { new_version: '12' })).toMatchObject(forbidden);
  expect(content(a, old, 'm.room.tombstone')).toBeUndefined();
  expect(await ann.ask('POST', `/rooms/${part('!no:a.test')}/upgrade`, { new_version: '12' })).toMatchObject(forbidden);
});
