import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';
import { isObject, type JsonObject, type JsonValue, RawNumber } from './json.ts';
import type { RoomVersionRules } from './room-versions.ts';
import type { AuthState } from './state-map.ts';

/** Who may do what, as the rules ask for it. Creators of version 12 rooms are at `Infinity`. */
export interface PowerLevels {
  userLevel(userId: string): number;
  /** The event type's required power level. Membership events have levels of their own. */
  required(type: string, isState: boolean): number;
  readonly invite: number;
  readonly kick: number;
  readonly ban: number;
  readonly redact: number;
  /** `room`: the level for `@room`. */
  notification(key: string): number;
  /** What it was read from: the power levels, or the create event where there are none. */
  readonly decidedBy: readonly EventId[];
}

/** A level that is there and cannot be read. Nobody reaches it, so that what it guards is refused, as on other servers. */
export const unreadable = Number.POSITIVE_INFINITY;

// https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings
const integerInAString = /^\s*[+-]?[0-9]+\s*$/;

/**
 * One level as it stands in `m.room.power_levels`. Before version 10 it may be a string that is an integer, before
 * version 6 also a float, which is truncated. Anything else, and what a double cannot hold, is `unreadable`.
 */
export function readLevel(value: JsonValue, rules: RoomVersionRules): number {
  if (rules.integerPowerLevels) return typeof value === 'number' && Number.isInteger(value) ? value : unreadable;
  if (typeof value === 'string' && !integerInAString.test(value)) return unreadable;
  if (typeof value !== 'number' && typeof value !== 'string' && !(value instanceof RawNumber)) return unreadable;
  const level = Number(value instanceof RawNumber ? value.lexeme : value);
  return Number.isFinite(level) ? Math.trunc(level) + 0 : unreadable; // + 0: no negative zero
}

/** A property that is an object; a missing or misshapen one is as good as empty. */
export function objectAt(content: JsonObject, key: string): JsonObject {
  const value = content[key];
  return isObject(value) ? value : {};
}

/** Own properties only: an event type may be called `toString`. */
export const own = (object: JsonObject, key: string): JsonValue | undefined =>
  Object.hasOwn(object, key) ? object[key] : undefined;

/**
 * Who made the room: `content.creator` up to version 10, the create event's sender since. In version 12 also the
 * `additional_creators`. https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function creatorsOf(create: RoomEvent): readonly string[] {
  if (!create.rules.implicitCreator) {
    const creator = create.content['creator'];
    return typeof creator === 'string' ? [creator] : [];
  }
  const additional = create.rules.privilegedCreators ? create.content['additional_creators'] : undefined;
  const strings = Array.isArray(additional) ? additional.filter((user) => typeof user === 'string') : [];
  return [create.sender, ...strings];
}

/**
 * The power levels of a room in this state. Nothing is parsed before it is asked for: rooms list thousands of users.
 * Without `m.room.power_levels` the creator is at 100 (`Infinity` since version 12) and everybody else at 0.
 * https://spec.matrix.org/v1.19/server-server-api/#definitions
 */
export function powerLevels(state: AuthState, rules: RoomVersionRules): PowerLevels {
  const event = state.get('m.room.power_levels', '');
  const create = event === undefined || rules.privilegedCreators ? state.get('m.room.create', '') : undefined;
  const creators = create === undefined ? [] : creatorsOf(create);
  const content = event?.content ?? {};
  const users = objectAt(content, 'users');
  const events = objectAt(content, 'events');
  const notifications = objectAt(content, 'notifications');

  // null: before version 10 it passes, and deployed servers take it for absent
  const level = (of: JsonObject, key: string, otherwise: number): number => {
    const value = own(of, key);
    return value === undefined || value === null ? otherwise : readLevel(value, rules);
  };
  const deciding = event ?? create;

  return {
    userLevel(userId) {
      if (rules.privilegedCreators && creators.includes(userId)) return Number.POSITIVE_INFINITY;
      if (event === undefined) return creators.includes(userId) ? 100 : 0;
      const held = level(users, userId, level(content, 'users_default', 0));
      return held === unreadable ? Number.NEGATIVE_INFINITY : held;
    },
    required: (type, isState) =>
      level(events, type, isState ? level(content, 'state_default', 50) : level(content, 'events_default', 0)),
    invite: level(content, 'invite', 0),
    kick: level(content, 'kick', 50),
    ban: level(content, 'ban', 50),
    redact: level(content, 'redact', 50),
    notification: (key) => level(notifications, key, 50),
    decidedBy: deciding === undefined ? [] : [deciding.eventId],
  };
}
