import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- What users have made of the push rules: their own ones, and changes of the server's.
  CREATE TABLE push_rules (
    user_id TEXT PRIMARY KEY,
    changes TEXT NOT NULL,   -- JSON, as accounts/push-rules.ts has it
    position INTEGER NOT NULL) STRICT, WITHOUT ROWID;`;

export interface PushRulesRow {
  readonly changes: string;
  readonly position: number;
}

export function pushRulesTable(db: Db) {
  const select = db.prepare<[UserId], PushRulesRow>('SELECT changes, position FROM push_rules WHERE user_id = ?');
  const upsert = db.prepare<[UserId, changes: string, position: number]>(
    'INSERT OR REPLACE INTO push_rules (user_id, changes, position) VALUES (?, ?, ?)',
  );
  return {
    get: (userId: UserId): PushRulesRow | undefined => select.get(userId),
    put: (userId: UserId, changes: string, position: number): void => upsert.run(userId, changes, position),
  };
}
