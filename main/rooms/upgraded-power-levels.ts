import type { UserId } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { creatorsOf, readLevel } from '../protocol/power-levels.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { RoomState } from './rooms.ts';

const single = ['users_default', 'events_default', 'state_default', 'ban', 'kick', 'redact', 'invite'];
const maps = ['users', 'events', 'notifications'];
const tombstone = 'm.room.tombstone';
const creatorLevel = 100;
/** Above all who are not creators: the end of a room is theirs. */
const tombstoneLevel = 150;

/**
 * The power levels that the replacement of a room gets. Levels of old that are no integers become such. Where creators
 * have no level, they are left out; where they need one, those of the old room get it.
 * https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function upgradedPowerLevels(
  old: RoomState,
  rules: RoomVersionRules,
  creators: readonly UserId[],
): JsonObject & { readonly users: JsonObject } {
  const event = old.get('m.room.power_levels', '');
  const create = old.get('m.room.create', '');
  const oldRules = event?.rules ?? create?.rules ?? rules;
  const content = event?.content ?? {};
  const levels = (of: JsonObject, keys: readonly string[]) =>
    Object.fromEntries(
      keys
        .map((key) => [key, levelFrom(of[key], oldRules)] as const)
        .filter((entry): entry is readonly [string, number] => entry[1] !== undefined),
    );
  const copied: JsonObject = {
    ...levels(content, single),
    ...Object.fromEntries(
      maps.map((key) => {
        const map = content[key];
        return [key, map !== undefined && isObject(map) ? levels(map, Object.keys(map)) : {}] as const;
      }),
    ),
  };
  const oldCreators = create === undefined ? [] : creatorsOf(create);
  const hadNoLevel = event === undefined || oldRules.privilegedCreators;
  const raised = hadNoLevel ? Object.fromEntries(oldCreators.map((user) => [user, creatorLevel])) : {};
  const users: JsonObject = { ...(copied['users'] as JsonObject), ...raised };
  if (!rules.privilegedCreators) return { ...copied, users };

  const others = Object.entries(users).filter(([user]) => !(creators as readonly string[]).includes(user));
  const events = copied['events'] as Readonly<Record<string, number>>;
  const stateDefault = typeof copied['state_default'] === 'number' ? copied['state_default'] : 50;
  const ending = Math.max(events[tombstone] ?? tombstoneLevel, stateDefault + 1);
  return { ...copied, users: Object.fromEntries(others), events: { ...events, [tombstone]: ending } };
}

function levelFrom(value: JsonValue | undefined, rules: RoomVersionRules): number | undefined {
  const level = value === undefined || value === null ? undefined : readLevel(value, rules);
  return level !== undefined && Number.isSafeInteger(level) ? level : undefined;
}

/**
 * The levels of a room that is not to be used any more: who has no say in it can neither speak nor invite. None where it is
 * so already. https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function closedPowerLevels(old: RoomState): JsonObject | undefined {
  const event = old.get('m.room.power_levels', '');
  if (event === undefined) return undefined;
  const level = (key: string) => levelFrom(event.content[key], event.rules) ?? 0;
  const least = Math.max(50, level('users_default') + 1);
  if (level('events_default') >= least && level('invite') >= least) return undefined;
  return {
    ...event.content,
    events_default: Math.max(least, level('events_default')),
    invite: Math.max(least, level('invite')),
  };
}
