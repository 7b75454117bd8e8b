import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { RemoteError } from '../../main/network/remote-servers.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RoomId, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let ann: UserId;
let abe: UserId;
let bob: UserId;

beforeAll(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, abe, bob] = [a.user('ann'), a.user('abe'), b.user('bob')];
});
beforeEach(() => network.calm());

const closed = () => a.room(ann, { joinRule: { join_rule: 'invite' } });
const standing = (server: MemoryServer, user: UserId, roomId: RoomId) =>
  server.rooms.memberships(user).find((membership) => membership.roomId === roomId)?.membership;
const memberOf = (server: MemoryServer, roomId: RoomId, user: UserId) =>
  server.rooms.currentState(roomId).get('m.room.member', user);
const forbidden = expect.objectContaining({ status: 403, errcode: 'M_FORBIDDEN' });

describe('joining here', () => {
  test('with name, avatar and reason, and again without another event', async () => {
    const roomId = await a.room(ann);
    await a.memberships.join({ userId: abe, room: roomId, via: [], reason: 'why not' });
    expect(memberOf(a, roomId, abe)?.content).toEqual({ membership: 'join', displayname: 'abe', reason: 'why not' });
    const before = a.rooms.position();
    expect(await a.memberships.join({ userId: abe, room: roomId, via: [] })).toBe(roomId);
    expect(a.rooms.position()).toBe(before);
  });

  test('not where the room forbids it', async () => {
    await expect(a.memberships.join({ userId: abe, room: await closed(), via: [] })).rejects.toEqual(forbidden);
  });
});

describe('inviting a user of this server', () => {
  test('who joins, or rejects it', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: abe, reason: 'come' });
    expect(memberOf(a, roomId, abe)?.content).toEqual({ membership: 'invite', displayname: 'abe', reason: 'come' });
    expect(standing(a, abe, roomId)).toBe('invite');
    await a.memberships.leave({ userId: abe, roomId });
    expect(standing(a, abe, roomId)).toBe('leave');
    await a.memberships.leave({ userId: abe, roomId }); // again is no error
    await a.memberships.invite({ userId: ann, roomId, target: abe });
    await a.memberships.join({ userId: abe, room: roomId, via: [] });
    expect(a.members(roomId)).toEqual([abe, ann]);
  });

  test('refusals', async () => {
    const roomId = await closed();
    const bystander = a.user('bystander');
    const invite = (userId: UserId, target: UserId, room = roomId) =>
      expect(a.memberships.invite({ userId, roomId: room, target })).rejects.toEqual(forbidden);
    await invite(abe, bystander); // not in it
    await invite(ann, ann); // in it already
    await invite(ann, abe, '!no:a.test' as RoomId);
    await a.memberships.ban({ userId: ann, roomId, target: abe });
    await invite(ann, abe);
  });
});

describe("inviting another server's user", () => {
  test('their server signs, and shows it to them; they join through the inviter', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: bob, reason: 'come' });
    const invite = memberOf(a, roomId, bob);
    expect(invite?.content).toEqual({ membership: 'invite', reason: 'come' });
    expect(Object.keys(invite?.pdu['signatures'] as JsonObject).sort()).toEqual(['a.test', 'b.test']);
    const shown = b.rooms.memberships(bob).find((membership) => membership.roomId === roomId);
    expect(shown).toMatchObject({ membership: 'invite', sender: ann });
    expect(shown?.strippedState?.map(({ type }) => type)).toEqual([
      'm.room.create',
      'm.room.join_rules',
      'm.room.member', // the inviter
      'm.room.member',
    ]);
    await b.memberships.join({ userId: bob, room: roomId, via: [] });
    await network.settle();
    expect(a.members(roomId)).toEqual([ann, bob]);
  });

  test('nobody is asked when the room forbids it', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: abe });
    await expect(a.memberships.invite({ userId: abe, roomId, target: bob })).rejects.toEqual(forbidden);
    expect(network.asked).toEqual([]);
  });

  test.each<[what: string, error: ConstructorParameters<typeof RemoteError>[2], status: number, errcode: string]>([
    ['refused', { stage: 'reply', status: 403, errcode: 'M_FORBIDDEN' }, 403, 'M_FORBIDDEN'],
    ['blocked', { stage: 'reply', status: 403, errcode: 'M_INVITE_BLOCKED' }, 403, 'M_INVITE_BLOCKED'],
    ['no such user', { stage: 'reply', status: 404, errcode: 'M_NOT_FOUND' }, 403, 'M_FORBIDDEN'],
    [
      'an unknown room version',
      { stage: 'reply', status: 400, errcode: 'M_INCOMPATIBLE_ROOM_VERSION' },
      400,
      'M_UNSUPPORTED_ROOM_VERSION',
    ],
    ['our fault', { stage: 'reply', status: 400, errcode: 'M_INVALID_PARAM' }, 502, 'M_UNKNOWN'],
    ['down', { stage: 'connect' }, 502, 'M_UNKNOWN'],
  ])('%s: nothing is in the room', async (_, facts, status, errcode) => {
    const roomId = await closed();
    network.meddle(async ({ to }) => {
      throw new RemoteError(to, 'no', facts);
    });
    const invite = a.memberships.invite({ userId: ann, roomId, target: bob });
    await expect(invite).rejects.toMatchObject({ status, errcode });
    expect(memberOf(a, roomId, bob)).toBeUndefined();
  });

  test.each<[what: string, change: (event: JsonObject) => JsonObject]>([
    ['unsigned', (event) => ({ ...event, signatures: {} })],
    ['with a wrong signature', (event) => ({ ...event, signatures: { 'b.test': { 'ed25519:test': 'AAAA' } } })],
    ['as another event', (event) => ({ ...event, content: { membership: 'join' }, signatures: {} })],
  ])('given back %s, it is not taken', async (_, change) => {
    const roomId = await closed();
    network.meddle(async (_passing, go) => {
      const reply = await go();
      return { ...reply, body: { event: change((reply.body as JsonObject)['event'] as JsonObject) } };
    });
    const invite = a.memberships.invite({ userId: ann, roomId, target: bob });
    await expect(invite).rejects.toMatchObject({ status: 502 });
    expect(memberOf(a, roomId, bob)).toBeUndefined();
  });
});

describe('leaving', () => {
  test('rejects an invite from elsewhere, and the room learns of it', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    await b.memberships.leave({ userId: bob, roomId, reason: 'no time' });
    await network.settle();
    expect(memberOf(a, roomId, bob)?.content).toEqual({ membership: 'leave', reason: 'no time' });
    expect(standing(b, bob, roomId)).toBe('leave');
  });

  test.each(['1', '2', '3', '11', '12'])('rejects it here only when nobody answers (version %s)', async (version) => {
    const roomId = await a.room(ann, { version, joinRule: { join_rule: 'invite' } });
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    network.cut(a, b);
    await b.memberships.leave({ userId: bob, roomId });
    expect(standing(b, bob, roomId)).toBe('leave');
    expect(memberOf(a, roomId, bob)?.content['membership']).toBe('invite');

    network.heal(a, b);
    await a.memberships.kick({ userId: ann, roomId, target: bob });
    await a.memberships.invite({ userId: ann, roomId, target: bob }); // may come again
    expect(standing(b, bob, roomId)).toBe('invite');
  });

  test('a template for something else is not signed: the invite is rejected here', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    network.meddle(async ({ request }, go) => {
      const reply = await go();
      if (request.endpoint !== 'make_leave') return reply;
      const { event } = reply.body as JsonObject;
      return {
        ...reply,
        body: { event: { ...(event as JsonObject), content: { membership: 'join' } }, room_version: '11' },
      };
    });
    await b.memberships.leave({ userId: bob, roomId });
    expect(network.asked.some((line) => line.endsWith('send_leave'))).toBe(false);
    expect(standing(b, bob, roomId)).toBe('leave');
  });

  test('a room that one has nothing to do with is 404, one that bans 403', async () => {
    const roomId = await closed();
    await expect(a.memberships.leave({ userId: abe, roomId })).rejects.toMatchObject({ status: 404 });
    await a.memberships.invite({ userId: ann, roomId, target: abe });
    await a.memberships.ban({ userId: ann, roomId, target: abe });
    await expect(a.memberships.leave({ userId: abe, roomId })).rejects.toEqual(forbidden);
  });
});

describe('knocking', () => {
  const knockable = (version = '11') => a.room(ann, { version, joinRule: { join_rule: 'knock' } });

  test.each(['7', '10', '11', '12'])('on a room elsewhere (version %s): shown, granted, joined', async (version) => {
    const roomId = await knockable(version);
    expect(await b.memberships.knock({ userId: bob, room: roomId, via: [a.name], reason: 'hello?' })).toBe(roomId);
    expect(memberOf(a, roomId, bob)?.content).toEqual({ membership: 'knock', displayname: 'bob', reason: 'hello?' });
    const shown = b.rooms.memberships(bob).find((membership) => membership.roomId === roomId);
    expect(shown?.membership).toBe('knock');
    expect(shown?.strippedState?.map(({ type }) => type)).toEqual([
      'm.room.create',
      'm.room.join_rules',
      'm.room.member',
    ]);
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    expect(standing(b, bob, roomId)).toBe('invite');
    await b.memberships.join({ userId: bob, room: roomId, via: [] });
    expect(b.members(roomId)).toEqual([ann, bob]);
  });

  test.each(['11', '12'])('taken back, and turned down (version %s)', async (version) => {
    const roomId = await knockable(version); // a version 12 ID does not say whom to tell
    await b.memberships.knock({ userId: bob, room: roomId, via: [a.name] });
    await b.memberships.leave({ userId: bob, roomId });
    expect(memberOf(a, roomId, bob)?.content['membership']).toBe('leave');
    await b.memberships.knock({ userId: bob, room: roomId, via: [a.name] });
    await a.memberships.kick({ userId: ann, roomId, target: bob });
    await network.settle();
    expect(standing(b, bob, roomId)).toBe('leave');
  });

  test('here', async () => {
    const roomId = await knockable();
    await a.memberships.knock({ userId: abe, room: roomId, via: [] });
    expect(a.members(roomId, 'knock')).toEqual([abe]);
  });

  test('refusals', async () => {
    const knock = (server: MemoryServer, userId: UserId, room: RoomId) =>
      server.memberships.knock({ userId, room, via: [a.name] });
    await expect(knock(a, abe, await closed())).rejects.toEqual(forbidden);
    await expect(knock(b, bob, await closed())).rejects.toEqual(forbidden);
    await expect(knock(b, bob, '!no:a.test' as RoomId)).rejects.toMatchObject({ status: 404 });
    const old = await a.room(ann, { version: '6' });
    await expect(knock(b, bob, old)).rejects.toMatchObject({ status: 400, errcode: 'M_INCOMPATIBLE_ROOM_VERSION' });
  });

  test('what is not signed is not shown', async () => {
    const roomId = await knockable();
    network.meddle(async ({ request }, go) => {
      const reply = await go();
      if (request.endpoint !== 'send_knock') return reply;
      const state = (reply.body as JsonObject)['knock_room_state'] as JsonObject[];
      return {
        ...reply,
        body: { knock_room_state: [...state.map((event) => ({ ...event, signatures: {} })), null, 7] },
      };
    });
    await b.memberships.knock({ userId: bob, room: roomId, via: [a.name] });
    const shown = b.rooms.memberships(bob).find((membership) => membership.roomId === roomId);
    expect(shown?.strippedState?.map(({ type }) => type)).toEqual(['m.room.member']);
  });
});

describe('kick, ban, unban', () => {
  const joined = async () => {
    const roomId = await a.room(ann);
    await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
    await network.settle();
    return roomId;
  };

  test('with a reason; the target learns of it', async () => {
    const roomId = await joined();
    await a.memberships.kick({ userId: ann, roomId, target: bob, reason: 'jokes' });
    expect(memberOf(a, roomId, bob)?.content).toEqual({ membership: 'leave', reason: 'jokes' });
    await network.settle();
    expect(standing(b, bob, roomId)).toBe('leave');
    await a.memberships.ban({ userId: ann, roomId, target: bob, reason: 'more jokes' });
    expect(memberOf(a, roomId, bob)?.content).toEqual({ membership: 'ban', reason: 'more jokes' });
    await a.memberships.unban({ userId: ann, roomId, target: bob });
    expect(memberOf(a, roomId, bob)?.content).toEqual({ membership: 'leave' });
  });

  test('refusals', async () => {
    const roomId = await joined();
    const kick = (userId: UserId, target: UserId, room = roomId) =>
      a.memberships.kick({ userId, roomId: room, target });
    await expect(kick(abe, bob)).rejects.toEqual(forbidden); // not in the room
    await expect(kick(ann, abe)).rejects.toEqual(forbidden); // the target is not
    await expect(kick(ann, bob, '!no:a.test' as RoomId)).rejects.toEqual(forbidden);
    await expect(b.memberships.kick({ userId: bob, roomId, target: ann })).rejects.toEqual(forbidden); // no power
    await expect(b.memberships.ban({ userId: bob, roomId, target: ann })).rejects.toEqual(forbidden);
    await expect(a.memberships.unban({ userId: ann, roomId, target: bob })).rejects.toEqual(forbidden); // not banned
    await a.memberships.ban({ userId: ann, roomId, target: bob });
    await expect(kick(ann, bob)).rejects.toEqual(forbidden); // banned, which kicking would undo
  });

  test('of an invited user whose server is not in the room: it learns of it all the same', async () => {
    const roomId = await closed();
    await a.memberships.invite({ userId: ann, roomId, target: bob });
    await a.memberships.kick({ userId: ann, roomId, target: bob });
    await network.settle();
    expect(network.asked.filter((line) => line === 'a.test b.test send')).not.toEqual([]);
    expect(standing(b, bob, roomId)).toBe('leave');
  });
});
