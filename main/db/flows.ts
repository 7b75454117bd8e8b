import type { SqlValue } from 'sql.js';
import type { DiscoveryTraceStep, FlowSummary, OutcomeKind } from '../../shared/flow.ts';
import type { FlowId, RoomId, ServerName } from '../../shared/ids.ts';
import type { Db, Statement } from './db.ts';
import { bitsOf, conditions, escapeLike, type FlowFilter, isRemarkable } from './flow-filter.ts';
import { timeOrdered } from './time-ordered.ts';

export const schema = `
  -- Federation requests, in the order in which they began. Written when they are a moment old, and again at their end.
  CREATE TABLE flows (
    id INTEGER PRIMARY KEY AUTOINCREMENT, -- no number is given twice, even when all rows are gone
    trace_id INTEGER NOT NULL,            -- the first flow of the trace
    parent_id INTEGER,
    inbound INTEGER NOT NULL,
    peer TEXT, endpoint TEXT NOT NULL, room_id TEXT,
    started_at INTEGER NOT NULL,
    took_ms INTEGER,                      -- none while open
    status INTEGER,                       -- none while open, and where no reply was made
    failed INTEGER NOT NULL,              -- a status of 400 or more, or no reply
    outcomes INTEGER NOT NULL,            -- a bit for each outcome that one of its PDUs had (flow-filter.ts)
    refused INTEGER NOT NULL,             -- an outcome other than accepted and duplicate is among them
    errcode TEXT,
    attempt INTEGER NOT NULL, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL, edus INTEGER NOT NULL,
    method TEXT NOT NULL, uri TEXT NOT NULL, address TEXT,
    error TEXT, auth TEXT, phases TEXT, outcome_counts TEXT, discovery TEXT -- JSON; none where empty
  ) STRICT;
  CREATE INDEX flows_by_trace ON flows (trace_id);
  CREATE INDEX flows_by_peer ON flows (peer);
  CREATE INDEX flows_by_endpoint ON flows (endpoint);
  CREATE INDEX flows_by_room ON flows (room_id) WHERE room_id IS NOT NULL;
  -- What is looked for most is rare: these stay small.
  CREATE INDEX flows_failed ON flows (failed) WHERE failed = 1;
  CREATE INDEX flows_refused ON flows (refused) WHERE refused = 1;
  CREATE INDEX flows_open ON flows (failed) WHERE status IS NULL AND error IS NULL;

  -- Headers and bodies, apart from the rows that lists run over.
  CREATE TABLE flow_requests (flow_id INTEGER PRIMARY KEY, headers TEXT NOT NULL, body TEXT) STRICT;
  CREATE TABLE flow_replies (flow_id INTEGER PRIMARY KEY, headers TEXT NOT NULL, body TEXT) STRICT;`;

/** A flow as its row has it. */
export interface FlowRecord extends FlowSummary {
  readonly address: string | undefined;
  readonly discovery: readonly DiscoveryTraceStep[];
}

/** Headers and body of one direction, as they may be kept. */
export interface Message {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
}

interface SummaryRow {
  readonly id: number;
  readonly trace_id: number;
  readonly parent_id: number | null;
  readonly inbound: number;
  readonly peer: ServerName | null;
  readonly endpoint: string;
  readonly room_id: RoomId | null;
  readonly started_at: number;
  readonly took_ms: number | null;
  readonly status: number | null;
  readonly errcode: string | null;
  readonly attempt: number;
  readonly request_bytes: number;
  readonly response_bytes: number;
  readonly edus: number;
  readonly method: string;
  readonly uri: string;
  readonly error: string | null;
  readonly auth: string | null;
  readonly phases: string | null;
  readonly outcome_counts: string | null;
}

/** What statistics are made of. */
export interface FinishedRow {
  readonly inbound: number;
  readonly peer: ServerName | null;
  readonly verified: number | null;
  readonly started_at: number;
  readonly took_ms: number;
  readonly status: number | null;
}

const summaryColumns = `id, trace_id, parent_id, inbound, peer, endpoint, room_id, started_at, took_ms, status, errcode,
  attempt, request_bytes, response_bytes, edus, method, uri, error, auth, phases, outcome_counts`;
/** What is known when a flow begins, and what is only known later. */
const firstColumns = 'id, trace_id, parent_id, inbound, endpoint, started_at, attempt, method, uri';
const laterColumns = `peer, room_id, took_ms, status, failed, outcomes, refused, errcode, request_bytes, response_bytes,
  edus, address, error, auth, phases, outcome_counts, discovery`;
const marks = (columns: string) => columns.replace(/\w+/g, '?');

export function flowsTable(db: Db) {
  const put = db.prepare(
    `INSERT INTO flows (${firstColumns}, ${laterColumns}) VALUES (${marks(firstColumns)}, ${marks(laterColumns)})
      ON CONFLICT (id) DO UPDATE SET (${laterColumns}) = (${laterColumns.replace(/\w+/g, 'excluded.$&')})`,
  );
  const get = db.prepare<[id: number], SummaryRow & { address: string | null; discovery: string | null }>(
    `SELECT ${summaryColumns}, address, discovery FROM flows WHERE id = ?`,
  );
  const ofTrace = db.prepare<[trace: number, limit: number], SummaryRow>(
    `SELECT ${summaryColumns} FROM flows WHERE trace_id = ? ORDER BY id LIMIT ?`,
  );
  const lastId = db.prepare<[], { seq: number }>("SELECT seq FROM sqlite_sequence WHERE name = 'flows'");
  const edges = db.prepare<[], { first: number | null; count: number }>(
    'SELECT (SELECT id FROM flows ORDER BY id LIMIT 1) AS first, (SELECT count(*) FROM flows) AS count',
  );
  const startedAt = db.prepare<[id: number], { started_at: number }>(
    'SELECT started_at FROM flows WHERE id >= ? ORDER BY id LIMIT 1',
  );
  const finished = db.prepare<[from: number, before: number, since: number], FinishedRow>(
    `SELECT inbound, peer, auth ->> '$.verified' AS verified, started_at, took_ms, status
      FROM flows WHERE id >= ? AND id < ? AND started_at >= ? AND took_ms IS NOT NULL`,
  );
  const abandon = db.prepare<[error: string]>(
    'UPDATE flows SET error = ?, failed = 1 WHERE failed = 0 AND status IS NULL AND error IS NULL',
  );
  // Steps from one name to the next through the index, however many rows each has.
  const names = (column: 'peer' | 'endpoint') =>
    db.prepare<[pattern: string, limit: number], { name: string }>(
      `WITH RECURSIVE names(name) AS (
        SELECT min(${column}) FROM flows
        UNION ALL SELECT (SELECT min(${column}) FROM flows WHERE ${column} > name) FROM names WHERE name IS NOT NULL)
      SELECT name FROM names WHERE name LIKE ? ESCAPE '\\' LIMIT ?`,
    );
  const peers = names('peer');
  const endpoints = names('endpoint');
  const lists = new Map<string, Statement<readonly SqlValue[], SummaryRow>>();
  const list = (sql: string) => {
    const known = lists.get(sql);
    if (known !== undefined) return known;
    const statement = db.prepare<readonly SqlValue[], SummaryRow>(
      `SELECT ${summaryColumns} FROM flows WHERE id >= ? AND id < ?${sql} ORDER BY id DESC LIMIT ?`,
    );
    lists.set(sql, statement);
    return statement;
  };

  return {
    ...timeOrdered(db, 'flows', 'started_at', ['flow_requests(flow_id)', 'flow_replies(flow_id)']),
    /** Writes a flow, or what has become of it since it was last written. */
    put: (flow: FlowRecord): void => put.run(...firstValues(flow), ...laterValues(flow)),
    requests: messagesTable(db, 'flow_requests'),
    replies: messagesTable(db, 'flow_replies'),

    get(id: FlowId): FlowRecord | undefined {
      const row = get.get(Number(id));
      if (row === undefined) return undefined;
      return { ...fromRow(row), address: row.address ?? undefined, discovery: parsed(row.discovery, []) };
    },
    /** Newest first, with `from <= id < before`. It runs over no more rows than there are in that range. */
    list: (filter: FlowFilter, from: number, before: number, limit: number): readonly FlowSummary[] => {
      const { sql, params } = conditions(filter);
      return list(sql)
        .all(from, before, ...params, limit)
        .map(fromRow);
    },
    /** Oldest first. */
    ofTrace: (traceId: string, limit: number) => ofTrace.all(Number(traceId), limit).map(fromRow),
    /** Servers in whose names a text stands, at most so many. */
    peers: (text: string, limit: number) => peers.all(`%${escapeLike(text)}%`, limit).map(({ name }) => name),
    /** Endpoints whose names begin with a text, at most so many. */
    endpoints: (text: string, limit: number) => endpoints.all(`${escapeLike(text)}%`, limit).map(({ name }) => name),
    /** The highest number that was ever given. */
    lastId: (): number => lastId.get()?.seq ?? 0,
    edges: (): { readonly first: number; readonly count: number } => {
      const { first, count } = edges.get() ?? { first: null, count: 0 };
      return { first: first ?? 0, count };
    },
    /** When the flow with this number, or the next one that there is, began. */
    startedAt: (id: number): number | undefined => startedAt.get(id)?.started_at,
    /** Those that are over, with `from <= id < before`, of the time since `since`. */
    finished: (from: number, before: number, since: number) => finished.all(from, before, since),
    /** Gives those that are still open, since nobody is left to close them, this error. */
    abandon: (error: NonNullable<FlowSummary['error']>): void => abandon.run(JSON.stringify(error)),
  };
}

function messagesTable(db: Db, table: 'flow_requests' | 'flow_replies') {
  const insert = db.prepare<[id: number, headers: string, body: string | null]>(
    `INSERT OR REPLACE INTO ${table} (flow_id, headers, body) VALUES (?, ?, ?)`,
  );
  const select = db.prepare<[id: number], { headers: string; body: string | null }>(
    `SELECT headers, body FROM ${table} WHERE flow_id = ?`,
  );
  return {
    put: (id: FlowId, { headers, body }: Message): void =>
      insert.run(Number(id), JSON.stringify(headers), body ?? null),
    get(id: FlowId): Message | undefined {
      const row = select.get(Number(id));
      return row && { headers: JSON.parse(row.headers), body: row.body ?? undefined };
    },
  };
}

function firstValues(flow: FlowRecord): readonly SqlValue[] {
  const { id, traceId, parentId, direction, endpoint, startedAt, attempt, method, uri } = flow;
  const parent = parentId === undefined ? null : Number(parentId);
  return [
    Number(id),
    Number(traceId),
    parent,
    direction === 'inbound' ? 1 : 0,
    endpoint,
    startedAt,
    attempt,
    method,
    uri,
  ];
}

function laterValues(flow: FlowRecord): readonly SqlValue[] {
  const failed = flow.error !== undefined || (flow.status !== undefined && flow.status >= 400);
  const bits = bitsOf(Object.keys(flow.outcomes) as OutcomeKind[]);
  return [
    flow.peer ?? null,
    flow.roomId ?? null,
    flow.tookMs ?? null,
    flow.status ?? null,
    failed ? 1 : 0,
    bits,
    isRemarkable(bits) ? 1 : 0,
    flow.errcode ?? null,
    flow.requestBytes,
    flow.responseBytes,
    flow.edus,
    flow.address ?? null,
    text(flow.error),
    text(flow.auth),
    text(flow.phases),
    text(flow.outcomes),
    text(flow.discovery),
  ];
}

const text = (value: object | undefined) =>
  value === undefined || Object.keys(value).length === 0 ? null : JSON.stringify(value);
const parsed = <T>(json: string | null, otherwise: T): T => (json === null ? otherwise : JSON.parse(json));

const fromRow = (row: SummaryRow): FlowSummary => ({
  id: String(row.id) as FlowId,
  traceId: String(row.trace_id),
  parentId: row.parent_id === null ? undefined : (String(row.parent_id) as FlowId),
  direction: row.inbound === 1 ? 'inbound' : 'outbound',
  peer: row.peer ?? undefined,
  method: row.method,
  uri: row.uri,
  endpoint: row.endpoint,
  roomId: row.room_id ?? undefined,
  startedAt: row.started_at,
  tookMs: row.took_ms ?? undefined,
  status: row.status ?? undefined,
  errcode: row.errcode ?? undefined,
  error: parsed(row.error, undefined),
  auth: parsed(row.auth, undefined),
  attempt: row.attempt,
  requestBytes: row.request_bytes,
  responseBytes: row.response_bytes,
  phases: parsed(row.phases, {}),
  outcomes: parsed(row.outcome_counts, {}),
  edus: row.edus,
});
