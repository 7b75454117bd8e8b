import * as z from 'zod';
import { parseEventId, parseRoomId, parseServerName, parseUserId } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';

/** Parts of requests that many endpoints share. Schemas check, they do not carry: what hashes cover passes through whole. */
const parsed = <T extends string>(parse: (text: string) => T | undefined, what: string) =>
  z.string().transform((text, context): T => {
    const id = parse(text);
    if (id !== undefined) return id;
    context.addIssue({ code: 'custom', message: `is not ${what}` });
    return z.NEVER;
  });

export const eventId = parsed(parseEventId, 'an event ID');
export const roomId = parsed(parseRoomId, 'a room ID');
export const userId = parsed(parseUserId, 'a user ID');
export const serverName = parsed(parseServerName, 'a server name');

/** Any JSON object, handed through untouched: event content, PDUs. */
export const jsonObject = z.custom<JsonObject>((value) => isObject(value as JsonValue), 'must be an object');
export const jsonValue = z.custom<JsonValue>((value) => value !== undefined, 'is missing');

/** A parameter that may be given several times: always a list. */
export const repeated = <T extends z.ZodType>(item: T) =>
  z.union([z.array(item), item.transform((one) => [one])]).default([]);

/** `limit` and its like in a query: bounded from above in silence, as the specification allows. */
export const upTo = (most: number, byDefault: number) =>
  z.coerce
    .number()
    .int()
    .min(0)
    .default(byDefault)
    .transform((given) => Math.min(given, most));

/** `GET /timestamp_to_event`, of clients and servers alike. */
export const pointInTime = z.object({ ts: z.coerce.number().int(), dir: z.enum(['f', 'b']) });
