import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Identity keys of local devices, as they were uploaded (JSON).
  CREATE TABLE device_keys (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    keys TEXT NOT NULL,
    PRIMARY KEY (user_id, device_id)) STRICT, WITHOUT ROWID;

  -- Claimed in the order of upload, each once.
  CREATE TABLE one_time_keys (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL, key_id TEXT NOT NULL,
    key TEXT NOT NULL,       -- JSON: a string, or an object with signatures
    UNIQUE (user_id, device_id, algorithm, key_id)) STRICT;
  CREATE INDEX one_time_keys_in_order ON one_time_keys (user_id, device_id, algorithm, id);

  -- Given out when those have run out, again and again.
  CREATE TABLE fallback_keys (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    algorithm TEXT NOT NULL, key_id TEXT NOT NULL,
    key TEXT NOT NULL,
    used INTEGER NOT NULL,
    PRIMARY KEY (user_id, device_id, algorithm)) STRICT, WITHOUT ROWID;

  -- When a user's devices, their keys or names, or the cross-signing keys last changed. Of other servers' users, too.
  CREATE TABLE device_list_changes (
    user_id TEXT PRIMARY KEY,
    position INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE INDEX device_list_changes_by_position ON device_list_changes (position);`;

export interface NamedKey {
  readonly keyId: string;
  readonly key: string;
}

export function deviceKeysTable(db: Db) {
  const select = db.prepare<[UserId, deviceId: string], { keys: string }>(
    'SELECT keys FROM device_keys WHERE user_id = ? AND device_id = ?',
  );
  const ofUser = db.prepare<[UserId], { device_id: string; keys: string; display_name: string | null }>(
    `SELECT device_id, keys, display_name FROM device_keys LEFT JOIN devices USING (user_id, device_id)
     WHERE user_id = ?`,
  );
  const upsert = db.prepare<[UserId, deviceId: string, keys: string]>(
    'INSERT OR REPLACE INTO device_keys (user_id, device_id, keys) VALUES (?, ?, ?)',
  );
  const remove = db.prepare<[UserId, deviceId: string]>('DELETE FROM device_keys WHERE user_id = ? AND device_id = ?');
  const mark = db.prepare<[UserId, position: number]>(
    'INSERT OR REPLACE INTO device_list_changes (user_id, position) VALUES (?, ?)',
  );
  const changed = db.prepare<[after: number, upTo: number], { user_id: UserId }>(
    'SELECT user_id FROM device_list_changes WHERE position > ? AND position <= ?',
  );
  return {
    get: (userId: UserId, deviceId: string): string | undefined => select.get(userId, deviceId)?.keys,
    ofUser: (userId: UserId) =>
      ofUser.all(userId).map(({ device_id, keys, display_name }) => ({
        deviceId: device_id,
        keys,
        displayName: display_name ?? undefined,
      })),
    put: (userId: UserId, deviceId: string, keys: string): void => upsert.run(userId, deviceId, keys),
    remove: (userId: UserId, deviceId: string): void => remove.run(userId, deviceId),
    markChanged: (userId: UserId, position: number): void => mark.run(userId, position),
    changedBetween: (after: number, upTo: number): readonly UserId[] =>
      changed.all(after, upTo).map(({ user_id }) => user_id),
  };
}

export function oneTimeKeysTable(db: Db) {
  const insert = db.prepare<[UserId, deviceId: string, algorithm: string, keyId: string, key: string]>(
    'INSERT INTO one_time_keys (user_id, device_id, algorithm, key_id, key) VALUES (?, ?, ?, ?, ?)',
  );
  const select = db.prepare<[UserId, deviceId: string, algorithm: string, keyId: string], { key: string }>(
    'SELECT key FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? AND key_id = ?',
  );
  const claim = db.prepare<[UserId, deviceId: string, algorithm: string], { key_id: string; key: string }>(
    `DELETE FROM one_time_keys WHERE id = (
       SELECT id FROM one_time_keys WHERE user_id = ? AND device_id = ? AND algorithm = ? ORDER BY id LIMIT 1)
     RETURNING key_id, key`,
  );
  const useFallback = db.prepare<[UserId, deviceId: string, algorithm: string], { key_id: string; key: string }>(
    'UPDATE fallback_keys SET used = 1 WHERE user_id = ? AND device_id = ? AND algorithm = ? RETURNING key_id, key',
  );
  const counts = db.prepare<[UserId, deviceId: string], { algorithm: string; keys: number }>(
    'SELECT algorithm, count(*) AS keys FROM one_time_keys WHERE user_id = ? AND device_id = ? GROUP BY algorithm',
  );
  const selectFallback = db.prepare<[UserId, deviceId: string, algorithm: string], { key_id: string; key: string }>(
    'SELECT key_id, key FROM fallback_keys WHERE user_id = ? AND device_id = ? AND algorithm = ?',
  );
  const putFallback = db.prepare<[UserId, deviceId: string, algorithm: string, keyId: string, key: string]>(
    'INSERT OR REPLACE INTO fallback_keys (user_id, device_id, algorithm, key_id, key, used) VALUES (?, ?, ?, ?, ?, 0)',
  );
  const unused = db.prepare<[UserId, deviceId: string], { algorithm: string }>(
    'SELECT algorithm FROM fallback_keys WHERE user_id = ? AND device_id = ? AND used = 0 ORDER BY algorithm',
  );
  const removeKeys = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM one_time_keys WHERE user_id = ? AND device_id = ?',
  );
  const removeFallbacks = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM fallback_keys WHERE user_id = ? AND device_id = ?',
  );
  return {
    get: (userId: UserId, deviceId: string, algorithm: string, keyId: string): string | undefined =>
      select.get(userId, deviceId, algorithm, keyId)?.key,
    add: (userId: UserId, deviceId: string, algorithm: string, { keyId, key }: NamedKey): void =>
      insert.run(userId, deviceId, algorithm, keyId, key),
    /** The oldest one, which nobody else will get; else the fallback key. */
    claim(userId: UserId, deviceId: string, algorithm: string): (NamedKey & { isFallback: boolean }) | undefined {
      const oneTime = claim.get(userId, deviceId, algorithm);
      const row = oneTime ?? useFallback.get(userId, deviceId, algorithm);
      return row && { keyId: row.key_id, key: row.key, isFallback: oneTime === undefined };
    },
    counts: (userId: UserId, deviceId: string): Readonly<Record<string, number>> =>
      Object.fromEntries(counts.all(userId, deviceId).map(({ algorithm, keys }) => [algorithm, keys])),
    /** The same one again stays used. */
    putFallback(userId: UserId, deviceId: string, algorithm: string, { keyId, key }: NamedKey): void {
      const known = selectFallback.get(userId, deviceId, algorithm);
      if (known?.key_id !== keyId || known.key !== key) putFallback.run(userId, deviceId, algorithm, keyId, key);
    },
    unusedFallbacks: (userId: UserId, deviceId: string): readonly string[] =>
      unused.all(userId, deviceId).map(({ algorithm }) => algorithm),
    removeAll(userId: UserId, deviceId: string): void {
      removeKeys.run(userId, deviceId);
      removeFallbacks.run(userId, deviceId);
    },
  };
}
