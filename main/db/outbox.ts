import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, parseJson } from '../protocol/json.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What is on its way to other servers: each thing once, whoever gets it.
  CREATE TABLE outbox_items (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, -- the order of sending
    event_id TEXT,                         -- of a PDU; the event itself is where events are
    room_id TEXT,
    edu TEXT,                              -- of an EDU: the whole of it, JSON
    what TEXT NOT NULL,                    -- its type, for the console
    queued_ts INTEGER NOT NULL
  ) STRICT;
  CREATE TABLE outbox (
    destination TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('pdu', 'edu')),
    seq INTEGER NOT NULL,
    PRIMARY KEY (destination, kind, seq)
  ) STRICT, WITHOUT ROWID;
  -- The newest event of each room in place of a backlog that was too long.
  CREATE TABLE outbox_catch_up (
    destination TEXT NOT NULL,
    room_id TEXT NOT NULL,
    event_id TEXT NOT NULL,
    PRIMARY KEY (destination, room_id)
  ) STRICT, WITHOUT ROWID;
  -- The transaction that is being tried with each server. Its ID and its content stay together until it is answered.
  CREATE TABLE outbox_transactions (
    destination TEXT PRIMARY KEY,
    txn_id TEXT NOT NULL,
    body TEXT NOT NULL,
    last_pdu INTEGER NOT NULL,             -- of the queue, up to this seq
    last_edu INTEGER NOT NULL,
    catch_up TEXT NOT NULL,                -- and these event IDs of the catch-up; JSON
    first_ts INTEGER NOT NULL,
    attempts INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;`;

export interface QueuedPdu {
  readonly seq: number;
  readonly eventId: EventId;
  readonly roomId: RoomId;
  readonly queuedTs: number;
}

export interface QueuedEdu {
  readonly seq: number;
  readonly edu: JsonObject;
}

/** What is next for a destination, the oldest first. */
export interface Waiting {
  /** Newest events of rooms whose backlog was too long. They come first. */
  readonly catchUp: readonly { readonly roomId: RoomId; readonly eventId: EventId }[];
  readonly pdus: readonly QueuedPdu[];
  readonly edus: readonly QueuedEdu[];
}

export interface TriedTransaction {
  readonly destination: ServerName;
  readonly txnId: string;
  readonly body: JsonObject;
  readonly firstTs: number;
  readonly attempts: number;
}

/** What of the queue a transaction takes with it when it is done. */
export interface Takes {
  readonly lastPdu: number;
  readonly lastEdu: number;
  readonly catchUp: readonly EventId[];
}

export interface QueueItem {
  readonly kind: 'pdu' | 'edu';
  readonly what: string;
  readonly roomId: RoomId | undefined;
  readonly queuedTs: number;
}

export function outboxTable(db: Db) {
  const insertItem = db.prepare<
    [eventId: string | null, roomId: string | null, edu: string | null, what: string, queuedTs: number],
    { seq: number }
  >('INSERT INTO outbox_items (event_id, room_id, edu, what, queued_ts) VALUES (?, ?, ?, ?, ?) RETURNING seq');
  // One statement for all: a room may have thousands of servers.
  const insertFor = db.prepare<[kind: string, seq: number, destinations: string]>(
    'INSERT INTO outbox (destination, kind, seq) SELECT value, ?, ? FROM json_each(?)',
  );
  const selectDestinations = db.prepare<[], { destination: ServerName }>(
    `SELECT destination FROM outbox UNION SELECT destination FROM outbox_transactions
     UNION SELECT destination FROM outbox_catch_up`,
  );
  const selectPdus = db.prepare<
    [destination: ServerName, limit: number],
    { seq: number; event_id: EventId; room_id: RoomId; queued_ts: number }
  >(
    `SELECT seq, event_id, room_id, queued_ts FROM outbox JOIN outbox_items USING (seq)
     WHERE destination = ? AND kind = 'pdu' ORDER BY seq LIMIT ?`,
  );
  const selectEdus = db.prepare<[destination: ServerName, limit: number], { seq: number; edu: string }>(
    `SELECT seq, edu FROM outbox JOIN outbox_items USING (seq)
     WHERE destination = ? AND kind = 'edu' ORDER BY seq LIMIT ?`,
  );
  const selectCatchUp = db.prepare<[destination: ServerName, limit: number], { room_id: RoomId; event_id: EventId }>(
    'SELECT room_id, event_id FROM outbox_catch_up WHERE destination = ? ORDER BY room_id LIMIT ?',
  );
  const selectMore = db.prepare<[destination: ServerName], { found: number }>(
    `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM outbox WHERE destination = ?1)
       OR EXISTS (SELECT 1 FROM outbox_catch_up WHERE destination = ?1)`,
  );
  const selectAfter = db.prepare<
    [destination: ServerName, lastPdu: number, lastEdu: number, catchUp: string],
    { found: number }
  >(
    `SELECT 1 AS found WHERE EXISTS (SELECT 1 FROM outbox WHERE destination = ?1 AND kind = 'pdu' AND seq > ?2)
       OR EXISTS (SELECT 1 FROM outbox WHERE destination = ?1 AND kind = 'edu' AND seq > ?3)
       OR EXISTS (SELECT 1 FROM outbox_catch_up WHERE destination = ?1
         AND event_id NOT IN (SELECT value FROM json_each(?4)))`,
  );
  const selectTried = db.prepare<
    [destination: ServerName],
    {
      txn_id: string;
      body: string;
      last_pdu: number;
      last_edu: number;
      catch_up: string;
      first_ts: number;
      attempts: number;
    }
  >('SELECT * FROM outbox_transactions WHERE destination = ?');
  const insertTried = db.prepare<
    [
      destination: ServerName,
      txnId: string,
      body: string,
      lastPdu: number,
      lastEdu: number,
      catchUp: string,
      firstTs: number,
    ]
  >('INSERT INTO outbox_transactions VALUES (?, ?, ?, ?, ?, ?, ?, 0)');
  const countAttempt = db.prepare<[destination: ServerName]>(
    'UPDATE outbox_transactions SET attempts = attempts + 1 WHERE destination = ?',
  );
  const deleteTried = db.prepare<[destination: ServerName]>('DELETE FROM outbox_transactions WHERE destination = ?');
  const deleteUpTo = db.prepare<[destination: ServerName, kind: string, seq: number]>(
    'DELETE FROM outbox WHERE destination = ? AND kind = ? AND seq <= ?',
  );
  const deleteCatchUp = db.prepare<[destination: ServerName, eventIds: string]>(
    'DELETE FROM outbox_catch_up WHERE destination = ? AND event_id IN (SELECT value FROM json_each(?))',
  );
  const countAfter = db.prepare<[destination: ServerName, kind: string, after: number, limit: number], { n: number }>(
    'SELECT count(*) AS n FROM (SELECT 1 FROM outbox WHERE destination = ? AND kind = ? AND seq > ? LIMIT ?)',
  );
  const oldestAfter = db.prepare<[destination: ServerName, after: number], { queued_ts: number }>(
    `SELECT queued_ts FROM outbox JOIN outbox_items USING (seq)
     WHERE destination = ? AND kind = 'pdu' AND seq > ? ORDER BY seq LIMIT 1`,
  );
  const keepNewest = db.prepare<[destination: ServerName, after: number]>(
    `INSERT OR REPLACE INTO outbox_catch_up (destination, room_id, event_id)
     SELECT destination, room_id, event_id FROM (
       SELECT destination, room_id, event_id, max(seq) FROM outbox JOIN outbox_items USING (seq)
       WHERE destination = ? AND kind = 'pdu' AND seq > ? GROUP BY room_id)`,
  );
  const deletePdusAfter = db.prepare<[destination: ServerName, after: number]>(
    "DELETE FROM outbox WHERE destination = ? AND kind = 'pdu' AND seq > ?",
  );
  const deleteOldEdus = db.prepare<[destination: ServerName, keep: number]>(
    `DELETE FROM outbox WHERE destination = ?1 AND kind = 'edu' AND seq <=
       (SELECT seq FROM outbox WHERE destination = ?1 AND kind = 'edu' ORDER BY seq DESC LIMIT 1 OFFSET ?2)`,
  );
  const deleteUnwanted = db.prepare<[]>('DELETE FROM outbox_items WHERE seq NOT IN (SELECT seq FROM outbox)');
  const selectCounts = db.prepare<[], { destination: ServerName; kind: 'pdu' | 'edu'; n: number }>(
    'SELECT destination, kind, count(*) AS n FROM outbox GROUP BY destination, kind',
  );
  const selectItems = db.prepare<
    [destination: ServerName, limit: number],
    { kind: 'pdu' | 'edu'; what: string; room_id: RoomId | null; queued_ts: number }
  >(
    `SELECT kind, what, room_id, queued_ts FROM outbox JOIN outbox_items USING (seq)
     WHERE destination = ? ORDER BY seq LIMIT ?`,
  );

  const add = (
    kind: 'pdu' | 'edu',
    item: Parameters<typeof insertItem.get>,
    destinations: readonly ServerName[],
  ): void => {
    if (destinations.length === 0) return;
    const seq = insertItem.get(...item)?.seq;
    if (seq === undefined) throw new Error('the outbox gave no number');
    insertFor.run(kind, seq, JSON.stringify(destinations));
  };

  return {
    addPdu(
      { eventId, roomId, type }: { readonly eventId: EventId; readonly roomId: RoomId; readonly type: string },
      destinations: readonly ServerName[],
      now: number,
    ): void {
      add('pdu', [eventId, roomId, null, type, now], destinations);
    },
    addEdu(edu: JsonObject, destinations: readonly ServerName[], now: number): void {
      add('edu', [null, null, writeJson(edu), String(edu['edu_type'] ?? ''), now], destinations);
    },
    /** All for which something waits. */
    destinations: (): readonly ServerName[] => selectDestinations.all().map(({ destination }) => destination),
    waiting(destination: ServerName, most: { readonly pdus: number; readonly edus: number }): Waiting {
      const catchUp = selectCatchUp.all(destination, most.pdus);
      return {
        catchUp: catchUp.map((row) => ({ roomId: row.room_id, eventId: row.event_id })),
        pdus: selectPdus.all(destination, most.pdus - catchUp.length).map((row) => ({
          seq: row.seq,
          eventId: row.event_id,
          roomId: row.room_id,
          queuedTs: row.queued_ts,
        })),
        edus: selectEdus.all(destination, most.edus).map(({ seq, edu }) => ({ seq, edu: objectIn(edu) })),
      };
    },
    tried(destination: ServerName): TriedTransaction | undefined {
      const row = selectTried.get(destination);
      return (
        row && {
          destination,
          txnId: row.txn_id,
          body: objectIn(row.body),
          firstTs: row.first_ts,
          attempts: row.attempts,
        }
      );
    },
    /** Before it is sent for the first time. */
    begin(
      destination: ServerName,
      txnId: string,
      body: JsonObject,
      { lastPdu, lastEdu, catchUp }: Takes,
      now: number,
    ): void {
      insertTried.run(destination, txnId, writeJson(body), lastPdu, lastEdu, JSON.stringify(catchUp), now);
    },
    countAttempt: (destination: ServerName): void => countAttempt.run(destination),
    /** It was answered: what it took with it is gone. Whether there is more. */
    done(destination: ServerName): boolean {
      const row = selectTried.get(destination);
      if (row === undefined) return false;
      deleteUpTo.run(destination, 'pdu', row.last_pdu);
      deleteUpTo.run(destination, 'edu', row.last_edu);
      deleteCatchUp.run(destination, row.catch_up);
      deleteTried.run(destination);
      return selectMore.get(destination) !== undefined;
    },
    /** What cannot be sent after all: events that are no longer there, rooms that are no longer shared. */
    drop(destination: ServerName, { lastPdu, catchUp }: Pick<Takes, 'lastPdu' | 'catchUp'>): void {
      deleteUpTo.run(destination, 'pdu', lastPdu);
      deleteCatchUp.run(destination, JSON.stringify(catchUp));
    },
    /** It will never be taken: its content waits again, for another transaction. */
    abandon: (destination: ServerName): void => deleteTried.run(destination),
    /** Whether more waits than what is being tried. */
    hasMore(destination: ServerName): boolean {
      const { last_pdu: pdu = 0, last_edu: edu = 0, catch_up: catchUp = '[]' } = selectTried.get(destination) ?? {};
      return selectAfter.get(destination, pdu, edu, catchUp) !== undefined;
    },
    /** Whether anything waits or is being tried. */
    hasAny: (destination: ServerName): boolean =>
      selectMore.get(destination) !== undefined || selectTried.get(destination) !== undefined,
    /**
     * Where the oldest PDU waits since before `since`, or more than `pdus` wait for a server that has failed: only the
     * newest of each room is kept. What is being tried stays as it is. Of EDUs the newest are kept. Whether anything was
     * given up.
     */
    condense(
      destination: ServerName,
      most: { readonly pdus: number; readonly edus: number; readonly since: number },
    ): boolean {
      const { last_pdu: after = 0, attempts = 0 } = selectTried.get(destination) ?? {};
      deleteOldEdus.run(destination, most.edus);
      const oldest = oldestAfter.get(destination, after);
      if (oldest === undefined) return false;
      const count = attempts > 0 ? (countAfter.get(destination, 'pdu', after, most.pdus + 1)?.n ?? 0) : 0;
      if (count <= most.pdus && oldest.queued_ts >= most.since) return false;
      keepNewest.run(destination, after);
      deletePdusAfter.run(destination, after);
      return true;
    },
    /** Things that nobody waits for any more. */
    sweep: (): void => deleteUnwanted.run(),
    counts(): ReadonlyMap<ServerName, { readonly pdus: number; readonly edus: number }> {
      const counts = new Map<ServerName, { pdus: number; edus: number }>();
      for (const { destination, kind, n } of selectCounts.all()) {
        const count = counts.get(destination) ?? { pdus: 0, edus: 0 };
        counts.set(destination, count);
        count[kind === 'pdu' ? 'pdus' : 'edus'] = n;
      }
      return counts;
    },
    items: (destination: ServerName, limit: number): readonly QueueItem[] =>
      selectItems.all(destination, limit).map(({ kind, what, room_id, queued_ts }) => ({
        kind,
        what,
        roomId: room_id ?? undefined,
        queuedTs: queued_ts,
      })),
  };
}

function objectIn(json: string): JsonObject {
  const { value } = parseJson(json);
  if (!isObject(value)) throw new Error('what the outbox kept is no object');
  return value;
}

export type OutboxTable = ReturnType<typeof outboxTable>;
