import type { RoomId, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What users keep here for their clients, as JSON objects.
  CREATE TABLE account_data (
    user_id TEXT NOT NULL,
    room_id TEXT NOT NULL,   -- '' for what is about no room
    type TEXT NOT NULL,
    content TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (user_id, room_id, type)) STRICT, WITHOUT ROWID;
  CREATE INDEX account_data_by_position ON account_data (user_id, position);

  -- Filters never change: one that is there already is the same one.
  CREATE TABLE filters (
    user_id TEXT NOT NULL, filter_id INTEGER NOT NULL,
    filter TEXT NOT NULL,    -- JSON
    PRIMARY KEY (user_id, filter_id),
    UNIQUE (user_id, filter)) STRICT;`;

export interface AccountDataRow {
  readonly roomId: RoomId | undefined;
  readonly type: string;
  readonly content: string;
}

export function accountDataTable(db: Db) {
  interface Row {
    readonly room_id: RoomId | '';
    readonly type: string;
    readonly content: string;
  }
  const select = db.prepare<[UserId, RoomId | '', type: string], { content: string }>(
    'SELECT content FROM account_data WHERE user_id = ? AND room_id = ? AND type = ?',
  );
  const upsert = db.prepare<[UserId, RoomId | '', type: string, content: string, position: number]>(
    'INSERT OR REPLACE INTO account_data (user_id, room_id, type, content, position) VALUES (?, ?, ?, ?, ?)',
  );
  const between = db.prepare<[UserId, after: number, upTo: number], Row>(
    `SELECT room_id, type, content FROM account_data
     WHERE user_id = ? AND position > ? AND position <= ? ORDER BY position`,
  );
  const ofRoom = db.prepare<[UserId, RoomId], Row>(
    'SELECT room_id, type, content FROM account_data WHERE user_id = ? AND room_id = ?',
  );
  const removeAll = db.prepare<[UserId]>('DELETE FROM account_data WHERE user_id = ?');
  const asRow = ({ room_id, type, content }: Row): AccountDataRow => ({
    roomId: room_id === '' ? undefined : room_id,
    type,
    content,
  });
  return {
    get: (userId: UserId, roomId: RoomId | undefined, type: string): string | undefined =>
      select.get(userId, roomId ?? '', type)?.content,
    put: (userId: UserId, roomId: RoomId | undefined, type: string, content: string, position: number): void =>
      upsert.run(userId, roomId ?? '', type, content, position),
    /** What was written with `after < position <= upTo`, and has not been written again. */
    between: (userId: UserId, after: number, upTo: number): readonly AccountDataRow[] =>
      between.all(userId, after, upTo).map(asRow),
    ofRoom: (userId: UserId, roomId: RoomId): readonly AccountDataRow[] => ofRoom.all(userId, roomId).map(asRow),
    removeAll: (userId: UserId): void => removeAll.run(userId),
  };
}

export function filtersTable(db: Db) {
  const select = db.prepare<[UserId, filterId: number], { filter: string }>(
    'SELECT filter FROM filters WHERE user_id = ? AND filter_id = ?',
  );
  const find = db.prepare<[UserId, filter: string], { filter_id: number }>(
    'SELECT filter_id FROM filters WHERE user_id = ? AND filter = ?',
  );
  const insert = db.prepare<[UserId, UserId, filter: string], { filter_id: number }>(
    `INSERT INTO filters (user_id, filter_id, filter)
     VALUES (?, (SELECT coalesce(max(filter_id), 0) + 1 FROM filters WHERE user_id = ?), ?) RETURNING filter_id`,
  );
  return {
    get: (userId: UserId, filterId: number): string | undefined => select.get(userId, filterId)?.filter,
    /** The ID of this filter, a new one or that of an equal one. */
    add: (userId: UserId, filter: string): number =>
      (find.get(userId, filter) ?? insert.get(userId, userId, filter))?.filter_id ?? 0,
  };
}
