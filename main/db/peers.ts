import type { ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- The other servers, as they were when we last met them.
  CREATE TABLE peers (
    server_name TEXT PRIMARY KEY,
    last_in_ts INTEGER,       -- the last request of theirs that proved who they are
    last_out_ts INTEGER,      -- the last request of ours that they answered
    failing_since INTEGER,    -- NULL: not failing
    failures INTEGER NOT NULL,
    retry_at INTEGER,
    last_error TEXT,
    software TEXT,            -- as they say: 'Synapse 1.163.2'
    software_ts INTEGER       -- when we last asked for it
  ) STRICT, WITHOUT ROWID;`;

export interface PeerRow {
  readonly server: ServerName;
  readonly lastInTs: number | undefined;
  readonly lastOutTs: number | undefined;
  readonly failingSince: number | undefined;
  readonly failures: number;
  readonly retryAt: number | undefined;
  readonly lastError: string | undefined;
  readonly software: string | undefined;
  readonly softwareTs: number | undefined;
}

export function peersTable(db: Db) {
  const selectAll = db.prepare<
    [],
    {
      server_name: ServerName;
      last_in_ts: number | null;
      last_out_ts: number | null;
      failing_since: number | null;
      failures: number;
      retry_at: number | null;
      last_error: string | null;
      software: string | null;
      software_ts: number | null;
    }
  >('SELECT * FROM peers');
  const put = db.prepare<
    [
      server: ServerName,
      lastIn: number | null,
      lastOut: number | null,
      failingSince: number | null,
      failures: number,
      retryAt: number | null,
      lastError: string | null,
      software: string | null,
      softwareTs: number | null,
    ]
  >('INSERT OR REPLACE INTO peers VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  const remove = db.prepare<[server: ServerName]>('DELETE FROM peers WHERE server_name = ?');
  return {
    all: (): readonly PeerRow[] =>
      selectAll.all().map((row) => ({
        server: row.server_name,
        lastInTs: row.last_in_ts ?? undefined,
        lastOutTs: row.last_out_ts ?? undefined,
        failingSince: row.failing_since ?? undefined,
        failures: row.failures,
        retryAt: row.retry_at ?? undefined,
        lastError: row.last_error ?? undefined,
        software: row.software ?? undefined,
        softwareTs: row.software_ts ?? undefined,
      })),
    /** All of them in one commit. */
    put(rows: Iterable<PeerRow>): void {
      db.transaction(() => {
        for (const row of rows) {
          put.run(
            row.server,
            row.lastInTs ?? null,
            row.lastOutTs ?? null,
            row.failingSince ?? null,
            row.failures,
            row.retryAt ?? null,
            row.lastError ?? null,
            row.software ?? null,
            row.softwareTs ?? null,
          );
        }
      });
    },
    remove: (server: ServerName): void => remove.run(server),
  };
}

export type PeersTable = ReturnType<typeof peersTable>;
