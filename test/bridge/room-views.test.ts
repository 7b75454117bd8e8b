import { expect, test } from 'vitest';
import { eventDetail, roomTimeline } from '../../main/bridge/room-timeline.ts';
import { roomDetail, roomList, roomMembers, roomState } from '../../main/bridge/room-views.ts';
import type { TimelineQuery } from '../../shared/bridge.ts';
import type { EventId, RoomId } from '../../shared/ids.ts';
import { consoleSources, neverTried } from '../support/console-sources.ts';
import {
  createRoom,
  join,
  member,
  message,
  publicRoom,
  type RoomServer,
  receive,
  roomServer,
  sign,
  user,
} from '../support/room-server.ts';
import { runningInspector, server } from '../support/running-inspector.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');

async function withConsole(home: RoomServer) {
  const { inspector } = await runningInspector({ platform: home.platform });
  const console = consoleSources(home, inspector);
  return {
    ...console,
    inspector,
    timeline: (query: TimelineQuery) => roomTimeline(console.federation, inspector.log, query),
    opened: (eventId: EventId) => eventDetail(console.federation, inspector.log, eventId),
  };
}

async function sharedRoom(version = '11') {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice, version);
  await join(a, b, roomId, bob);
  return { a, b, roomId, ...(await withConsole(a)) };
}

const stateDraft = (type: string, content: object, stateKey = '') => ({
  ...{ type, sender: alice, stateKey },
  content: content as never,
});

const all = (roomId: RoomId, change: Partial<TimelineQuery> = {}): TimelineQuery => ({
  roomId,
  order: 'stream',
  limit: 100,
  refused: true,
  outliers: true,
  ...change,
});

test('a room in a line, and opened', async () => {
  const { a, roomId, federation } = await sharedRoom();
  await a.rooms.append(roomId, [
    stateDraft('m.room.name', { name: 'Tea\nroom' }),
    stateDraft('m.room.topic', { topic: 'Green' }),
    stateDraft('m.room.canonical_alias', { alias: '#tea:a.test' }),
    stateDraft('m.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' }),
    stateDraft('m.room.history_visibility', { history_visibility: 'joined' }),
  ]);
  const now = a.platform.clock.now();
  const summary = {
    roomId,
    name: 'Tea room',
    canonicalAlias: '#tea:a.test',
    version: '11',
    membership: 'join',
    encrypted: true,
    joinRule: 'public',
    localMembers: 1,
    joinedMembers: 2,
    servers: 2,
    forwardExtremities: 1,
    refused: 0,
    lastEventTs: now,
    lastRemoteEventTs: now,
    state: 'ok',
    progress: undefined,
  };
  expect(await roomList(federation)).toEqual([summary]);
  expect(roomDetail(federation, roomId)).toEqual({
    ...summary,
    pending: undefined,
    topic: 'Green',
    creators: [alice],
    createdTs: now,
    historyVisibility: 'joined',
    extremities: a.rooms.forwardExtremities(roomId),
    backwardExtremities: 0,
  });
  expect(roomDetail(federation, '!other:a.test' as RoomId)).toBeUndefined();
});

test('a room that is being joined is there before it is', async () => {
  const { federation, world, roomId } = await sharedRoom();
  const progress = { phase: 'checking', done: 5, total: 10 };
  world.joins.set('!big:c.test' as RoomId, progress);
  const [, joining] = await roomList(federation);
  expect(joining).toMatchObject({ roomId: '!big:c.test', state: 'joining', progress });
  world.joins.set(roomId, progress); // joined anew
  expect(roomDetail(federation, roomId)).toMatchObject({ state: 'joining', progress });
});

test('an invite from outside shows what it told of the room', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  const [invite] = await a.rooms.append(roomId, [member(alice, bob, 'invite')]);
  if (invite === undefined) throw new Error('no invite');
  b.rooms.setOutOfRoomMembership({
    event: invite.event,
    membership: 'invite',
    userId: bob,
    strippedState: [
      { type: 'm.room.name', state_key: '', content: { name: 'Tea' }, sender: alice },
      { type: 'm.room.topic', state_key: '', content: 'nonsense', sender: alice },
    ],
  });
  const { federation } = await withConsole(b);
  const [room] = await roomList(federation);
  expect(room).toMatchObject({ roomId, name: 'Tea', membership: 'invite', joinedMembers: 0, localMembers: 0 });
  const since = b.platform.clock.now();
  expect(room?.lastEventTs).toBe(since);
  expect(roomDetail(federation, roomId)).toMatchObject({ pending: { by: alice, since }, topic: undefined });
});

test('the timeline tells what came, what became of it and why', async () => {
  const { a, b, roomId, federation, timeline } = await sharedRoom();
  const [said] = await a.rooms.append(roomId, [message(alice, 'hello')]);
  const [topic] = [b.rooms.template(roomId, { ...message(bob, 'hi') })];
  const forbidden = sign(
    { ...topic, type: 'm.room.topic', state_key: '', content: { topic: 'mine' } } as never,
    b,
    '11',
  );
  const [rejected] = await receive(a, b, forbidden);
  expect(rejected?.outcome).toBe('rejected');
  const rows = await timeline(all(roomId));
  const bad = rows.find(({ eventId }) => eventId === forbidden.eventId);
  expect(bad).toMatchObject({
    type: 'm.room.topic',
    stateKey: '',
    sender: bob,
    outcome: 'rejected',
    step: 'authEvents',
    outlier: false,
    summary: 'set the topic to “mine”',
  });
  expect(bad?.rule).toBeTruthy();
  expect(bad?.reason).toContain(bob);
  expect(bad?.decidedBy.length).toBeGreaterThan(0);
  const good = rows.find(({ eventId }) => eventId === said?.event.eventId);
  expect(good).toMatchObject({ outcome: 'accepted', source: 'local', summary: 'hello', step: undefined });
  expect(good?.position).toBeGreaterThan(0);
  expect(rows.map(({ position }) => position ?? 0)).toEqual(
    [...rows].map(({ position }) => position ?? 0).sort((x, y) => y - x),
  );
  const seen = await timeline(all(roomId, { refused: false }));
  expect(seen.map(({ eventId }) => eventId)).not.toContain(forbidden.eventId);
  expect(roomDetail(federation, roomId)?.refused).toBe(1);
});

test('a kick is told by what was before, a redacted message by nothing', async () => {
  const { a, roomId, timeline, opened } = await sharedRoom();
  const [said] = await a.rooms.append(roomId, [message(alice, 'oops')]);
  const redacts = said?.event.eventId as EventId;
  await a.rooms.append(roomId, [
    { type: 'm.room.redaction', sender: alice, content: { redacts } },
    member(alice, bob, 'leave'),
  ]);
  const summaries = (await timeline(all(roomId))).map(({ summary }) => summary);
  expect(summaries.slice(0, 3)).toEqual([`kicked ${bob}`, `redacted ${redacts}`, 'redacted']);
  const redacted = await opened(redacts);
  expect(redacted?.redactedBy).toBeDefined();
  expect(redacted?.json).not.toContain('oops');
});

type Timeline = Awaited<ReturnType<typeof withConsole>>['timeline'];

/** Pages of `limit` from the newest on, as the console asks for them. */
async function pages(timeline: Timeline, query: TimelineQuery): Promise<EventId[]> {
  const seen: EventId[] = [];
  let before: number | undefined;
  for (let turn = 0; turn < 100; turn++) {
    const rows = await timeline({ ...query, ...(before !== undefined && { before }) });
    for (const { eventId } of rows) if (!seen.includes(eventId)) seen.push(eventId);
    if (rows.length < query.limit) return seen;
    const last = rows.findLast(({ position }) => position !== undefined);
    before = query.order === 'stream' ? last?.position : rows.at(-1)?.depth;
  }
  throw new Error('the pages have no end');
}

test.each(['stream', 'topological'] as const)('pages in %s order leave nothing out', async (order) => {
  const { a, b, roomId } = await sharedRoom();
  for (let i = 0; i < 10; i++) await a.rooms.append(roomId, [message(alice, `a${i}`)]);
  for (let i = 0; i < 10; i++) await b.rooms.append(roomId, [message(bob, `b${i}`)]);
  const fromB = b.sent.map(({ event }) => event).filter(({ type }) => type === 'm.room.message');
  await receive(a, b, ...fromB); // a fork: each depth twice
  for (const home of [a, b]) {
    const { timeline } = await withConsole(home);
    for (const outliers of [false, true]) {
      const query = all(roomId, { order, outliers });
      const whole = (await timeline({ ...query, limit: 500 })).map(({ eventId }) => eventId);
      expect(new Set(whole).size).toBe(whole.length);
      // Outliers are many in one place: they may be left out where they would fill pages.
      const inHistory = (ids: readonly EventId[]) => ids.filter((id) => home.rooms.event(id)?.position !== undefined);
      expect(inHistory(await pages(timeline, { ...query, limit: 4 }))).toEqual(inHistory(whole));
      expect(whole.length > inHistory(whole).length).toBe(outliers && home === b); // who joined has the state as outliers
    }
  }
});

test('events of one depth do not hold up the pages', async () => {
  const { a, b, roomId, timeline } = await sharedRoom();
  const template = b.rooms.template(roomId, message(bob, 'x'));
  const forks = Array.from({ length: 12 }, (_none, i) =>
    sign({ ...template, content: { msgtype: 'm.text', body: `fork ${i}` } } as never, b, '11'),
  );
  await receive(a, b, ...forks);
  const query = all(roomId, { order: 'topological', limit: 5, outliers: false });
  const found = await pages(timeline, query);
  expect(found).toContain(a.rooms.currentState(roomId).id('m.room.create', '')); // the end is reached
});

test('state and members', async () => {
  const { a, roomId, federation, world } = await sharedRoom('12');
  const eve = user('@eve:a.test');
  await a.rooms.append(roomId, [
    stateDraft('m.room.member', { membership: 'join', displayname: 'Al\nice' }, alice),
    { ...member(eve, eve, 'join') },
    stateDraft('m.room.power_levels', { users: { [bob]: 25 }, users_default: 1 }),
    member(alice, eve, 'ban'),
  ]);
  world.contacts = [{ ...neverTried(server('b.test')), status: 'slow' }];
  const { members, servers } = await roomMembers(federation, roomId);
  const byUser = [...members].sort((x, y) => (x.userId < y.userId ? -1 : 1));
  expect(byUser).toEqual([
    { userId: alice, displayName: 'Al ice', membership: 'join', powerLevel: 'creator', server: 'a.test' },
    { userId: bob, displayName: undefined, membership: 'join', powerLevel: 25, server: 'b.test' },
    { userId: eve, displayName: undefined, membership: 'ban', powerLevel: 1, server: 'a.test' },
  ]);
  expect(servers).toEqual([
    { server: 'a.test', joinedMembers: 1, status: 'own' },
    { server: 'b.test', joinedMembers: 1, status: 'slow' },
  ]);
  const state = await roomState(federation, roomId);
  expect(state).toHaveLength(a.rooms.currentState(roomId).size);
  expect(state.find(({ type }) => type === 'm.room.join_rules')).toMatchObject({
    stateKey: '',
    sender: alice,
    content: '{"join_rule":"public"}',
  });
});

test('a large room is told in pieces, between which others have their turn', async () => {
  const a = await roomServer('a.test');
  const rules = a.rooms.info(await createRoom(a, alice))?.rules;
  if (rules === undefined) throw new Error('no rules');
  const users = Array.from({ length: 2_000 }, (_none, i) => user(`@u${i}:a.test`));
  const drafts = [...publicRoom(alice, '11'), ...users.map((each) => member(each, each, 'join'))];
  const { roomId } = await a.rooms.create(rules, drafts);
  const { federation } = await withConsole(a);
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const { members } = await roomMembers(federation, roomId);
  expect(turns).toBeGreaterThanOrEqual(3);
  const before = turns;
  const state = await roomState(federation, roomId);
  isDone = true;
  expect(turns - before).toBeGreaterThanOrEqual(3);
  expect(new Set(members.map(({ userId }) => userId)).size).toBe(2_001);
  expect(state).toHaveLength(2_004);
});

test('an event opened has its hashes computed anew, and says of each signature whether we have the key', async () => {
  const { a, b, roomId, opened, world } = await sharedRoom();
  const [fromB] = await b.rooms.append(roomId, [message(bob, 'hi')]);
  if (fromB === undefined) throw new Error('nothing was sent');
  await receive(a, b, fromB);
  const id = fromB.event.eventId;
  const key = {
    server: server('b.test'),
    keyId: 'ed25519:a',
    publicKey: 'x',
    validUntilTs: a.platform.clock.now() + 1,
    usableUntilTs: 0,
    fetchedTs: 0,
    expiredTs: undefined,
    source: 'direct',
  };
  const signature = (state: string) => [{ server: 'b.test', keyId: 'ed25519:a', key: state }];
  expect((await opened(id))?.signatures).toEqual(signature('unknown'));
  world.remoteKeys = [key];
  const detail = await opened(id);
  expect(detail?.signatures).toEqual(signature('known'));
  world.remoteKeys = [{ ...key, expiredTs: a.platform.clock.now() - 1 }];
  expect((await opened(id))?.signatures).toEqual(signature('expired'));

  expect(detail).toMatchObject({ roomId, eventId: id, computedEventId: id, summary: 'hi', redactedBy: undefined });
  expect(detail?.contentHash.computed).toBe(detail?.contentHash.stated);
  expect(JSON.parse(detail?.json ?? '')).toEqual(JSON.parse(detail?.canonical ?? ''));
  expect(detail?.prevEvents).toEqual(fromB.event.prevEvents);
  expect(detail?.authEvents).toEqual(fromB.event.authEvents);
  const own = a.rooms.currentState(roomId).id('m.room.create', '') as EventId;
  expect((await opened(own))?.signatures).toEqual([{ server: 'a.test', keyId: 'ed25519:a', key: 'known' }]);
  expect(await opened('$nothing:a.test' as EventId)).toBeUndefined();
});

test('an event that waits for another stands on top, with what it waits for', async () => {
  const { a, b, roomId, timeline, opened, inspector } = await sharedRoom();
  const [missing, waiting] = await b.rooms.append(roomId, [message(bob, 'first'), message(bob, 'second')]);
  if (missing === undefined || waiting === undefined) throw new Error('nothing was sent');
  const [outcome] = await receive(a, b, waiting);
  expect(outcome?.outcome).toBe('parked');
  await a.platform.advance(500);
  inspector.pdus(outcome === undefined ? [] : [outcome]);
  const [first, second] = await timeline(all(roomId, { refused: false }));
  const row = {
    eventId: waiting.event.eventId,
    outcome: 'parked',
    summary: 'second',
    position: undefined,
    source: 'live',
    receivedTs: a.platform.clock.now(),
  };
  expect(first).toMatchObject(row);
  expect(first?.reason).toBeTruthy();
  expect(second?.outcome).toBe('accepted');
  expect(await opened(waiting.event.eventId)).toMatchObject({ ...row, prevEvents: [missing.event.eventId] });
  const [, next] = await timeline(all(roomId, { limit: 2 }));
  const older = await timeline(all(roomId, { before: next?.position ?? 0 }));
  expect(older.map(({ outcome: each }) => each)).not.toContain('parked'); // on the first page only
});
