import type { ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What https://<host>/.well-known/matrix/server said, or that it said nothing of use.
  CREATE TABLE well_known (
    host TEXT PRIMARY KEY,
    delegated TEXT,                -- m.server; NULL: no valid answer
    said TEXT NOT NULL,            -- in words, for the console
    fetched_ts INTEGER NOT NULL,
    expires_ts INTEGER NOT NULL,
    failures INTEGER NOT NULL      -- in a row: what the wait for the next try grows by
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX well_known_age ON well_known (expires_ts);
  -- The last time that we looked for each server.
  CREATE TABLE discovery_runs (
    server_name TEXT PRIMARY KEY,
    ts INTEGER NOT NULL,
    run TEXT NOT NULL              -- JSON
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX discovery_runs_age ON discovery_runs (ts);`;

export interface WellKnownRow {
  readonly delegated: ServerName | undefined;
  readonly said: string;
  readonly fetchedTs: number;
  readonly expiresTs: number;
  readonly failures: number;
}

/** Strangers choose how many names we look for: what is over this is forgotten, the oldest first. */
const maxRows = 10_000;

export function discoveryCache(db: Db) {
  const selectWellKnown = db.prepare<
    [host: string],
    { delegated: ServerName | null; said: string; fetched_ts: number; expires_ts: number; failures: number }
  >('SELECT delegated, said, fetched_ts, expires_ts, failures FROM well_known WHERE host = ?');
  const putWellKnown = db.prepare<
    [host: string, delegated: string | null, said: string, fetchedTs: number, expiresTs: number, failures: number]
  >(
    'INSERT OR REPLACE INTO well_known (host, delegated, said, fetched_ts, expires_ts, failures) VALUES (?, ?, ?, ?, ?, ?)',
  );
  const selectRun = db.prepare<[server: ServerName], { run: string }>(
    'SELECT run FROM discovery_runs WHERE server_name = ?',
  );
  const putRun = db.prepare<[server: ServerName, ts: number, run: string]>(
    'INSERT OR REPLACE INTO discovery_runs (server_name, ts, run) VALUES (?, ?, ?)',
  );
  const trimWellKnown = db.prepare<[keep: number]>(
    'DELETE FROM well_known WHERE expires_ts < (SELECT expires_ts FROM well_known ORDER BY expires_ts DESC LIMIT 1 OFFSET ?)',
  );
  const trimRuns = db.prepare<[keep: number]>(
    'DELETE FROM discovery_runs WHERE ts < (SELECT ts FROM discovery_runs ORDER BY ts DESC LIMIT 1 OFFSET ?)',
  );
  let writes = 0;
  const trimNowAndThen = () => {
    if (++writes % 1000 !== 0) return;
    trimWellKnown.run(maxRows);
    trimRuns.run(maxRows);
  };
  return {
    wellKnown(host: string): WellKnownRow | undefined {
      const row = selectWellKnown.get(host);
      return (
        row && {
          delegated: row.delegated ?? undefined,
          said: row.said,
          fetchedTs: row.fetched_ts,
          expiresTs: row.expires_ts,
          failures: row.failures,
        }
      );
    },
    putWellKnown(host: string, { delegated, said, fetchedTs, expiresTs, failures }: WellKnownRow): void {
      putWellKnown.run(host, delegated ?? null, said, fetchedTs, expiresTs, failures);
      trimNowAndThen();
    },
    /** What `putRun` was given. */
    run: (server: ServerName): unknown => {
      const row = selectRun.get(server);
      return row && JSON.parse(row.run);
    },
    putRun(server: ServerName, ts: number, run: unknown): void {
      putRun.run(server, ts, JSON.stringify(run));
      trimNowAndThen();
    },
  };
}

export type DiscoveryCache = ReturnType<typeof discoveryCache>;
