import type { Db } from './db.ts';

export const schema = `
  -- The public halves of our signing keys, also of those that we no longer sign with: they are published, since what
  -- they have signed stays. The private half of the current one is a file.
  CREATE TABLE own_keys (
    key_id TEXT PRIMARY KEY,
    public_key TEXT NOT NULL,
    created_ts INTEGER NOT NULL,
    expired_ts INTEGER        -- NULL: we sign with it
  ) STRICT, WITHOUT ROWID;`;

export interface OwnKeyRow {
  readonly keyId: string;
  readonly publicKey: string;
  readonly createdTs: number;
  readonly expiredTs: number | undefined;
}

export function ownKeysTable(db: Db) {
  const selectAll = db.prepare<
    [],
    { key_id: string; public_key: string; created_ts: number; expired_ts: number | null }
  >('SELECT key_id, public_key, created_ts, expired_ts FROM own_keys ORDER BY created_ts DESC, key_id');
  const insert = db.prepare<[keyId: string, publicKey: string, createdTs: number]>(
    `INSERT INTO own_keys (key_id, public_key, created_ts) VALUES (?, ?, ?)
     ON CONFLICT (key_id) DO UPDATE SET public_key = excluded.public_key, expired_ts = NULL`,
  );
  const expireOthers = db.prepare<[expiredTs: number, keyId: string]>(
    'UPDATE own_keys SET expired_ts = ? WHERE key_id <> ? AND expired_ts IS NULL',
  );
  return {
    /** The newest first. */
    all: (): readonly OwnKeyRow[] =>
      selectAll.all().map((row) => ({
        keyId: row.key_id,
        publicKey: row.public_key,
        createdTs: row.created_ts,
        expiredTs: row.expired_ts ?? undefined,
      })),
    /** From now on this one signs, and no other. */
    signWith(keyId: string, publicKey: string, now: number): void {
      db.transaction(() => {
        insert.run(keyId, publicKey, now);
        expireOthers.run(now, keyId);
      });
    },
  };
}

export type OwnKeysTable = ReturnType<typeof ownKeysTable>;
