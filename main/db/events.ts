import type { OutcomeKind, PduSource, ReceiptStep } from '../../shared/flow.ts';
import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Events, each once, by the number of its ID. Outliers and what was rejected are here, too.
  CREATE TABLE events (
    id INTEGER PRIMARY KEY, -- of event_ids
    room INTEGER NOT NULL,
    type TEXT NOT NULL,
    state_key INTEGER,      -- of state_keys; none for messages
    sender TEXT NOT NULL,
    depth INTEGER NOT NULL, -- as its sender says: never trusted
    origin_server_ts INTEGER NOT NULL,
    topological INTEGER NOT NULL,
    position INTEGER,       -- in order of arrival; negative for history; none for outliers
    outcome TEXT NOT NULL,  -- accepted, softFailed, rejected
    outlier INTEGER NOT NULL,
    source TEXT NOT NULL,
    step TEXT,              -- why it was not accepted; deciding events as a JSON array of IDs
    rule TEXT,
    reason TEXT,
    decided_by TEXT,
    auth_events TEXT NOT NULL,        -- numbers, as a JSON array
    auth_generation INTEGER NOT NULL, -- 1 + the highest among its auth events; 0 if one of these is not here
    received_ts INTEGER NOT NULL,
    state_before INTEGER,   -- state nodes; none for outliers
    state_after INTEGER,
    redacted_by INTEGER,    -- the event whose redaction applies when this one is read
    exact INTEGER NOT NULL, -- whether plain JSON.parse would change numbers
    json TEXT NOT NULL) STRICT;
  CREATE INDEX events_by_position ON events (room, position) WHERE position IS NOT NULL;
  CREATE INDEX events_by_topology ON events (room, topological, position) WHERE position IS NOT NULL;
  CREATE INDEX events_by_depth ON events (room, depth) WHERE position IS NOT NULL;
  CREATE INDEX events_by_sender ON events (sender);`;

/** For the nearest event to a point in time. */
export const timeIndex = `
  CREATE INDEX events_by_time ON events (room, origin_server_ts) WHERE position IS NOT NULL;`;

export interface EventRow {
  readonly id: number;
  readonly room: number;
  readonly type: string;
  readonly stateKey: number | null;
  readonly sender: UserId;
  readonly depth: number;
  readonly originServerTs: number;
  readonly topological: number;
  readonly position: number | null;
  readonly outcome: Extract<OutcomeKind, 'accepted' | 'softFailed' | 'rejected'>;
  readonly outlier: 0 | 1;
  readonly source: PduSource;
  readonly step: ReceiptStep | null;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly decidedBy: string | null;
  readonly authEvents: string;
  readonly authGeneration: number;
  readonly receivedTs: number;
  readonly stateBefore: number | null;
  readonly stateAfter: number | null;
  readonly redactedBy: number | null;
  readonly exact: 0 | 1;
  readonly json: string;
}

/** What walks over auth events and whole states need, and no more: they visit tens of thousands of events. */
export type EventSummary = Pick<EventRow, 'room' | 'stateKey' | 'outcome' | 'step' | 'authGeneration' | 'authEvents'>;

/** Column by column, in the order of the table. */
const columns: readonly (readonly [column: string, property: keyof EventRow])[] = [
  ['id', 'id'],
  ['room', 'room'],
  ['type', 'type'],
  ['state_key', 'stateKey'],
  ['sender', 'sender'],
  ['depth', 'depth'],
  ['origin_server_ts', 'originServerTs'],
  ['topological', 'topological'],
  ['position', 'position'],
  ['outcome', 'outcome'],
  ['outlier', 'outlier'],
  ['source', 'source'],
  ['step', 'step'],
  ['rule', 'rule'],
  ['reason', 'reason'],
  ['decided_by', 'decidedBy'],
  ['auth_events', 'authEvents'],
  ['auth_generation', 'authGeneration'],
  ['received_ts', 'receivedTs'],
  ['state_before', 'stateBefore'],
  ['state_after', 'stateAfter'],
  ['redacted_by', 'redactedBy'],
  ['exact', 'exact'],
  ['json', 'json'],
];

/** Sent by servers to join the forks of a room. It says nothing, so clients do not see it. */
export const dummyEvent = 'org.matrix.dummy_event';

export function eventsTable(db: Db) {
  const selected = columns.map(([column, property]) => `${column} AS ${property}`).join(', ');
  const select = db.prepare<[id: number], EventRow>(`SELECT ${selected} FROM events WHERE id = ?`);
  const selectSummary = db.prepare<[id: number], EventSummary>(
    `SELECT room, state_key AS stateKey, outcome, step, auth_generation AS authGeneration, auth_events AS authEvents
     FROM events WHERE id = ?`,
  );
  const write = db.prepare<(string | number | null)[]>(
    `INSERT OR REPLACE INTO events (${columns.map(([column]) => column).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
  );
  const setRedactedBy = db.prepare<[by: number, id: number]>('UPDATE events SET redacted_by = ? WHERE id = ?');
  const setJson = db.prepare<[json: string, exact: number, id: number]>(
    'UPDATE events SET json = ?, exact = ? WHERE id = ?',
  );
  const oldest = db.prepare<[room: number], { position: number | null }>(
    'SELECT min(position) AS position FROM events WHERE room = ? AND position IS NOT NULL',
  );
  type Range = [room: number, from: number, to: number, limit: number];
  const arrived = db.prepare<Range, { id: number }>(
    `SELECT id FROM events WHERE room = ? AND position > ? AND position <= ? AND outcome = 'accepted'
     AND type <> '${dummyEvent}' ORDER BY position DESC LIMIT ?`,
  );
  const inPage = (order: string, limit: string) =>
    db.prepare<
      [room: number, after: number, upTo: number, topological: number, position: number, limit: number],
      { id: number }
    >(
      `SELECT id FROM events WHERE room = ? AND position > ? AND position <= ? AND outcome = 'accepted'
       AND type <> '${dummyEvent}' AND (topological, position) ${order} (?, ?) ORDER BY topological ${limit}, position ${limit} LIMIT ?`,
    );
  const atTime = (compared: string, order: string) =>
    db.prepare<[room: number, ts: number, limit: number, skip: number], { id: number }>(
      `SELECT id FROM events WHERE room = ? AND origin_server_ts ${compared} ? AND position IS NOT NULL AND outcome = 'accepted'
       AND type <> '${dummyEvent}' ORDER BY origin_server_ts ${order} LIMIT ? OFFSET ?`,
    );
  const until = atTime('<=', 'DESC');
  const since = atTime('>=', 'ASC');
  const older = inPage('<', 'DESC');
  const newer = inPage('>', 'ASC');
  return {
    get: (id: number): EventRow | undefined => select.get(id),
    summary: (id: number): EventSummary | undefined => selectSummary.get(id),
    /** Writes all of it; an outlier that has become part of the history is written anew. */
    put: (row: EventRow): void => write.run(...columns.map(([, property]) => row[property])),
    setRedactedBy: (id: number, by: number): void => setRedactedBy.run(by, id),
    setJson: (id: number, json: string, exact: 0 | 1): void => setJson.run(json, exact, id),
    /** Below which position the room's history goes on: 0, or its lowest one. */
    oldestPosition: (room: number): number => Math.min(0, oldest.get(room)?.position ?? 0),
    /** Accepted events with `after < position <= upTo`: numbers, the newest first. */
    arrived: (room: number, after: number, upTo: number, limit: number): number[] =>
      arrived.all(room, after, upTo, limit).map(({ id }) => id),
    /** Accepted events at a time and later, or at it and earlier: numbers, the nearest first. */
    atTime: (room: number, ts: number, dir: 'f' | 'b', limit: number, skip: number): number[] =>
      (dir === 'f' ? since : until).all(room, ts, limit, skip).map(({ id }) => id),
    /**
     * Accepted events before or after a place in the topological order, of those with `after < position <= upTo`: numbers,
     * the nearest first.
     */
    page: (
      room: number,
      from: readonly [topological: number, position: number],
      arrived: readonly [after: number, upTo: number],
      towards: 'start' | 'end',
      limit: number,
    ) => (towards === 'start' ? older : newer).all(room, ...arrived, ...from, limit).map(({ id }) => id),
  };
}
