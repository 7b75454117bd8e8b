import { beforeEach, expect, test } from 'vitest';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

let network: MemoryNetwork;
let a: MemoryServer;
let b: MemoryServer;
let ann: UserId;
let bob: UserId;
let roomId: RoomId;
let said: readonly { readonly id: EventId; readonly ts: number }[];

beforeEach(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, bob] = [a.user('ann'), b.user('bob')];
  roomId = await a.room(ann);
  const sent: { id: EventId; ts: number }[] = [];
  for (let number = 0; number < 10; number++) {
    for (const { platform } of [a, b]) await platform.advance(1000);
    const { event } = await a.send(roomId, ann, `message ${number}`);
    sent.push({ id: event.eventId, ts: event.originServerTs });
  }
  said = sent;
});

const nothing = { status: 404, errcode: 'M_NOT_FOUND' };
const at = (index: number) => said[index] as { id: EventId; ts: number };
const answer = (index: number) => ({ event_id: at(index).id, origin_server_ts: at(index).ts });
const path = (ts: number, dir: string, room = roomId) =>
  `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(room)}?ts=${ts}&dir=${dir}`;

test('the nearest event in either direction', async () => {
  const { ts } = at(4);
  const find = (time: number, dir: 'f' | 'b') => a.atTime.forUser(ann, { roomId, ts: time, dir });
  expect(await find(ts, 'f')).toEqual(answer(4));
  expect(await find(ts, 'b')).toEqual(answer(4));
  expect(await find(ts + 1, 'f')).toEqual(answer(5));
  expect(await find(ts - 1, 'b')).toEqual(answer(3));
  await expect(find(at(9).ts + 1, 'f')).rejects.toMatchObject(nothing);
  await expect(find(0, 'b')).rejects.toMatchObject(nothing);
});

test('only what the user may see: not what was before they were invited', async () => {
  await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'joined' });
  const eve = a.user('eve');
  await a.send(roomId, ann, 'before eve');
  await a.memberships.join({ userId: eve, room: roomId, via: [] });
  await a.platform.advance(1000);
  const { event } = await a.send(roomId, ann, 'after');
  const found = await a.atTime.forUser(eve, { roomId, ts: event.originServerTs - 500, dir: 'b' });
  expect(a.rooms.event(found.event_id)?.event.content).toMatchObject({ membership: 'join' });
});

test('servers in the room are told, others are refused', async () => {
  const refused = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
  expect(await a.ask(b.name, 'GET', path(at(4).ts, 'f'))).toMatchObject(refused);
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  expect(await a.ask(b.name, 'GET', path(at(4).ts, 'f'))).toMatchObject({ status: 200, body: answer(4) });
  expect(await a.ask(b.name, 'GET', path(0, 'b'))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } });
  const unknown = path(0, 'b', '!no:a.test' as RoomId);
  expect(await a.ask(b.name, 'GET', unknown)).toMatchObject({ status: 404 });
  expect(await a.ask(b.name, 'GET', path(0, 'sideways'))).toMatchObject({ status: 400 });
  await a.setState(roomId, ann, 'm.room.server_acl', { allow: ['*'], deny: ['b.test'] });
  expect(await a.ask(b.name, 'GET', path(at(4).ts, 'f'))).toMatchObject(refused);
});

test('a server is told nothing that none of its users may see', async () => {
  await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'joined' });
  const { event } = await a.send(roomId, ann, 'private');
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  const { body } = await a.ask(b.name, 'GET', path(event.originServerTs, 'f'));
  expect(body['event_id']).not.toBe(event.eventId);
});

test('where our history has a gap, others are asked, and the event is there to be scrolled from', async () => {
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  expect(b.rooms.event(at(4).id)).toBeUndefined();
  network.calm();
  const { ts } = at(4);
  expect(await b.atTime.forUser(bob, { roomId, ts: ts - 1, dir: 'f' })).toEqual(answer(4));
  expect(network.asked).toContain('b.test a.test timestamp_to_event');
  expect(b.rooms.event(at(4).id)).toMatchObject({ outlier: false, outcome: 'accepted' });

  const client = await (await clientServer({ on: b })).signIn('bob');
  const part = encodeURIComponent;
  const found = await client.get('GET', `/_matrix/client/v1/rooms/${part(roomId)}/timestamp_to_event?ts=${ts}&dir=b`);
  expect(found).toEqual(answer(4));
  const context = await client.room(roomId, `context/${part(at(4).id)}?limit=4`);
  expect(context.event.content.body).toBe('message 4');

  // Scrolled back from the newest, it stands where it was said.
  let from = '';
  const bodies: string[] = [];
  for (let pages = 0; pages < 10; pages++) {
    const page = await client.room(roomId, `messages?dir=b&limit=4${from}`);
    bodies.push(...page.chunk.flatMap((event: { content: { body?: string } }) => event.content.body ?? []));
    if (page.end === undefined) break;
    from = `&from=${part(page.end)}`;
  }
  expect(bodies).toEqual([...said.keys()].reverse().map((number) => `message ${number}`));
});

test('a server that lies about times or events is passed over', async () => {
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  const ask = () => b.atTime.forUser(bob, { roomId, ts: at(4).ts, dir: 'f' });
  const before = {
    event_id: b.rooms.currentState(roomId).id('m.room.member', bob),
    origin_server_ts: expect.any(Number),
  };
  for (const body of [
    { event_id: at(2).id, origin_server_ts: at(2).ts }, // too early
    { event_id: '$nowhere', origin_server_ts: at(4).ts + 1 },
    { event_id: 7, origin_server_ts: 'x' },
    [],
  ]) {
    network.meddle(async ({ request }, go) =>
      request.endpoint === 'timestamp_to_event' ? { status: 200, body, violations: [] } : go(),
    );
    expect(await ask()).toEqual(before);
  }
  const other = await a.ask('c.test' as ServerName, 'GET', path(0, 'f'));
  expect(other.status).toBe(403);
});

test('who is not in the room is told nothing', async () => {
  const client = await (await clientServer({ on: a })).signIn('eve');
  const uri = `/_matrix/client/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event?ts=0&dir=f`;
  expect(await client.ask('GET', uri)).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } });
});
