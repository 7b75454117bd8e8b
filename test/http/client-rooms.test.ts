import { beforeAll, describe, expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

let server: Server;
let alice: Client;
let bob: Client;

beforeAll(async () => {
  server = await clientServer();
  alice = await server.signIn('alice');
  bob = await server.signIn('bob');
});

const part = encodeURIComponent;

describe('creating rooms', () => {
  test.each(['1', '6', '9', '10', '11', '12'])('a room of version %s is as it was wished', async (version) => {
    const roomId = await alice.createRoom({
      room_version: version,
      room_alias_name: `pub${version}`,
      name: 'The Pub',
      topic: 'Beer',
      preset: 'public_chat',
      visibility: 'public',
      creation_content: { 'm.federate': false },
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }],
    });
    const state = await alice.room(roomId, 'state');
    const content = Object.fromEntries(
      state.map((event: { type: string; content: object }) => [event.type, event.content]),
    );
    expect(content).toMatchObject({
      'm.room.create': { room_version: version, 'm.federate': false },
      'm.room.member': { membership: 'join' },
      'm.room.canonical_alias': { alias: `#pub${version}:hearth.test` },
      'm.room.join_rules': { join_rule: 'public' },
      'm.room.history_visibility': { history_visibility: 'joined' },
      'm.room.name': { name: 'The Pub' },
      'm.room.topic': { topic: 'Beer' },
    });
    const alias = await server.ask('GET', `/directory/room/${part(`#pub${version}:hearth.test`)}`);
    expect(alias.body).toEqual({ room_id: roomId, servers: ['hearth.test'] });
    expect((await alice.get('GET', `/directory/list/room/${part(roomId)}`)).visibility).toBe('public');
  });

  test('the default version is what the settings say, and what the capabilities tell', async () => {
    const roomId = await alice.createRoom();
    expect((await alice.room(roomId, 'state/m.room.create')).room_version).toBe('12');
    const { capabilities } = await alice.get('GET', '/capabilities');
    expect(capabilities['m.room_versions']).toMatchObject({ default: '12', available: { 1: 'stable', 12: 'stable' } });
  });

  test('invitees are told whether it is direct', async () => {
    const roomId = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId], is_direct: true });
    expect(await alice.room(roomId, `state/m.room.member/${part(bob.userId)}`)).toMatchObject({
      membership: 'invite',
      is_direct: true,
    });
    expect(await alice.room(roomId, 'state/m.room.create')).toMatchObject({ additional_creators: [bob.userId] });
  });

  test.each<[what: string, wishes: object, status: number, errcode: string]>([
    ['an unknown version', { room_version: '99' }, 400, 'M_UNSUPPORTED_ROOM_VERSION'],
    ['a preset that is none', { preset: 'secret_chat' }, 400, 'M_BAD_JSON'],
    ['an alias that is none', { room_alias_name: 'a:b' }, 400, 'M_INVALID_PARAM'],
    ['invitees that are no users', { invite: ['bob'] }, 400, 'M_BAD_JSON'],
    ['invitees by e-mail', { invite_3pid: [{ address: 'bob@example.org' }] }, 403, 'M_THREEPID_DENIED'],
    [
      'a level for a creator',
      { power_level_content_override: { users: { '@alice:hearth.test': 9 } } },
      400,
      'M_INVALID_ROOM_STATE',
    ],
    [
      'levels that leave the creator powerless',
      { room_version: '11', power_level_content_override: { users: {} }, name: 'x' },
      400,
      'M_INVALID_ROOM_STATE',
    ],
    ['floats', { initial_state: [{ type: 'a', content: { x: 0.5 } }] }, 400, 'M_BAD_JSON'],
    ['state without a content', { initial_state: [{ type: 'a' }] }, 400, 'M_MISSING_PARAM'],
  ])('%s is refused', async (_what, wishes, status, errcode) => {
    expect(await alice.ask('POST', '/createRoom', wishes)).toMatchObject({ status, body: { errcode } });
  });

  test('an alias is had once, also by two who want it at once', async () => {
    const wish = { room_alias_name: 'wanted' };
    const both = await Promise.all([alice.ask('POST', '/createRoom', wish), bob.ask('POST', '/createRoom', wish)]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(both.find(({ status }) => status === 400)?.body.errcode).toBe('M_ROOM_IN_USE');
  });
});

describe('members', () => {
  test('join, leave, forget', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    expect(await bob.get('POST', `/join/${part(roomId)}`)).toEqual({ room_id: roomId });
    expect((await bob.get('GET', '/joined_rooms')).joined_rooms).toContain(roomId);
    expect((await bob.room(roomId, 'joined_members')).joined).toEqual({ [alice.userId]: {}, [bob.userId]: {} });
    expect(await bob.ask('POST', `/rooms/${part(roomId)}/forget`, {})).toMatchObject({ status: 400 });
    await bob.act(roomId, 'leave');
    expect((await bob.room(roomId, 'state/m.room.create')).room_version).toBe('12'); // as it was
    await bob.act(roomId, 'forget');
    await bob.act(roomId, 'forget');
    expect(await bob.ask('GET', `/rooms/${part(roomId)}/state`)).toMatchObject({ status: 403 });
  });

  test('an alias leads in; invites, kicks and bans do as they say', async () => {
    const roomId = await alice.createRoom({ room_alias_name: 'door', preset: 'private_chat' });
    expect(await bob.ask('POST', `/join/${part('#door:hearth.test')}`, {})).toMatchObject({
      status: 403,
      body: { errcode: 'M_FORBIDDEN' },
    });
    await alice.act(roomId, 'invite', { user_id: bob.userId, reason: 'come' });
    await bob.get('POST', `/join/${part('#door:hearth.test')}?via=a.test&server_name=b.test`);
    const membership = async () => (await alice.room(roomId, `state/m.room.member/${part(bob.userId)}`)).membership;
    await alice.act(roomId, 'kick', { user_id: bob.userId });
    expect(await membership()).toBe('leave');
    await alice.act(roomId, 'ban', { user_id: bob.userId });
    expect(await membership()).toBe('ban');
    await alice.act(roomId, 'unban', { user_id: bob.userId });
    expect(await membership()).toBe('leave');
    expect(await bob.ask('POST', `/rooms/${part(roomId)}/kick`, { user_id: alice.userId })).toMatchObject({
      status: 403,
    });
    expect(await alice.ask('POST', `/rooms/${part(roomId)}/kick`, {})).toMatchObject({
      body: { errcode: 'M_MISSING_PARAM' },
    });
  });

  test('an invite by a state event is an invite, and one may join by one', async () => {
    const roomId = await alice.createRoom();
    const invited = await alice.setState(roomId, 'm.room.member', { membership: 'invite' }, bob.userId);
    expect(invited).toMatch(/^\$/);
    await bob.setState(roomId, 'm.room.member', { membership: 'join' }, bob.userId);
    const { chunk } = await alice.room(roomId, 'members');
    expect(chunk.map((event: { state_key: string }) => event.state_key).sort()).toEqual([alice.userId, bob.userId]);
    await alice.setState(roomId, 'm.room.member', { membership: 'ban' }, bob.userId);
    const banned = await alice.room(roomId, 'members?membership=ban');
    expect(banned.chunk).toHaveLength(1);
    expect((await alice.room(roomId, 'members?not_membership=ban')).chunk).toHaveLength(1);
  });

  test('who has nothing to do with a room is shown nothing of it', async () => {
    const roomId = await alice.createRoom();
    const eventId = await alice.send(roomId, 'secret');
    for (const path of ['state', 'state/m.room.create', 'members', 'joined_members', 'messages?dir=b']) {
      const reply = await bob.ask('GET', `/rooms/${part(roomId)}/${path}`);
      expect(reply, path).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } });
    }
    expect(await bob.ask('GET', `/rooms/${part(roomId)}/event/${part(eventId)}`)).toMatchObject({ status: 404 });
    expect(await bob.ask('GET', '/rooms/!nowhere:a.test/state')).toMatchObject({ status: 403 });
    expect(await bob.ask('PUT', `/rooms/${part(roomId)}/send/m.room.message/x`, {})).toMatchObject({ status: 403 });
  });
});

describe('sending', () => {
  test('a repetition gets the first reply; the scope is device and path', async () => {
    const roomId = await alice.createRoom();
    const first = await alice.send(roomId, 'once', 'same');
    expect(await alice.send(roomId, 'twice', 'same')).toBe(first);
    const both = await Promise.all([alice.send(roomId, 'a', 'at once'), alice.send(roomId, 'b', 'at once')]);
    expect(both[0]).toBe(both[1]);
    const tablet = await server.signIn('alice', 'TABLET');
    expect(await tablet.send(roomId, 'another device', 'same')).not.toBe(first);
    const other = await alice.get('PUT', `/rooms/${part(roomId)}/send/a.b/same`, {});
    expect(other.event_id).not.toBe(first);

    const asSeenBy = async (client: Client) => client.room(roomId, `event/${part(first)}`);
    expect((await asSeenBy(alice)).unsigned.transaction_id).toBe('same');
    expect((await asSeenBy(tablet)).unsigned).not.toHaveProperty('transaction_id');
  });

  test('the same state again is no event; with and without a key, and as an event', async () => {
    const roomId = await alice.createRoom();
    const first = await alice.setState(roomId, 'm.room.name', { name: 'A' });
    expect(await alice.get('PUT', `/rooms/${part(roomId)}/state/m.room.name`, { name: 'A' })).toEqual({
      event_id: first,
    });
    const second = await alice.setState(roomId, 'm.room.name', { name: 'B' });
    expect(second).not.toBe(first);
    expect(await alice.room(roomId, 'state/m.room.name')).toEqual({ name: 'B' });
    expect(await alice.room(roomId, 'state/m.room.name/')).toEqual({ name: 'B' });
    expect(await alice.room(roomId, 'state/m.room.name?format=event')).toMatchObject({
      event_id: second,
      state_key: '',
    });
    await alice.setState(roomId, 'a.b', { x: 1 }, 'key/with slash');
    expect(await alice.room(roomId, `state/a.b/${part('key/with slash')}`)).toEqual({ x: 1 });
    expect(await alice.ask('GET', `/rooms/${part(roomId)}/state/a.b/other`)).toMatchObject({ status: 404 });
  });

  test('a state event tells what it has replaced', async () => {
    const roomId = await alice.createRoom();
    const before = await alice.setState(roomId, 'm.room.name', { name: 'A' });
    const after = await alice.setState(roomId, 'm.room.name', { name: 'B' });
    expect((await alice.room(roomId, `event/${part(after)}`)).unsigned).toMatchObject({
      prev_content: { name: 'A' },
      replaces_state: before,
      membership: 'join',
      age: expect.any(Number),
    });
  });

  test.each(['10', '11'])('a redaction takes the content away (version %s)', async (version) => {
    const roomId = await alice.createRoom({ room_version: version });
    const eventId = await alice.send(roomId, 'oops');
    const path = `/rooms/${part(roomId)}/redact/${part(eventId)}/r1`;
    const { event_id: redaction } = await alice.get('PUT', path, { reason: 'typo' });
    expect((await alice.get('PUT', path, { reason: 'typo' })).event_id).toBe(redaction);
    const event = await alice.room(roomId, `event/${part(eventId)}`);
    expect(event.content).toEqual({});
    expect(event.unsigned.redacted_because).toMatchObject({
      event_id: redaction,
      redacts: eventId,
      content: { reason: 'typo', redacts: eventId },
    });
    const other = await alice.send(roomId, 'oops again');
    await alice.get('PUT', `/rooms/${part(roomId)}/send/m.room.redaction/r2`, { redacts: other });
    expect((await alice.room(roomId, `event/${part(other)}`)).content).toEqual({});
  });

  test.each<[what: string, body: unknown, status: number, errcode: string]>([
    ['a float', '{"x":1.5}', 400, 'M_BAD_JSON'],
    ['a number out of range', '{"x":9007199254740992}', 400, 'M_BAD_JSON'],
    ['a key twice', '{"x":1,"x":2}', 400, 'M_BAD_JSON'],
    ['an array', '[]', 400, 'M_BAD_JSON'],
    ['no JSON', '{', 400, 'M_NOT_JSON'],
    ['nothing', '', 400, 'M_NOT_JSON'],
    ['too much', { body: 'x'.repeat(66_000) }, 413, 'M_TOO_LARGE'],
  ])('%s cannot be an event', async (_what, body, status, errcode) => {
    const roomId = await alice.createRoom();
    const path = `/rooms/${part(roomId)}/send/m.room.message/t`;
    expect(await alice.ask('PUT', path, body)).toMatchObject({ status, body: { errcode } });
  });

  test('an alias that leads elsewhere cannot be the canonical one', async () => {
    const roomId = await alice.createRoom({ room_alias_name: 'mine' });
    await alice.createRoom({ room_alias_name: 'theirs' });
    const put = (content: object) => alice.ask('PUT', `/rooms/${part(roomId)}/state/m.room.canonical_alias`, content);
    expect(await put({ alias: '#theirs:hearth.test' })).toMatchObject({
      status: 400,
      body: { errcode: 'M_BAD_ALIAS' },
    });
    expect(await put({ alias: 'mine' })).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } });
    expect(await put({ alias: '#mine:hearth.test', alt_aliases: [] })).toMatchObject({ status: 200 });
  });
});

describe('the directory', () => {
  test('rooms are found that are published, by name, page by page', async () => {
    const names = ['Zebra crossing', 'Zebra finches', 'Zebra stripes'];
    for (const name of names) await alice.createRoom({ name, visibility: 'public' });
    await alice.createRoom({ name: 'Zebra secrets' });
    const page = (since?: string) =>
      alice.get('POST', '/publicRooms', { limit: 2, since, filter: { generic_search_term: 'zebra' } });
    const first = await page();
    expect(first).toMatchObject({ total_room_count_estimate: 3, next_batch: expect.any(String) });
    const second = await page(first.next_batch);
    const found = [...first.chunk, ...second.chunk].map(({ name }: { name: string }) => name);
    expect(found.sort()).toEqual(names);
    expect(second).not.toHaveProperty('next_batch');
    expect((await server.ask('GET', '/publicRooms?limit=1')).body.chunk).toHaveLength(1);
    expect(await alice.ask('GET', '/publicRooms?server=gone.test')).toMatchObject({ status: 502 });
  });

  test('only who may set the aliases publishes a room', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.get('POST', `/join/${part(roomId)}`, {});
    const path = `/directory/list/room/${part(roomId)}`;
    expect(await bob.ask('PUT', path, { visibility: 'public' })).toMatchObject({ status: 403 });
    await alice.get('PUT', path, { visibility: 'public' });
    expect((await bob.get('GET', path)).visibility).toBe('public');
    await alice.get('PUT', path, { visibility: 'private' });
    expect((await bob.get('GET', path)).visibility).toBe('private');
    expect(await bob.ask('GET', '/directory/list/room/!no:a.test')).toMatchObject({ status: 404 });
  });

  test('aliases are made, listed and removed', async () => {
    const roomId = await alice.createRoom();
    const path = `/directory/room/${part('#extra:hearth.test')}`;
    await alice.get('PUT', path, { room_id: roomId });
    expect(await alice.ask('PUT', path, { room_id: roomId })).toMatchObject({ status: 409 });
    expect((await alice.room(roomId, 'aliases')).aliases).toEqual(['#extra:hearth.test']);
    expect(await bob.ask('GET', `/rooms/${part(roomId)}/aliases`)).toMatchObject({ status: 403 });
    expect(await bob.ask('DELETE', path)).toMatchObject({ status: 403 });
    await alice.get('DELETE', path);
    expect(await server.ask('GET', path)).toMatchObject({ status: 404 });
    expect(await server.ask('GET', `/directory/room/nonsense`)).toMatchObject({ body: { errcode: 'M_INVALID_PARAM' } });
  });
});

test('who wants no invites is shown none, and nobody can invite them', async () => {
  const shy = await server.signIn('shy');
  const early = await alice.createRoom({ invite: [shy.userId] });
  const invites = async () => Object.keys((await shy.sync()).rooms?.invite ?? {});
  expect(await invites()).toEqual([early]);
  const config = `/user/${part(shy.userId)}/account_data/m.invite_permission_config`;
  await shy.get('PUT', config, { default_action: 'block' });
  expect(await invites()).toEqual([]);

  const blocked = { status: 403, body: { errcode: 'M_INVITE_BLOCKED' } };
  const room = `/rooms/${part(await alice.createRoom())}`;
  expect(await alice.ask('POST', `${room}/invite`, { user_id: shy.userId })).toMatchObject(blocked);
  const state = `${room}/state/m.room.member/${part(shy.userId)}`;
  expect(await alice.ask('PUT', state, { membership: 'invite' })).toMatchObject(blocked);
  expect(await alice.ask('POST', '/createRoom', { invite: [shy.userId] })).toMatchObject(blocked);
  expect((await alice.room(early, `state/m.room.member/${part(shy.userId)}`)).membership).toBe('invite');

  await shy.get('PUT', config, { default_action: 'whatever else' });
  expect(await invites()).toEqual([early]);
  await alice.get('POST', `${room}/invite`, { user_id: shy.userId });
});
