import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import { signEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { aside } from '../support/bad-pdus.ts';
import { type Scene, setScene } from '../support/hostile-scene.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

const keys = [
  'type',
  'state_key',
  'sender',
  'content',
  'depth',
  'origin_server_ts',
  'hashes',
  'signatures',
  'prev_events',
  'auth_events',
  'redacts',
  'event_id',
  'unsigned',
  '__proto__',
];
const strange = fc.oneof(
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value, wholeNumbers)) as JsonValue),
  fc.constantFrom<JsonValue>('m.room.create', 'm.room.member', 'm.room.power_levels', 'm.room.redaction', '', '@', -1),
  fc.constantFrom<JsonValue>(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, [[]], [['$x:y.test', {}]], [null]),
);

/** Floats have tests of their own; here they would hide all else. */
const wholeNumbers = (_key: string, value: unknown) =>
  typeof value === 'number' ? Math.trunc(Math.min(Math.max(value, -1e15), 1e15)) : value;

const mutation = fc.record({
  changes: fc.array(fc.tuple(fc.constantFrom(...keys), fc.option(strange)), { minLength: 1, maxLength: 3 }),
  isSigned: fc.boolean(),
});

/** `Object.defineProperty`, since `__proto__` shall be a key like any other. */
function changed(pdu: JsonObject, changes: readonly (readonly [key: string, value: JsonValue | null])[]): JsonObject {
  const copy = Object.assign(Object.create(null), pdu) as Record<string, JsonValue>;
  for (const [key, value] of changes) {
    if (value === null) Reflect.deleteProperty(copy, key);
    else Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return copy;
}

test.each(['1', '5', '11', '12'])(
  'events spoilt at random each get their outcome, in room version %s',
  async (version) => {
    const room = await scene.room(version);
    const transactions = fc.array(mutation, { minLength: 20, maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(transactions, async (mutations) => {
        const pdus = mutations.map(({ changes, isSigned }) => {
          const pdu = changed(aside(room), changes);
          return isSigned ? signEvent(pdu, room.rules, scene.peer.serverName, scene.peer.key) : pdu;
        });
        const { status, flow } = await scene.deliver(pdus);
        expect(status).toBe(200);
        expect(flow.pdus).toHaveLength(pdus.length);
        for (const { outcome, reason } of flow.pdus) {
          if (outcome === 'dropped' || outcome === 'rejected') expect(reason).toMatch(/\w/);
        }
      }),
      { numRuns: 8, endOnFailure: true },
    );
    const good = room.message('good');
    expect((await scene.deliver([good])).results).toEqual({ [room.idOf(good)]: {} });
  },
);
