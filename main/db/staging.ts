import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- PDUs that were acknowledged and not yet judged: worked off after a restart, or when what they lack has come.
  CREATE TABLE staged_pdus (
    id INTEGER PRIMARY KEY,
    room_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    origin TEXT NOT NULL,
    source TEXT NOT NULL,
    pdu TEXT NOT NULL,
    violations TEXT NOT NULL, -- JSON
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    retry_ts INTEGER NOT NULL,
    UNIQUE (room_id, event_id)) STRICT;
  CREATE INDEX staged_pdus_by_time ON staged_pdus (retry_ts);`;

export interface StagedPdu {
  readonly id: number;
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly origin: ServerName;
  readonly source: 'live' | 'backfill';
  readonly pdu: string;
  readonly violations: string;
  readonly attempts: number;
}

export function stagingTable(db: Db) {
  const columns = 'id, room_id AS roomId, event_id AS eventId, origin, source, pdu, violations, attempts';
  const insert = db.prepare<
    [RoomId, EventId, ServerName, source: string, pdu: string, violations: string, reason: string, retryTs: number]
  >(
    `INSERT INTO staged_pdus (room_id, event_id, origin, source, pdu, violations, reason, retry_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (room_id, event_id)
     DO UPDATE SET reason = excluded.reason, attempts = attempts + 1, retry_ts = excluded.retry_ts`,
  );
  const count = db.prepare<[RoomId], { count: number }>('SELECT count(*) AS count FROM staged_pdus WHERE room_id = ?');
  const attempts = db.prepare<[RoomId, EventId], { attempts: number }>(
    'SELECT attempts FROM staged_pdus WHERE room_id = ? AND event_id = ?',
  );
  const inRoom = db.prepare<[RoomId, limit: number], StagedPdu>(
    `SELECT ${columns} FROM staged_pdus WHERE room_id = ? ORDER BY id LIMIT ?`,
  );
  const due = db.prepare<[now: number], { roomId: RoomId }>(
    'SELECT DISTINCT room_id AS roomId FROM staged_pdus WHERE retry_ts <= ?',
  );
  const next = db.prepare<[], { retryTs: number | null }>('SELECT min(retry_ts) AS retryTs FROM staged_pdus');
  const hurry = db.prepare<[RoomId]>('UPDATE staged_pdus SET retry_ts = 0 WHERE room_id = ?');
  const remove = db.prepare<[RoomId, EventId]>('DELETE FROM staged_pdus WHERE room_id = ? AND event_id = ?');
  const clear = db.prepare<[RoomId]>('DELETE FROM staged_pdus WHERE room_id = ?');
  return {
    /** Again: one attempt more. */
    put: (row: Omit<StagedPdu, 'id' | 'attempts'>, reason: string, retryTs: number): void =>
      insert.run(row.roomId, row.eventId, row.origin, row.source, row.pdu, row.violations, reason, retryTs),
    count: (roomId: RoomId): number => count.get(roomId)?.count ?? 0,
    attempts: (roomId: RoomId, eventId: EventId): number | undefined => attempts.get(roomId, eventId)?.attempts,
    inRoom: (roomId: RoomId, limit: number): StagedPdu[] => inRoom.all(roomId, limit),
    roomsDue: (now: number): RoomId[] => due.all(now).map(({ roomId }) => roomId),
    nextRetryTs: (): number | undefined => next.get()?.retryTs ?? undefined,
    hurry: (roomId: RoomId): void => hurry.run(roomId),
    remove: (roomId: RoomId, eventId: EventId): void => remove.run(roomId, eventId),
    clear: (roomId: RoomId): void => clear.run(roomId),
  };
}
