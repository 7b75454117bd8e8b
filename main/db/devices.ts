import type { UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  CREATE TABLE devices (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    display_name TEXT,
    created_ts INTEGER NOT NULL,
    last_seen_ts INTEGER,    -- to within some minutes: not every request is worth a write
    last_seen_ip TEXT,
    PRIMARY KEY (user_id, device_id)) STRICT;

  -- Access and refresh tokens, by their SHA-256: whoever reads this file cannot sign in with it.
  CREATE TABLE access_tokens (
    hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    expires_ts INTEGER,      -- none: until it is signed out
    replaces TEXT) STRICT;   -- the refresh token that it was had for, until it is first used
  CREATE INDEX access_tokens_of ON access_tokens (user_id, device_id);
  CREATE TABLE refresh_tokens (
    hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    access_hash TEXT NOT NULL, -- the access token that was given out with it
    replaces TEXT) STRICT;
  CREATE INDEX refresh_tokens_of ON refresh_tokens (user_id, device_id);`;

export interface Device {
  readonly deviceId: string;
  readonly displayName: string | undefined;
  readonly lastSeenTs: number | undefined;
  readonly lastSeenIp: string | undefined;
}

export interface AccessToken {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly expiresTs: number | undefined;
  /** The hash of the refresh token that ends with the first use of this one. */
  readonly replaces: string | undefined;
}

export interface RefreshToken {
  readonly userId: UserId;
  readonly deviceId: string;
  readonly accessHash: string;
  readonly replaces: string | undefined;
}

interface DeviceRow {
  readonly device_id: string;
  readonly display_name: string | null;
  readonly last_seen_ts: number | null;
  readonly last_seen_ip: string | null;
}

const asDevice = (row: DeviceRow): Device => ({
  deviceId: row.device_id,
  displayName: row.display_name ?? undefined,
  lastSeenTs: row.last_seen_ts ?? undefined,
  lastSeenIp: row.last_seen_ip ?? undefined,
});

export function devicesTable(db: Db) {
  const columns = 'device_id, display_name, last_seen_ts, last_seen_ip';
  const ofUser = db.prepare<[UserId], DeviceRow>(`SELECT ${columns} FROM devices WHERE user_id = ? ORDER BY rowid`);
  const select = db.prepare<[UserId, string], DeviceRow>(
    `SELECT ${columns} FROM devices WHERE user_id = ? AND device_id = ?`,
  );
  const insert = db.prepare<[UserId, deviceId: string, displayName: string | null, createdTs: number]>(
    'INSERT INTO devices (user_id, device_id, display_name, created_ts) VALUES (?, ?, ?, ?)',
  );
  const rename = db.prepare<[displayName: string | null, UserId, deviceId: string]>(
    'UPDATE devices SET display_name = ? WHERE user_id = ? AND device_id = ?',
  );
  const see = db.prepare<[ts: number, ip: string, UserId, deviceId: string]>(
    'UPDATE devices SET last_seen_ts = ?, last_seen_ip = ? WHERE user_id = ? AND device_id = ?',
  );
  const remove = db.prepare<[UserId, string]>('DELETE FROM devices WHERE user_id = ? AND device_id = ?');
  return {
    ofUser: (userId: UserId): readonly Device[] => ofUser.all(userId).map(asDevice),
    get(userId: UserId, deviceId: string): Device | undefined {
      const row = select.get(userId, deviceId);
      return row && asDevice(row);
    },
    add: (userId: UserId, deviceId: string, displayName: string | undefined, createdTs: number): void =>
      insert.run(userId, deviceId, displayName ?? null, createdTs),
    rename: (userId: UserId, deviceId: string, displayName: string | undefined): void =>
      rename.run(displayName ?? null, userId, deviceId),
    see: (userId: UserId, deviceId: string, ts: number, ip: string): void => see.run(ts, ip, userId, deviceId),
    remove: (userId: UserId, deviceId: string): void => remove.run(userId, deviceId),
  };
}

export function tokensTable(db: Db) {
  interface Row {
    readonly user_id: UserId;
    readonly device_id: string;
    readonly replaces: string | null;
  }
  const access = db.prepare<[hash: string], Row & { readonly expires_ts: number | null }>(
    'SELECT user_id, device_id, expires_ts, replaces FROM access_tokens WHERE hash = ?',
  );
  const refresh = db.prepare<[hash: string], Row & { readonly access_hash: string }>(
    'SELECT user_id, device_id, access_hash, replaces FROM refresh_tokens WHERE hash = ?',
  );
  const insertAccess = db.prepare<
    [hash: string, UserId, deviceId: string, expiresTs: number | null, replaces: string | null]
  >('INSERT INTO access_tokens (hash, user_id, device_id, expires_ts, replaces) VALUES (?, ?, ?, ?, ?)');
  const insertRefresh = db.prepare<
    [hash: string, UserId, deviceId: string, accessHash: string, replaces: string | null]
  >('INSERT INTO refresh_tokens (hash, user_id, device_id, access_hash, replaces) VALUES (?, ?, ?, ?, ?)');
  const removeAccess = db.prepare<[hash: string]>('DELETE FROM access_tokens WHERE hash = ?');
  const removeRefresh = db.prepare<[hash: string]>('DELETE FROM refresh_tokens WHERE hash = ?');
  const settleAccess = db.prepare<[refreshHash: string]>('UPDATE access_tokens SET replaces = NULL WHERE replaces = ?');
  const settleRefresh = db.prepare<[refreshHash: string]>(
    'UPDATE refresh_tokens SET replaces = NULL WHERE replaces = ?',
  );
  const removeAllAccess = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM access_tokens WHERE user_id = ? AND device_id = ?',
  );
  const removeAllRefresh = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM refresh_tokens WHERE user_id = ? AND device_id = ?',
  );
  return {
    access(hash: string): AccessToken | undefined {
      const row = access.get(hash);
      return (
        row && {
          userId: row.user_id,
          deviceId: row.device_id,
          expiresTs: row.expires_ts ?? undefined,
          replaces: row.replaces ?? undefined,
        }
      );
    },
    refresh(hash: string): RefreshToken | undefined {
      const row = refresh.get(hash);
      return (
        row && {
          userId: row.user_id,
          deviceId: row.device_id,
          accessHash: row.access_hash,
          replaces: row.replaces ?? undefined,
        }
      );
    },
    addAccess: (hash: string, token: AccessToken): void =>
      insertAccess.run(hash, token.userId, token.deviceId, token.expiresTs ?? null, token.replaces ?? null),
    addRefresh: (hash: string, token: RefreshToken): void =>
      insertRefresh.run(hash, token.userId, token.deviceId, token.accessHash, token.replaces ?? null),
    /** The successors of a refresh token are in use: it ends, and so does the access token that came with it. */
    endReplaced(refreshHash: string): void {
      const ended = refresh.get(refreshHash);
      if (ended !== undefined) removeAccess.run(ended.access_hash);
      removeRefresh.run(refreshHash);
      settleAccess.run(refreshHash);
      settleRefresh.run(refreshHash);
    },
    removeOf(userId: UserId, deviceId: string): void {
      removeAllAccess.run(userId, deviceId);
      removeAllRefresh.run(userId, deviceId);
    },
  };
}
