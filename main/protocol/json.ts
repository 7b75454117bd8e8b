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

/** What strict room versions (6 and later) forbid and lenient ones must take. */
export interface Violation {
  readonly kind: 'float' | 'outOfRange' | 'negativeZero' | 'duplicateKey';
  /** Where: `['pdus', 3, 'content', 'x']`. */
  readonly path: readonly (string | number)[];
}

export interface ParsedJson {
  readonly value: JsonValue;
  readonly violations: readonly Violation[];
}
