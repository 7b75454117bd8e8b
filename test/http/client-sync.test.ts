import { beforeAll, describe, expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';
import { memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;
type Event = { type: string; state_key?: string; sender: string; content: Record<string, unknown>; event_id: string };

let server: Server;
let alice: Client;
let bob: Client;

beforeAll(async () => {
  server = await clientServer();
  alice = await server.signIn('alice');
  bob = await server.signIn('bob');
});

const part = encodeURIComponent;
const types = ({ events }: { events: Event[] }) => events.map(({ type }) => type);
const bodies = ({ events }: { events: Event[] }) => events.map(({ content }) => content['body']);
const filter = (given: object) => `&filter=${part(JSON.stringify(given))}`;
const publicRoom = { preset: 'public_chat' };

/** A room with both in it, and where Alice has been told up to. */
async function together(wishes: object = publicRoom) {
  const roomId = await alice.createRoom(wishes);
  await bob.get('POST', `/join/${part(roomId)}`, {});
  return { roomId, since: (await alice.sync()).next_batch };
}

describe('the first sync', () => {
  test('tells each room with its state at the start of the timeline', async () => {
    const roomId = await alice.createRoom({ ...publicRoom, name: 'First' });
    for (let i = 1; i <= 12; i++) await alice.send(roomId, `m${i}`);
    await alice.setState(roomId, 'm.room.name', { name: 'Second' });
    const { rooms, next_batch, account_data } = await alice.sync();
    const room = rooms.join[roomId];
    expect(next_batch).toEqual(expect.any(String));
    expect(room.timeline).toMatchObject({ limited: true, prev_batch: expect.any(String) });
    expect(room.timeline.events).toHaveLength(10);
    expect(types(room.timeline).at(-1)).toBe('m.room.name');
    const name = room.state.events.find(({ type }: Event) => type === 'm.room.name');
    expect(name.content).toEqual({ name: 'First' });
    expect(types(room.state).sort()).toEqual([
      'm.room.create',
      'm.room.guest_access',
      'm.room.history_visibility',
      'm.room.join_rules',
      'm.room.member',
      'm.room.name',
      'm.room.power_levels',
    ]);
    expect(room.summary).toEqual({ 'm.joined_member_count': 1, 'm.invited_member_count': 0 });
    expect(room.timeline.events[0]).not.toHaveProperty('room_id');
    expect(account_data.events.map(({ type }: Event) => type)).toContain('m.push_rules');
  });

  test('a room that fits into its timeline has no state besides, and no earlier events', async () => {
    const roomId = await alice.createRoom();
    const { timeline, state } = (await alice.sync()).rooms.join[roomId];
    expect(types(timeline)[0]).toBe('m.room.create');
    expect(timeline.limited).toBe(false);
    expect(timeline).not.toHaveProperty('prev_batch');
    expect(state.events).toEqual([]);
  });

  test('with use_state_after the state is that at the end, by either name', async () => {
    const roomId = await alice.createRoom({ name: 'First' });
    await alice.setState(roomId, 'm.room.name', { name: 'Second' });
    for (const [query, part] of [
      ['use_state_after', 'state_after'],
      ['org.matrix.msc4222.use_state_after', 'org.matrix.msc4222.state_after'],
    ] as const) {
      const room = (await alice.sync(undefined, `&${query}=true`)).rooms.join[roomId];
      expect(room).not.toHaveProperty('state');
      const names = room[part].events.filter(({ type }: Event) => type === 'm.room.name');
      expect(names.map(({ content }: Event) => content)).toEqual([{ name: 'Second' }]);
      expect(types(room[part])).toContain('m.room.create');
    }
  });

  test('rooms without a name have heroes', async () => {
    const { roomId } = await together();
    const { summary } = (await alice.sync()).rooms.join[roomId];
    expect(summary).toEqual({ 'm.heroes': [bob.userId], 'm.joined_member_count': 2, 'm.invited_member_count': 0 });
  });
});

describe('what comes after', () => {
  test('is only what has changed, and nothing when nothing has', async () => {
    const { roomId, since } = await together();
    await alice.createRoom();
    const second = (await alice.sync(since)).next_batch;
    await bob.send(roomId, 'hello');
    const { rooms, next_batch } = await alice.sync(second);
    expect(Object.keys(rooms.join)).toEqual([roomId]);
    expect(bodies(rooms.join[roomId].timeline)).toEqual(['hello']);
    expect(rooms.join[roomId].timeline.limited).toBe(false);
    expect(rooms.join[roomId].state.events).toEqual([]);
    expect(rooms.join[roomId]).not.toHaveProperty('summary');
    const again = await alice.sync(next_batch);
    expect(again).toEqual({
      next_batch,
      device_one_time_keys_count: { signed_curve25519: 0 },
      device_unused_fallback_key_types: [],
    });
  });

  test('a gap is told with the state that changed in it, and can be filled', async () => {
    const { roomId, since } = await together({ ...publicRoom, name: 'Old' });
    for (let i = 1; i <= 4; i++) await bob.send(roomId, `m${i}`);
    await alice.setState(roomId, 'm.room.name', { name: 'New' });
    await alice.setState(roomId, 'm.room.topic', { topic: 'In the gap' });
    for (let i = 5; i <= 7; i++) await bob.send(roomId, `m${i}`);
    await alice.setState(roomId, 'm.room.topic', { topic: 'In the timeline' });
    const { rooms } = await alice.sync(since, filter({ room: { timeline: { limit: 3 } } }));
    const { timeline, state } = rooms.join[roomId];
    expect(timeline.limited).toBe(true);
    expect(timeline.events).toHaveLength(3);
    const told = state.events.map(({ type, content }: Event) => [type, content['name'] ?? content['topic']]);
    expect(told.sort()).toEqual([
      ['m.room.name', 'New'],
      ['m.room.topic', 'In the gap'],
    ]);
    const { chunk } = await alice.room(roomId, `messages?dir=b&from=${timeline.prev_batch}&to=${since}&limit=50`);
    expect(chunk.map(({ content }: Event) => content['body'] ?? content['name'] ?? content['topic'])).toEqual([
      ...['m5', 'In the gap', 'New', 'm4', 'm3', 'm2', 'm1'],
    ]);
  });

  test('whoever waits is told at once, and else when the time is up', async () => {
    const { roomId, since } = await together();
    const waiting = alice.sync(since, '&timeout=30000');
    await bob.send(roomId, 'wake up');
    expect(bodies((await waiting).rooms.join[roomId].timeline)).toEqual(['wake up']);

    const { next_batch } = await waiting;
    const inVain = alice.sync(next_batch, '&timeout=30000');
    await new Promise((resolve) => setTimeout(resolve, 100)); // it is waiting by now
    await server.platform.advance(30_000);
    expect(await inVain).not.toHaveProperty('rooms');
  });

  test('who is thrown out while waiting is told at once', async () => {
    const { roomId } = await together();
    const waiting = bob.sync((await bob.sync()).next_batch, '&timeout=30000');
    await alice.act(roomId, 'kick', { user_id: bob.userId });
    expect((await waiting).rooms.leave).toHaveProperty([roomId]);
  });

  test('events of rooms that do not concern one wake nobody', async () => {
    const { since } = await together();
    const elsewhere = await bob.createRoom();
    const waiting = alice.sync(since, '&timeout=30000');
    await new Promise((resolve) => setTimeout(resolve, 100));
    await bob.send(elsewhere, 'not for Alice');
    await server.platform.advance(30_000);
    expect(await waiting).not.toHaveProperty('rooms');
  });

  test('full_state tells all state once more, and does not wait', async () => {
    const { roomId, since } = await together();
    await bob.send(roomId, 'hello');
    const room = (await alice.sync(since, '&full_state=true&timeout=30000')).rooms.join[roomId];
    expect(bodies(room.timeline)).toEqual(['hello']);
    expect(types(room.state)).toContain('m.room.create');
  });

  test('a token that is none of ours is refused', async () => {
    expect(await alice.ask('GET', '/sync?since=s72594_4483_1934')).toMatchObject({
      status: 400,
      body: { errcode: 'M_INVALID_PARAM' },
    });
  });
});

describe('coming and going', () => {
  test('a room that one has just joined comes whole', async () => {
    const roomId = await alice.createRoom({ ...publicRoom, name: 'Pub' });
    await alice.send(roomId, 'before Bob');
    const since = (await bob.sync()).next_batch;
    await bob.get('POST', `/join/${part(roomId)}`, {});
    const { timeline, state, summary } = (await bob.sync(since)).rooms.join[roomId];
    expect([...types(state), ...types(timeline)]).toContain('m.room.create');
    expect(bodies(timeline)).toContain('before Bob'); // shared history
    expect(summary['m.joined_member_count']).toBe(2);
  });

  test('leaving is told once, with nothing that came after', async () => {
    const { roomId } = await together();
    const since = (await bob.sync()).next_batch;
    await alice.send(roomId, 'last words');
    await bob.act(roomId, 'leave');
    await alice.send(roomId, 'behind his back');
    const { rooms, next_batch } = await bob.sync(since);
    expect(rooms.join).toBeUndefined();
    const { timeline } = rooms.leave[roomId];
    expect(bodies(timeline)).toEqual(['last words', undefined]);
    expect(timeline.events.at(-1)).toMatchObject({ type: 'm.room.member', content: { membership: 'leave' } });
    await alice.send(roomId, 'more');
    expect(await bob.sync(next_batch)).not.toHaveProperty('rooms');
    expect((await bob.sync()).rooms?.leave?.[roomId]).toBeUndefined();
    const archived = (await bob.sync(undefined, filter({ room: { include_leave: true } }))).rooms.leave[roomId];
    expect(bodies(archived.timeline)).not.toContain('behind his back');
    await bob.act(roomId, 'forget');
    const forgotten = await bob.sync(undefined, filter({ room: { include_leave: true } }));
    expect(forgotten.rooms?.leave?.[roomId]).toBeUndefined();
  });

  test('a ban is told like a leave', async () => {
    const { roomId } = await together();
    const since = (await bob.sync()).next_batch;
    await alice.act(roomId, 'ban', { user_id: bob.userId });
    const { timeline } = (await bob.sync(since)).rooms.leave[roomId];
    expect(timeline.events.at(-1)).toMatchObject({ content: { membership: 'ban' }, sender: alice.userId });
  });

  test('who is banned after leaving learns of the ban, and of nothing in between', async () => {
    const { roomId } = await together();
    await bob.act(roomId, 'leave');
    const since = (await bob.sync()).next_batch;
    await alice.setState(roomId, 'm.room.topic', { topic: 'after he left' });
    await alice.act(roomId, 'ban', { user_id: bob.userId });
    const { timeline, state } = (await bob.sync(since)).rooms.leave[roomId];
    expect(timeline.events.map(({ content }: Event) => content['membership'])).toEqual(['ban']);
    expect(state.events).toEqual([]);
    const archived = (await bob.sync(undefined, filter({ room: { include_leave: true } }))).rooms.leave[roomId];
    const seen = JSON.stringify(archived);
    expect(seen).not.toContain('after he left');
    expect(seen).toContain('"ban"');
  });

  test('who has left and come back between two syncs gets the room whole', async () => {
    const { roomId } = await together({ ...publicRoom, name: 'Pub' });
    const since = (await bob.sync()).next_batch;
    await bob.act(roomId, 'leave');
    await bob.get('POST', `/join/${part(roomId)}`, {});
    const { rooms } = await bob.sync(since);
    expect(rooms.leave).toBeUndefined();
    expect([...types(rooms.join[roomId].state), ...types(rooms.join[roomId].timeline)]).toContain('m.room.create');
  });

  test('a new name is no new join', async () => {
    const { roomId } = await together();
    const since = (await bob.sync()).next_batch;
    await bob.get('PUT', `/profile/${part(bob.userId)}/displayname`, { displayname: 'Bobby' });
    const { timeline, state } = (await bob.sync(since)).rooms.join[roomId];
    expect(timeline.events.map(({ content }: Event) => content['displayname'])).toEqual(['Bobby']);
    expect(state.events).toEqual([]);
    await bob.get('DELETE', `/profile/${part(bob.userId)}/displayname`);
  });

  test('an invite shows what the room is, and goes when it is refused', async () => {
    const since = (await bob.sync()).next_batch;
    const roomId = await alice.createRoom({ name: 'Surprise', invite: [bob.userId] });
    const { rooms, next_batch } = await bob.sync(since);
    const { events } = rooms.invite[roomId].invite_state;
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.create' }));
    expect(events).toContainEqual(expect.objectContaining({ type: 'm.room.name', content: { name: 'Surprise' } }));
    expect(events).toContainEqual({
      type: 'm.room.member',
      state_key: bob.userId,
      sender: alice.userId,
      content: expect.objectContaining({ membership: 'invite' }),
    });
    expect((await bob.sync()).rooms.invite).toHaveProperty([roomId]);
    await bob.act(roomId, 'leave');
    const after = await bob.sync(next_batch);
    expect(after.rooms.leave[roomId].timeline.events.map(({ content }: Event) => content['membership'])).toEqual([
      'leave',
    ]);
    expect(after.rooms.invite).toBeUndefined();
    expect(after.rooms.leave[roomId].state.events).toEqual([]); // he never was in it
    const archived = await bob.sync(undefined, filter({ room: { include_leave: true } }));
    expect(archived.rooms.leave[roomId].state.events).toEqual([]);
  });
});

describe('filters', () => {
  test('types, senders and rooms', async () => {
    const { roomId, since } = await together();
    await alice.send(roomId, 'mine');
    await bob.send(roomId, 'his');
    await alice.setState(roomId, 'm.room.topic', { topic: 'x' });
    const timeline = async (given: object) =>
      types(
        (await alice.sync(since, filter({ room: { timeline: given } }))).rooms?.join[roomId]?.timeline ?? {
          events: [],
        },
      );
    expect(await timeline({ types: ['m.room.*'], not_types: ['*.topic'] })).toHaveLength(2);
    expect(await timeline({ senders: [bob.userId] })).toHaveLength(1);
    expect(await timeline({ not_senders: [bob.userId] })).toHaveLength(2);
    expect(await timeline({ not_rooms: [roomId] })).toEqual([]);
    const without = await alice.sync(since, filter({ room: { not_rooms: [roomId] } }));
    expect(without.rooms?.join?.[roomId]).toBeUndefined();
  });

  test('state reaches the client even if the filter keeps its event out of the timeline', async () => {
    const { roomId, since } = await together();
    await alice.setState(roomId, 'm.room.topic', { topic: 'hidden' });
    const { state } = (await alice.sync(since, filter({ room: { timeline: { types: ['m.room.message'] } } }))).rooms
      .join[roomId];
    expect(types(state)).toEqual(['m.room.topic']);
  });

  test('a filter has an ID, the same one for the same filter', async () => {
    const path = `/user/${part(alice.userId)}/filter`;
    const given = { room: { timeline: { limit: 1 } } };
    const { filter_id: id } = await alice.get('POST', path, given);
    expect((await alice.get('POST', path, given)).filter_id).toBe(id);
    expect(await alice.get('GET', `${path}/${id}`)).toEqual(given);
    expect(await bob.ask('GET', `${path}/${id}`)).toMatchObject({ status: 403 });
    expect(await alice.ask('GET', `${path}/999`)).toMatchObject({ status: 404 });
    expect(await alice.ask('POST', path, { room: { timeline: { types: 'all' } } })).toMatchObject({
      body: { errcode: 'M_BAD_JSON' },
    });
    const { rooms } = await alice.sync(undefined, `&filter=${id}`);
    for (const room of Object.values<{ timeline: { events: Event[] } }>(rooms.join)) {
      expect(room.timeline.events.length).toBeLessThanOrEqual(1);
    }
  });

  test('members are loaded when they matter, and once', async () => {
    const { roomId } = await together();
    await bob.send(roomId, 'hello');
    for (let i = 0; i < 10; i++) await alice.send(roomId, `m${i}`);
    const lazy = filter({ room: { state: { lazy_load_members: true }, timeline: { limit: 5 } } });
    const members = ({ events }: { events: Event[] }) =>
      events.filter(({ type }) => type === 'm.room.member').map(({ state_key }) => state_key);
    const first = await alice.sync(undefined, lazy);
    expect(members(first.rooms.join[roomId].state).sort()).toEqual([alice.userId, bob.userId]); // a hero, and herself
    await bob.send(roomId, 'again');
    const second = await alice.sync(first.next_batch, lazy);
    expect(members(second.rooms.join[roomId].state)).toEqual([]); // told before
    const lost = await alice.sync(
      first.next_batch,
      lazy.replace('lazy_load', 'include_redundant_members%22%3Atrue%2C%22lazy_load'),
    );
    expect(members(lost.rooms.join[roomId].state)).toEqual([bob.userId]);

    const { chunk, state } = await alice.room(roomId, `messages?dir=b&limit=2${filter({ lazy_load_members: true })}`);
    expect(chunk).toHaveLength(2);
    expect(members({ events: state }).sort()).toEqual([alice.userId, bob.userId]);
  });
});

describe('besides events', () => {
  test('account data, tags and the fully read marker are told when they change', async () => {
    const { roomId, since } = await together();
    const user = `/user/${part(alice.userId)}`;
    await alice.get('PUT', `${user}/account_data/m.direct`, { [bob.userId]: [roomId] });
    await alice.get('PUT', `${user}/rooms/${part(roomId)}/tags/m.favourite`, { order: 0.5 });
    const eventId = await alice.send(roomId, 'x');
    await alice.get('POST', `/rooms/${part(roomId)}/read_markers`, { 'm.fully_read': eventId });
    const { account_data, rooms } = await alice.sync(since);
    expect(account_data.events).toEqual([{ type: 'm.direct', content: { [bob.userId]: [roomId] } }]);
    expect(rooms.join[roomId].account_data.events).toEqual([
      { type: 'm.tag', content: { tags: { 'm.favourite': { order: 0.5 } } } },
      { type: 'm.fully_read', content: { event_id: eventId } },
    ]);
    expect((await bob.sync()).account_data.events).not.toContainEqual(expect.objectContaining({ type: 'm.direct' }));
    expect(await alice.get('GET', `${user}/rooms/${part(roomId)}/tags`)).toEqual({
      tags: { 'm.favourite': { order: 0.5 } },
    });
    await alice.get('DELETE', `${user}/rooms/${part(roomId)}/tags/m.favourite`);
    expect(await alice.get('GET', `${user}/rooms/${part(roomId)}/tags`)).toEqual({ tags: {} });
    expect(await alice.ask('PUT', `${user}/account_data/m.push_rules`, {})).toMatchObject({ status: 405 });
    expect(await bob.ask('GET', `${user}/account_data/m.direct`)).toMatchObject({ status: 403 });
    expect(await alice.ask('GET', `${user}/account_data/a.b`)).toMatchObject({ status: 404 });
  });

  test('receipts go to all, private ones to their owner only, and clear what is unread', async () => {
    const { roomId } = await together();
    const [first, last] = [await bob.send(roomId, 'one'), await bob.send(roomId, 'two')];
    const unread = async () => (await alice.sync()).rooms.join[roomId].unread_notifications;
    const since = (await alice.sync()).next_batch;
    expect(await unread()).toEqual({ notification_count: 2, highlight_count: 0 });
    await alice.act(roomId, `receipt/m.read/${part(first)}`);
    expect(await unread()).toEqual({ notification_count: 1, highlight_count: 0 });
    await alice.act(roomId, `receipt/m.read.private/${part(last)}`);
    expect(await unread()).toEqual({ notification_count: 0, highlight_count: 0 });
    const told = async (client: Client, from?: string) =>
      (await client.sync(from)).rooms.join[roomId].ephemeral.events.find(({ type }: Event) => type === 'm.receipt')
        .content;
    const ts = expect.any(Number);
    expect(await told(alice, since)).toEqual({
      [first]: { 'm.read': { [alice.userId]: { ts } } },
      [last]: { 'm.read.private': { [alice.userId]: { ts } } },
    });
    expect(await told(bob)).toEqual({ [first]: { 'm.read': { [alice.userId]: { ts } } } });
    expect(server.edus.filter(({ edu }) => edu['edu_type'] === 'm.receipt')).toHaveLength(1);
    expect(await alice.ask('POST', `/rooms/${part(roomId)}/receipt/m.read/$none:a.test`, {})).toMatchObject({
      status: 404,
    });
    expect(
      await alice.ask('POST', `/rooms/${part(roomId)}/receipt/m.read/${part(last)}`, { thread_id: '' }),
    ).toMatchObject({
      status: 400,
    });
  });

  test('a mention is a highlight', async () => {
    const { roomId } = await together();
    const content = { msgtype: 'm.text', body: 'you!', 'm.mentions': { user_ids: [alice.userId] } };
    await bob.get('PUT', `/rooms/${part(roomId)}/send/m.room.message/mention`, content);
    expect((await alice.sync()).rooms.join[roomId].unread_notifications).toEqual({
      notification_count: 1,
      highlight_count: 1,
    });
    await alice.send(roomId, 'what?');
    expect((await alice.sync()).rooms.join[roomId].unread_notifications.notification_count).toBe(0);
  });

  test('who types is told, and when they stop or fall asleep', async () => {
    const { roomId, since } = await together();
    const typing = (is: object) => bob.get('PUT', `/rooms/${part(roomId)}/typing/${part(bob.userId)}`, is);
    const told = async (from: string) => {
      const { rooms, next_batch } = await alice.sync(from);
      return [rooms?.join[roomId]?.ephemeral.events, next_batch];
    };
    await typing({ typing: true, timeout: 5000 });
    const [first, second] = await told(since);
    expect(first).toEqual([{ type: 'm.typing', content: { user_ids: [bob.userId] } }]);
    await server.platform.advance(5000);
    const [stopped, third] = await told(second);
    expect(stopped).toEqual([{ type: 'm.typing', content: { user_ids: [] } }]);
    expect((await told(third))[0]).toBeUndefined();
    expect(await alice.ask('PUT', `/rooms/${part(roomId)}/typing/${part(bob.userId)}`, { typing: true })).toMatchObject(
      {
        status: 403,
      },
    );
  });

  test('whom one ignores is not heard', async () => {
    const { roomId, since } = await together();
    const path = `/user/${part(alice.userId)}/account_data/m.ignored_user_list`;
    await alice.get('PUT', path, { ignored_users: { [bob.userId]: {} } });
    await bob.send(roomId, 'can you hear me?');
    const invited = await bob.createRoom({ invite: [alice.userId] });
    const { rooms } = await alice.sync(since);
    expect(rooms?.join?.[roomId]).toBeUndefined();
    expect(rooms?.invite?.[invited]).toBeUndefined();
    await alice.get('PUT', path, { ignored_users: {} });
  });

  test('changed push rules are told', async () => {
    const { since } = await together();
    await alice.get('PUT', '/pushrules/global/room/!quiet:a.test', { actions: ['dont_notify'] });
    await alice.get('PUT', '/pushrules/global/override/.m.rule.master/enabled', { enabled: true });
    const { events } = (await alice.sync(since)).account_data;
    expect(events).toEqual([{ type: 'm.push_rules', content: await alice.get('GET', '/pushrules/') }]);
    expect(events[0].content.global.room).toEqual([
      { rule_id: '!quiet:a.test', default: false, enabled: true, actions: [] },
    ]);
    await alice.get('PUT', '/pushrules/global/override/.m.rule.master/enabled', { enabled: false });
    await alice.get('DELETE', '/pushrules/global/room/!quiet:a.test');
    expect(await alice.ask('DELETE', '/pushrules/global/override/.m.rule.master')).toMatchObject({ status: 400 });
    expect(await alice.ask('GET', '/pushrules/global/room/none')).toMatchObject({ status: 404 });
  });
});

test('tokens outlive the program, and nothing is told twice', async () => {
  const before = await clientServer();
  const carol = await before.signIn('carol', 'PHONE');
  const roomId = await carol.createRoom({ name: 'Kept' });
  const { next_batch } = await carol.sync();
  await carol.send(roomId, 'while it was off');
  before.close();

  const after = await clientServer({ on: before.server });
  const { status, body } = await after.ask('GET', `/sync?since=${next_batch}`, undefined, carol.token);
  expect(status).toBe(200);
  expect(bodies(body.rooms.join[roomId].timeline)).toEqual(['while it was off']);
  expect(body.rooms.join[roomId].state.events).toEqual([]);
  expect(body.rooms.join[roomId].timeline.events[0].unsigned.transaction_id).toBe('t1');
  const again = await after.ask('GET', `/sync?since=${body.next_batch}`, undefined, carol.token);
  expect(again.body).not.toHaveProperty('rooms');
});

describe('with other servers', () => {
  test('a room joined elsewhere comes whole, and state that is resolved differently is told', async () => {
    const network = memoryNetwork();
    const [here, there] = [await network.server('here.test'), await network.server('there.test')];
    const ours = await clientServer({ on: here });
    const dora = await ours.signIn('dora');
    const erin = there.user('erin');
    const roomId = await there.room(erin, { version: '11' });
    await there.setState(roomId, erin, 'm.room.topic', { topic: 'first' });
    const since = (await dora.sync()).next_batch;
    await dora.get('POST', `/join/${part(roomId)}?via=there.test`, {});
    await network.settle();
    const joined = await dora.sync(since);
    const { state, timeline } = joined.rooms.join[roomId];
    expect(types(state)).toContain('m.room.create');
    expect(timeline.events.at(-1)).toMatchObject({ type: 'm.room.member', state_key: dora.userId });
    expect(timeline.limited).toBe(true);

    await there.setState(roomId, erin, 'm.room.power_levels', { users: { [erin]: 100, [dora.userId]: 50 } });
    await network.settle();
    const next = (await dora.sync(joined.next_batch)).next_batch;
    network.cut(here, there);
    await dora.setState(roomId, 'm.room.topic', { topic: 'ours' });
    await there.setState(roomId, erin, 'm.room.power_levels', { users: { [erin]: 100 } });
    await network.settle();
    const parted = (await dora.sync(next)).next_batch;
    network.heal(here, there);
    await there.send(roomId, erin, 'Dora had no right to');
    await network.settle();
    const { rooms } = await dora.sync(parted, filter({ room: { timeline: { types: ['m.room.message'] } } }));
    const told = rooms.join[roomId].state.events.find(({ type }: Event) => type === 'm.room.topic');
    expect(told?.content).toEqual({ topic: 'first' });
    expect(bodies(rooms.join[roomId].timeline)).toEqual(['Dora had no right to']);
  });

  test('an invite from elsewhere comes with what its server tells, and can be refused', async () => {
    const network = memoryNetwork();
    const [here, there] = [await network.server('here.test'), await network.server('there.test')];
    const ours = await clientServer({ on: here });
    const dora = await ours.signIn('dora');
    const erin = there.user('erin');
    const roomId = await there.room(erin, { joinRule: { join_rule: 'invite' } });
    const since = (await dora.sync()).next_batch;
    await there.memberships.invite({ userId: erin, roomId, target: dora.userId as never });
    const { rooms, next_batch } = await dora.sync(since);
    expect(types(rooms.invite[roomId].invite_state)).toContain('m.room.create');
    for (const event of rooms.invite[roomId].invite_state.events) {
      expect(Object.keys(event).sort()).toEqual(['content', 'sender', 'state_key', 'type']);
    }
    await dora.act(roomId, 'leave');
    const { leave } = (await dora.sync(next_batch)).rooms;
    expect(leave[roomId].timeline.events[0]).toMatchObject({ content: { membership: 'leave' } });
    expect(await dora.ask('GET', `/rooms/${part(roomId)}/state`)).toMatchObject({ status: 403 });
  });
});
