import { JsonSyntaxError, type JsonValue, type ParsedJson, parseJson, type Violation } from '../protocol/json.ts';

/** From this length on a reply is parsed in pieces. */
const long = 256 * 1024;
/** How much is parsed before others have their turn: a few milliseconds. */
const sliceBytes = 256 * 1024;
/** As in a body that is parsed whole. */
const mostViolations = 100_000;
const maxDepth = 100;

/**
 * The body of a reply; nothing where it is no JSON. A long one is parsed piece by piece: the state of a large room is
 * tens of megabytes in two lists, and would hold up everything else for seconds.
 */
export async function parseReply(body: Uint8Array, from = long): Promise<ParsedJson | undefined> {
  try {
    return body.length < from ? parseJson(body, { maxDepth }) : await new PiecewiseParser(body).parse();
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

const [quote, backslash, comma, colon, openList, closeList, openObject, closeObject] = Buffer.from('"\\,:[]{}');

/** Finds the members of an object and the items of its lists; what they are is left to `parseJson`, one after another. */
class PiecewiseParser {
  readonly #bytes: Uint8Array;
  readonly #violations: Violation[] = [];
  #at = 0;
  #sliceEnd = sliceBytes;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  async parse(): Promise<ParsedJson> {
    if (this.#next() !== openObject) return parseJson(this.#bytes, { maxDepth });
    this.#at++;
    const members: Record<string, JsonValue> = Object.create(null); // as `parseJson` makes them
    for (let first = true; this.#next() !== closeObject; first = false) {
      if (!first) this.#pass(comma);
      if (this.#next() !== quote) this.#fail();
      const key = this.#key();
      if (members[key] !== undefined) this.#note({ kind: 'duplicateKey', path: [key] });
      this.#pass(colon);
      members[key] = this.#next() === openList ? await this.#list(key) : this.#piece([key], 1);
    }
    this.#at++;
    if (this.#next() !== undefined) this.#fail();
    return { value: members, violations: this.#violations };
  }

  async #list(key: string): Promise<JsonValue[]> {
    const items: JsonValue[] = [];
    this.#at++;
    for (; this.#next() !== closeList; ) {
      if (items.length > 0) this.#pass(comma);
      this.#next();
      items.push(this.#piece([key, items.length], 2));
      if (this.#at > this.#sliceEnd) {
        this.#sliceEnd = this.#at + sliceBytes;
        await new Promise(setImmediate);
      }
    }
    this.#at++;
    return items;
  }

  #key(): string {
    const { value, violations } = this.#parseNext(1);
    if (typeof value !== 'string') this.#fail();
    for (const { kind } of violations) this.#note({ kind, path: [value] });
    return value;
  }

  /** The value that begins here, which stands at `path`, inside `depth` objects and lists. */
  #piece(path: Violation['path'], depth: number): JsonValue {
    const { value, violations } = this.#parseNext(depth);
    for (const violation of violations) this.#note({ kind: violation.kind, path: [...path, ...violation.path] });
    return value;
  }

  #parseNext(depth: number): ParsedJson {
    const start = this.#at;
    this.#skip();
    return parseJson(this.#bytes.subarray(start, this.#at), { maxDepth: maxDepth - depth });
  }

  /** To the end of a value. Whether it is one, `parseJson` will say. */
  #skip(): void {
    const bytes = this.#bytes;
    let depth = 0;
    do {
      const byte = bytes[this.#at];
      if (byte === undefined) this.#fail();
      else if (byte === quote) this.#skipString();
      else if (byte === openObject || byte === openList) depth++;
      else if (byte === closeObject || byte === closeList) depth--;
      else if (depth === 0) {
        this.#skipWord();
        return;
      }
      this.#at++;
    } while (depth > 0);
  }

  /** To its closing quote. */
  #skipString(): void {
    const bytes = this.#bytes;
    for (this.#at++; bytes[this.#at] !== quote; this.#at++) {
      if (bytes[this.#at] === backslash) this.#at++;
      if (this.#at >= bytes.length) this.#fail();
    }
  }

  /** Numbers, `true`, `false`, `null`. */
  #skipWord(): void {
    const start = this.#at;
    for (let byte = this.#bytes[start]; byte !== undefined; byte = this.#bytes[++this.#at]) {
      if (byte <= 0x20 || byte === comma || byte === closeList || byte === closeObject) break;
    }
    if (this.#at === start) this.#fail();
  }

  /** Skips white space. The byte after it; none at the end. */
  #next(): number | undefined {
    let byte = this.#bytes[this.#at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09) byte = this.#bytes[++this.#at];
    return byte;
  }

  #pass(byte: number | undefined): void {
    if (this.#next() !== byte) this.#fail();
    this.#at++;
    this.#next();
  }

  #note(violation: Violation): void {
    if (this.#violations.length === mostViolations) this.#fail();
    this.#violations.push(violation);
  }

  #fail(): never {
    throw new JsonSyntaxError('Unexpected', this.#at);
  }
}
