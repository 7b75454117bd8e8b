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
  CREATE INDEX staged_pdus_by_time ON staged_pdus (retry_ts);
  -- What they wait for: when that comes, they are looked at again.
  CREATE TABLE staged_lacks (
    event_id TEXT NOT NULL, -- the missing one
    staged INTEGER NOT NULL,
    PRIMARY KEY (event_id, staged)) STRICT, WITHOUT ROWID;
  CREATE INDEX staged_lacks_by_staged ON staged_lacks (staged);`;

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
    [RoomId, EventId, ServerName, source: string, pdu: string, violations: string, reason: string, retryTs: number],
    { id: number }
  >(
    `INSERT INTO staged_pdus (room_id, event_id, origin, source, pdu, violations, reason, retry_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (room_id, event_id)
     DO UPDATE SET reason = excluded.reason, attempts = attempts + 1, retry_ts = excluded.retry_ts RETURNING id`,
  );
  const addLack = db.prepare<[EventId, staged: number]>('INSERT OR IGNORE INTO staged_lacks VALUES (?, ?)');
  const clearLacks = db.prepare<[staged: number]>('DELETE FROM staged_lacks WHERE staged = ?');
  const hurryFor = db.prepare<[EventId], { id: number }>(
    `UPDATE staged_pdus SET retry_ts = 0 WHERE id IN (SELECT staged FROM staged_lacks WHERE event_id = ?) RETURNING id`,
  );
  const count = db.prepare<[RoomId], { count: number }>('SELECT count(*) AS count FROM staged_pdus WHERE room_id = ?');
  const attempts = db.prepare<[RoomId, EventId], { attempts: number }>(
    'SELECT attempts FROM staged_pdus WHERE room_id = ? AND event_id = ?',
  );
  const due = db.prepare<[RoomId, now: number, limit: number], StagedPdu>(
    `SELECT ${columns} FROM staged_pdus WHERE room_id = ? AND retry_ts <= ? ORDER BY id LIMIT ?`,
  );
  const roomsDue = db.prepare<[now: number], { roomId: RoomId }>(
    'SELECT DISTINCT room_id AS roomId FROM staged_pdus WHERE retry_ts <= ?',
  );
  const next = db.prepare<[], { retryTs: number | null }>('SELECT min(retry_ts) AS retryTs FROM staged_pdus');
  const hurryRoom = db.prepare<[RoomId]>('UPDATE staged_pdus SET retry_ts = 0 WHERE room_id = ?');
  const hurryAll = db.prepare<[]>('UPDATE staged_pdus SET retry_ts = 0 WHERE retry_ts > 0');
  const remove = db.prepare<[RoomId, EventId], { id: number }>(
    'DELETE FROM staged_pdus WHERE room_id = ? AND event_id = ? RETURNING id',
  );
  return {
    /** Again: one attempt more. `lacks`: its turn comes at once when one of these has come. */
    put(row: Omit<StagedPdu, 'id' | 'attempts'>, reason: string, retryTs: number, lacks: readonly EventId[]): void {
      const { roomId, eventId, origin, source, pdu, violations } = row;
      const id = insert.get(roomId, eventId, origin, source, pdu, violations, reason, retryTs)?.id ?? 0;
      clearLacks.run(id);
      for (const lack of lacks) addLack.run(lack, id);
    },
    count: (roomId: RoomId): number => count.get(roomId)?.count ?? 0,
    /** How often it has been tried again; nothing if it is not staged. */
    attempts: (roomId: RoomId, eventId: EventId): number | undefined => attempts.get(roomId, eventId)?.attempts,
    due: (roomId: RoomId, now: number, limit: number): StagedPdu[] => due.all(roomId, now, limit),
    roomsDue: (now: number): RoomId[] => roomsDue.all(now).map(({ roomId }) => roomId),
    nextRetryTs: (): number | undefined => next.get()?.retryTs ?? undefined,
    /** Whether anything waited for this event. */
    arrived: (eventId: EventId): boolean => hurryFor.all(eventId).length > 0,
    hurryRoom: (roomId: RoomId): void => hurryRoom.run(roomId),
    hurryAll: (): void => hurryAll.run(),
    remove(roomId: RoomId, eventId: EventId): boolean {
      const rows = remove.all(roomId, eventId);
      for (const { id } of rows) clearLacks.run(id);
      return rows.length > 0;
    },
  };
}
