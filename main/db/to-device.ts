import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Messages to local devices, until the device has come back with a later token.
  CREATE TABLE to_device (
    position INTEGER PRIMARY KEY,
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    message TEXT NOT NULL) STRICT; -- JSON: sender, type, content
  CREATE INDEX to_device_by_device ON to_device (user_id, device_id, position);

  -- Messages of other servers that we have, each counting once.
  CREATE TABLE to_device_seen (
    sender TEXT NOT NULL, message_id TEXT NOT NULL,
    received_ts INTEGER NOT NULL,
    PRIMARY KEY (sender, message_id)) STRICT, WITHOUT ROWID;`;

export const seenByTime = 'CREATE INDEX to_device_seen_by_time ON to_device_seen (received_ts);';

export interface ToDeviceRow {
  readonly position: number;
  readonly message: string;
}

export function toDeviceTable(db: Db) {
  const insert = db.prepare<[position: number, UserId, deviceId: string, message: string]>(
    'INSERT INTO to_device (position, user_id, device_id, message) VALUES (?, ?, ?, ?)',
  );
  const between = db.prepare<[UserId, deviceId: string, after: number, upTo: number, limit: number], ToDeviceRow>(
    `SELECT position, message FROM to_device
     WHERE user_id = ? AND device_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
  );
  const removeUpTo = db.prepare<[UserId, deviceId: string, position: number]>(
    'DELETE FROM to_device WHERE user_id = ? AND device_id = ? AND position <= ?',
  );
  const anyUpTo = db.prepare<[UserId, deviceId: string, position: number], { position: number }>(
    'SELECT position FROM to_device WHERE user_id = ? AND device_id = ? AND position <= ? LIMIT 1',
  );
  const removeAll = db.prepare<[UserId, deviceId: string]>('DELETE FROM to_device WHERE user_id = ? AND device_id = ?');
  const markSeen = db.prepare<[sender: string, messageId: string, ts: number], { sender: string }>(
    'INSERT OR IGNORE INTO to_device_seen (sender, message_id, received_ts) VALUES (?, ?, ?) RETURNING sender',
  );
  const nth = db.prepare<[UserId, deviceId: string, n: number], { position: number }>(
    'SELECT position FROM to_device WHERE user_id = ? AND device_id = ? ORDER BY position LIMIT 1 OFFSET ?',
  );
  const forgetSeen = db.prepare<[before: number]>('DELETE FROM to_device_seen WHERE received_ts < ?');
  return {
    add: (position: number, userId: UserId, deviceId: string, message: string): void =>
      insert.run(position, userId, deviceId, message),
    between: (userId: UserId, deviceId: string, range: { after: number; upTo: number; limit: number }) =>
      between.all(userId, deviceId, range.after, range.upTo, range.limit),
    /** Whether that many wait for a device. */
    holds: (userId: UserId, deviceId: string, count: number): boolean =>
      nth.get(userId, deviceId, count - 1) !== undefined,
    /** Those that have arrived: writes only if there are any. */
    removeUpTo(userId: UserId, deviceId: string, position: number): void {
      if (anyUpTo.get(userId, deviceId, position) !== undefined) removeUpTo.run(userId, deviceId, position);
    },
    removeAll: (userId: UserId, deviceId: string): void => removeAll.run(userId, deviceId),
    /** Whether it is a new one, which it is no more after this. */
    isNew: (sender: UserId, messageId: string, ts: number): boolean =>
      markSeen.get(sender, messageId, ts) !== undefined,
    forgetSeenBefore: (ts: number): void => forgetSeen.run(ts),
  };
}
