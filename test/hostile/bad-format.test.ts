import { beforeAll, describe, expect, test } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { parseEvent } from '../../main/protocol/event.ts';
import { hasRightContentHash } from '../../main/protocol/event-hash.ts';
import { type JsonObject, type JsonValue, RawNumber } from '../../main/protocol/json.ts';
import { aside, type BadPdu, said, spoilt, testBadPdus } from '../support/bad-pdus.ts';
import { type JoinedRoom, type Pdu, type Scene, setScene } from '../support/hostile-scene.ts';
import { until } from '../support/matrix-client.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

interface NotCanonical {
  readonly what: string;
  readonly body: string;
  readonly make: (room: JoinedRoom) => Pdu;
  readonly reason: RegExp;
}

const notCanonical: readonly NotCanonical[] = [
  {
    what: 'a float',
    body: 'float',
    make: (room) => aside(room, { body: 'float', n: new RawNumber('1.5') }),
    reason: /float at content\.n/,
  },
  {
    what: 'an integer written as a float',
    body: 'whole',
    make: (room) => aside(room, { body: 'whole', n: new RawNumber('1.0') }),
    reason: /float at content\.n/,
  },
  {
    what: 'an integer beyond 2^53',
    body: 'large',
    make: (room) => aside(room, { body: 'large', n: new RawNumber('9007199254740992') }),
    reason: /outOfRange at content\.n/,
  },
  {
    what: 'a float deep inside',
    body: 'deep',
    make: (room) => aside(room, { body: 'deep', a: [{ b: [new RawNumber('1e-7')] }] }),
    reason: /float at content\.a\.0\.b\.0/,
  },
  {
    what: 'a duplicate key',
    body: 'the last one',
    make: (room) => writeJson(aside(room, { body: 'the last one' })).replace('"body":', '"body":"the first","body":'),
    reason: /duplicateKey at content\.body/,
  },
];

/** https://spec.matrix.org/v1.19/rooms/v6/#canonical-json: enforced from version 6 on, and never before. */
describe.each(notCanonical)('$what', ({ body, make, reason }) => {
  test.each(['6', '10', '11', '12'])('is refused in room version %s', async (version) => {
    const room = await scene.room(version);
    const pdu = make(room);
    const { status, results, flow } = await scene.deliver([pdu]);
    expect(flow.pdus).toMatchObject([{ outcome: 'dropped', step: 'format', reason: expect.stringMatching(reason) }]);
    expect([status, results]).toEqual([200, { [room.idOf(said(pdu))]: { error: expect.stringMatching(reason) } }]);
    await room.expectOnly([]);
  });

  test.each(['1', '2', '3', '4', '5'])('is taken in room version %s', async (version) => {
    const room = await scene.room(version);
    const pdu = make(room);
    const eventId = room.idOf(said(pdu));
    const { status, results, flow } = await scene.deliver([pdu]);
    expect(flow.pdus).toMatchObject([{ outcome: 'accepted', eventId }]);
    expect([status, results]).toEqual([200, { [eventId]: {} }]);
    await room.expectOnly([eventId]);
    const path = `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(eventId)}`;
    expect(await scene.owner.request('GET', path)).toMatchObject({ content: { body } });
  });
});

const dropped = { outcome: 'dropped', step: 'format' } as const;

const noEvents = ['null', 'true', '7', '"an event"', '[]', '{}', '{"room_id":7}'].map(
  (json): BadPdu => ({ what: json, versions: ['12'], make: () => json, ...dropped, nameless: true }),
);

const keys = 'type sender content depth origin_server_ts hashes signatures prev_events auth_events'.split(' ');
const incomplete = keys.map(
  (key): BadPdu => ({
    what: `no ${key}`,
    make: (room) => {
      const { [key]: gone, ...rest } = aside(room);
      return rest;
    },
    ...dropped,
    reason: new RegExp(`\`${key}\` is not`),
  }),
);

const misshapen = (
  [
    ['type', 7],
    ['type', 't'.repeat(256)],
    ['type', 'é'.repeat(128)],
    ['type', 'a\0b'],
    ['state_key', null],
    ['state_key', 's'.repeat(256)],
    ['sender', 'raw'],
    ['sender', '@raw'],
    ['sender', `@${'r'.repeat(255)}:127.0.0.1`],
    ['content', []],
    ['content', 'text'],
    ['depth', '5'],
    ['depth', null],
    ['origin_server_ts', 'now'],
    ['hashes', []],
    ['hashes', { sha256: 7 }],
    ['signatures', 'mine'],
    ['prev_events', {}],
    ['prev_events', [7]],
    ['prev_events', ['not an ID']],
    ['auth_events', 'all'],
    ['auth_events', [null]],
  ] satisfies [string, JsonObject[string]][]
).map(([key, value]): BadPdu => {
  const shown = JSON.stringify(value);
  return {
    what: `${key}: ${shown.length > 30 ? `${shown.slice(0, 10)}… of ${shown.length - 2} characters` : shown}`,
    make: (room) => spoilt(room, { [key]: value }),
    ...dropped,
    reason: new RegExp(`\`${key}|sha256`),
  };
});

const tooMuch: readonly BadPdu[] = [
  {
    what: 'more than 65,536 bytes',
    make: (room) => aside(room, { body: 'x'.repeat(65_536) }),
    ...dropped,
    reason: /65536 bytes/,
  },
  {
    what: 'more than 65,536 bytes by two-byte characters alone',
    make: (room) => aside(room, { body: 'é'.repeat(33_000) }),
    ...dropped,
    reason: /65536 bytes/,
  },
  {
    what: 'more than 65,536 bytes by its signatures alone',
    make: (room) => spoilt(room, { signatures: { 'a.test': { 'ed25519:a': 'z'.repeat(65_536) } } }),
    ...dropped,
    reason: /65536 bytes/,
  },
  {
    what: '21 prev events',
    make: (room) => aside(room, {}, { prev_events: room.cite(...new Array(21).fill(room.tip())) }),
    ...dropped,
    reason: /`prev_events` has 21 events, and 20 is the most/,
  },
  {
    what: '11 auth events',
    make: (room) => aside(room, {}, { auth_events: room.cite(...new Array(11).fill(room.tip())) }),
    ...dropped,
    reason: /`auth_events` has 11 events, and 10 is the most/,
  },
  {
    what: 'a depth beyond 2^63',
    versions: ['1', '5'],
    make: (room) => aside(room, {}, { depth: new RawNumber('18446744073709551616') }),
    ...dropped,
    reason: /`depth`/,
  },
  {
    what: 'a depth beyond 2^53',
    versions: ['6', '11', '12'],
    make: (room) => aside(room, {}, { depth: new RawNumber('9007199254740992') }),
    ...dropped,
    reason: /outOfRange at depth/,
  },
];

const impossible: readonly BadPdu[] = [
  {
    what: 'half a character',
    make: (room) => writeJson(aside(room, { body: 'half' })).replace('"half"', '"\\ud800"'),
    ...dropped,
    reason: /surrogate/i,
  },
  {
    what: 'itself among its prev events',
    versions: ['1', '2'],
    make: (room) => {
      const event_id = `$itself:${scene.peer.serverName}`;
      return aside(room, {}, { event_id, prev_events: [[event_id, { sha256: '' }]] });
    },
    ...dropped,
    reason: /cites itself/,
  },
  {
    what: 'itself among its auth events',
    versions: ['1', '2'],
    make: (room) => {
      const event_id = `$itself:${scene.peer.serverName}`;
      return aside(room, {}, { event_id, auth_events: [[event_id, { sha256: '' }]] });
    },
    ...dropped,
    reason: /cites itself/,
  },
  {
    what: 'IDs where there should be pairs',
    versions: ['1', '2'],
    make: (room) => aside(room, {}, { prev_events: [room.tip()] }),
    ...dropped,
    reason: /`prev_events`/,
  },
  {
    what: 'pairs where there should be IDs',
    versions: ['3', '11'],
    make: (room) => aside(room, {}, { prev_events: [[room.tip(), { sha256: '' }]] }),
    ...dropped,
    reason: /`prev_events`/,
  },
  {
    what: 'the create event among the auth events, which the room ID stands for',
    versions: ['12'],
    make: (room) => aside(room, {}, { auth_events: [room.idOf(room.stateEvent('m.room.create')), ...room.auth()] }),
    ...dropped,
    reason: /create event/,
  },
];

describe('no events at all', () => testBadPdus(() => scene, noEvents));
describe('events that lack something', () => testBadPdus(() => scene, incomplete));
describe('events with something else in its place', () => testBadPdus(() => scene, misshapen));
describe('events with too much', () => testBadPdus(() => scene, tooMuch));
describe('events that cannot be', () => testBadPdus(() => scene, impossible));

/** What trips programs up, and is an event like any other. */
const harmless: readonly { readonly what: string; readonly make: (room: JoinedRoom) => JsonObject }[] = [
  {
    what: '__proto__ and constructor in its content',
    make: (room) => aside(room, JSON.parse('{"__proto__":{"x":true},"constructor":{"prototype":null},"toString":1}')),
  },
  {
    what: '__proto__ at its top level',
    make: (room) => aside(room, {}, JSON.parse('{"__proto__":{"type":"m.room.create","sender":"@x:y.test"}}')),
  },
  { what: 'the type __proto__', make: (room) => room.event('__proto__', {}, {}, { aside: true }) },
  { what: 'the type constructor', make: (room) => room.event('constructor', {}, {}, { aside: true }) },
  { what: 'no type to speak of', make: (room) => room.event('', {}, {}, { aside: true }) },
  { what: 'integers at the ends of what there is', make: (room) => aside(room, { n: [2 ** 53 - 1, 1 - 2 ** 53] }) },
  { what: 'a content of 80 levels', make: (room) => aside(room, { a: nested(80) }) },
  { what: 'a time before all time', make: (room) => aside(room, {}, { origin_server_ts: -1 }) },
  { what: 'a negative depth', make: (room) => aside(room, {}, { depth: -1 }) },
  { what: 'the same prev event 20 times', make: (room) => aside(room, {}, { prev_events: times(20, room.tip()) }) },
];
const times = <T>(count: number, item: T): T[] => Array.from({ length: count }, () => item);
const nested = (levels: number): JsonValue => (levels === 0 ? 'deep' : [nested(levels - 1)]);

describe.each(harmless)('an event with $what', ({ make }) => {
  test.each(['5', '11', '12'])('is taken and served as it is, in room version %s', async (version) => {
    const room = await scene.room(version);
    const pdu = make(room);
    const eventId = room.idOf(pdu);
    const { results, flow } = await scene.deliver([pdu]);
    expect(flow.pdus).toMatchObject([{ outcome: 'accepted', eventId }]);
    expect(results).toEqual({ [eventId]: {} });
    await room.expectOnly([eventId]);
    const served = await scene.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`);
    const [given] = served.body['pdus'] as [JsonObject];
    expect(room.idOf(given)).toBe(eventId);
    expect(hasRightContentHash(given)).toBe(true);
  });
});

test('after the greatest depth that there is, our own events are still events', async () => {
  const room = await scene.room('12');
  const deepest = room.event('m.room.message', { body: 'deepest' }, { depth: 2 ** 53 - 1 });
  expect((await scene.deliver([deepest])).flow.pdus).toMatchObject([{ outcome: 'accepted' }]);
  const ours = await scene.owner.send(room.roomId, 'after it');
  const sent = await until(
    async () => scene.peer.received.flatMap(({ pdus }) => pdus as readonly JsonObject[]),
    (pdus) => pdus.some((pdu) => room.idOf(pdu) === ours),
    { what: 'it reaches the peer' },
  );
  const event = sent.find((pdu) => room.idOf(pdu) === ours);
  expect(event).toMatchObject({ depth: 2 ** 53 - 1, prev_events: [room.idOf(deepest)] });
  expect(() => parseEvent(event as JsonObject, room.rules)).not.toThrow();
});

test.each(['1', '12'])('an event of a room that is not here makes none, in room version %s', async (version) => {
  const room = scene.peer.createRoom(version);
  const { status, results, flow } = await scene.deliver([room.message('hello')]);
  expect(flow.pdus).toMatchObject([{ outcome: 'dropped', rule: 'server is in the room', roomId: room.roomId }]);
  expect(status).toBe(200);
  // Which version the room has is not known here, and so no ID that is a hash.
  expect(Object.values(results)).toEqual(version === '1' ? [{ error: expect.any(String) }] : []);
  const rooms = await scene.console.call('rooms.list');
  expect(rooms.map(({ roomId }) => roomId)).not.toContain(room.roomId);
});

test('one bad PDU fails none of the others', async () => {
  const room = await scene.room('12');
  const bad = aside(room, { n: new RawNumber('0.5') });
  const good = [room.message('first'), room.message('second')];
  const ids = good.map(room.idOf);
  const { status, results, flow } = await scene.deliver(['null', good[0] as JsonObject, bad, good[1] as JsonObject]);
  expect(flow.pdus.map(({ outcome }) => outcome)).toEqual(['dropped', 'accepted', 'dropped', 'accepted']);
  expect(flow.outcomes).toEqual({ accepted: 2, dropped: 2 });
  expect(status).toBe(200);
  expect(results).toEqual({
    [ids[0] as string]: {},
    [ids[1] as string]: {},
    [room.idOf(bad)]: { error: expect.any(String) },
  });
  await room.expectOnly(ids);
});
