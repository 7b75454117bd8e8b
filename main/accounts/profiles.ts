import { localpartOf, type UserId } from '../../shared/ids.ts';
import { badJson, invalidParam, MatrixError } from '../../shared/matrix-error.ts';
import type { profilesTable } from '../db/profiles.ts';
import type { Log } from '../log.ts';
import { canonicalBytes, writeJson } from '../protocol/canonical-json.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import { storedValue } from './stored-json.ts';

/** Names, pictures and more of local users. https://spec.matrix.org/v1.19/client-server-api/#profiles */
export interface Profiles {
  get(userId: UserId): JsonObject;
  /** What goes into member events: `displayname` and `avatar_url`, as far as they are set. */
  ofMember(userId: UserId): JsonObject;
  /**
   * Sets a field, `undefined` takes it away. Name and picture go into the member events of all rooms that the user is in.
   * Throws 400 `M_INVALID_PARAM`, `M_KEY_TOO_LARGE`, `M_PROFILE_TOO_LARGE`.
   */
  set(userId: UserId, field: string, value: JsonValue | undefined): Promise<void>;
  /** Local users whose ID or name has `term` in it. */
  search(term: string, limit: number): readonly UserId[];
  erase(userId: UserId): void;
}

interface ProfilesOptions {
  readonly table: ReturnType<typeof profilesTable>;
  readonly rooms: Pick<Rooms, 'memberships' | 'append'>;
  readonly users: () => readonly UserId[];
  readonly log: Log;
}

const grammar = /^(avatar_url|displayname|m\.tz|[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+)$/;
const maxField = 255;
const maxProfile = 65_536;
const inMemberEvents: readonly string[] = ['displayname', 'avatar_url'];

export function createProfiles({ table, rooms, users, log }: ProfilesOptions): Profiles {
  const get = (userId: UserId): JsonObject =>
    Object.fromEntries(table.get(userId).map(({ field, value }) => [field, storedValue(value)]));

  const ofMember = (userId: UserId): JsonObject =>
    Object.fromEntries(Object.entries(get(userId)).filter(([field]) => inMemberEvents.includes(field)));

  /** One room after the other: a room that refuses, because of its power levels, keeps the old name. */
  const tellRooms = async (userId: UserId): Promise<void> => {
    const content = { ...ofMember(userId), membership: 'join' };
    for (const { roomId, membership } of rooms.memberships(userId)) {
      if (membership !== 'join') continue;
      try {
        await rooms.append(roomId, [{ type: 'm.room.member', sender: userId, stateKey: userId, content }]);
      } catch (error) {
        log.warn('a room was not told of a changed profile', { roomId, userId, error });
      }
    }
  };

  return {
    get,
    ofMember,
    async set(userId, field, value) {
      if (Buffer.byteLength(field) > maxField) {
        throw new MatrixError(400, 'M_KEY_TOO_LARGE', `The name of a field has ${maxField} bytes at most.`);
      }
      if (!grammar.test(field)) throw invalidParam(`A profile has no field ${field}.`);
      const isText = typeof value === 'string' || value === undefined;
      if (!isText && (field === 'displayname' || field === 'avatar_url' || field === 'm.tz')) {
        throw badJson(`${field} must be a string`);
      }
      const before = get(userId);
      const isEmpty = value === '' && inMemberEvents.includes(field); // how clients take a name or picture away
      if (value === undefined || isEmpty) table.remove(userId, field);
      else {
        if (canonicalBytes({ ...before, [field]: value }).length > maxProfile) {
          throw new MatrixError(400, 'M_PROFILE_TOO_LARGE', `A profile has ${maxProfile} bytes at most.`);
        }
        table.put(userId, field, writeJson(value));
      }
      const hasChanged = before[field] !== (isEmpty ? undefined : value);
      if (hasChanged && inMemberEvents.includes(field)) await tellRooms(userId);
    },
    search(term, limit) {
      const wanted = term.toLowerCase();
      const names = new Map(table.displayNames().map(({ userId, value }) => [userId, String(storedValue(value))]));
      const matches = (userId: UserId) =>
        localpartOf(userId).includes(wanted) ||
        userId.toLowerCase() === wanted ||
        names.get(userId)?.toLowerCase().includes(wanted);
      return users().filter(matches).slice(0, limit);
    },
    erase: table.removeAll,
  };
}
