import fc from 'fast-check';
import { expect, test } from 'vitest';
import { canonicalBytes, canonicalJson, compareCodePoints, writeJson } from '../../main/protocol/canonical-json.ts';
import { type JsonValue, parseJson } from '../../main/protocol/json.ts';

const canonical = (text: string) => canonicalJson(parseJson(text).value);

// https://spec.matrix.org/v1.19/appendices/#canonical-json, in the order of the specification
const specVectors: readonly (readonly [input: string, output: string])[] = [
  ['{}', '{}'],
  ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
  ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
  ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
  [
    `{ "auth": { "success": true, "mxid": "@john.doe:example.com", "profile": { "display_name": "John Doe",
      "three_pids": [ { "medium": "email", "address": "john.doe@example.org" },
        { "medium": "msisdn", "address": "123456789" } ] } } }`,
    '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
  ],
  ['{ "a": "日本語" }', '{"a":"日本語"}'],
  ['{ "本": 2, "日": 1 }', '{"日":1,"本":2}'],
  ['{ "a": "\\u65E5" }', '{"a":"日"}'],
  ['{ "a": null }', '{"a":null}'],
  ['{ "a": -0, "b": 1e10 }', '{"a":0,"b":10000000000}'],
];
test.each(specVectors)('%s', (input, output) => {
  expect(canonical(input)).toBe(output);
  expect(canonicalJson(JSON.parse(input) as JsonValue)).toBe(output);
});

// What the specification's grammar says and its examples do not.
test.each([
  [
    '"\\u0000\\u001f\\u0008\\t\\n\\f\\r\\"\\\\\\/\\u007F\\u2028"',
    '"\\u0000\\u001f\\b\\t\\n\\f\\r\\"\\\\/\u007f\u2028"',
  ],
  ['{"\\uD83D\\uDE00":1,"\uff5e":2,"a":3}', '{"a":3,"\uff5e":2,"😀":1}'], // sort() alone goes by UTF-16 unit
  ['{"10":1,"9":2,"1":3,"":4}', '{"":4,"1":3,"10":1,"9":2}'], // JavaScript itself puts 1, 9, 10 first
  ['{"b":1,"__proto__":{"z":1,"a":2},"a":3}', '{"__proto__":{"a":2,"z":1},"a":3,"b":1}'],
  ['{"ab":1,"a":2,"B":3}', '{"B":3,"a":2,"ab":1}'],
  ['[3,[],{},"",[2,1]]', '[3,[],{},"",[2,1]]'],
  ['9007199254740991', '9007199254740991'],
  ['{"a":1,"a":2}', '{"a":2}'],
])('%s', (input, output) => {
  expect(canonical(input)).toBe(output);
});

// As Python writes them, and so Synapse: events of room versions 1 to 5 come in this form, and are hashed in it.
test.each([
  '1.0',
  '-0.0',
  '50.57',
  '0.0001',
  '1e-05',
  '1e+16',
  '1.5e+300',
  '9007199254740993',
  '-123456789012345678901',
])('%s stays as it is', (number) => {
  expect(canonical(`{"a":${number}}`)).toBe(`{"a":${number}}`);
  expect(writeJson(parseJson(number).value)).toBe(number);
});

test.each([0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53])('our own code cannot sign %d', (number) => {
  expect(() => canonicalJson({ number })).toThrow(TypeError);
});

test('members that are undefined are left out, at any place', () => {
  expect(canonicalJson({ a: undefined, b: [{ c: undefined, d: 1 }], e: undefined })).toBe('{"b":[{"d":1}]}');
  expect(writeJson({ b: 0.5, a: undefined, c: '' })).toBe('{"b":0.5,"c":""}');
  expect(() => writeJson({ a: Number.NaN })).toThrow(TypeError);
});

test('members of prototypes are nobody’s', () => {
  expect(canonicalJson(Object.create({ inherited: 1 }, { own: { value: 1, enumerable: true } }))).toBe('{"own":1}');
});

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('a', 'b', '\u{1F600}', '\u{10FFFF}', '\uE000', '\uFFFF', '\uD7FF'),
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 4,
});
const { value: anyValue } = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    text,
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value')),
    fc.dictionary(fc.oneof(text, fc.constantFrom('__proto__', '10', '9')), tie('value'), { noNullPrototype: true }),
  ),
}));

test('keys go by code point, which is the order of their UTF-8', () => {
  fc.assert(
    fc.property(text, text, (a, b) => {
      expect(Math.sign(compareCodePoints(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)));
    }),
  );
});

test('there is one form, and it is its own', () => {
  fc.assert(
    fc.property(anyValue, (value) => {
      const once = canonicalJson(value);
      expect(canonical(once)).toBe(once);
      expect(canonical(JSON.stringify(value, undefined, 2))).toBe(once);
      expect(canonicalJson(backwards(value))).toBe(once);
      expect(canonicalBytes(value).toString()).toBe(once);
      expect(JSON.parse(once)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('it is what is left when white space goes and keys are in order', () => {
  const inOrder = (value: JsonValue): unknown => {
    if (Array.isArray(value)) return value.map(inOrder);
    if (typeof value !== 'object' || value === null) return JSON.stringify(value);
    const entries = Object.entries(value).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${print(inOrder(member))}`).join()}}`;
  };
  const print = (part: unknown): string => (Array.isArray(part) ? `[${part.map(print).join()}]` : String(part));
  fc.assert(
    fc.property(anyValue, (value) => {
      expect(canonicalJson(value)).toBe(print(inOrder(value)));
    }),
  );
});

test('the wire keeps the order that was given', () => {
  fc.assert(
    fc.property(fc.json(), (json) => {
      const tight = JSON.stringify(JSON.parse(json));
      expect(writeJson(parseJson(tight).value)).toBe(tight);
    }),
  );
});

/** The same value, with the members of each object the other way round. */
function backwards(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(backwards);
  if (typeof value !== 'object' || value === null) return value;
  const members = Object.entries(value).map(([key, member]): [string, JsonValue] => [key, backwards(member)]);
  return Object.fromEntries(members.reverse());
}
