import type { EventId, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What was answered to requests that clients may repeat. The scope of an ID is a device and a path.
  CREATE TABLE client_transactions (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    path TEXT NOT NULL, txn_id TEXT NOT NULL,
    reply TEXT NOT NULL,     -- JSON
    event_id TEXT,           -- what it sent, if that is an event
    answered_ts INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, path, txn_id)) STRICT;
  CREATE INDEX client_transactions_by_event ON client_transactions (event_id) WHERE event_id IS NOT NULL;
  CREATE INDEX client_transactions_by_time ON client_transactions (answered_ts);`;

export interface TransactionScope {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly path: string;
  readonly txnId: string;
}

export function clientTransactionsTable(db: Db) {
  const select = db.prepare<[UserId, deviceId: string, path: string, txnId: string], { reply: string }>(
    'SELECT reply FROM client_transactions WHERE user_id = ? AND device_id = ? AND path = ? AND txn_id = ?',
  );
  const insert = db.prepare<
    [UserId, deviceId: string, path: string, txnId: string, reply: string, EventId | null, answeredTs: number]
  >('INSERT OR REPLACE INTO client_transactions VALUES (?, ?, ?, ?, ?, ?, ?)');
  const ofEvent = db.prepare<[EventId, UserId, deviceId: string], { txn_id: string }>(
    'SELECT txn_id FROM client_transactions WHERE event_id = ? AND user_id = ? AND device_id = ?',
  );
  const prune = db.prepare<[before: number]>('DELETE FROM client_transactions WHERE answered_ts < ?');
  const removeAll = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM client_transactions WHERE user_id = ? AND device_id = ?',
  );
  return {
    reply: ({ userId, deviceId, path, txnId }: TransactionScope): string | undefined =>
      select.get(userId, deviceId, path, txnId)?.reply,
    answered(scope: TransactionScope, reply: string, eventId: EventId | undefined, ts: number): void {
      insert.run(scope.userId, scope.deviceId, scope.path, scope.txnId, reply, eventId ?? null, ts);
    },
    txnIdOf: (eventId: EventId, userId: UserId, deviceId: string): string | undefined =>
      ofEvent.get(eventId, userId, deviceId)?.txn_id,
    forgetBefore: (ts: number): void => prune.run(ts),
    removeAll: (userId: UserId, deviceId: string): void => removeAll.run(userId, deviceId),
  };
}
