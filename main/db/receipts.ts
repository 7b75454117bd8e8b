import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- How far users have read, ours and others'. One row per kind and thread: a newer one takes its place.
  CREATE TABLE receipts (
    room_id TEXT NOT NULL,
    receipt_type TEXT NOT NULL, -- 'm.read', 'm.read.private'
    user_id TEXT NOT NULL,
    thread_id TEXT NOT NULL, -- '' for none
    event_id TEXT NOT NULL,
    data TEXT NOT NULL,      -- JSON: ts, thread_id
    position INTEGER NOT NULL,
    PRIMARY KEY (room_id, receipt_type, user_id, thread_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX receipts_by_position ON receipts (room_id, position);
  CREATE INDEX receipts_by_position_alone ON receipts (position, room_id);`;

export interface Receipt {
  readonly roomId: RoomId;
  readonly type: string;
  readonly userId: UserId;
  readonly threadId: string;
  readonly eventId: EventId;
  readonly data: string;
}

export function receiptsTable(db: Db) {
  const columns =
    'room_id AS roomId, receipt_type AS type, user_id AS userId, thread_id AS threadId, event_id AS eventId, data';
  const upsert = db.prepare<[RoomId, type: string, UserId, threadId: string, EventId, data: string, position: number]>(
    'INSERT OR REPLACE INTO receipts VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const select = db.prepare<[RoomId, type: string, UserId, threadId: string], Receipt>(
    `SELECT ${columns} FROM receipts WHERE room_id = ? AND receipt_type = ? AND user_id = ? AND thread_id = ?`,
  );
  const between = db.prepare<[RoomId, after: number, upTo: number], Receipt>(
    `SELECT ${columns} FROM receipts WHERE room_id = ? AND position > ? AND position <= ? ORDER BY position`,
  );
  const rooms = db.prepare<[after: number, upTo: number], { room_id: RoomId }>(
    'SELECT DISTINCT room_id FROM receipts WHERE position > ? AND position <= ?',
  );
  return {
    put({ roomId, type, userId, threadId, eventId, data }: Receipt, position: number): void {
      upsert.run(roomId, type, userId, threadId, eventId, data, position);
    },
    get: (roomId: RoomId, type: string, userId: UserId, threadId: string): Receipt | undefined =>
      select.get(roomId, type, userId, threadId),
    between: (roomId: RoomId, after: number, upTo: number): readonly Receipt[] => between.all(roomId, after, upTo),
    /** The rooms that have receipts with `after < position <= upTo`. */
    roomsBetween: (after: number, upTo: number): readonly RoomId[] =>
      rooms.all(after, upTo).map(({ room_id }) => room_id),
  };
}
