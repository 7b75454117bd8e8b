import type { DiscoveryTraceStep } from '../../shared/flow.ts';
import type { EventId, FlowId, RoomId, ServerName } from '../../shared/ids.ts';
import type { DiscoveryRun } from '../../shared/views.ts';
import type { Db } from './db.ts';
import { type TimeOrdered, timeOrdered } from './time-ordered.ts';

export const schema = `
  -- What the inspector is told besides requests. flow_id: in whose name it happened.
  CREATE TABLE discovery_runs (
    id INTEGER PRIMARY KEY, flow_id INTEGER, server TEXT NOT NULL, ts INTEGER NOT NULL, ok INTEGER NOT NULL,
    steps TEXT NOT NULL, result TEXT, -- JSON
    expires_at INTEGER, error TEXT) STRICT;
  CREATE INDEX discovery_runs_by_server ON discovery_runs (server);

  CREATE TABLE key_observations (
    id INTEGER PRIMARY KEY, flow_id INTEGER, ts INTEGER NOT NULL, server TEXT NOT NULL, key_id TEXT NOT NULL,
    public_key TEXT NOT NULL, valid_until_ts INTEGER NOT NULL, source TEXT NOT NULL) STRICT;

  CREATE TABLE peer_transitions (
    id INTEGER PRIMARY KEY, flow_id INTEGER, ts INTEGER NOT NULL, server TEXT NOT NULL,
    from_status TEXT NOT NULL, to_status TEXT NOT NULL, why TEXT NOT NULL) STRICT;
  CREATE INDEX peer_transitions_by_server ON peer_transitions (server);

  CREATE TABLE state_changes (
    id INTEGER PRIMARY KEY, flow_id INTEGER, ts INTEGER NOT NULL, room_id TEXT NOT NULL,
    type TEXT NOT NULL, state_key TEXT NOT NULL, before TEXT, after TEXT, cause TEXT NOT NULL, by_event TEXT) STRICT;

  CREATE TABLE edu_drops (
    id INTEGER PRIMARY KEY, flow_id INTEGER, ts INTEGER NOT NULL, type TEXT NOT NULL, why TEXT NOT NULL) STRICT;
  CREATE INDEX edu_drops_by_flow ON edu_drops (flow_id);

  -- A claim that nothing could be served for is a message that somebody will not be able to read.
  CREATE TABLE key_claims (
    id INTEGER PRIMARY KEY, flow_id INTEGER, ts INTEGER NOT NULL, user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    served TEXT NOT NULL) STRICT;

  CREATE TABLE sleep_intervals (
    id INTEGER PRIMARY KEY, from_ts INTEGER NOT NULL, ts INTEGER NOT NULL) STRICT; -- ts: when it ended`;

export interface PeerTransition {
  readonly server: ServerName;
  readonly from: string;
  readonly to: string;
  readonly why: string;
}

export interface KeyObservation {
  readonly server: ServerName;
  readonly keyId: string;
  readonly publicKey: string;
  readonly validUntilTs: number;
  readonly source: string;
}

export interface StateChange {
  readonly roomId: RoomId;
  readonly type: string;
  readonly stateKey: string;
  readonly before: EventId | undefined;
  readonly after: EventId | undefined;
  readonly cause: 'event' | 'resolution' | 'join';
  readonly by: EventId | undefined;
}

export interface KeyClaim {
  readonly userId: string;
  readonly deviceId: string;
  readonly served: 'oneTime' | 'fallback' | 'none';
}

export interface EduDrop {
  readonly type: string;
  readonly why: string;
}

/** When something was observed, and in the name of which flow. */
export interface Occasion {
  readonly ts: number;
  readonly flowId: FlowId | undefined;
}

interface DiscoveryRow {
  readonly ts: number;
  readonly ok: number;
  readonly steps: string;
  readonly result: string | null;
  readonly expires_at: number | null;
  readonly error: string | null;
}

export function observationsTable(db: Db) {
  const insertDiscovery = db.prepare(
    'INSERT INTO discovery_runs (flow_id, server, ts, ok, steps, result, expires_at, error) VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  );
  const insertKey = db.prepare(
    'INSERT INTO key_observations (flow_id, ts, server, key_id, public_key, valid_until_ts, source) VALUES (?, ?, ?, ?, ?, ?, ?)',
  );
  const insertTransition = db.prepare(
    'INSERT INTO peer_transitions (flow_id, ts, server, from_status, to_status, why) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const insertStateChange = db.prepare(
    `INSERT INTO state_changes (flow_id, ts, room_id, type, state_key, before, after, cause, by_event)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const insertEduDrop = db.prepare('INSERT INTO edu_drops (flow_id, ts, type, why) VALUES (?, ?, ?, ?)');
  const insertClaim = db.prepare(
    'INSERT INTO key_claims (flow_id, ts, user_id, device_id, served) VALUES (?, ?, ?, ?, ?)',
  );
  const insertSleep = db.prepare<[fromTs: number, ts: number]>(
    'INSERT INTO sleep_intervals (from_ts, ts) VALUES (?, ?)',
  );
  const lastDiscovery = db.prepare<[server: ServerName], DiscoveryRow>(
    'SELECT ts, ok, steps, result, expires_at, error FROM discovery_runs WHERE server = ? ORDER BY id DESC LIMIT 1',
  );
  const transitions = db.prepare<[server: ServerName, limit: number], Omit<PeerTransition, 'server'> & { ts: number }>(
    `SELECT ts, from_status AS "from", to_status AS "to", why FROM peer_transitions
      WHERE server = ? ORDER BY id DESC LIMIT ?`,
  );
  const eduDrops = db.prepare<[flowId: number], EduDrop>(
    'SELECT type, why FROM edu_drops WHERE flow_id = ? ORDER BY id LIMIT 100',
  );
  const tables: readonly TimeOrdered[] = [
    'discovery_runs',
    'key_observations',
    'peer_transitions',
    'state_changes',
    'edu_drops',
    'key_claims',
    'sleep_intervals',
  ].map((table) => timeOrdered(db, table, 'ts'));

  return {
    tables,
    discovered: (server: ServerName, run: DiscoveryRun, { flowId }: Occasion): void =>
      insertDiscovery.run(
        number(flowId),
        server,
        run.ts,
        run.ok ? 1 : 0,
        JSON.stringify(run.steps),
        run.result === undefined ? null : JSON.stringify(run.result),
        run.expiresAt ?? null,
        run.error ?? null,
      ),
    keyObserved: (seen: KeyObservation, { flowId, ts }: Occasion): void =>
      insertKey.run(number(flowId), ts, seen.server, seen.keyId, seen.publicKey, seen.validUntilTs, seen.source),
    peerChanged: ({ server, from, to, why }: PeerTransition, { flowId, ts }: Occasion): void =>
      insertTransition.run(number(flowId), ts, server, from, to, why),
    stateChanged: (change: StateChange, { flowId, ts }: Occasion): void =>
      insertStateChange.run(
        number(flowId),
        ts,
        change.roomId,
        change.type,
        change.stateKey,
        change.before ?? null,
        change.after ?? null,
        change.cause,
        change.by ?? null,
      ),
    eduDropped: ({ type, why }: EduDrop, { flowId, ts }: Occasion): void =>
      insertEduDrop.run(number(flowId), ts, type, why),
    keyClaimed: ({ userId, deviceId, served }: KeyClaim, { flowId, ts }: Occasion): void =>
      insertClaim.run(number(flowId), ts, userId, deviceId, served),
    slept: (fromTs: number, toTs: number): void => insertSleep.run(fromTs, toTs),

    lastDiscovery(server: ServerName): DiscoveryRun | undefined {
      const row = lastDiscovery.get(server);
      return (
        row && {
          ts: row.ts,
          ok: row.ok === 1,
          steps: JSON.parse(row.steps) as readonly DiscoveryTraceStep[],
          result: row.result === null ? undefined : (JSON.parse(row.result) as DiscoveryRun['result']),
          expiresAt: row.expires_at ?? undefined,
          error: row.error ?? undefined,
        }
      );
    },
    /** Newest first. */
    transitions: (server: ServerName, limit: number) => transitions.all(server, limit),
    eduDrops: (flowId: FlowId): readonly EduDrop[] => eduDrops.all(Number(flowId)),
  };
}

const number = (flowId: FlowId | undefined) => (flowId === undefined ? null : Number(flowId));
