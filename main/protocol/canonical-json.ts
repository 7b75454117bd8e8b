import { type JsonValue, RawNumber } from './json.ts';

/** What our own code may build: `undefined` members are left out, as `JSON.stringify` does. */
export type Encodable = JsonValue | readonly Encodable[] | { readonly [key: string]: Encodable | undefined };

/**
 * The one encoding that hashes and signatures cover: no white space, keys by code point, only the escapes that must be.
 * Rooms of versions 1 to 5 have events with numbers that it forbids. Those come out as they came in, but for `-0` (`0`)
 * and exponents of integers (`1e10`, as the specification's example has it): so do other servers hash them.
 *
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 *
 * @throws TypeError for a JavaScript number that is no safe integer: something else than `parseJson` has made it
 */
export function canonicalJson(value: Encodable): string {
  return encode(value, canonicalKeys, canonicalNumber);
}

/** `canonicalJson` in UTF-8. */
export const canonicalBytes = (value: Encodable): Buffer => Buffer.from(canonicalJson(value), 'utf8');

/**
 * JSON for the wire: members as they stand, numbers as they were written.
 *
 * @throws TypeError for NaN and the infinities
 */
export function writeJson(value: Encodable): string {
  return encode(value, Object.keys, plainNumber);
}

function encode(
  value: Encodable,
  keysOf: (object: object) => string[],
  writeNumber: (number: number | RawNumber) => string,
): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value === 'boolean') return value ? 'true' : 'false';
  if (value === null) return 'null';
  if (typeof value === 'number' || value instanceof RawNumber) return writeNumber(value);
  let text = '';
  if (isArray(value)) {
    for (const item of value) text += (text === '' ? '' : ',') + encode(item, keysOf, writeNumber);
    return `[${text}]`;
  }
  for (const key of keysOf(value)) {
    const member = value[key];
    if (member !== undefined) text += `${text === '' ? '' : ','}${quote(key)}:${encode(member, keysOf, writeNumber)}`;
  }
  return `{${text}}`;
}

const isArray: (value: Encodable) => value is readonly Encodable[] = Array.isArray;

/** `JSON.stringify` escapes what must be escaped and no more; a lone surrogate, too, which has no UTF-8. */
const quote = (text: string): string => JSON.stringify(text);

function canonicalNumber(number: number | RawNumber): string {
  if (number instanceof RawNumber) {
    if (!/e/i.test(number.lexeme) && number.lexeme !== '-0') return number.lexeme;
    const value = Number(number.lexeme);
    return Number.isSafeInteger(value) ? String(value) : number.lexeme;
  }
  if (!Number.isSafeInteger(number)) throw new TypeError(`Canonical JSON has no number ${number}`);
  return String(number); // '0' for -0
}

function plainNumber(number: number | RawNumber): string {
  if (number instanceof RawNumber) return number.lexeme;
  if (!Number.isFinite(number)) throw new TypeError(`JSON has no number ${number}`);
  return String(number);
}

/** The keys in order of their code points. Nearly always they are in it already. */
function canonicalKeys(object: object): string[] {
  const keys = Object.keys(object);
  for (let index = 1; index < keys.length; index++) {
    if (compareCodePoints(keys[index - 1] as string, keys[index] as string) > 0) return keys.sort(compareCodePoints);
  }
  return keys;
}

/** UTF-16 puts surrogates, and so all beyond U+FFFF, before U+E000; code points have them after it. */
export function compareCodePoints(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) {
    const x = a.charCodeAt(index);
    const y = b.charCodeAt(index);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

const rank = (unit: number) => (unit < 0xd800 ? unit : unit < 0xe000 ? unit + 0x2000 : unit - 0x800);
