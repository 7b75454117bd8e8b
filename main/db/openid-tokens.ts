import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- With these others can find out who somebody is, and nothing else. By their SHA-256.
  CREATE TABLE openid_tokens (
    hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    expires_ts INTEGER NOT NULL) STRICT;`;

export function openIdTokensTable(db: Db) {
  const insert = db.prepare<[hash: string, UserId, expiresTs: number]>('INSERT INTO openid_tokens VALUES (?, ?, ?)');
  const select = db.prepare<[hash: string, now: number], { user_id: UserId }>(
    'SELECT user_id FROM openid_tokens WHERE hash = ? AND expires_ts > ?',
  );
  const removeExpired = db.prepare<[now: number]>('DELETE FROM openid_tokens WHERE expires_ts <= ?');
  return {
    add: (hash: string, userId: UserId, expiresTs: number): void => insert.run(hash, userId, expiresTs),
    userOf: (hash: string, now: number): UserId | undefined => select.get(hash, now)?.user_id,
    removeExpired: (now: number): void => removeExpired.run(now),
  };
}
