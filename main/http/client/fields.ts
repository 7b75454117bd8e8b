import * as z from 'zod';
import { parseRoomAlias, parseRoomId, type RoomAlias, type RoomId, type UserId } from '../../../shared/ids.ts';
import { badJson, forbidden, invalidParam } from '../../../shared/matrix-error.ts';
import { isObject, type JsonObject, JsonSyntaxError, parseJson, type Violation } from '../../protocol/json.ts';
import { userId } from '../schemas.ts';

/** Parts of requests that many endpoints for clients share. */
export const none = z.object({});

/** A member that some clients send as `null` where they mean none. */
export const orNull = <T extends z.ZodType>(schema: T) =>
  schema.nullish().transform((value): z.output<T> | undefined => value ?? undefined);

/** `true` or `false` in a query. */
export const flag = z
  .enum(['true', 'false'])
  .optional()
  .transform((word) => word === 'true');

export const roomAlias = z.string().transform((text, context): RoomAlias => {
  const alias = parseRoomAlias(text);
  if (alias !== undefined) return alias;
  context.addIssue({ code: 'custom', message: 'is not a room alias' });
  return z.NEVER;
});

export const roomIdOrAlias = z.string().transform((text, context): RoomId | RoomAlias => {
  const room = parseRoomId(text) ?? parseRoomAlias(text);
  if (room !== undefined) return room;
  context.addIssue({ code: 'custom', message: 'is neither a room ID nor an alias' });
  return z.NEVER;
});

/** The JSON object that a text is; none if it is something else. */
export function objectIn(text: string): JsonObject | undefined {
  try {
    const { value } = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

/** JSON in a query parameter: filters. */
export const jsonInQuery = z
  .string()
  .optional()
  .transform((text, context): JsonObject => {
    const value = text === undefined ? {} : objectIn(text);
    if (value !== undefined) return value;
    context.addIssue({ code: 'custom', message: 'is not a JSON object' });
    return z.NEVER;
  });

export const ofUser = z.object({ userId });

/** What is kept for users is theirs alone. */
export function mustBe(caller: { readonly userId: UserId }, user: UserId): void {
  if (caller.userId !== user) throw forbidden('This is of another user.');
}

/** What canonical JSON forbids would make an event that others cannot check. */
export function refuseViolations([first]: readonly Violation[]): void {
  if (first !== undefined) throw badJson(`Events cannot have this: ${first.kind} at ${first.path.join('.')}`);
}

/** The key of a map that clients send, checked. */
export function keyAs<T>(key: string, parse: (text: string) => T | undefined, what: string): T {
  const parsed = parse(key);
  if (parsed === undefined) throw invalidParam(`${key} is not ${what}`);
  return parsed;
}
