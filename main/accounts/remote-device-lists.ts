import { type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { RemoteDeviceRow, remoteDeviceListsTable } from '../db/remote-device-lists.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { DeviceOfUser } from './device-keys.ts';
import { storedObject } from './stored-json.ts';

/** What another server says of one of its users. */
export interface RemoteDevices {
  readonly devices: readonly DeviceOfUser[];
  readonly masterKey: JsonObject | undefined;
  readonly selfSigningKey: JsonObject | undefined;
}

/**
 * The devices of other servers' users, kept while one of us is in a room with them: their servers then tell what changes.
 * https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
export interface RemoteDeviceLists {
  /** What is here and up to date. */
  get(userId: UserId): RemoteDevices | undefined;
  /** Whether lists of this user are kept. */
  isTracked(userId: UserId): boolean;
  /**
   * Asks for lists: `learn` takes what came, in the shape of `GET /user/devices`. What was updated while it was on its way
   * is asked for again.
   */
  asking<T>(work: (learn: (userId: UserId, list: JsonObject) => RemoteDevices) => Promise<T>): Promise<T>;
  /** The content of an `m.device_list_update` of a user whose lists are kept. */
  update(userId: UserId, content: JsonObject): void;
  /** The content of an `m.signing_key_update` of one. */
  updateSigningKeys(userId: UserId, content: JsonObject): void;
  /** A user on this server whose list must be asked for again. */
  aStaleOne(server: ServerName): UserId | undefined;
  staleServers(): readonly ServerName[];
  /** There is no such user, or nobody may ask. */
  forget(userId: UserId): void;
  close(): void;
}

interface RemoteDeviceListsOptions {
  readonly serverName: ServerName;
  readonly db: Pick<Db, 'transaction'>;
  readonly table: ReturnType<typeof remoteDeviceListsTable>;
  readonly rooms: Pick<Rooms, 'changes' | 'stateChanges'>;
  /** Whether one of us is in a room with them. */
  readonly sharesRoom: (userId: UserId) => boolean;
  /** Something was missed of a user on this server. */
  readonly onStale: (server: ServerName) => void;
}

const maxDevices = 1000;
const maxKeys = 64 * 1024;
const maxId = 255;
const maxName = 1000;

export function createRemoteDeviceLists(options: RemoteDeviceListsOptions): RemoteDeviceLists {
  const { serverName, db, table, rooms, sharesRoom, onStale } = options;
  /** Whose lists were updated while somebody was asking. */
  const inFlight = new Set<Set<UserId>>();

  const touched = (userId: UserId) => {
    for (const asking of inFlight) asking.add(userId);
  };
  const learn = (userId: UserId, list: JsonObject, isStale: boolean): RemoteDevices => {
    const { rows, masterKey, selfSigningKey } = checked(userId, list);
    if (sharesRoom(userId)) {
      const { updateId } = table.get(userId) ?? {};
      const row = { stale: isStale, snapshotId: integer(list['stream_id']), updateId, masterKey, selfSigningKey };
      db.transaction(() => table.replace(userId, serverNameOf(userId), row, rows));
      if (isStale) onStale(serverNameOf(userId));
    }
    return read(rows, masterKey, selfSigningKey);
  };

  const missed = (userId: UserId, updateId: number | undefined) => {
    table.updated(userId, updateId, true);
    onStale(serverNameOf(userId));
  };

  const forget = (userIds: readonly UserId[]) => {
    if (userIds.length > 0) db.transaction(() => userIds.forEach(table.remove));
  };

  /** Who has left, or whom we have left, is tracked no more: their server does not tell us of changes. */
  const look = (roomId: RoomId, position: number) => {
    const members = rooms
      .stateChanges(roomId, { after: position - 1, upTo: position })
      .flatMap(({ type, stateKey }) => (type === 'm.room.member' ? [stateKey] : []));
    if (members.length === 0) return;
    const isOurs = members.some((user) => serverNameOf(user as UserId) === serverName);
    forget(table.unshared(serverName, isOurs ? undefined : members));
  };

  forget(table.unshared(serverName)); // the last run may have ended before this was done
  const stop = rooms.changes.on(({ roomId, position }) => {
    if (roomId !== undefined) look(roomId, position);
  });

  return {
    get(userId) {
      const list = table.get(userId);
      if (list === undefined || list.stale) return undefined;
      return read(table.devices(userId), list.masterKey, list.selfSigningKey);
    },
    isTracked: sharesRoom,
    async asking(work) {
      const updated = new Set<UserId>();
      inFlight.add(updated);
      try {
        return await work((userId, list) => learn(userId, list, updated.has(userId)));
      } finally {
        inFlight.delete(updated);
      }
    },
    update(userId, content) {
      touched(userId);
      const list = table.get(userId);
      if (list === undefined) return; // nobody has asked yet
      const streamId = integer(content['stream_id']);
      if (streamId !== undefined && streamId === list.updateId) return; // it comes again
      const { prev_id: previous, deleted } = content;
      const known = [list.snapshotId, list.updateId];
      const follows =
        Array.isArray(previous) && previous.length > 0 && previous.every((id) => known.includes(integer(id)));
      const deviceId = idOf(content['device_id']);
      const row = deviceRow(userId, content);
      const isGone = deleted === true || content['keys'] === undefined;
      if (list.stale || streamId === undefined || !follows || deviceId === undefined || !(isGone || row)) {
        missed(userId, streamId);
        return;
      }
      db.transaction(() => {
        if (row === undefined || isGone) table.removeDevice(userId, deviceId);
        else table.putDevice(userId, row);
        table.updated(userId, streamId, false);
      });
    },
    updateSigningKeys(userId, content) {
      touched(userId);
      if (table.get(userId) === undefined) return;
      const { master_key: master, self_signing_key: selfSigning } = content;
      const [masterKey, selfSigningKey] = [signingKey(userId, master), signingKey(userId, selfSigning)];
      const isBad = (given: JsonValue | undefined, taken: string | undefined) =>
        given !== undefined && taken === undefined;
      if (isBad(master, masterKey) || isBad(selfSigning, selfSigningKey)) missed(userId, undefined);
      else table.setKeys(userId, masterKey, selfSigningKey);
    },
    aStaleOne: table.aStaleOne,
    staleServers: table.staleServers,
    forget: (userId) => forget([userId]),
    close: stop,
  };
}

/** A list in the shape of `GET /user/devices` that is not kept. What is not as it should be is left out. */
export function readRemoteDevices(userId: UserId, list: JsonObject): RemoteDevices {
  const { rows, masterKey, selfSigningKey } = checked(userId, list);
  return read(rows, masterKey, selfSigningKey);
}

function checked(userId: UserId, { devices, master_key: master, self_signing_key: selfSigning }: JsonObject) {
  const rows = (Array.isArray(devices) ? devices : []).slice(0, maxDevices).flatMap((each) => {
    const row = isObject(each) ? deviceRow(userId, each) : undefined;
    return row === undefined ? [] : [row];
  });
  return { rows, masterKey: signingKey(userId, master), selfSigningKey: signingKey(userId, selfSigning) };
}

const read = (
  rows: readonly RemoteDeviceRow[],
  master: string | undefined,
  selfSigning: string | undefined,
): RemoteDevices => ({
  devices: rows.map((row) => ({ ...row, keys: storedObject(row.keys) })),
  masterKey: master === undefined ? undefined : storedObject(master),
  selfSigningKey: selfSigning === undefined ? undefined : storedObject(selfSigning),
});

const integer = (value: JsonValue | undefined): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;

const idOf = (value: JsonValue | undefined): string | undefined =>
  typeof value === 'string' && value !== '' && value.length <= maxId ? value : undefined;

/** A device whose keys say themselves whose they are. */
function deviceRow(userId: UserId, device: JsonObject): RemoteDeviceRow | undefined {
  const { device_id: id, keys, device_display_name: name } = device;
  const deviceId = idOf(id);
  if (deviceId === undefined || !isObject(keys)) return undefined;
  if (keys['user_id'] !== userId || keys['device_id'] !== deviceId) return undefined;
  const { unsigned: _, ...signed } = keys; // ours to say
  const text = writeJson(signed);
  if (text.length > maxKeys) return undefined;
  return { deviceId, keys: text, displayName: typeof name === 'string' ? name.slice(0, maxName) : undefined };
}

function signingKey(userId: UserId, key: JsonValue | undefined): string | undefined {
  if (!isObject(key) || key['user_id'] !== userId || !isObject(key['keys'])) return undefined;
  const text = writeJson(key);
  return text.length > maxKeys ? undefined : text;
}
