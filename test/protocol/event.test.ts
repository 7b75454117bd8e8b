import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../main/protocol/canonical-json.ts';
import { BadEvent, eventIdOf, parseEvent, redactedEvent } from '../../main/protocol/event.ts';
import { referenceHash } from '../../main/protocol/event-hash.ts';
import { type JsonObject, type JsonValue, parseJson, RawNumber } from '../../main/protocol/json.ts';
import { type RoomVersionRules, roomVersions } from '../../main/protocol/room-versions.ts';

const rulesOf = (version: string) => roomVersions.get(version) as RoomVersionRules;
const versions = [...roomVersions.keys()];
const roomHash = 'Nhcu5BS-UMnFX7hBVfVSoXiD7OgH6iRT-xyIuqDnpYQ';

/** A message as a room of this version has it. */
function message(version: string): JsonObject {
  const rules = rulesOf(version);
  const refer = (id: string) => (rules.eventIdFormat === 'serverGiven' ? [id, { sha256: 'x' }] : id);
  return {
    type: 'm.room.message',
    room_id: rules.roomIdIsCreateHash ? `!${roomHash}` : '!r:a.test',
    sender: '@alice:a.test:8448',
    content: { body: 'hello' },
    depth: 12,
    origin_server_ts: 1_700_000_000_000,
    prev_events: [refer('$p1:a.test'), refer('$p2:a.test')],
    auth_events: [refer('$a:a.test')],
    hashes: { sha256: 'thishashcoversallfieldsincasethisisredacted' },
    signatures: { 'a.test:8448': { 'ed25519:1': 'x' } },
    ...(rules.eventIdFormat === 'serverGiven' && { event_id: '$e:a.test' }),
  };
}

const create: JsonObject = { type: 'm.room.create', state_key: '', prev_events: [], auth_events: [] };
const parse = (version: string, changes: JsonObject = {}) =>
  parseEvent({ ...message(version), ...changes }, rulesOf(version));

/** From the wire, with what the parser noted. */
function parseText(version: string, json: string) {
  const { value, violations } = parseJson(json);
  return parseEvent(value, rulesOf(version), violations);
}
const asText = (version: string, member: string) => canonicalJson(message(version)).replace('{', `{${member},`);

describe.each(versions)('a message in version %s', (version) => {
  test('becomes what it says', () => {
    const pdu = message(version);
    expect(parse(version)).toStrictEqual({
      eventId: Number(version) < 3 ? '$e:a.test' : `$${referenceHash(pdu, rulesOf(version))}`,
      roomId: pdu['room_id'],
      type: 'm.room.message',
      stateKey: undefined,
      sender: '@alice:a.test:8448',
      origin: 'a.test:8448',
      content: { body: 'hello' },
      depth: 12,
      originServerTs: 1_700_000_000_000,
      prevEvents: ['$p1:a.test', '$p2:a.test'],
      authEvents: ['$a:a.test'],
      redacts: undefined,
      rules: rulesOf(version),
      pdu,
    });
  });

  test('keeps what we do not know, and drops `unsigned`', () => {
    const { pdu, eventId } = parse(version, { 'org.example': [1], unsigned: { age: 0.5 } });
    expect(pdu).toEqual({ ...message(version), 'org.example': [1] });
    expect(eventId).toBe(parse(version).eventId);
  });

  const required = 'type sender content depth origin_server_ts prev_events auth_events hashes signatures room_id';
  test.each(required.split(' '))('needs `%s`', (key) => {
    const { [key]: _, ...rest } = message(version);
    expect(() => parseEvent(rest, rulesOf(version))).toThrow(new RegExp(`\`${key}\` is not`));
    expect(() => parse(version, { [key]: null })).toThrow(BadEvent);
    expect(() => parse(version, { [key]: true })).toThrow(BadEvent);
  });

  const refer = (id: JsonValue) => (Number(version) < 3 ? [id, {}] : id);
  test.each<[what: string, changes: JsonObject]>([
    ['a state key that is no string', { state_key: 0 }],
    ['a state key that is null', { state_key: null }],
    ['a sender without a server', { sender: '@alice' }],
    ['a sender who is a room', { sender: '!alice:a.test' }],
    ['a sender of more than 255 bytes', { sender: `@${'ä'.repeat(130)}:a.test` }],
    ['a room ID of more than 255 bytes', { room_id: `!${'ä'.repeat(130)}:a.test` }],
    ['a room that is an alias', { room_id: '#r:a.test' }],
    ['a type of more than 255 bytes', { type: `${'ä'.repeat(127)}ab` }],
    ['a state key of more than 255 bytes', { state_key: `${'ä'.repeat(127)}ab` }],
    ['a NUL in the type', { type: 'a\0b' }],
    ['a NUL in the state key', { state_key: 'a\0b' }],
    ['a content that is an array', { content: [] }],
    ['a content that is text', { content: '{}' }],
    ['hashes without SHA-256', { hashes: { md5: 'x' } }],
    ['a hash that is a number', { hashes: { sha256: 1 } }],
    ['a depth in words', { depth: '12' }],
    ['prev events in an object', { prev_events: { 0: '$a' } }],
    ['a prev event that is a number', { prev_events: [refer(1)] }],
    ['a prev event that is a room', { prev_events: [refer('!a:a.test')] }],
    ['an auth event of more than 255 bytes', { auth_events: [refer(`$${'a'.repeat(255)}`)] }],
    ['an auth event with a NUL', { auth_events: [refer('$a\0')] }],
    ['prev events in the other format', { prev_events: [Number(version) < 3 ? '$a:a.test' : ['$a:a.test', {}]] }],
    ['21 prev events', { prev_events: Array(21).fill(refer('$a:a.test')) }],
    ['11 auth events', { auth_events: Array(11).fill(refer('$a:a.test')) }],
    ['half a character in a value', { content: { body: '\ud83d' } }],
    ['half a character in a key', { content: { a: { '\ude00': 1 } } }],
    ['a JavaScript number that JSON would not keep', { content: { a: 0.5 } }],
  ])('is refused for %s', (_, changes) => {
    expect(() => parse(version, changes)).toThrow(BadEvent);
  });

  test.each<[what: string, changes: JsonObject]>([
    ['a type of 255 bytes', { type: `${'ä'.repeat(127)}a` }],
    ['an empty type and state key', { type: '', state_key: '' }],
    ['a state key of 255 bytes', { state_key: `${'ä'.repeat(127)}a` }],
    ['a historical user ID', { sender: '@Ä \n!:a.test:8448' }],
    ['an empty localpart', { sender: '@:a.test:8448' }],
    ['20 prev events', { prev_events: Array(20).fill(refer('$a:a.test')) }],
    ['10 auth events', { auth_events: Array(10).fill(refer('$a:a.test')) }],
    ['no prev or auth events', { prev_events: [], auth_events: [] }],
    ['IDs that nobody can have', { prev_events: [refer('$')], auth_events: [refer('$a/b+c')] }],
    ['a time before 1970', { origin_server_ts: -1 }],
    ['signatures of anything', { signatures: { 'a.test': 'x', b: { c: 1 } } }],
    ['the name of a prototype', { type: 'constructor', state_key: '__proto__' }],
  ])('is taken with %s', (_, changes) => {
    expect(parse(version, changes).pdu).toEqual({ ...message(version), ...changes });
  });

  test('has 65,536 bytes at most, signatures included', () => {
    const size = Buffer.byteLength(canonicalJson(message(version))) - 'hello'.length;
    const body = (bytes: number) => ({
      content: { body: 'ä'.repeat((bytes - size) >> 1) + 'a'.repeat((bytes - size) & 1) },
    });
    expect(parse(version, body(65_536)).content).toEqual(body(65_536).content);
    expect(parse(version, { ...body(65_536), unsigned: { x: 'x'.repeat(1000) } }).content).toEqual(
      body(65_536).content,
    );
    expect(() => parse(version, body(65_537))).toThrow('The event has more than 65536 bytes');
    expect(() => parse(version, { ...body(65_536), signatures: { 'a.test:8448': { 'ed25519:1': 'xx' } } })).toThrow(
      BadEvent,
    );
    const ascii = (bytes: number) => {
      const rest = { list: [[], {}, [{ a: [] }, true, false, null, -12]] };
      return { content: { body: 'a'.repeat(bytes - size - canonicalJson(rest).length + 1), ...rest } };
    };
    expect(canonicalJson({ ...message(version), ...ascii(65_536) })).toHaveLength(65_536);
    expect(parse(version, ascii(65_536)).content).toEqual(ascii(65_536).content);
    expect(() => parse(version, ascii(65_537))).toThrow(BadEvent);
    expect(parse(version, { content: { body: '\u0001'.repeat(10_000) } }).type).toBe('m.room.message');
    expect(() => parse(version, { content: { body: '\u0001'.repeat(11_000) } })).toThrow(BadEvent);
  });

  const strict = Number(version) >= 6;
  test.each<[json: string]>([
    ['"x":1.0'],
    ['"x":{"y":[1e3]}'],
    ['"x":-0'],
    ['"x":9007199254740992'],
    ['"x":{"y":1,"y":1}'],
    ['"depth":7'], // for the second time
  ])(`${strict ? 'must be' : 'need not be'} canonical JSON: %s`, (member) => {
    if (strict) expect(() => parseText(version, asText(version, member))).toThrow(/canonical JSON forbids/);
    else expect(parseText(version, asText(version, member)).depth).toBe(12);
  });

  test(`${strict ? 'is' : 'is not'} judged by its numbers where nobody noted anything`, () => {
    const { value } = parseJson(asText(version, '"x":1.0'));
    if (strict) expect(() => parseEvent(value, rulesOf(version))).toThrow('a number that canonical JSON forbids: 1.0');
    else expect(parseEvent(value, rulesOf(version)).depth).toBe(12);
  });

  test('is refused in a sentence, however much is wrong', () => {
    const deep = asText(version, `"${'x'.repeat(1000)}":${'9'.repeat(5000)}.5`).replace('"depth":12', '"depth":1.5');
    expect(() => parseText(version, deep)).toThrow(/^.{10,200}\.$/);
  });

  test('is refused for half a character in an escape', () => {
    expect(() => parseText(version, asText(version, '"x":"\\ud83d"'))).toThrow(BadEvent);
    expect(() => parseText(version, asText(version, '"x":{"\\ud83d":1}'))).toThrow(BadEvent);
    expect(parseText(version, asText(version, '"x":"\\ud83d\\ude00"')).pdu['x']).toBe('😀');
  });

  test('may have anything in `unsigned`', () => {
    const json = asText(version, '"unsigned":{"a":0.5,"b":"\\ud83d","b":1,"c":1e400}');
    expect(parseText(version, json).pdu).toEqual(message(version));
  });

  test.each([null, 3, 'text', [], true])('is not %j', (value) => {
    expect(() => parseEvent(value, rulesOf(version))).toThrow(BadEvent);
  });

  test('never makes more than a BadEvent of what others send', () => {
    const junk = fc.jsonValue({ maxDepth: 2 }) as fc.Arbitrary<JsonValue>;
    const keys = fc.constantFrom(...Object.keys(message(version)), 'state_key', 'redacts', 'unsigned', '__proto__');
    fc.assert(
      fc.property(fc.dictionary(keys, junk, { maxKeys: 2, noNullPrototype: true }), (changes) => {
        const text = JSON.stringify({ ...message(version), ...changes });
        try {
          expect(parseText(version, text).rules.version).toBe(version);
        } catch (error) {
          expect(error).toBeInstanceOf(BadEvent);
        }
      }),
    );
  });
});

describe('numbers of old rooms', () => {
  test.each(['1', '5'])('may be longer than JavaScript’s in version %s', (version) => {
    const depth = (lexeme: string) =>
      parseText(version, asText(version, '"x":1').replace('"depth":12', `"depth":${lexeme}`)).depth;
    expect(depth('9007199254740993')).toBe(9007199254740992);
    expect(depth('9223372036854775807')).toBe(2 ** 63 - 1024);
    expect(depth('-0')).toBe(0);
    expect(depth('-3')).toBe(0);
    expect(() => depth('99999999999999999999')).toThrow('`depth` is above');
    expect(() => depth('1e400')).toThrow(BadEvent);
    expect(() => depth('12.0')).toThrow('`depth` is not an integer');
  });

  test('are hashed as they were written', () => {
    const levels = (ban: string) =>
      parseText(
        '5',
        asText('5', '"x":1').replace('{"body":"hello"}', `{"ban":${ban}}`).replace('room.message', 'room.power_levels'),
      );
    const ids = ['1', '1.0', '1.00', '"1"'].map((ban) => levels(ban).eventId);
    expect(new Set(ids).size).toBe(4);
    expect(levels('1.0').content).toEqual({ ban: new RawNumber('1.0') });
  });
});

describe('event IDs', () => {
  test('are given by servers in versions 1 and 2, and need one', () => {
    expect(parse('1', { event_id: '$1234abcd:b.test' }).eventId).toBe('$1234abcd:b.test');
    for (const event_id of [
      '$1234abcd',
      `$${'a'.repeat(43)}`,
      '!a:b.test',
      '$a:b_test',
      3,
      null,
      `$${'a'.repeat(255)}:b.test`,
    ]) {
      expect(() => parse('2', { event_id })).toThrow(/`event_id`/);
      expect(() => eventIdOf({ ...message('2'), event_id }, rulesOf('2'))).toThrow(BadEvent);
    }
  });

  test.each(versions.slice(2))('are hashes in version %s, whatever the event says', (version) => {
    const { eventId } = parse(version, { event_id: '$mine:a.test' });
    expect(eventId).toMatch(version === '3' ? /^\$[A-Za-z0-9+/]{43}$/ : /^\$[A-Za-z0-9_-]{43}$/);
    expect(eventId).toBe(eventIdOf({ ...message(version), event_id: '$mine:a.test' }, rulesOf(version)));
  });

  test('do not depend on order, `unsigned` or signatures', () => {
    const pdu = message('12');
    const reordered = Object.fromEntries(Object.entries(pdu).reverse());
    const others = { ...reordered, unsigned: { age: 1 }, signatures: {} };
    expect(parseEvent(others, rulesOf('12')).eventId).toBe(parse('12').eventId);
  });
});

describe('rooms of version 12', () => {
  test('are named by the create event, which does not name them', () => {
    const { room_id, ...rest } = message('12');
    const event = parseEvent({ ...rest, ...create }, rulesOf('12'));
    expect(event.roomId).toBe(`!${event.eventId.slice(1)}`);
    expect(() => parse('12', create)).toThrow('A create event has no `room_id`');
    expect(() => parse('12', { ...create, room_id: null })).toThrow(BadEvent);
  });

  test('other events do, and do not cite it', () => {
    expect(parse('12').roomId).toBe(`!${roomHash}`);
    expect(() => parse('12', { room_id: '!r:a.test' })).toThrow('`room_id` is not a room ID of version 12');
    expect(() => parse('12', { auth_events: ['$a', `$${roomHash}`] })).toThrow('`auth_events` has the create event');
    expect(parse('12', { prev_events: [`$${roomHash}`] }).prevEvents).toEqual([`$${roomHash}`]);
  });

  test('a create event that is not the state event of that name needs a room', () => {
    const { room_id, ...rest } = message('12');
    expect(() => parseEvent({ ...rest, type: 'm.room.create' }, rulesOf('12'))).toThrow('`room_id` is not a string');
    expect(parse('12', { type: 'm.room.create', state_key: 'x' }).roomId).toBe(`!${roomHash}`);
  });

  test.each(versions.slice(0, 11))('version %s still names the server', (version) => {
    expect(parse(version, create).roomId).toBe('!r:a.test');
    expect(() => parse(version, { room_id: `!${roomHash}` })).toThrow(/`room_id` is not a room ID of version/);
  });
});

describe('what a redaction redacts', () => {
  const both = { type: 'm.room.redaction', redacts: '$top', content: { redacts: '$content' } };

  test.each(versions)('in version %s', (version) => {
    expect(parse(version, both).redacts).toBe(Number(version) < 11 ? '$top' : '$content');
    expect(parse(version, { ...both, type: 'm.room.message' }).redacts).toBeUndefined();
    expect(
      parse(version, { type: 'm.room.redaction', redacts: 3, content: { redacts: ['$a'] } }).redacts,
    ).toBeUndefined();
  });

  test('is lost when it is redacted itself, until version 11', () => {
    expect(redactedEvent(parse('10', both)).redacts).toBeUndefined();
    expect(redactedEvent(parse('11', both)).redacts).toBe('$content');
  });
});

test.each(versions)('a redacted event of version %s is the same event with less in it', (version) => {
  const event = parse(version, {
    type: 'm.room.member',
    state_key: '@a:a.test',
    content: { membership: 'join', x: 1 },
  });
  const redacted = redactedEvent(event);
  expect(redacted).toEqual({ ...event, content: { membership: 'join' }, pdu: redacted.pdu });
  expect(redacted.pdu).toEqual({ ...event.pdu, content: { membership: 'join' } });
  expect(parseEvent(redacted.pdu, event.rules)).toEqual(redacted);
});
