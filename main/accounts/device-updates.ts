import { type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import type { deviceListAudienceTable } from '../db/device-list-audience.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { ChangedKeys, DeviceOfUser } from './device-keys.ts';
import { sharingServers } from './sharing-servers.ts';
import type { Stream } from './stream.ts';

/**
 * Tells other servers of the devices of our users: those that share a room with them hear of each change, and of all
 * devices when they come to share one. https://spec.matrix.org/v1.19/server-server-api/#device-management
 */
export interface DeviceUpdates {
  /** Inside the transaction of the change; `next` gives positions, which are the `stream_id`s of the updates. */
  announce(userId: UserId, what: ChangedKeys, next: () => number): void;
  /** The last update that a server was told of. */
  streamId(userId: UserId, server: ServerName): number;
  /** Looks at all rooms: the last run may have ended before everybody was told. */
  start(): void;
  close(): void;
}

interface DeviceUpdatesOptions {
  readonly serverName: ServerName;
  readonly table: ReturnType<typeof deviceListAudienceTable>;
  readonly stream: Stream;
  readonly rooms: Pick<Rooms, 'list' | 'info' | 'servers' | 'localMembers' | 'memberships' | 'changes'>;
  /** Those that have keys, as anybody may see them. */
  readonly devices: (userId: UserId) => readonly DeviceOfUser[];
  /** The name of a device, which may have no keys; `undefined` where there is no such device. */
  readonly device: (userId: UserId, deviceId: string) => { readonly displayName: string | undefined } | undefined;
  readonly crossSigningKey: (userId: UserId, usage: 'master' | 'self_signing') => JsonObject | undefined;
  /** It must arrive. */
  readonly sendEdu: (servers: readonly ServerName[], edu: JsonObject) => void;
  /** These servers have come to share a room with a user. */
  readonly onNewServers: (userId: UserId, servers: readonly ServerName[]) => void;
}

export function createDeviceUpdates(options: DeviceUpdatesOptions): DeviceUpdates {
  const { serverName, table, stream, rooms, devices, device, crossSigningKey, sendEdu, onNewServers } = options;
  /** What was last seen of each room: only new servers and new members of ours are looked at. */
  const seen = new Map<RoomId, { readonly servers: ReadonlySet<ServerName>; readonly members: ReadonlySet<UserId> }>();

  /** `m.device_list_update`. `previous` is 0 for the first that a server hears. */
  const update = (userId: UserId, deviceId: string, streamId: number, previous: number): JsonObject => {
    const known = device(userId, deviceId);
    const keys = devices(userId).find((each) => each.deviceId === deviceId)?.keys;
    const content = {
      user_id: userId,
      device_id: deviceId,
      stream_id: streamId,
      prev_id: previous === 0 ? [] : [previous],
      ...(known?.displayName !== undefined && { device_display_name: known.displayName }),
      ...(known === undefined ? { deleted: true } : keys && { keys }),
    };
    return { edu_type: 'm.device_list_update', content };
  };

  /** `m.signing_key_update`, if there are such keys. */
  const signingKeys = (userId: UserId): JsonObject | undefined => {
    const [master, selfSigning] = [crossSigningKey(userId, 'master'), crossSigningKey(userId, 'self_signing')];
    if (master === undefined) return undefined;
    const content = { user_id: userId, master_key: master, ...(selfSigning && { self_signing_key: selfSigning }) };
    return { edu_type: 'm.signing_key_update', content };
  };

  /** All that a server has to know that hears of a user for the first time. */
  const introduce = (userId: UserId, servers: readonly ServerName[], next: () => number) => {
    let last = 0;
    for (const { deviceId } of devices(userId)) {
      const streamId = next();
      sendEdu(servers, update(userId, deviceId, streamId, last));
      last = streamId;
    }
    const keys = signingKeys(userId);
    if (keys !== undefined) sendEdu(servers, keys);
    table.put(userId, servers, last);
  };

  const meet = (userId: UserId, servers: Iterable<ServerName>) => {
    const strangers = table.strangers(userId, [...servers]).filter((server) => server !== serverName);
    if (strangers.length === 0) return;
    stream.write({ users: [] }, (next) => introduce(userId, strangers, next));
    onNewServers(userId, strangers);
  };

  const look = (roomId: RoomId, users: readonly UserId[] = []) => {
    const before = seen.get(roomId);
    if (rooms.info(roomId)?.resident !== true) {
      seen.delete(roomId);
      return;
    }
    const servers = rooms.servers(roomId);
    if (servers === before?.servers && users.length === 0) return;
    const members = new Set(rooms.localMembers(roomId));
    seen.set(roomId, { servers, members });
    const added = before && servers !== before.servers ? [...servers].filter((one) => !before.servers.has(one)) : [];
    for (const userId of members) meet(userId, before?.members.has(userId) ? added : servers);
  };

  const stop = rooms.changes.on(({ roomId, users }) => {
    if (roomId !== undefined) look(roomId, users);
  });

  return {
    announce(userId, what, next) {
      if (serverNameOf(userId) !== serverName) return;
      const around = sharingServers(rooms, serverName, userId);
      const told = table.of(userId);
      const gone = [...told.keys()].filter((server) => !around.has(server));
      if (gone.length > 0) table.remove(userId, gone); // should they come back, they are told anew
      const strangers = [...around].filter((server) => !told.has(server));
      if (strangers.length > 0) introduce(userId, strangers, next);
      const audience = [...told].filter(([server]) => around.has(server));
      if (audience.length === 0) return;
      const servers = audience.map(([server]) => server);
      if (what === 'crossSigning') {
        const keys = signingKeys(userId);
        if (keys !== undefined) sendEdu(servers, keys);
        return;
      }
      let groups = byStreamId(audience); // servers have met the user at different times
      for (const deviceId of what) {
        const streamId = next();
        for (const [previous, group] of groups) sendEdu(group, update(userId, deviceId, streamId, previous));
        groups = new Map([[streamId, servers]]);
        table.put(userId, servers, streamId);
      }
    },
    streamId: (userId, server) => table.streamId(userId, server) ?? 0,
    start() {
      for (const { roomId, resident } of rooms.list()) if (resident) look(roomId);
    },
    close: stop,
  };
}

function byStreamId(audience: readonly (readonly [ServerName, number])[]): ReadonlyMap<number, readonly ServerName[]> {
  const groups = new Map<number, ServerName[]>();
  for (const [server, streamId] of audience) {
    const group = groups.get(streamId) ?? [];
    groups.set(streamId, group);
    group.push(server);
  }
  return groups;
}
