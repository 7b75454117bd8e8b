import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { isObject, JsonSyntaxError, parseJson, RawNumber, violationsUnder } from '../../main/protocol/json.ts';

/** Strings of what JSON is made of, and JSON that has been damaged in one place. */
const jsonLike = fc.string({
  unit: fc.constantFrom(...'{}[]",:\\/u01239-+.eEtrufalsn \n\t\u0001\u00a0é'),
  maxLength: 20,
});
const damaged = fc
  .tuple(fc.json(), fc.nat(), fc.nat(3), jsonLike)
  .map(
    ([text, at, cut, put]) => text.slice(0, at % (text.length + 1)) + put + text.slice((at % (text.length + 1)) + cut),
  );

const nativeParse = (text: string): string | undefined => {
  try {
    return JSON.stringify(JSON.parse(text));
  } catch {
    return undefined;
  }
};
const ourParse = (text: string): string | undefined => {
  try {
    return JSON.stringify(parseJson(text).value);
  } catch (error) {
    expect(error).toBeInstanceOf(JsonSyntaxError);
    return undefined;
  }
};

test.each([
  ['any JSON', fc.json()],
  ['what looks like JSON', jsonLike],
  ['damaged JSON', damaged],
])('takes and refuses %s as JSON.parse does', (_, texts) => {
  fc.assert(
    fc.property(texts, (text) => {
      expect(ourParse(text)).toBe(nativeParse(text));
    }),
    { numRuns: 2000 },
  );
});

test('bytes and text are the same', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseJson(Buffer.from(text))).toEqual(parseJson(text));
    }),
  );
});

test.each<[text: string, lexeme: string, kind: string]>([
  ['1.0', '1.0', 'float'],
  ['-0.0', '-0.0', 'float'],
  ['1e3', '1e3', 'float'],
  ['1E+3', '1E+3', 'float'],
  ['10.50', '10.50', 'float'],
  ['-0', '-0', 'negativeZero'],
  ['9007199254740992', '9007199254740992', 'outOfRange'],
  ['-9007199254740992', '-9007199254740992', 'outOfRange'],
  ['9223372036854775807', '9223372036854775807', 'outOfRange'],
])('%s is kept as it is written, and noted', (text, lexeme, kind) => {
  const { value, violations } = parseJson(`{"a":[null,${text}]}`);
  expect(value).toEqual({ a: [null, new RawNumber(lexeme)] });
  expect(violations).toEqual([{ kind, path: ['a', 1] }]);
  expect(writeJson(value)).toBe(`{"a":[null,${text}]}`);
});

test.each([0, 7, -7, 2 ** 53 - 1, 1 - 2 ** 53])('%d is a number', (number) => {
  expect(parseJson(String(number))).toEqual({ value: number, violations: [] });
});

test('of duplicate keys the last one wins and is noted, however it is written', () => {
  expect(parseJson('{"a":1,"b":{"c":1,"\\u0063":[2]},"a":0}')).toEqual({
    value: { a: 0, b: { c: [2] } },
    violations: [
      { kind: 'duplicateKey', path: ['b', 'c'] },
      { kind: 'duplicateKey', path: ['a'] },
    ],
  });
});

test('half a character is noted, in keys and values', () => {
  const { violations } = parseJson('{"\\ud83d":["\\ud83d\\ude00","\\ude00"],"\\ud83d\\ude00":"\\ud83d"}');
  expect(violations).toEqual([
    { kind: 'loneSurrogate', path: ['\ud83d'] },
    { kind: 'loneSurrogate', path: ['\ud83d', 1] },
    { kind: 'loneSurrogate', path: ['😀'] },
  ]);
});

describe('names of prototypes', () => {
  const { value, violations } = parseJson(
    '{"__proto__":{"polluted":1},"constructor":{"prototype":2},"a":{"__proto__":3}}',
  );

  test('are keys like any other', () => {
    if (!isObject(value) || !isObject(value['a'])) throw new Error();
    expect(violations).toEqual([]);
    expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'a']);
    expect(Object.values(value)).toEqual([{ polluted: 1 }, { prototype: 2 }, expect.anything()]);
    expect(Object.entries(value['a'])).toEqual([['__proto__', 3]]);
    expect(writeJson(value)).toBe('{"__proto__":{"polluted":1},"constructor":{"prototype":2},"a":{"__proto__":3}}');
  });

  test('are not there unless they were sent', () => {
    const { value: empty } = parseJson('{}');
    if (!isObject(empty)) throw new Error();
    expect(['__proto__', 'constructor', 'toString', 'hasOwnProperty'].map((key) => empty[key])).toEqual(
      Array(4).fill(undefined),
    );
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test('pass through schemas that check and do not carry', () => {
    expect(z.object({ a: z.looseObject({}) }).safeParse(value).success).toBe(true);
    expect(z.record(z.string(), z.unknown()).safeParse(value).success).toBe(true);
    expect(z.custom(isObject).parse(value)).toBe(value);
  });
});

test.each<[what: string, bytes: readonly number[]]>([
  ['a byte that UTF-8 does not have', [0x22, 0xff, 0x22]],
  ['a character that is cut off', [0x22, 0xe6, 0x97, 0x22]],
  ['a longer form than needed', [0x22, 0xc0, 0xa2, 0x22]],
  ['a surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
  ['a character beyond the last', [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22]],
  ['a byte order mark', [0xef, 0xbb, 0xbf, 0x31]],
])('refuses %s, and takes what comes next', (_, bytes) => {
  expect(() => parseJson(Uint8Array.from(bytes))).toThrow(JsonSyntaxError);
  expect(parseJson(Buffer.from('"日本"')).value).toBe('日本');
});

test('says where it gave up', () => {
  expect(() => parseJson('{"a":1,}')).toThrow(expect.objectContaining({ position: 7 }));
  expect(() => parseJson('["a')).toThrow('Unexpected end at position 3');
  expect(() => parseJson('["a\nb"]')).toThrow('Unexpected "\\n" at position 3');
});

describe('deep nesting', () => {
  const nested = (depth: number) => `${'[{"a":'.repeat(depth / 2)}1${'}]'.repeat(depth / 2)}`;

  test('is taken to the limit and no further', () => {
    expect(writeJson(parseJson(nested(100)).value)).toBe(nested(100));
    expect(() => parseJson(nested(102))).toThrow('More than 100 objects and arrays in each other');
    expect(writeJson(parseJson(nested(10), { maxDepth: 10 }).value)).toBe(nested(10));
    expect(() => parseJson(nested(10), { maxDepth: 9 })).toThrow(JsonSyntaxError);
  });

  test('is counted from the outside, not in all', () => {
    expect(() => parseJson(`[${Array(1000).fill(nested(98)).join()}]`)).not.toThrow();
  });

  test.each(['[', '{"a":'])('costs nothing beyond it: %s', (open) => {
    expect(() => parseJson(open.repeat(1_000_000))).toThrow(JsonSyntaxError);
  });
});

test('values are counted, wherever they are', () => {
  const text = '{"a":[1,{"b":null}],"c":""}'; // with the outermost 6
  expect(writeJson(parseJson(text, { maxValues: 6 }).value)).toBe(text);
  expect(() => parseJson(text, { maxValues: 5 })).toThrow('More than 5 values');
  expect(() => parseJson(`[${'[],'.repeat(3_000_000)}`, { maxValues: 1000 })).toThrow('More than 1000 values');
});

test('a body of nothing but floats is refused before it fills the memory', () => {
  expect(parseJson(`[${Array(16_000).fill('.5').join(',0')}]`.replace('[.', '[0.')).violations).toHaveLength(16_000);
  expect(() => parseJson(`[${Array(1_000_000).fill('0.5').join()}]`)).toThrow('Too many values');
});

test('a number of a megabyte is only text', () => {
  const digits = '9'.repeat(1_000_000);
  expect(parseJson(digits).value).toEqual(new RawNumber(digits));
});

test('what is kept of a text does not keep the text', () => {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  const filler = 'x'.repeat(2_000_000);
  gc();
  const before = process.memoryUsage().heapUsed;
  const kept = Array.from({ length: 20 }, (_, index) => {
    const { value } = parseJson(
      `{"keep":"a string of some length ${index}","number":1234567890123456789012345.5,"rest":"${filler}"}`,
    );
    return isObject(value) ? [value['keep'], value['number']] : [];
  });
  gc();
  expect(process.memoryUsage().heapUsed - before).toBeLessThan(10_000_000);
  expect(kept[19]).toEqual(['a string of some length 19', new RawNumber('1234567890123456789012345.5')]);
});

test('one PDU of a transaction is judged by its own violations', () => {
  const { violations } = parseJson('{"pdus":[{"a":1},{"a":[0.5],"b":-0},{"c":1,"c":2}],"origin":1e3}');
  expect(violationsUnder(violations, ['pdus', 0])).toEqual([]);
  expect(violationsUnder(violations, ['pdus', 1])).toEqual([
    { kind: 'float', path: ['a', 0] },
    { kind: 'negativeZero', path: ['b'] },
  ]);
  expect(violationsUnder(violations, ['pdus', 2])).toEqual([{ kind: 'duplicateKey', path: ['c'] }]);
  expect(violationsUnder(violations, [])).toEqual(violations);
});
