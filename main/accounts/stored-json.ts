import { isObject, type JsonObject, type JsonValue, parseJson } from '../protocol/json.ts';

/** JSON that we have written ourselves: numbers come back as they went in. */
export const storedValue = (text: string): JsonValue => parseJson(text).value;

export function storedObject(text: string): JsonObject {
  const value = storedValue(text);
  if (!isObject(value)) throw new TypeError('what is stored here is no object');
  return value;
}
