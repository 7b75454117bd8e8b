import type { ServerName, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Devices of other servers' users, as long as one of us is in a room with them.
  CREATE TABLE remote_device_lists (
    user_id TEXT PRIMARY KEY,
    server TEXT NOT NULL,
    stale INTEGER NOT NULL,  -- something was missed: it must be asked for again
    snapshot_id INTEGER,     -- the stream_id that the whole list came with
    update_id INTEGER,       -- the stream_id of the newest update
    master_key TEXT, self_signing_key TEXT) STRICT, WITHOUT ROWID; -- JSON
  CREATE INDEX remote_device_lists_stale ON remote_device_lists (server) WHERE stale = 1;
  CREATE TABLE remote_devices (
    user_id TEXT NOT NULL, device_id TEXT NOT NULL,
    keys TEXT NOT NULL,      -- JSON
    display_name TEXT,
    PRIMARY KEY (user_id, device_id)) STRICT, WITHOUT ROWID;`;

export interface RemoteDeviceListRow {
  readonly stale: boolean;
  readonly snapshotId: number | undefined;
  readonly updateId: number | undefined;
  readonly masterKey: string | undefined;
  readonly selfSigningKey: string | undefined;
}

export interface RemoteDeviceRow {
  readonly deviceId: string;
  readonly keys: string;
  readonly displayName: string | undefined;
}

export function remoteDeviceListsTable(db: Db) {
  interface Row {
    readonly stale: number;
    readonly snapshot_id: number | null;
    readonly update_id: number | null;
    readonly master_key: string | null;
    readonly self_signing_key: string | null;
  }
  const select = db.prepare<[UserId], Row>(
    'SELECT stale, snapshot_id, update_id, master_key, self_signing_key FROM remote_device_lists WHERE user_id = ?',
  );
  const upsert = db.prepare<
    [
      UserId,
      ServerName,
      stale: number,
      snapshotId: number | null,
      updateId: number | null,
      master: string | null,
      selfSigning: string | null,
    ]
  >('INSERT OR REPLACE INTO remote_device_lists VALUES (?, ?, ?, ?, ?, ?, ?)');
  const updated = db.prepare<[updateId: number | null, stale: number, UserId]>(
    'UPDATE remote_device_lists SET update_id = coalesce(?, update_id), stale = max(stale, ?) WHERE user_id = ?',
  );
  const setKeys = db.prepare<[master: string | null, selfSigning: string | null, UserId]>(
    `UPDATE remote_device_lists SET master_key = coalesce(?, master_key),
       self_signing_key = coalesce(?, self_signing_key) WHERE user_id = ?`,
  );
  const remove = db.prepare<[UserId]>('DELETE FROM remote_device_lists WHERE user_id = ?');
  const devices = db.prepare<[UserId], { device_id: string; keys: string; display_name: string | null }>(
    'SELECT device_id, keys, display_name FROM remote_devices WHERE user_id = ?',
  );
  const putDevice = db.prepare<[UserId, deviceId: string, keys: string, displayName: string | null]>(
    'INSERT OR REPLACE INTO remote_devices VALUES (?, ?, ?, ?)',
  );
  const removeDevice = db.prepare<[UserId, deviceId: string]>(
    'DELETE FROM remote_devices WHERE user_id = ? AND device_id = ?',
  );
  const removeDevices = db.prepare<[UserId]>('DELETE FROM remote_devices WHERE user_id = ?');
  const stale = db.prepare<[ServerName], { user_id: UserId }>(
    'SELECT user_id FROM remote_device_lists WHERE server = ? AND stale = 1 LIMIT 1',
  );
  const staleServers = db.prepare<[], { server: ServerName }>(
    'SELECT DISTINCT server FROM remote_device_lists WHERE stale = 1',
  );
  const unshared = `NOT EXISTS (
    SELECT 1 FROM state_keys JOIN current_state ON current_state.state_key = state_keys.id AND membership = 'join'
      JOIN joined_servers ON joined_servers.room = current_state.room AND joined_servers.server = ?
    WHERE type = 'm.room.member' AND state_keys.state_key = user_id)`;
  const unsharedOf = db.prepare<[users: string, us: ServerName], { user_id: UserId }>(
    `SELECT user_id FROM remote_device_lists WHERE user_id IN (SELECT value FROM json_each(?)) AND ${unshared}`,
  );
  const allUnshared = db.prepare<[us: ServerName], { user_id: UserId }>(
    `SELECT user_id FROM remote_device_lists WHERE ${unshared}`,
  );

  const removeList = (userId: UserId): void => {
    remove.run(userId);
    removeDevices.run(userId);
  };
  return {
    get(userId: UserId): RemoteDeviceListRow | undefined {
      const row = select.get(userId);
      return (
        row && {
          stale: row.stale === 1,
          snapshotId: row.snapshot_id ?? undefined,
          updateId: row.update_id ?? undefined,
          masterKey: row.master_key ?? undefined,
          selfSigningKey: row.self_signing_key ?? undefined,
        }
      );
    },
    devices: (userId: UserId): readonly RemoteDeviceRow[] =>
      devices.all(userId).map(({ device_id, keys, display_name }) => ({
        deviceId: device_id,
        keys,
        displayName: display_name ?? undefined,
      })),
    /** All of a list, in place of what was there. Inside a transaction. */
    replace(userId: UserId, server: ServerName, list: RemoteDeviceListRow, all: readonly RemoteDeviceRow[]): void {
      removeList(userId);
      const { snapshotId, updateId, masterKey, selfSigningKey } = list;
      upsert.run(
        userId,
        server,
        list.stale ? 1 : 0,
        snapshotId ?? null,
        updateId ?? null,
        masterKey ?? null,
        selfSigningKey ?? null,
      );
      for (const { deviceId, keys, displayName } of all) putDevice.run(userId, deviceId, keys, displayName ?? null);
    },
    /** The newest update of a list, and whether it could not be applied. */
    updated: (userId: UserId, updateId: number | undefined, isStale: boolean): void =>
      updated.run(updateId ?? null, isStale ? 1 : 0, userId),
    setKeys: (userId: UserId, master: string | undefined, selfSigning: string | undefined): void =>
      setKeys.run(master ?? null, selfSigning ?? null, userId),
    putDevice: (userId: UserId, { deviceId, keys, displayName }: RemoteDeviceRow): void =>
      putDevice.run(userId, deviceId, keys, displayName ?? null),
    removeDevice: (userId: UserId, deviceId: string): void => removeDevice.run(userId, deviceId),
    /** Inside a transaction. */
    remove: removeList,
    aStaleOne: (server: ServerName): UserId | undefined => stale.get(server)?.user_id,
    staleServers: (): readonly ServerName[] => staleServers.all().map(({ server }) => server),
    /** Those with lists here with whom nobody of ours shares a room: among these, or among all. */
    unshared: (us: ServerName, among?: readonly string[]): readonly UserId[] =>
      (among === undefined ? allUnshared.all(us) : unsharedOf.all(JSON.stringify(among), us)).map(
        ({ user_id }) => user_id,
      ),
  };
}
