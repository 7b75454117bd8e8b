/** A number that JSON's `number` would change or that canonical JSON forbids, kept as it was written: `1.0`, `1e3`, `-0`. */
export class RawNumber {
  readonly lexeme: string;

  constructor(lexeme: string) {
    this.lexeme = lexeme;
  }

  /** For `JSON.stringify`, which is not exact. `writeJson` is. */
  toJSON(): number {
    return Number(this.lexeme);
  }
}

export type JsonValue = null | boolean | string | number | RawNumber | JsonArray | JsonObject;
export type JsonArray = readonly JsonValue[];
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

/**
 * What strict room versions (6 and later) forbid and lenient ones must take; and `loneSurrogate`, a string that UTF-8
 * cannot carry, which no room version takes because no other server could hash it.
 */
export interface Violation {
  readonly kind: 'float' | 'outOfRange' | 'negativeZero' | 'duplicateKey' | 'loneSurrogate';
  /** Where: `['pdus', 3, 'content', 'x']`. */
  readonly path: readonly (string | number)[];
}

export interface ParsedJson {
  readonly value: JsonValue;
  readonly violations: readonly Violation[];
}

/** An object: not null, no array, and no number in disguise. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof RawNumber);

const loneSurrogate = /\p{Surrogate}/u; // a pair is one character under `u`

/** Half of a character beyond U+FFFF: JavaScript and JSON's escapes can say it, UTF-8 and so canonical JSON cannot. */
export const hasLoneSurrogate = (text: string): boolean => loneSurrogate.test(text);

/** The violations at or below `path`, with paths that begin there: what one PDU of a transaction is judged by. */
export function violationsUnder(
  violations: readonly Violation[],
  path: readonly (string | number)[],
): readonly Violation[] {
  const under: Violation[] = [];
  for (const { kind, path: whole } of violations) {
    let shared = 0;
    while (shared < path.length && whole[shared] === path[shared]) shared++;
    if (shared === path.length) under.push({ kind, path: whole.slice(shared) });
  }
  return under;
}

/** The text is no JSON, or more of it than we take. `position` counts UTF-16 units from 0. */
export class JsonSyntaxError extends SyntaxError {
  override readonly name = 'JsonSyntaxError';
  readonly position: number;

  constructor(problem: string, position: number, options?: ErrorOptions) {
    super(`${problem} at position ${position}`, options);
    this.position = position;
  }
}

/**
 * Parses RFC 8259 exactly, and keeps what `JSON.parse` loses: how numbers were written, and what canonical JSON forbids.
 * Objects inherit nothing, so that `parsed['constructor']` is undefined and `__proto__` is a key like any other. Of
 * duplicate keys the last one wins, as everywhere.
 *
 * https://spec.matrix.org/v1.19/appendices/#canonical-json
 *
 * @throws JsonSyntaxError also for bytes that are no UTF-8, for objects and arrays deeper in each other than `maxDepth`,
 * and for more values in all than `maxValues`
 */
export function parseJson(
  source: Uint8Array | string,
  { maxDepth = 100, maxValues = Number.POSITIVE_INFINITY }: { maxDepth?: number; maxValues?: number } = {},
): ParsedJson {
  return new Parser(typeof source === 'string' ? source : decodeUtf8(source), maxDepth, maxValues).parse();
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw new JsonSyntaxError('Not UTF-8: no JSON', 0, { cause });
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }); // `ignoreBOM` leaves it in, and JSON begins otherwise

/** What parsed objects are made by: as quick as `{}`, but without a prototype's members. */
class JsonRecord {
  [key: string]: JsonValue;

  static {
    Object.setPrototypeOf(JsonRecord.prototype, null);
    Reflect.deleteProperty(JsonRecord.prototype, 'constructor');
  }
}

/** How much `violations` may hold: a body of nothing but floats has one every four bytes. */
const maxNotes = 1_000_000;

class Parser {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  readonly #violations: Violation[] = [];
  readonly #path: (string | number)[] = []; // valid up to #depth
  #at = 0;
  #depth = 0;
  #values = 0;
  #notes = 0;
  #lone = false; // whether the last string has a lone surrogate

  constructor(text: string, maxDepth: number, maxValues: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
  }

  parse(): ParsedJson {
    const value = this.#value();
    if (!Number.isNaN(this.#next())) this.#unexpected();
    return { value, violations: this.#violations };
  }

  /** Skips white space. The unit after it; NaN at the end. */
  #next(): number {
    const text = this.#text;
    let unit = text.charCodeAt(this.#at);
    while (unit === 0x20 || unit === 0x0a || unit === 0x0d || unit === 0x09) unit = text.charCodeAt(++this.#at);
    return unit;
  }

  #value(): JsonValue {
    if (++this.#values > this.#maxValues) this.#fail(`More than ${this.#maxValues} values`);
    const unit = this.#next();
    switch (unit) {
      case 0x22: // "
        return this.#stringValue();
      case 0x7b: // {
        return this.#object();
      case 0x5b: // [
        return this.#array();
      case 0x74: // t
        return this.#word('true', true);
      case 0x66: // f
        return this.#word('false', false);
      case 0x6e: // n
        return this.#word('null', null);
      default:
        return this.#number(unit);
    }
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) this.#unexpected();
    this.#at += word.length;
    return value;
  }

  #object(): JsonObject {
    const object = new JsonRecord();
    const level = this.#enter();
    if (this.#next() !== 0x7d) {
      while (true) {
        if (this.#next() !== 0x22) this.#unexpected();
        const key = this.#string();
        this.#path[level] = key;
        if (this.#lone) this.#note('loneSurrogate');
        // Nothing is inherited, and no JSON value is undefined.
        if (object[key] !== undefined) this.#note('duplicateKey');
        if (this.#next() !== 0x3a) this.#unexpected();
        this.#at++;
        object[key] = this.#value();
        const unit = this.#next();
        if (unit === 0x7d) break;
        if (unit !== 0x2c) this.#unexpected();
        this.#at++;
      }
    }
    this.#leave();
    return object;
  }

  #array(): JsonArray {
    const array: JsonValue[] = [];
    const level = this.#enter();
    if (this.#next() !== 0x5d) {
      while (true) {
        this.#path[level] = array.length;
        array.push(this.#value());
        const unit = this.#next();
        if (unit === 0x5d) break;
        if (unit !== 0x2c) this.#unexpected();
        this.#at++;
      }
    }
    this.#leave();
    return array;
  }

  #enter(): number {
    if (this.#depth === this.#maxDepth) this.#fail(`More than ${this.#maxDepth} objects and arrays in each other`);
    this.#at++;
    return this.#depth++;
  }

  #leave() {
    this.#at++;
    this.#depth--;
  }

  #stringValue(): string {
    const string = this.#string();
    if (this.#lone) this.#note('loneSurrogate');
    return string;
  }

  #string(): string {
    const text = this.#text;
    const start = ++this.#at;
    this.#lone = false;
    let at = start;
    let unit = text.charCodeAt(at);
    while (unit >= 0x20 && unit !== 0x22 && unit !== 0x5c) unit = text.charCodeAt(++at); // NaN at the end
    this.#at = at;
    if (unit === 0x5c) return this.#escapedString(start);
    if (unit !== 0x22) this.#unexpected();
    this.#at++;
    return detach(text.slice(start, at));
  }

  /** A string with a backslash: finds its end, and leaves the meaning of the escapes to `JSON.parse`. */
  #escapedString(start: number): string {
    const text = this.#text;
    for (let unit = text.charCodeAt(this.#at); unit !== 0x22; unit = text.charCodeAt(++this.#at)) {
      if (unit !== 0x5c) {
        if (!(unit >= 0x20)) this.#unexpected();
      } else {
        oneEscape.lastIndex = this.#at;
        if (!oneEscape.test(text)) this.#fail('Bad escape');
        this.#at = oneEscape.lastIndex - 1;
      }
    }
    const string: string = JSON.parse(text.slice(start - 1, ++this.#at));
    this.#lone = hasLoneSurrogate(string);
    return string;
  }

  #number(first: number): number | RawNumber {
    const text = this.#text;
    const start = this.#at;
    let unit = first === 0x2d ? text.charCodeAt(++this.#at) : first;
    if (unit === 0x30) this.#at++;
    else this.#digits(unit);
    const end = this.#at;
    if (text.charCodeAt(end) === 0x2e) this.#digits(text.charCodeAt(++this.#at));
    unit = text.charCodeAt(this.#at);
    if (unit === 0x65 || unit === 0x45) {
      unit = text.charCodeAt(++this.#at);
      this.#digits(unit === 0x2b || unit === 0x2d ? text.charCodeAt(++this.#at) : unit);
    }
    const lexeme = text.slice(start, this.#at);
    if (this.#at !== end) this.#note('float');
    else if (lexeme === '-0') this.#note('negativeZero');
    else {
      const number = Number(lexeme);
      if (Number.isSafeInteger(number)) return number;
      this.#note('outOfRange');
    }
    return new RawNumber(detach(lexeme));
  }

  /** At least one digit, of which `first` is the first. */
  #digits(first: number) {
    let unit = first;
    if (!isDigit(unit)) this.#unexpected();
    while (isDigit(unit)) unit = this.#text.charCodeAt(++this.#at);
  }

  #note(kind: Violation['kind']) {
    const path = this.#path.slice(0, this.#depth);
    this.#notes += path.length + 4;
    if (this.#notes > maxNotes) this.#fail('Too many values that canonical JSON forbids');
    this.#violations.push({ kind, path });
  }

  #unexpected(): never {
    const at = this.#text.slice(this.#at, this.#at + 1);
    this.#fail(at === '' ? 'Unexpected end' : `Unexpected ${JSON.stringify(at)}`);
  }

  #fail(problem: string): never {
    throw new JsonSyntaxError(problem, this.#at);
  }
}

const isDigit = (unit: number) => unit >= 0x30 && unit <= 0x39;

const oneEscape = /\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})/y;

/** A slice keeps the whole text in memory that it was cut from (V8, from 13 units on). This copies what it needs. */
const detach = (slice: string) => (slice.length < 13 ? slice : ` ${slice}`.slice(1));
