import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Profiles of local users, a row per field.
  CREATE TABLE profiles (
    user_id TEXT NOT NULL,
    field TEXT NOT NULL,     -- 'displayname', 'avatar_url', 'm.tz', …
    value TEXT NOT NULL,     -- JSON
    PRIMARY KEY (user_id, field)) STRICT, WITHOUT ROWID;`;

export interface ProfileField {
  readonly field: string;
  readonly value: string;
}

export function profilesTable(db: Db) {
  const select = db.prepare<[UserId], ProfileField>('SELECT field, value FROM profiles WHERE user_id = ?');
  const upsert = db.prepare<[UserId, field: string, value: string]>(
    'INSERT OR REPLACE INTO profiles (user_id, field, value) VALUES (?, ?, ?)',
  );
  const remove = db.prepare<[UserId, field: string]>('DELETE FROM profiles WHERE user_id = ? AND field = ?');
  const removeAll = db.prepare<[UserId]>('DELETE FROM profiles WHERE user_id = ?');
  const named = db.prepare<[], { user_id: UserId; value: string }>(
    "SELECT user_id, value FROM profiles WHERE field = 'displayname'",
  );
  return {
    get: (userId: UserId): readonly ProfileField[] => select.all(userId),
    put: (userId: UserId, field: string, value: string): void => upsert.run(userId, field, value),
    remove: (userId: UserId, field: string): void => remove.run(userId, field),
    removeAll: (userId: UserId): void => removeAll.run(userId),
    /** The display names of all local users, as JSON. */
    displayNames: (): readonly { readonly userId: UserId; readonly value: string }[] =>
      named.all().map(({ user_id, value }) => ({ userId: user_id, value })),
  };
}
