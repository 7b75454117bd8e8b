import { beforeEach, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventDraft } from '../../main/rooms/rooms.ts';
import type { RoomId, UserId } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let ann: UserId;
let bob: UserId;

beforeEach(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, bob] = [a.user('ann'), b.user('bob')];
});

const open = { join_rule: 'public' };
const closed = { join_rule: 'invite' };

async function make(
  server: MemoryServer,
  name: string,
  { isSpace = false, joinRule = open as JsonObject, version = '11', more = [] as EventDraft[] } = {},
): Promise<RoomId> {
  const creator = server.user('ann');
  const named: EventDraft = { type: 'm.room.name', sender: creator, stateKey: '', content: { name } };
  const creation = isSpace ? { type: 'm.space' } : {};
  return server.room(creator, { version, joinRule, creation, more: [named, ...more] });
}
const space = (server: MemoryServer, name: string, options = {}) => make(server, name, { isSpace: true, ...options });

const put = (server: MemoryServer, parent: RoomId, child: RoomId, content: JsonObject = { via: [server.name] }) =>
  server.setState(parent, server.user('ann'), 'm.space.child', content, child);

const asked = { suggestedOnly: false, maxDepth: undefined, limit: 50, from: undefined };
const names = (body: JsonObject) => (body['rooms'] as JsonObject[]).map((room) => room['name']);
const tree = async (server: MemoryServer, userId: UserId, roomId: RoomId, options = {}) =>
  server.spaces.hierarchy({ ...asked, userId, roomId, ...options });

const forbidden = { status: 403, errcode: 'M_FORBIDDEN' };
const invalid = { status: 400, errcode: 'M_INVALID_PARAM' };

describe('a tree of our own rooms', () => {
  test('is walked depth first, in the order of the spaces', async () => {
    const [root, inner] = [await space(a, 'root'), await space(a, 'inner')];
    const leaves = await Promise.all(['one', 'two', 'three', 'four', 'cut'].map((name) => make(a, name)));
    const [one, two, three, four, cut] = leaves as [RoomId, RoomId, RoomId, RoomId, RoomId];
    await put(a, root, one, { via: ['a.test'] });
    await put(a, root, two, { via: ['a.test'], order: 'b' });
    await put(a, root, inner, { via: ['a.test'], order: 'a' });
    await put(a, root, three, { via: ['a.test'], order: 'ü' }); // no valid order: by age, after those who have one
    await put(a, root, cut, {}); // taken out
    await put(a, inner, four);
    await put(a, inner, root); // a loop
    await put(a, inner, two); // in two spaces
    const body = await tree(a, ann, root);
    expect(names(body)).toEqual(['root', 'inner', 'four', 'two', 'one', 'three']);
    expect(body['next_batch']).toBeUndefined();
    const [first, , third] = body['rooms'] as JsonObject[];
    expect(first).toMatchObject({ room_type: 'm.space', room_version: '11', join_rule: 'public' });
    expect(first?.['children_state']).toMatchObject([
      {
        type: 'm.space.child',
        state_key: inner,
        sender: ann,
        content: { order: 'a' },
        origin_server_ts: expect.any(Number),
      },
      { state_key: two },
      { state_key: one },
      { state_key: three },
    ]);
    expect(third?.['children_state']).toEqual([]);
    expect(names(await tree(a, ann, root, { maxDepth: 1 }))).toEqual(['root', 'inner', 'two', 'one', 'three']);
    expect(names(await tree(a, ann, root, { maxDepth: 0 }))).toEqual(['root']);
  });

  test('comes in pages, whose tokens are for one walk of one user', async () => {
    const root = await space(a, 'root');
    for (const name of ['1', '2', '3', '4']) await put(a, root, await make(a, name));
    const first = await tree(a, ann, root, { limit: 2 });
    const from = first['next_batch'];
    const second = await tree(a, ann, root, { limit: 2, from });
    expect([names(first), names(second)]).toEqual([
      ['root', '1'],
      ['2', '3'],
    ]);
    expect(await tree(a, ann, root, { limit: 2, from })).toMatchObject({ rooms: second['rooms'] as JsonObject[] });
    expect(names(await tree(a, ann, root, { from: second['next_batch'] }))).toEqual(['4']);
    for (const change of [{ suggestedOnly: true }, { maxDepth: 1 }, { userId: a.user('eve') }, { from: 'x' }]) {
      await expect(tree(a, ann, root, { from, ...change })).rejects.toMatchObject(invalid);
    }
  });

  test('shows only what is suggested, if only that is wanted', async () => {
    const root = await space(a, 'root');
    await put(a, root, await make(a, 'yes'), { via: ['a.test'], suggested: true });
    await put(a, root, await make(a, 'no'));
    const body = await tree(a, ann, root, { suggestedOnly: true });
    expect(names(body)).toEqual(['root', 'yes']);
    expect((body['rooms'] as JsonObject[])[0]?.['children_state']).toHaveLength(1);
  });

  test('has in it what this user could enter or look into', async () => {
    const root = await space(a, 'root');
    const visible: EventDraft = {
      ...{ type: 'm.room.history_visibility', sender: ann, stateKey: '' },
      content: { history_visibility: 'world_readable' },
    };
    const restricted = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: root }] };
    const rooms: [string, { joinRule?: JsonObject; version?: string; more?: EventDraft[] }][] = [
      ['closed', { joinRule: closed }],
      ['readable', { joinRule: closed, more: [visible] }],
      ['knocked', { joinRule: { join_rule: 'knock' } }],
      ['too old to knock', { joinRule: { join_rule: 'knock' }, version: '6' }],
      ['restricted', { joinRule: restricted }],
      ['elsewhere', { joinRule: { ...restricted, allow: [] } }],
      ['both', { joinRule: { ...restricted, join_rule: 'knock_restricted' } }],
    ];
    for (const [name, options] of rooms) await put(a, root, await make(a, name, options));
    const invited = await make(a, 'invited', { joinRule: closed });
    const banned = await make(a, 'banned');
    for (const roomId of [invited, banned]) await put(a, root, roomId);
    const eve = a.user('eve');
    await a.memberships.invite({ userId: ann, roomId: invited, target: eve });
    await a.memberships.ban({ userId: ann, roomId: banned, target: eve });

    expect(names(await tree(a, eve, root))).toEqual(['root', 'readable', 'knocked', 'both', 'invited']);
    await a.memberships.join({ userId: eve, room: root, via: [] });
    const inside = await tree(a, eve, root);
    expect(names(inside)).toEqual(['root', 'readable', 'knocked', 'restricted', 'both', 'invited']);
    const cards = inside['rooms'] as JsonObject[];
    expect(cards.find((card) => card['name'] === 'restricted')).toMatchObject({ allowed_room_ids: [root] });
    expect(names(await tree(a, ann, root))).toContain('closed');
    await expect(tree(a, eve, await space(a, 'secret', { joinRule: closed }))).rejects.toMatchObject(forbidden);
    await expect(tree(a, eve, '!nowhere:a.test' as RoomId)).rejects.toMatchObject(forbidden);
  });
});

describe('rooms of other servers', () => {
  test('are told of by those servers, once, and what is closed is not asked for', async () => {
    const [root, inner] = [await space(a, 'root'), await space(a, 'inner')];
    const secret = await make(a, 'secret', { joinRule: closed });
    await put(a, root, await make(a, 'one'));
    await put(a, root, inner);
    await put(a, root, secret);
    await put(a, inner, await make(a, 'two'));
    const mine = await space(b, 'mine');
    await put(b, mine, root, { via: ['gone.test', 'a.test'] });
    const ben = b.user('ann');
    network.calm();
    expect(names(await tree(b, ben, mine))).toEqual(['mine', 'root', 'one', 'inner', 'two']);
    const requests = ['b.test gone.test hierarchy', 'b.test a.test hierarchy', 'b.test a.test hierarchy'];
    expect(network.asked).toEqual(requests); // the rooms that are no spaces come with those that hold them
    await tree(b, ben, mine);
    expect(network.asked).toEqual(requests);
    await b.platform.advance(6 * 60_000);
    await put(a, root, secret, {});
    await tree(b, ben, mine);
    expect(network.asked).toHaveLength(6);
  });

  test('of version 12 are found by `via`, and by who told of the space', async () => {
    const root = await space(a, 'root', { version: '12' });
    const inner = await space(a, 'inner', { version: '12' });
    await put(a, root, inner, { via: ['gone.test'] });
    await put(a, inner, await make(a, 'leaf', { version: '12' }));
    const mine = await space(b, 'mine');
    await put(b, mine, root, { via: ['a.test'] });
    expect(names(await tree(b, b.user('ann'), mine))).toEqual(['mine', 'root', 'inner', 'leaf']);
    await expect(tree(b, b.user('ann'), inner)).resolves.toMatchObject({}); // it is remembered
    await expect(tree(b, b.user('ann'), await space(a, 'x', { version: '12' }))).rejects.toMatchObject(forbidden);
  });

  test('are shown to whoever may enter', async () => {
    const club = await make(b, 'club');
    const allow = [{ type: 'm.room_membership', room_id: club }];
    const root = await space(a, 'root');
    await a.memberships.join({ userId: ann, room: club, via: [b.name] });
    await put(a, root, await make(a, 'members only', { joinRule: { join_rule: 'restricted', allow } }));
    expect(names(await tree(b, bob, root))).toEqual(['root']);
    await b.memberships.join({ userId: bob, room: club, via: [] });
    expect(names(await tree(b, bob, root))).toEqual(['root', 'members only']);
    await a.memberships.invite({ userId: ann, roomId: await make(a, 'x', { joinRule: closed }), target: bob });
  });

  test('what they say is not believed blindly', async () => {
    const root = await space(a, 'root');
    const card = { num_joined_members: 1, world_readable: false, guest_can_join: false, room_type: 'm.space' };
    const answer = (room: JsonObject) => network.meddle(async () => ({ status: 200, body: { room }, violations: [] }));
    answer({ ...card, room_id: '!another:a.test' });
    await expect(tree(b, bob, root)).rejects.toMatchObject(forbidden);
    await b.platform.advance(60_000);
    const event = { type: 'm.space.child', state_key: '!x:a.test', sender: ann, origin_server_ts: 1 };
    const bad = [{ ...event, content: {} }, { ...event, content: { via: [] } }, { ...event, state_key: 'x' }, 7];
    answer({ ...card, room_id: root, name: 'root', evil: true, children_state: bad });
    expect(await tree(b, bob, root)).toEqual({ rooms: [{ ...card, room_id: root, name: 'root', children_state: [] }] });
  });
});

describe('what other servers are told', () => {
  const ask = (roomId: RoomId, query = '') =>
    a.ask(b.name, 'GET', `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}${query}`);

  test('the space, its rooms, and those that are not for them', async () => {
    const root = await space(a, 'root');
    const [one, two] = [await make(a, 'one'), await make(a, 'two', { joinRule: closed })];
    const three = await make(a, 'three', { joinRule: closed });
    const home = await make(a, 'home', { joinRule: open });
    await a.setState(home, ann, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] });
    await put(a, root, one, { via: ['a.test'], suggested: true });
    for (const roomId of [two, three, home, '!unknown:a.test' as RoomId]) await put(a, root, roomId);
    await a.memberships.invite({ userId: ann, roomId: three, target: bob });
    const { status, body } = await ask(root);
    expect(status).toBe(200);
    expect(body['room']).toMatchObject({ room_id: root, name: 'root', num_joined_members: 1, room_type: 'm.space' });
    expect((body['room'] as JsonObject)['children_state']).toHaveLength(5);
    expect((body['children'] as JsonObject[]).map((room) => room['name'])).toEqual(['one', 'three']);
    expect(body['inaccessible_children']).toEqual([two, home]);
    const { body: suggested } = await ask(root, '?suggested_only=true');
    expect((suggested['room'] as JsonObject)['children_state']).toHaveLength(1);
    expect(suggested).toMatchObject({ children: [{ name: 'one' }], inaccessible_children: [] });
  });

  test('nothing of what they could not enter, or is not here', async () => {
    const unknown = { status: 404, body: { errcode: 'M_NOT_FOUND' } };
    expect(await ask(await space(a, 'secret', { joinRule: closed }))).toMatchObject(unknown);
    expect(await ask('!nowhere:a.test' as RoomId)).toMatchObject(unknown);
  });
});

test('clients ask for trees and single rooms, by ID and alias, here and elsewhere', async () => {
  const client = await (await clientServer({ on: b })).signIn('bob');
  const part = encodeURIComponent;
  const root = await space(a, 'root');
  await put(a, root, await make(a, 'one'));
  a.directory.create('#root:a.test' as never, root, ann);
  const first = await client.get(
    'GET',
    `/_matrix/client/v1/rooms/${part(root)}/hierarchy?limit=1&suggested_only=false`,
  );
  expect(names(first)).toEqual(['root']);
  const more = `/_matrix/client/v1/rooms/${part(root)}/hierarchy?from=${first.next_batch}`;
  expect(names(await client.get('GET', more))).toEqual(['one']);
  expect(await client.ask('GET', `${more}&max_depth=1`)).toMatchObject({ status: 400 });
  const card = await client.get('GET', `/_matrix/client/v1/room_summary/${part('#root:a.test')}`);
  expect(card).toMatchObject({ room_id: root, name: 'root', room_version: '11' });
  expect(card.membership).toBeUndefined();
  await client.get('POST', `/join/${part('#root:a.test')}`, {});
  const joined = await client.get('GET', `/_matrix/client/v1/room_summary/${part(root)}`);
  expect(joined).toMatchObject({ membership: 'join', num_joined_members: 2 });
  const secret = await make(a, 'secret', { joinRule: closed });
  expect(await client.ask('GET', `/_matrix/client/v1/room_summary/${part(secret)}?via=a.test`)).toMatchObject({
    status: 404,
    body: { errcode: 'M_NOT_FOUND' },
  });
});
