import { parseUserId } from '../../shared/ids.ts';
import { type AuthRule, powersIn, quoted, shown } from './auth-rule.ts';
import type { RoomEvent } from './event.ts';
import { isObject, type JsonObject } from './json.ts';
import { creatorsOf, objectAt, own, readLevel, unreadable } from './power-levels.ts';
import { allow, reject, type Verdict } from './verdict.ts';

const properties = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'] as const;

/** "If type is `m.room.power_levels`: …" https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules */
export const powerLevelsRule: AuthRule = (event, state, context) => {
  if (event.type !== 'm.room.power_levels') return undefined;
  for (const rule of [levelsAreIntegers, mapsHoldIntegers, usersHaveLevels, creatorsAreNotListed]) {
    const verdict = rule(event, state, context);
    if (verdict !== undefined) return verdict;
  }

  // "If there is no previous `m.room.power_levels` event in the room, allow."
  const current = state.get('m.room.power_levels', '');
  if (current === undefined) return allow;

  const maps = event.rules.limitNotificationLevels ? ['events', 'notifications', 'users'] : ['events', 'users'];
  // Before version 10 nothing above has looked at them. Deployed servers refuse what they cannot compare.
  const misshapen = maps.find((map) => event.content[map] !== undefined && !isObject(event.content[map]));
  if (misshapen !== undefined) return reject('levels can be compared', `${misshapen} is no object`, [current.eventId]);

  const held = powersIn(event, state).userLevel(event.sender);
  for (const change of changesIn(current, event, maps)) {
    const verdict = judge(change, event, held, current);
    if (verdict !== undefined) return verdict;
  }
  return allow;
};

/**
 * "If any of the properties `users_default`, `events_default`, `state_default`, `ban`, `redact`, `kick`, or `invite` in
 * `content` are present and not an integer, reject." (v10)
 */
const levelsAreIntegers: AuthRule = ({ content, rules }) => {
  if (!rules.integerPowerLevels) return undefined;
  for (const property of properties) {
    const value = content[property];
    if (value === undefined || readLevel(value, rules) !== unreadable) continue;
    return reject('levels are integers', `${property} is ${quoted(value)}`);
  }
  return undefined;
};

/**
 * "If either of the properties `events` or `notifications` in `content` are present and not an object with values that
 * are integers, reject." (v10)
 */
const mapsHoldIntegers: AuthRule = ({ content, rules }) => {
  if (!rules.integerPowerLevels) return undefined;
  for (const map of ['events', 'notifications']) {
    const levels = content[map];
    if (levels === undefined) continue;
    if (!isObject(levels)) return reject('levels are integers', `${map} is no object`);
    for (const [key, level] of Object.entries(levels)) {
      if (readLevel(level, rules) !== unreadable) continue;
      return reject('levels are integers', `${map} has ${quoted(level)} for ${quoted(key)}`);
    }
  }
  return undefined;
};

/**
 * "If the `users` property in `content` is not an object with keys that are valid user IDs with values that are integers
 * (or a string that is an integer), reject." Left out it passes, as on all deployed servers.
 */
const usersHaveLevels: AuthRule = ({ content, rules }) => {
  const users = content['users'];
  if (users === undefined) return undefined;
  if (!isObject(users)) return reject('users have levels', 'users is no object');
  for (const [user, level] of Object.entries(users)) {
    if (parseUserId(user) === undefined) return reject('users have levels', `${quoted(user)} is no user ID`);
    if (readLevel(level, rules) === unreadable) {
      return reject('users have levels', `${user} is at ${quoted(level)}, which is no level`);
    }
  }
  return undefined;
};

/**
 * "If the `users` property in `content` contains the `sender` of the `m.room.create` event or any of the
 * `additional_creators` array (if present) from the `content` of the `m.room.create` event, reject." (v12)
 */
const creatorsAreNotListed: AuthRule = ({ content, rules }, state) => {
  const create = rules.privilegedCreators ? state.get('m.room.create', '') : undefined;
  if (create === undefined) return undefined;
  const listed = creatorsOf(create).find((creator) => own(objectAt(content, 'users'), creator) !== undefined);
  if (listed === undefined) return undefined;
  return reject('creators are not listed', `${listed} is a creator of the room, who has no level`, [create.eventId]);
};

/** A level that the event adds, changes or removes. `undefined`: it is not there. */
interface LevelChange {
  /** `kick`, `events m.room.topic`, `users @a:b.test` */
  readonly what: string;
  readonly user?: string; // whose level it is
  readonly before: number | undefined;
  readonly after: number | undefined;
}

/** In the order in which the spec checks them. */
function* changesIn(current: RoomEvent, event: RoomEvent, maps: readonly string[]): Iterable<LevelChange> {
  const read = (content: JsonObject, key: string): number | undefined => {
    const value = own(content, key);
    return value === undefined ? undefined : readLevel(value, event.rules);
  };
  for (const what of properties) {
    const [before, after] = [read(current.content, what), read(event.content, what)];
    if (before !== after) yield { what, before, after };
  }
  for (const map of maps) {
    const [old, proposed] = [objectAt(current.content, map), objectAt(event.content, map)];
    for (const key of new Set([...Object.keys(old), ...Object.keys(proposed)])) {
      const [before, after] = [read(old, key), read(proposed, key)];
      const change = { what: `${map} ${key.slice(0, 255)}`, before, after };
      if (before !== after) yield map === 'users' ? { ...change, user: key } : change;
    }
  }
}

/** The sender may change only what is within their own level, and nobody else who is their equal. */
function judge(change: LevelChange, event: RoomEvent, held: number, current: RoomEvent): Verdict | undefined {
  const { what, user, before, after } = change;
  const refuse = (rule: string, why: string) =>
    reject(rule, `${event.sender} has ${shown(held)} and may not change ${what}, ${why}`, [current.eventId]);

  // "For each entry being changed in, or removed from, the `users` property, other than the `sender`'s own entry: If the
  // current value is greater than or equal to the `sender`'s current power level, reject."
  const isOther = user !== undefined && user !== event.sender;
  if (isOther && before !== undefined && before >= held) {
    return refuse('level of another user is below the sender’s', `which is at ${shown(before)}`);
  }
  // "If the current value is greater than the `sender`'s current power level, reject."
  if (user === undefined && before !== undefined && before > held) {
    return refuse('current level is within the sender’s', `which is at ${shown(before)}`);
  }
  // "If the new value is greater than the `sender`'s current power level, reject."
  if (after !== undefined && after > held) {
    return refuse('new level is within the sender’s', `to ${shown(after)}`);
  }
  return undefined;
}
