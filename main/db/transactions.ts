import type { ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What we replied to transactions of other servers: one that is sent again, since our reply was lost, gets the same.
  CREATE TABLE transactions (
    id INTEGER PRIMARY KEY,
    origin TEXT NOT NULL, txn_id TEXT NOT NULL,
    reply TEXT NOT NULL, -- JSON, as sent
    UNIQUE (origin, txn_id)) STRICT;`;

/** A server sends its next transaction only after our reply to the last, so that old ones are never asked for again. */
const keptPerOrigin = 100;

export function transactionsTable(db: Db) {
  const select = db.prepare<[origin: ServerName, txnId: string], { reply: string }>(
    'SELECT reply FROM transactions WHERE origin = ? AND txn_id = ?',
  );
  const insert = db.prepare<[origin: ServerName, txnId: string, reply: string]>(
    'INSERT OR REPLACE INTO transactions (origin, txn_id, reply) VALUES (?, ?, ?)',
  );
  const prune = db.prepare<[origin: ServerName, sameOrigin: ServerName, kept: number]>(`
    DELETE FROM transactions WHERE origin = ? AND id <=
      (SELECT id FROM transactions WHERE origin = ? ORDER BY id DESC LIMIT 1 OFFSET ?)`);
  return {
    /** The reply as it was sent, if it is among the last ones to this server. */
    reply: (origin: ServerName, txnId: string): string | undefined => select.get(origin, txnId)?.reply,

    store(origin: ServerName, txnId: string, reply: string): void {
      db.transaction(() => {
        insert.run(origin, txnId, reply);
        prune.run(origin, origin, keptPerOrigin);
      });
    },
  };
}
