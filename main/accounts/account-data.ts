import type { RoomId, UserId } from '../../shared/ids.ts';
import { invalidParam, MatrixError } from '../../shared/matrix-error.ts';
import type { accountDataTable, filtersTable } from '../db/account-data.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import { storedObject } from './stored-json.ts';
import type { Stream } from './stream.ts';

export interface AccountDataEvent {
  readonly roomId: RoomId | undefined;
  readonly type: string;
  readonly content: JsonObject;
}

/**
 * What users keep here for their clients, of no room or of one.
 * https://spec.matrix.org/v1.19/client-server-api/#client-config
 */
export interface AccountData {
  get(userId: UserId, roomId: RoomId | undefined, type: string): JsonObject | undefined;
  /** As a client does it. Throws 405 `M_BAD_JSON` for types that the server keeps itself. */
  set(userId: UserId, roomId: RoomId | undefined, type: string, content: JsonObject): void;
  /** As the server does it: the fully read marker, push rules. */
  keep(userId: UserId, roomId: RoomId | undefined, type: string, content: JsonObject): void;
  tags(userId: UserId, roomId: RoomId): JsonObject;
  /** `undefined` takes the tag away. */
  setTag(userId: UserId, roomId: RoomId, tag: string, content: JsonObject | undefined): void;
  /** What was written with `after < position <= upTo`. */
  between(userId: UserId, after: number, upTo: number): readonly AccountDataEvent[];
  ofRoom(userId: UserId, roomId: RoomId): readonly AccountDataEvent[];
  /** Those whose events this user is not to see. https://spec.matrix.org/v1.19/client-server-api/#ignoring-users */
  ignored(userId: UserId): ReadonlySet<string>;
  /** Whether they want no invites. https://spec.matrix.org/v1.19/client-server-api/#invite-permission */
  blocksInvites(userId: UserId): boolean;
  erase(userId: UserId): void;
}

/** What only the server writes, by endpoints of its own. */
const ours: readonly string[] = ['m.fully_read', 'm.push_rules'];
/** https://spec.matrix.org/v1.19/client-server-api/#room-tagging */
const maxTagBytes = 255;

export function createAccountData(table: ReturnType<typeof accountDataTable>, stream: Stream): AccountData {
  const get = (userId: UserId, roomId: RoomId | undefined, type: string): JsonObject | undefined => {
    const content = table.get(userId, roomId, type);
    return content === undefined ? undefined : storedObject(content);
  };

  const keep: AccountData['keep'] = (userId, roomId, type, content) => {
    const text = writeJson(content);
    stream.write({ users: [userId], ...(roomId && { roomId }) }, (next) =>
      table.put(userId, roomId, type, text, next()),
    );
  };

  const tags = (userId: UserId, roomId: RoomId): JsonObject => {
    const kept = get(userId, roomId, 'm.tag')?.['tags'];
    return kept !== undefined && isObject(kept) ? kept : {};
  };

  return {
    get,
    keep,
    tags,
    set(userId, roomId, type, content) {
      if (ours.includes(type)) throw new MatrixError(405, 'M_BAD_JSON', `Cannot set ${type} through this API.`);
      keep(userId, roomId, type, content);
    },
    setTag(userId, roomId, tag, content) {
      if (Buffer.byteLength(tag) > maxTagBytes) throw invalidParam(`A tag has ${maxTagBytes} bytes at most.`);
      const { [tag]: _before, ...others } = tags(userId, roomId);
      keep(userId, roomId, 'm.tag', { tags: content === undefined ? others : { ...others, [tag]: content } });
    },
    between: (userId, after, upTo) =>
      table.between(userId, after, upTo).map((row) => ({ ...row, content: storedObject(row.content) })),
    ofRoom: (userId, roomId) =>
      table.ofRoom(userId, roomId).map((row) => ({ ...row, content: storedObject(row.content) })),
    ignored(userId) {
      const users = get(userId, undefined, 'm.ignored_user_list')?.['ignored_users'];
      const ignored = new Set(users !== undefined && isObject(users) ? Object.keys(users) : []);
      ignored.delete(userId);
      return ignored;
    },
    blocksInvites: (userId) => get(userId, undefined, 'm.invite_permission_config')?.['default_action'] === 'block',
    erase: table.removeAll,
  };
}

/** Filters that clients have named. */
export interface Filters {
  get(userId: UserId, filterId: string): JsonObject | undefined;
  add(userId: UserId, filter: JsonObject): string;
}

export function createFilters(table: ReturnType<typeof filtersTable>): Filters {
  return {
    get(userId, filterId) {
      const filter = /^\d{1,15}$/.test(filterId) ? table.get(userId, Number(filterId)) : undefined;
      return filter === undefined ? undefined : storedObject(filter);
    },
    add: (userId, filter) => String(table.add(userId, writeJson(filter))),
  };
}
