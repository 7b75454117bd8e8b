import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { signEvent } from '../../../main/protocol/event-signing.ts';
import type { JsonObject, JsonValue } from '../../../main/protocol/json.ts';
import type { RoomVersionRules } from '../../../main/protocol/room-versions.ts';
import { rulesOf } from '../../../main/protocol/room-versions.ts';
import type { EventId, RoomId, UserId } from '../../../shared/ids.ts';
import { type MemoryServer, memoryNetwork } from '../../support/memory-servers.ts';

let a: MemoryServer;
let b: MemoryServer;
let ann: UserId;
let bob: UserId;
let roomId: RoomId;
let eventId: EventId;

beforeAll(async () => {
  const network = memoryNetwork();
  [a, b] = [await network.server('a.test'), await network.server('b.test')];
  [ann, bob] = [a.user('ann'), b.user('bob')];
  roomId = await a.room(ann);
  await b.memberships.join({ userId: bob, room: roomId, via: [a.name] });
  await network.settle();
  eventId = (await a.send(roomId, ann, 'hello')).event.eventId;
});

const part = (text: string) => encodeURIComponent(text);
const json = () => fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<JsonValue>;

/** JSON that is near to what is expected: some of it right, much of it of another type. */
const near = <T>(...right: readonly T[]) => fc.oneof(fc.constantFrom(...right), json());
const pduLike = () =>
  fc.record(
    {
      type: near<JsonValue>('m.room.member', 'm.room.create', 'm.room.message'),
      room_id: near<JsonValue>(roomId, '!x:a.test'),
      sender: near<JsonValue>(bob, ann, '@:'),
      state_key: near<JsonValue>(bob, ann, '', '\0'),
      content: near<JsonValue>({ membership: 'join' }, { membership: 'invite' }, { membership: 'leave' }),
      depth: near<JsonValue>(0, -1, Number.MAX_SAFE_INTEGER),
      origin_server_ts: near<JsonValue>(0, -1),
      prev_events: near<JsonValue>([eventId], [[eventId, {}]], [null]),
      auth_events: near<JsonValue>([eventId], []),
      hashes: near<JsonValue>({ sha256: 'x' }),
      signatures: near<JsonValue>({ 'b.test': { 'ed25519:test': 'AAAA' } }, { __proto__: null, constructor: 1 }),
    },
    { requiredKeys: [] },
  ) as unknown as fc.Arbitrary<JsonObject>;

const endpoints: readonly [method: 'PUT' | 'POST', uri: () => string, wrap: (pdu: JsonValue) => JsonValue][] = [
  ['PUT', () => `/_matrix/federation/v1/send/${Math.random()}`, (pdu) => ({ pdus: [pdu], edus: [pdu] })],
  ['PUT', () => `/_matrix/federation/v2/send_join/${part(roomId)}/${part(eventId)}`, (pdu) => pdu],
  ['PUT', () => `/_matrix/federation/v1/send_leave/${part(roomId)}/${part(eventId)}`, (pdu) => pdu],
  ['PUT', () => `/_matrix/federation/v1/send_knock/${part(roomId)}/${part(eventId)}`, (pdu) => pdu],
  ['PUT', () => `/_matrix/federation/v1/invite/${part('!x:b.test')}/${part(eventId)}`, (pdu) => pdu],
  [
    'PUT',
    () => `/_matrix/federation/v2/invite/${part('!x:b.test')}/${part(eventId)}`,
    (pdu) => ({ room_version: '11', event: pdu, invite_room_state: [pdu] }),
  ],
  [
    'POST',
    () => `/_matrix/federation/v1/get_missing_events/${part(roomId)}`,
    (pdu) => ({ earliest_events: [pdu], latest_events: pdu, limit: pdu, min_depth: pdu }),
  ],
];

test.each(endpoints)('%s %o: whatever is in the body, the answer is no 5xx', async (method, uri, wrap) => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(pduLike().map(wrap), pduLike(), json()), async (body) => {
      const text = JSON.stringify(body);
      const { status, body: reply } = await a.ask(b.name, method, uri(), text);
      expect(status).toBeLessThan(500);
      if (status !== 200) expect(reply['errcode']).toMatch(/^M_/);
    }),
    { numRuns: 150 },
  );
});

test('whatever is in the path and the query, the answer is no 5xx', async () => {
  const text = fc.oneof(fc.string({ unit: 'binary', maxLength: 300 }), fc.constantFrom('!x:a.test', '$x', '@x:b.test'));
  const known = () => fc.constantFrom(roomId as string, eventId as string, bob as string);
  const paths = [
    'event',
    'event_auth',
    'state',
    'state_ids',
    'backfill',
    'make_join',
    'make_leave',
    'make_knock',
    'query/profile',
    'query/directory',
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...paths),
      fc.oneof(text, known()),
      fc.oneof(text, known()),
      fc.constantFrom('event_id', 'v', 'limit', 'ver', 'user_id', 'field', 'room_alias'),
      async (path, first, second, name) => {
        if (/\p{Surrogate}/u.test(first + second)) return;
        const uri = `/_matrix/federation/v1/${path}/${part(first)}/${part(second)}?${name}=${part(second)}`;
        for (const asked of [uri, uri.replace(/\/[^/]*\?/, '?'), uri.replace(/\/[^/]*\/[^/]*\?/, '?')]) {
          expect((await a.ask(b.name, 'GET', asked)).status).toBeLessThan(500);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('a well signed event with nonsense in it is refused or taken, never an error of ours', async () => {
  const rules = rulesOf('11') as RoomVersionRules;
  await fc.assert(
    fc.asyncProperty(pduLike(), json(), async (pdu, extra) => {
      const whole = { ...pdu, sender: bob, state_key: bob, type: 'm.room.member', room_id: roomId, extra };
      let signed: JsonObject;
      try {
        signed = signEvent(whole as JsonObject, rules, b.name, b.key);
      } catch {
        return; // floats cannot be signed
      }
      const outcomes = await a.rooms.receive([{ pdu: signed, violations: [] }], { origin: b.name, source: 'live' });
      expect(outcomes).toHaveLength(1);
    }),
    { numRuns: 100 },
  );
});
