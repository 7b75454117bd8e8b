import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { eventIdOf } from '../../main/protocol/event.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from '../support/memory-servers.ts';

const rules = rulesOf('11') as RoomVersionRules;
let network: MemoryNetwork;
let a: MemoryServer; // has the room, and is asked
let b: MemoryServer; // is in the room
let ann: UserId;
let bob: UserId;
let roomId: RoomId;
const outsider = 'c.test' as ServerName;

beforeAll(async () => {
  network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  ann = a.user('ann');
  bob = b.user('bob');
});
beforeEach(async () => {
  network.calm();
  roomId = await a.room(ann);
});

const joinBob = async () => {
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  await network.settle();
};
const say = async (body: string, by = ann): Promise<EventId> => (await a.send(roomId, by, body)).event.eventId;
const part = encodeURIComponent;
const at = (endpoint: string) => `/_matrix/federation/v1/${endpoint}`;
const get = (uri: string, origin: ServerName = b.name) => a.ask(origin, 'GET', at(uri));
const idsOf = (list: JsonValue | undefined) => (list as JsonObject[]).map((pdu) => eventIdOf(pdu, rules));
const bodiesOf = (list: JsonValue | undefined) =>
  (list as JsonObject[]).map(({ content }) => (content as JsonObject)['body']);
const unknown = `$${'u'.repeat(43)}` as EventId;

/** Every endpoint that serves history, asked about one event of one room. */
const endpoints: readonly [
  name: string,
  ask: (room: string, event: string, origin: ServerName) => ReturnType<typeof get>,
][] = [
  ['state', (room, event, origin) => get(`state/${part(room)}?event_id=${part(event)}`, origin)],
  ['state_ids', (room, event, origin) => get(`state_ids/${part(room)}?event_id=${part(event)}`, origin)],
  ['event_auth', (room, event, origin) => get(`event_auth/${part(room)}/${part(event)}`, origin)],
  ['backfill', (room, event, origin) => get(`backfill/${part(room)}?v=${part(event)}&limit=10`, origin)],
  [
    'get_missing_events',
    (room, event, origin) =>
      a.ask(origin, 'POST', at(`get_missing_events/${part(room)}`), { earliest_events: [], latest_events: [event] }),
  ],
];

describe.each(endpoints)('%s', (name, ask) => {
  test('answers a server in the room', async () => {
    await joinBob();
    expect((await ask(roomId, await say('hello'), b.name)).status).toBe(200);
  });

  test('refusals', async () => {
    const event = await say('hello');
    const denied = await a.room(ann, {
      more: [{ type: 'm.room.server_acl', sender: ann, content: { allow: ['*'], deny: ['b.test'] }, stateKey: '' }],
    });
    const inDenied = (await a.send(denied, ann, 'x')).event.eventId;
    const open = await a.room(ann);
    await joinBob();
    await b.memberships.join({ userId: bob, room: open, via: [a.name] });

    const rows: readonly [
      what: string,
      room: string,
      event: string,
      origin: ServerName,
      status: number,
      errcode: string,
    ][] = [
      ['a server that is not in the room', roomId, event, outsider, 403, 'M_FORBIDDEN'],
      ['an unknown room', '!no:a.test', event, b.name, 404, 'M_NOT_FOUND'],
      ['a server that the ACL denies', denied, inDenied, b.name, 403, 'M_FORBIDDEN'],
      ['no room ID', 'nonsense', event, b.name, 400, 'M_INVALID_PARAM'],
      [
        'no event ID',
        roomId,
        'nonsense',
        b.name,
        400,
        name === 'get_missing_events' ? 'M_BAD_JSON' : 'M_INVALID_PARAM',
      ],
      ['an unknown event, to who is not in the room', roomId, unknown, outsider, 403, 'M_FORBIDDEN'],
    ];
    for (const [what, room, id, origin, status, errcode] of rows) {
      const { status: is, body } = await ask(room, id, origin);
      expect([what, is, body['errcode']]).toEqual([what, status, errcode]);
    }
    // asked about events that are not there, get_missing_events finds nothing between
    for (const id of [unknown, inDenied]) {
      const { status, body } = await ask(roomId, id, b.name);
      if (name === 'get_missing_events') expect(body).toEqual({ events: [] });
      else expect([status, body['errcode']]).toEqual([404, 'M_NOT_FOUND']);
    }
  });

  test('who has left the room is answered about the time when they were in it', async () => {
    await joinBob();
    const during = await say('during');
    await b.memberships.leave({ userId: bob, roomId });
    await network.settle();
    const after = await say('after');
    expect((await ask(roomId, during, b.name)).status).toBe(200);
    expect((await ask(roomId, after, b.name)).status).toBe(403);
  });

  test('anybody is answered about a world readable room', async () => {
    await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    expect((await ask(roomId, await say('open'), outsider)).status).toBe(200);
  });
});

describe('event', () => {
  test('is served whole to who may see it, redacted to who is in the room and may not', async () => {
    await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'joined' });
    const before = await say('before');
    await joinBob();
    const after = await say('after');
    const { status, body } = await get(`event/${part(after)}`);
    expect(status).toBe(200);
    expect(body).toMatchObject({ origin: 'a.test', origin_server_ts: expect.any(Number) });
    expect(bodiesOf(body['pdus'])).toEqual(['after']);
    const { body: withheld } = await get(`event/${part(before)}`);
    expect(bodiesOf(withheld['pdus'])).toEqual([undefined]);
    expect(idsOf(withheld['pdus'])).toEqual([before]); // redaction does not change what it is
  });

  test('refusals', async () => {
    const event = await say('hello');
    expect((await get(`event/${part(event)}`, outsider)).body['errcode']).toBe('M_FORBIDDEN');
    expect((await get(`event/${part(unknown)}`)).body['errcode']).toBe('M_NOT_FOUND');
    await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'world_readable' });
    const open = await say('open');
    expect((await get(`event/${part(open)}`, outsider)).status).toBe(200);
    await a.setState(roomId, ann, 'm.room.server_acl', { allow: ['*'], deny: ['c.test'] });
    expect((await get(`event/${part(open)}`, outsider)).body['errcode']).toBe('M_FORBIDDEN');
  });

  test('an outlier is served by its ID', async () => {
    // what b.test has of the time before its join, are the events of the state
    await joinBob();
    const create = a.rooms.currentState(roomId).id('m.room.create', '') as EventId;
    expect(b.rooms.event(create)?.outlier).toBe(true);
    const { status, body } = await b.ask(a.name, 'GET', at(`event/${part(create)}`));
    expect(status).toBe(200);
    expect(idsOf(body['pdus'])).toEqual([create]);
    // but there is no history to go on from, and no state before it
    expect((await b.ask(a.name, 'GET', at(`backfill/${part(roomId)}?v=${part(create)}&limit=5`))).status).toBe(404);
    expect((await b.ask(a.name, 'GET', at(`state_ids/${part(roomId)}?event_id=${part(create)}`))).status).toBe(404);
  });

  test('a redacted event is served redacted', async () => {
    await joinBob();
    const event = await say('regretted');
    await a.rooms.append(roomId, [{ type: 'm.room.redaction', sender: ann, redacts: event, content: {} }]);
    const { body } = await get(`event/${part(event)}`);
    expect(bodiesOf(body['pdus'])).toEqual([undefined]);
  });
});

describe('state', () => {
  test('is the state before the event, with the auth chain of all of it', async () => {
    await joinBob();
    await a.setState(roomId, ann, 'm.room.name', { name: 'old' });
    const before = [...a.rooms.currentState(roomId).entries()].map(([, id]) => id).sort();
    const change = (await a.setState(roomId, ann, 'm.room.name', { name: 'new' })).event.eventId;
    const query = `${part(roomId)}?event_id=${part(change)}`;
    const { body: ids } = await get(`state_ids/${query}`);
    expect([...(ids['pdu_ids'] as string[])].sort()).toEqual(before);
    const chain = [...(await a.rooms.authChain(before))].sort();
    expect([...(ids['auth_chain_ids'] as string[])].sort()).toEqual(chain);
    const { body: whole } = await get(`state/${query}`);
    expect(idsOf(whole['pdus']).sort()).toEqual(before);
    expect(idsOf(whole['auth_chain']).sort()).toEqual(chain);
  });

  test('event_id is needed', async () => {
    await joinBob();
    expect((await get(`state_ids/${part(roomId)}`)).status).toBe(400);
  });
});

test('event_auth is the chain without the event', async () => {
  await joinBob();
  const event = await say('hello');
  const { body } = await get(`event_auth/${part(roomId)}/${part(event)}`);
  const chain = [...(await a.rooms.authChain([event]))].sort();
  expect(idsOf(body['auth_chain']).sort()).toEqual(chain);
  expect(chain).not.toContain(event);
});

describe('backfill', () => {
  const backfill = (v: readonly string[], limit: number | string) =>
    get(`backfill/${part(roomId)}?${v.map((id) => `v=${part(id)}&`).join('')}limit=${limit}`);

  test('includes the events asked for, and goes back newest first', async () => {
    await joinBob();
    const said: EventId[] = [];
    for (const body of ['1', '2', '3', '4']) said.push(await say(body));
    const { body } = await backfill([said[2] as EventId], 3);
    expect(bodiesOf(body['pdus'])).toEqual(['3', '2', '1']);
    expect(body).toMatchObject({ origin: 'a.test' });
    const { body: all } = await backfill([said[3] as EventId], 100);
    expect((all['pdus'] as JsonObject[]).at(-1)?.['type']).toBe('m.room.create');
  });

  test('from several events, each event once', async () => {
    await joinBob();
    const said: EventId[] = [];
    for (const body of ['1', '2', '3']) said.push(await say(body));
    const { body } = await backfill([said[2] as EventId, said[1] as EventId, unknown], 3);
    expect(bodiesOf(body['pdus'])).toEqual(['3', '2', '1']);
  });

  test('of branches the newest event comes first', async () => {
    await joinBob();
    network.cut(a, b);
    const ours = [await say('a1'), await say('a2')];
    await b.send(roomId, bob, 'b1');
    network.heal(a, b);
    await network.settle();
    const { body } = await backfill(a.rooms.forwardExtremities(roomId), 3);
    expect(bodiesOf(body['pdus'])).toContain('a2');
    expect(idsOf(body['pdus'])).toContain(ours[0]);
  });

  test('bounds', async () => {
    await joinBob();
    for (let number = 0; number < 110; number++) await say(String(number));
    const tip = a.rooms.forwardExtremities(roomId);
    expect((await backfill(tip, 1000)).body['pdus']).toHaveLength(100);
    expect((await backfill(tip, 0)).body['pdus']).toEqual([]);
    expect((await backfill(tip, -1)).status).toBe(400);
    expect((await backfill(tip, 'many')).status).toBe(400);
    expect((await backfill([], 10)).body['errcode']).toBe('M_MISSING_PARAM');
  });

  test('what the server may not see is redacted, and not left out', async () => {
    await a.setState(roomId, ann, 'm.room.history_visibility', { history_visibility: 'joined' });
    const hidden = await say('hidden');
    await joinBob();
    const seen = await say('seen');
    const { body } = await backfill([seen], 4);
    expect(bodiesOf(body['pdus'])[0]).toBe('seen');
    const ids = idsOf(body['pdus']);
    expect(ids).toContain(hidden);
    expect((body['pdus'] as JsonObject[])[ids.indexOf(hidden)]?.['content']).toEqual({});
  });
});

describe('get_missing_events', () => {
  const missing = (body: JsonObject) => a.ask(b.name, 'POST', at(`get_missing_events/${part(roomId)}`), body);
  let said: EventId[];

  beforeEach(async () => {
    await joinBob();
    said = [];
    for (let number = 0; number < 20; number++) said.push(await say(String(number)));
  });

  test('gives what lies between, without either end, oldest first', async () => {
    const { body } = await missing({ earliest_events: [said[3] ?? ''], latest_events: [said[7] ?? ''] });
    expect(bodiesOf(body['events'])).toEqual(['4', '5', '6']);
  });

  test('the newest ones, ten unless more are asked for, a hundred at most', async () => {
    const latest_events = [said[19] ?? ''];
    expect(bodiesOf((await missing({ earliest_events: [], latest_events })).body['events'])).toEqual([
      '9',
      '10',
      '11',
      '12',
      '13',
      '14',
      '15',
      '16',
      '17',
      '18',
    ]);
    const few = await missing({ earliest_events: [], latest_events, limit: 2 });
    expect(bodiesOf(few.body['events'])).toEqual(['17', '18']);
    const all = await missing({ earliest_events: [], latest_events, limit: 10_000 });
    expect((all.body['events'] as JsonObject[])[0]?.['type']).toBe('m.room.create');
  });

  test('not deeper than asked', async () => {
    const min_depth = a.rooms.event(said[17] as EventId)?.event.depth ?? 0;
    const { body } = await missing({ earliest_events: [], latest_events: [said[19] ?? ''], min_depth });
    expect(bodiesOf(body['events'])).toEqual(['17', '18']);
  });

  test.each<[what: string, body: JsonObject]>([
    ['nothing', {}],
    ['no lists', { earliest_events: 'x', latest_events: {} }],
    ['no IDs', { earliest_events: [], latest_events: [7] }],
    ['a limit that is none', { earliest_events: [], latest_events: [], limit: 'x' }],
    ['a depth that is none', { earliest_events: [], latest_events: [], min_depth: 'x' }],
  ])('%s', async (_, body) => {
    expect((await missing(body)).status).toBe(400);
  });

  test('thousands of latest events are not all gone after', async () => {
    const many = Array.from({ length: 5_000 }, (_, index) => `$${String(index).padStart(43, 'x')}`);
    const { status, body } = await missing({ earliest_events: many, latest_events: [...many, said[19] ?? ''] });
    expect(status).toBe(200);
    expect(body).toEqual({ events: [] });
  });
});
