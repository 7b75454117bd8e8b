import { beforeAll, describe, expect, test } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { type JsonObject, parseJson, RawNumber } from '../../main/protocol/json.ts';
import { cosignEvent } from '../../main/protocol/event-signing.ts';
import type { OutcomeKind, ReceiptStep } from '../../shared/flow.ts';
import { createTestCa } from '../support/certificates.ts';
import { type JoinedRoom, type Scene, setScene } from '../support/hostile-scene.ts';
import { startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

type Pdu = JsonObject | string;

interface BadPdu {
  readonly what: string;
  readonly versions?: readonly string[];
  readonly make: (room: JoinedRoom) => Pdu | Promise<Pdu>;
  readonly outcome: OutcomeKind;
  readonly step?: ReceiptStep;
  readonly rule?: string;
  readonly reason?: RegExp;
  /** Nobody can tell what its ID is. */
  readonly nameless?: true;
}

const text = (body: string) => ({ msgtype: 'm.text', body });
/** A message that is not on the tip of the room as the peer knows it: it stays aside. */
const message = (room: JoinedRoom, content: JsonObject, fields: JsonObject = {}) =>
  room.event('m.room.message', { ...text('bad'), ...content }, fields, { aside: true });
/** A good message, spoilt after it was signed. */
const spoilt = (room: JoinedRoom, change: JsonObject) => ({ ...message(room, {}), ...change });
const without = (room: JoinedRoom, key: string) => {
  const { [key]: gone, ...rest } = message(room, {});
  return rest;
};
const nobody = '$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

/** https://spec.matrix.org/v1.19/appendices/#canonical-json: enforced since room version 6, never before. */
const notCanonical: readonly { what: string; body: string; make: (room: JoinedRoom) => Pdu; reason: RegExp }[] = [
  {
    what: 'a float',
    body: 'float',
    make: (room) => message(room, { body: 'float', n: new RawNumber('1.5') }),
    reason: /float at content\.n/,
  },
  {
    what: 'an integer written as a float',
    body: 'whole',
    make: (room) => message(room, { body: 'whole', n: new RawNumber('1.0') }),
    reason: /float at content\.n/,
  },
  {
    what: 'an integer beyond 2^53',
    body: 'large',
    make: (room) => message(room, { body: 'large', n: new RawNumber('9007199254740992') }),
    reason: /outOfRange at content\.n/,
  },
  {
    what: 'a duplicate key',
    body: 'the last one',
    make: (room) => writeJson(message(room, { body: 'the last one' })).replace('"body":', '"body":"the first","body":'),
    reason: /duplicateKey at content\.body/,
  },
  {
    what: 'a float deep inside',
    body: 'deep',
    make: (room) => message(room, { body: 'deep', a: [{ b: [new RawNumber('1e-7')] }] }),
    reason: /float at content\.a\.0\.b\.0/,
  },
];

const eventOf = (pdu: Pdu): JsonObject => (typeof pdu === 'string' ? (parseJson(pdu).value as JsonObject) : pdu);

describe.each(notCanonical)('$what', ({ body, make, reason }) => {
  test.each(['6', '10', '11', '12'])('is refused in room version %s', async (version) => {
    const room = await scene.room(version);
    const pdu = make(room);
    const { status, results, flow } = await scene.deliver([pdu]);
    expect(status).toBe(200);
    expect(Object.entries(results)).toEqual([[room.idOf(eventOf(pdu)), { error: expect.stringMatching(reason) }]]);
    expect(flow.pdus).toMatchObject([{ outcome: 'dropped', step: 'format', reason: expect.stringMatching(reason) }]);
    await room.expectOnly([]);
  });

  test.each(['1', '2', '3', '4', '5'])('is taken in room version %s', async (version) => {
    const room = await scene.room(version);
    const pdu = make(room);
    const eventId = room.idOf(eventOf(pdu));
    const { status, results, flow } = await scene.deliver([pdu]);
    expect([status, results]).toEqual([200, { [eventId]: {} }]);
    expect(flow.pdus).toMatchObject([{ outcome: 'accepted', eventId }]);
    await room.expectOnly([eventId]);
    const path = `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(eventId)}`;
    expect(await scene.owner.request('GET', path)).toMatchObject({ content: { body } });
    const served = await scene.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`);
    expect(served.status).toBe(200);
  });
});

/** Check 1: "Is a valid event, otherwise it is dropped." */
const malformed: readonly BadPdu[] = [
  ...['null', 'true', '7', '"an event"', '[]'].map(
    (json): BadPdu => ({ what: json, make: () => json, outcome: 'dropped', step: 'format', nameless: true }),
  ),
  { what: 'an empty object', make: () => '{}', outcome: 'dropped', step: 'format', nameless: true },
  ...['type', 'sender', 'content', 'depth', 'origin_server_ts', 'hashes', 'signatures', 'prev_events', 'auth_events'].map(
    (key): BadPdu => ({
      what: `no ${key}`,
      make: (room) => without(room, key),
      outcome: 'dropped',
      step: 'format',
      reason: new RegExp(key),
    }),
  ),
  ...(
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
    ] as const
  ).map(([key, value]): BadPdu => {
    const shown = JSON.stringify(value);
    return {
      what: `${key}: ${shown.length > 30 ? `${shown.slice(0, 20)}… (${shown.length - 2} characters)` : shown}`,
      make: (room) => spoilt(room, { [key]: value }),
      outcome: 'dropped',
      step: 'format',
      reason: new RegExp(key),
    };
  }),
  {
    what: 'more than 65,536 bytes',
    make: (room) => message(room, { body: 'x'.repeat(65_536) }),
    outcome: 'dropped',
    step: 'format',
    reason: /65536 bytes/,
  },
  {
    what: 'more than 65,536 bytes by two-byte characters alone',
    make: (room) => message(room, { body: 'é'.repeat(33_000) }),
    outcome: 'dropped',
    step: 'format',
    reason: /65536 bytes/,
  },
  {
    what: 'more than 65,536 bytes by its signatures alone',
    make: (room) => spoilt(room, { signatures: { [`x.${'y'.repeat(200)}`]: { 'ed25519:a': 'z'.repeat(65_536) } } }),
    outcome: 'dropped',
    step: 'format',
    reason: /65536 bytes/,
  },
  {
    what: '21 prev events',
    make: (room) => message(room, {}, { prev_events: room.cite(...Array.from({ length: 21 }, () => room.tip())) }),
    outcome: 'dropped',
    step: 'format',
    reason: /prev_events.*21.*20/,
  },
  {
    what: '11 auth events',
    make: (room) => {
      const [first] = room.auth();
      if (first === undefined) throw new Error('a message cites its sender');
      return message(room, {}, { auth_events: room.cite(...Array.from({ length: 11 }, () => first)) });
    },
    outcome: 'dropped',
    step: 'format',
    reason: /auth_events.*11.*10/,
  },
  {
    what: 'half a character',
    make: (room) => writeJson(message(room, { body: 'half' })).replace('"half"', '"\\ud800"'),
    outcome: 'dropped',
    step: 'format',
    reason: /loneSurrogate|surrogate/,
    nameless: true,
  },
  {
    what: 'a depth beyond 2^63',
    versions: ['1', '5'],
    make: (room) => message(room, {}, { depth: new RawNumber('18446744073709551616') }),
    outcome: 'dropped',
    step: 'format',
    reason: /depth/,
  },
  {
    what: 'a depth beyond 2^53',
    versions: ['6', '11', '12'],
    make: (room) => message(room, {}, { depth: new RawNumber('9223372036854775807') }),
    outcome: 'dropped',
    step: 'format',
    reason: /outOfRange at depth/,
  },
  {
    what: 'a create event among the auth events, which the room ID stands for',
    versions: ['12'],
    make: (room) => message(room, {}, { auth_events: [room.idOf(room.stateEvent('m.room.create')), ...room.auth()] }),
    outcome: 'dropped',
    step: 'format',
    reason: /create event/,
  },
  {
    what: 'itself among its prev events',
    versions: ['1', '2'],
    make: (room) => {
      const event_id = `$itself:${scene.peer.serverName}`;
      return message(room, {}, { event_id, prev_events: [[event_id, { sha256: '' }]] });
    },
    outcome: 'dropped',
    step: 'format',
    reason: /cites itself/,
  },
  {
    what: 'itself among its auth events',
    versions: ['1', '2'],
    make: (room) => {
      const event_id = `$itself:${scene.peer.serverName}`;
      return message(room, {}, { event_id, auth_events: [[event_id, { sha256: '' }]] });
    },
    outcome: 'dropped',
    step: 'format',
    reason: /cites itself/,
  },
  {
    what: 'a plain ID where there should be a pair',
    versions: ['1', '2'],
    make: (room) => message(room, {}, { prev_events: [room.tip()] }),
    outcome: 'dropped',
    step: 'format',
    reason: /prev_events/,
  },
];

/** Check 2: "Passes signature checks, otherwise it is dropped." */
const badlySigned: readonly BadPdu[] = [
  {
    what: 'no signature',
    make: (room) => spoilt(room, { signatures: {} }),
    outcome: 'dropped',
    step: 'signatures',
  },
  {
    what: 'the signature of another event',
    make: (room) => spoilt(room, { signatures: room.stateEvent('m.room.join_rules')['signatures'] ?? null }),
    outcome: 'dropped',
    step: 'signatures',
  },
  {
    what: 'a signature that is no base64',
    make: (room) => spoilt(room, { signatures: { [scene.peer.serverName]: { [scene.peer.key.keyId]: '%%%' } } }),
    outcome: 'dropped',
    step: 'signatures',
  },
  {
    what: 'a depth that was changed after signing',
    make: (room) => spoilt(room, { depth: 3 }),
    outcome: 'dropped',
    step: 'signatures',
  },
  {
    what: 'a sender that was changed after signing',
    make: (room) => spoilt(room, { sender: `@another:${scene.peer.serverName}` }),
    outcome: 'dropped',
    step: 'signatures',
  },
  {
    what: 'our own user for a sender',
    make: (room) => message(room, {}, { sender: scene.owner.userId }),
    outcome: 'dropped',
    step: 'signatures',
    reason: /signature/,
  },
  {
    what: "another server's user for a sender",
    make: async (room) => {
      const other = await startRawPeer(scene.peer.ca);
      return message(room, {}, { sender: other.userId });
    },
    outcome: 'dropped',
    step: 'signatures',
    reason: /signature/,
  },
  {
    what: 'the ID of an event of ours',
    versions: ['1', '2'],
    make: (room) => message(room, {}, { event_id: `$forged:${scene.hearth.serverName}` }),
    outcome: 'dropped',
    step: 'signatures',
    reason: /signature/,
  },
];

/** Check 4: "Passes authorization rules based on the event's auth events, otherwise it is rejected." */
const badAuthEvents: readonly BadPdu[] = [
  {
    what: 'the same auth event twice',
    make: (room) => message(room, {}, { auth_events: room.cite(...room.auth(), ...room.auth().slice(-1)) }),
    outcome: 'rejected',
    step: 'authEvents',
    rule: 'auth events have no duplicates',
  },
  {
    what: 'two auth events for one piece of state',
    make: async (room) => {
      const again = room.event('m.room.member', { membership: 'join', displayname: 'R' }, { state_key: room.sender });
      expect((await scene.deliver([again])).results).toEqual({ [room.idOf(again)]: {} });
      const levels = room.idOf(room.stateEvent('m.room.power_levels'));
      return message(room, {}, { auth_events: room.cite(...room.auth(), levels, room.firstMember) });
    },
    outcome: 'rejected',
    step: 'authEvents',
    rule: 'auth events have no duplicates',
  },
];
void badAuthEvents;
