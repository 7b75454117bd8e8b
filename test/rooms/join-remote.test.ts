import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RemoteError, type RemoteReply } from '../../main/network/remote-servers.ts';
import { redactedEvent } from '../../main/protocol/event.ts';
import { isObject, type JsonObject, type JsonValue } from '../../main/protocol/json.ts';
import type { RoomAlias, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer; // has the room
let b: MemoryServer; // joins it
let c: MemoryServer;
let ann: UserId;
let bob: UserId;
let cleo: UserId;

beforeAll(async () => {
  network = memoryNetwork();
  [a, b, c] = [await network.server('a.test'), await network.server('b.test'), await network.server('c.test')];
  ann = a.user('ann');
  bob = b.user('bob');
  cleo = c.user('cleo');
});
beforeEach(() => network.calm());

const sameRoom = (roomId: RoomId, ...servers: readonly MemoryServer[]) => {
  const [first, ...others] = servers.map(({ rooms }) => [...rooms.currentState(roomId).entries()].sort());
  for (const other of others) expect(other).toEqual(first);
};
const join = (roomId: RoomId | RoomAlias, via: readonly string[] = ['a.test'], by: MemoryServer = b, userId = bob) =>
  by.memberships.join({ userId, room: roomId, via: via as ServerName[] });
const failure = async (promise: Promise<unknown>): Promise<Error & { status?: number; errcode?: string }> => {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('it succeeded');
};
/** Spoils or replaces the answer to one endpoint of one server. */
const answer = (endpoint: string, change: (body: JsonObject) => JsonValue, server = 'a.test') =>
  network.meddle(async ({ to, request }, go) => {
    const reply = await go();
    if (to !== server || request.endpoint !== endpoint) return reply;
    return { ...reply, body: change(reply.body as JsonObject) };
  });
const refuse = (server: string, status: number, errcode: string, more: JsonObject = {}) =>
  network.meddle(async ({ to, request }, go) => {
    if (to !== server || request.endpoint !== 'make_join') return go();
    throw new RemoteError(to, 'no', { stage: 'reply', status, errcode, body: { errcode, ...more } });
  });

test.each(['1', '2', '3', '4', '5', '6', '7', '8', '9', '10', '11', '12'])('a room of version %s', async (version) => {
  const roomId = await a.room(ann, { version });
  await a.send(roomId, ann, 'before');
  await join(roomId);
  sameRoom(roomId, a, b);
  expect(b.members(roomId)).toEqual([ann, bob]);
  expect(b.rooms.info(roomId)).toMatchObject({ resident: true, rules: { version } });
  expect(b.rooms.currentState(roomId).get('m.room.member', bob)?.content).toEqual({
    membership: 'join',
    displayname: 'bob',
  });

  // and both go on from there
  await b.send(roomId, bob, 'hello');
  await a.send(roomId, ann, 'hello, too');
  await network.settle();
  sameRoom(roomId, a, b);
  for (const { rooms } of [a, b]) {
    const said = rooms.page(roomId, { from: undefined, towards: 'start', limit: 2 });
    expect(said.map(({ event }) => event.content['body']).sort()).toEqual(['hello', 'hello, too']);
  }
});

test('by alias, through the servers that its owner names', async () => {
  const roomId = await a.room(ann);
  a.directory.create('#room:a.test' as RoomAlias, roomId, ann);
  expect(await join('#room:a.test' as RoomAlias, [])).toBe(roomId);
  expect(b.members(roomId)).toEqual([ann, bob]);
});

test('without a word about where, through the server of the room ID', async () => {
  const roomId = await a.room(ann);
  await join(roomId, []);
  expect(b.members(roomId)).toEqual([ann, bob]);
});

test('a version 12 room ID names no server: nobody can be asked', async () => {
  const error = await failure(join(await a.room(ann, { version: '12' }), []));
  expect(error).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' });
});

test('who was invited goes through the server that invited', async () => {
  const roomId = await a.room(ann, { version: '12', joinRule: { join_rule: 'invite' } });
  await a.memberships.invite({ userId: ann, roomId, target: bob });
  await join(roomId, []);
  expect(b.members(roomId)).toEqual([ann, bob]);
  const standings = b.rooms.memberships(bob).filter((standing) => standing.roomId === roomId);
  expect(standings.map(({ membership }) => membership)).toEqual(['join']);
});

test('an upgraded room is found through the server that put up the tombstone', async () => {
  const old = await a.room(ann);
  await join(old);
  const roomId = await a.room(ann, { version: '12' });
  await a.setState(old, ann, 'm.room.tombstone', { body: 'gone', replacement_room: roomId });
  await network.settle();
  await join(roomId, []);
  expect(b.members(roomId)).toEqual([ann, bob]);
});

test('a failure of ours is not laid at their door', async () => {
  const roomId = await a.room(ann);
  network.meddle(async () => {
    throw new TypeError('a bug');
  });
  await expect(join(roomId, ['a.test', 'c.test'])).rejects.toThrow(TypeError);
  expect(network.asked).toHaveLength(1);
});

test('candidates are asked one after the other, until one helps', async () => {
  const roomId = await a.room(ann, { version: '12' });
  await join(roomId, ['nowhere.test', 'c.test', 'a.test']);
  expect(network.asked.filter((line) => line.endsWith('make_join'))).toEqual([
    'b.test nowhere.test make_join',
    'b.test c.test make_join',
    'b.test a.test make_join',
  ]);
  expect(b.members(roomId)).toEqual([ann, bob]);
});

test('the room of a third server: all three see the same', async () => {
  const roomId = await a.room(ann);
  await join(roomId);
  await join(roomId, ['b.test'], c, cleo);
  await network.settle();
  sameRoom(roomId, a, b, c);
  expect(a.members(roomId)).toEqual([ann, bob, cleo]);
});

test('two users at once are one join', async () => {
  const roomId = await a.room(ann);
  const bill = b.user('bill');
  await Promise.all([join(roomId), join(roomId, ['a.test'], b, bill)]);
  await network.settle();
  expect(network.asked.filter((line) => line.endsWith('send_join'))).toHaveLength(1);
  expect(b.members(roomId)).toEqual([ann, bill, bob]);
  sameRoom(roomId, a, b);
});

test('the second asks for themselves when the first may not', async () => {
  const roomId = await a.room(ann);
  await a.memberships.ban({ userId: ann, roomId, target: bob });
  const bill = b.user('bill');
  const [first, second] = await Promise.allSettled([join(roomId), join(roomId, ['a.test'], b, bill)]);
  expect(first).toMatchObject({ status: 'rejected', reason: { status: 403 } });
  expect(second).toMatchObject({ status: 'fulfilled' });
  expect(b.members(roomId)).toEqual([ann, bill]);
});

test('its progress can be watched, and ends', async () => {
  const roomId = await a.room(ann);
  const phases: string[] = [];
  const forget = b.joins.onChange((changed) => {
    expect(changed).toBe(roomId);
    phases.push(b.joins.of(roomId)?.phase ?? 'over');
  });
  await join(roomId);
  forget();
  expect([...new Set(phases)]).toEqual(['asking', 'keys', 'signatures', 'writing', 'over']);
  expect(b.joins.list()).toEqual([]);
});

test('who left and comes back has the newest state', async () => {
  const roomId = await a.room(ann);
  await join(roomId);
  await b.memberships.leave({ userId: bob, roomId });
  await network.settle();
  expect(b.rooms.info(roomId)?.resident).toBe(false);
  await a.setState(roomId, ann, 'm.room.name', { name: 'Changed' });
  await join(roomId);
  sameRoom(roomId, a, b);
  expect(b.rooms.currentState(roomId).get('m.room.name', '')?.content).toEqual({ name: 'Changed' });
});

describe('what the client is told', () => {
  test('each candidate, and its reason', async () => {
    const roomId = await a.room(ann, { joinRule: { join_rule: 'invite' } });
    const error = await failure(join(roomId, ['nowhere.test', 'a.test']));
    expect(error).toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
    expect(error.message).toMatch(/nowhere\.test does not answer.*a\.test answers 403 M_FORBIDDEN/);
  });

  test('a room that nobody knows', async () => {
    expect(await failure(join('!no:a.test' as RoomId))).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' });
  });

  test('nobody answers', async () => {
    const roomId = await a.room(ann);
    network.cut(a, b);
    expect(await failure(join(roomId))).toMatchObject({ status: 502, errcode: 'M_UNKNOWN' });
    network.heal(a, b);
    await join(roomId);
  });

  // 400s reach the client, but for those by which a server blames a server
  test.each<[status: number, errcode: string, told: number, as: string]>([
    [400, 'M_UNABLE_TO_AUTHORISE_JOIN', 400, 'M_UNABLE_TO_AUTHORISE_JOIN'],
    [400, 'M_UNABLE_TO_GRANT_JOIN', 400, 'M_UNABLE_TO_GRANT_JOIN'],
    [400, 'M_MISSING_PARAM', 502, 'M_UNKNOWN'],
    [400, 'M_INVALID_PARAM', 502, 'M_UNKNOWN'],
    [400, 'X_NONSENSE', 400, 'M_UNKNOWN'],
    [403, 'M_FORBIDDEN', 403, 'M_FORBIDDEN'],
    [403, 'nonsense', 403, 'M_FORBIDDEN'],
    [404, 'M_NOT_FOUND', 404, 'M_NOT_FOUND'],
    [500, 'M_UNKNOWN', 502, 'M_UNKNOWN'],
  ])('%i %s', async (status, errcode, told, as) => {
    refuse('a.test', status, errcode);
    expect(await failure(join('!x:a.test' as RoomId))).toMatchObject({ status: told, errcode: as });
  });

  test('a room version that is not known here, and which', async () => {
    refuse('a.test', 400, 'M_INCOMPATIBLE_ROOM_VERSION', { room_version: '99' });
    const error = await failure(join('!x:a.test' as RoomId));
    expect(error).toMatchObject({
      status: 400,
      errcode: 'M_INCOMPATIBLE_ROOM_VERSION',
      fields: { room_version: '99' },
    });
  });
});

describe('a resident server that lies', () => {
  const template = (change: (event: JsonObject) => JsonObject) =>
    answer('make_join', (body) => ({ ...body, event: change(body['event'] as JsonObject) }));

  // "MUST also verify that the type, room_id, sender, state_key and content.membership fields have the expected values"
  test.each<[what: string, change: (event: JsonObject) => JsonObject]>([
    ['another type', (event) => ({ ...event, type: 'm.room.power_levels' })],
    ['another room', (event) => ({ ...event, room_id: '!other:a.test' })],
    ['another sender', (event) => ({ ...event, sender: '@bill:b.test' })],
    ['another state key', (event) => ({ ...event, state_key: '@ann:a.test' })],
    ['another membership', (event) => ({ ...event, content: { membership: 'ban' } })],
    ['no content', ({ content: _, ...event }) => event],
    ['no prev events', (event) => ({ ...event, prev_events: 'x' })],
    ['a thousand prev events', (event) => ({ ...event, prev_events: Array.from({ length: 1000 }, () => '$x') })],
    ['a depth that is none', (event) => ({ ...event, depth: 'deep' })],
  ])('template: %s is not signed', async (_, change) => {
    const roomId = await a.room(ann);
    template(change);
    expect(await failure(join(roomId))).toMatchObject({ status: 502 });
    expect(network.asked.filter((line) => line.endsWith('send_join'))).toEqual([]);
  });

  test('template: an unknown room version', async () => {
    const roomId = await a.room(ann);
    answer('make_join', (body) => ({ ...body, room_version: '99' }));
    expect(await failure(join(roomId))).toMatchObject({ status: 502 });
  });

  test('template: what else is in it is not signed', async () => {
    const roomId = await a.room(ann);
    template((event) => ({
      ...event,
      content: { membership: 'join', displayname: 'Eve', evil: true },
      origin_server_ts: 1,
      extra: 'x',
    }));
    await join(roomId);
    const member = b.rooms.currentState(roomId).get('m.room.member', bob);
    expect(member?.content).toEqual({ membership: 'join', displayname: 'bob' });
    expect(member?.originServerTs).toBeGreaterThan(1);
    expect(member?.pdu).not.toHaveProperty('extra');
  });

  const events = (body: JsonObject, key: string) => body[key] as readonly JsonObject[];
  const without = (body: JsonObject, type: string) => ({
    ...body,
    state: events(body, 'state').filter((event) => event['type'] !== type),
  });

  test.each<[what: string, change: (body: JsonObject) => JsonValue]>([
    ['no object', () => []],
    ['no state', ({ state: _, ...body }) => body],
    ['no auth chain', ({ auth_chain: _, ...body }) => body],
    ['an empty state', (body) => ({ ...body, state: [], auth_chain: [] })],
    ['no create event', (body) => ({ ...without(body, 'm.room.create'), auth_chain: [] })],
    ['members left out, unasked', (body) => ({ ...body, members_omitted: true })],
    ['no join rules: nobody is let in', (body) => without(body, 'm.room.join_rules')],
    [
      'a create event with a bad signature',
      (body) => ({
        ...body,
        state: events(body, 'state').map((event) =>
          event['type'] === 'm.room.create' ? { ...event, signatures: {} } : event,
        ),
        auth_chain: [],
      }),
    ],
  ])('answer: %s is not taken, and the next server is asked', async (_, change) => {
    const roomId = await a.room(ann);
    await join(roomId, ['a.test'], c, cleo);
    await network.settle();
    answer('send_join', change);
    expect(await failure(join(roomId))).toMatchObject({ status: 502 });
    expect(b.rooms.info(roomId)?.resident ?? false).toBe(false);
    await join(roomId, ['a.test', 'c.test']);
    expect(b.members(roomId)).toEqual([ann, bob, cleo]);
  });

  test('answer: what is nonsense, of another room or not signed is dropped, the rest is taken', async () => {
    const other = await a.room(ann);
    await a.setState(other, ann, 'm.room.topic', { topic: 'elsewhere' });
    const foreign = a.rooms.currentState(other).get('m.room.topic', '')?.pdu as JsonObject;
    const roomId = await a.room(ann);
    await a.setState(roomId, ann, 'm.room.name', { name: 'Forged' });
    answer('send_join', (body) => ({
      ...body,
      state: [
        null,
        7,
        {},
        foreign,
        ...events(body, 'state').map((event) =>
          event['type'] === 'm.room.name' ? { ...event, signatures: {} } : event,
        ),
      ] as JsonValue,
    }));
    await join(roomId);
    const state = b.rooms.currentState(roomId);
    expect(state.get('m.room.name', '')).toBeUndefined();
    expect(state.get('m.room.topic', '')).toBeUndefined();
    expect(b.members(roomId)).toEqual([ann, bob]);
    expect(b.lines.join('')).toContain('events of a joined room dropped');
  });

  test('answer: an event with a wrong content hash is taken redacted', async () => {
    const roomId = await a.room(ann);
    const name = await a.setState(roomId, ann, 'm.room.name', { name: 'Real' });
    answer('send_join', (body) => ({
      ...body,
      state: events(body, 'state').map((event) =>
        event['type'] === 'm.room.name' ? { ...event, content: { name: 'Forged' } } : event,
      ),
    }));
    await join(roomId);
    expect(b.rooms.currentState(roomId).get('m.room.name', '')?.content).toEqual(redactedEvent(name.event).content);
  });

  test('answer: another event in the place of ours adds nothing to it', async () => {
    const roomId = await a.room(ann);
    answer('send_join', (body) => ({
      ...body,
      event: { ...(body['event'] as JsonObject), content: { membership: 'ban' } },
    }));
    await join(roomId);
    const member = b.rooms.currentState(roomId).get('m.room.member', bob);
    expect(member?.content['membership']).toBe('join');
    expect(Object.keys(isObject(member?.pdu['signatures']) ? member.pdu['signatures'] : {})).toEqual(['b.test']);
  });

  test('answer: thousands of floats are sorted out in time', async () => {
    const roomId = await a.room(ann);
    network.meddle(async ({ request }, go): Promise<RemoteReply> => {
      const reply = await go();
      if (request.endpoint !== 'send_join') return reply;
      const junk = Array.from({ length: 20_000 }, () => ({}));
      const body = reply.body as JsonObject;
      return {
        ...reply,
        body: { ...body, state: [...events(body, 'state'), ...junk] },
        violations: junk.map((_, index) => ({ kind: 'float', path: ['state', index + 100, 'x'] })),
      };
    });
    await join(roomId);
    expect(b.members(roomId)).toEqual([ann, bob]);
  });
});

describe('restricted rooms', () => {
  const restricted = (lobby: RoomId) => ({
    join_rule: 'restricted',
    allow: [{ type: 'm.room_membership', room_id: lobby }],
  });

  test('through a server that lets us in by its word', async () => {
    const lobby = await a.room(ann);
    await join(lobby);
    const roomId = await a.room(ann, { joinRule: restricted(lobby) });
    await join(roomId);
    sameRoom(roomId, a, b);
    const member = b.rooms.currentState(roomId).get('m.room.member', bob);
    expect(member?.content['join_authorised_via_users_server']).toBe(ann);
    expect(Object.keys(member?.pdu['signatures'] as JsonObject).sort()).toEqual(['a.test', 'b.test']);
  });

  test('a further user of a server that cannot judge goes through one that can', async () => {
    const lobby = await a.room(ann);
    const bill = b.user('bill');
    const roomId = await a.room(ann, { joinRule: restricted(lobby) });
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    await join(roomId); // invited; b.test does not know the lobby
    await a.memberships.invite({ userId: ann, roomId: lobby, target: bill });
    expect(await failure(join(roomId, [], b, bill))).toMatchObject({ status: 403 });

    await join(lobby, ['a.test'], b, bill);
    await a.setState(roomId, ann, 'm.room.power_levels', { users: { [ann]: 100 }, invite: 50 });
    await network.settle();
    await join(roomId, [], b, bill); // b.test knows the lobby now, but none of its users may invite
    await network.settle();
    sameRoom(roomId, a, b);
    expect(a.members(roomId)).toEqual([ann, bill, bob]);
    expect(b.rooms.info(roomId)?.resident).toBe(true);
  });

  test('a user of ours, by the word of another user of ours', async () => {
    const lobby = await a.room(ann);
    const abe = a.user('abe');
    const roomId = await a.room(ann, { joinRule: restricted(lobby) });
    expect(await failure(join(roomId, [], a, abe))).toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
    await join(lobby, [], a, abe);
    await join(roomId, [], a, abe);
    const member = a.rooms.currentState(roomId).get('m.room.member', abe);
    expect(member?.content['join_authorised_via_users_server']).toBe(ann);
  });
});
