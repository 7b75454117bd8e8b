import { parseUserId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import type { CrossSigning } from './cross-signing.ts';
import type { DeviceKeys } from './device-keys.ts';

/** What others' devices can be reached with, whatever server they are on. */
export interface KeyDirectory {
  /** The reply to `POST /keys/query`. An empty list of devices is all of them. */
  query(viewer: UserId, wanted: ReadonlyMap<UserId, readonly string[]>, timeoutMs: number): Promise<JsonObject>;
  /** The reply to `POST /keys/claim`: by user and device, the algorithm. */
  claim(wanted: ReadonlyMap<UserId, JsonObject>, timeoutMs: number): Promise<JsonObject>;
  /** The devices of a user here, as others may see them: for clients and other servers. */
  devices(userId: UserId, viewer: UserId | undefined): Readonly<Record<string, JsonObject>>;
  claimHere(userId: UserId, wanted: JsonObject): Readonly<Record<string, JsonObject>>;
}

/** What other servers answer to the same questions. https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption */
export interface RemoteKeys {
  query(server: ServerName, deviceKeys: JsonObject, timeoutMs: number): Promise<JsonObject>;
  claim(server: ServerName, oneTimeKeys: JsonObject, timeoutMs: number): Promise<JsonObject>;
}

interface KeyDirectoryOptions {
  readonly serverName: ServerName;
  readonly deviceKeys: DeviceKeys;
  readonly crossSigning: CrossSigning;
  readonly remote: RemoteKeys;
}

const crossSigningParts = ['master_keys', 'self_signing_keys'] as const;

export function createKeyDirectory({
  serverName,
  deviceKeys,
  crossSigning,
  remote,
}: KeyDirectoryOptions): KeyDirectory {
  const devices: KeyDirectory['devices'] = (userId, viewer) =>
    Object.fromEntries(
      deviceKeys.ofUser(userId).map(({ deviceId, keys, displayName }) => {
        const signed = crossSigning.withSignatures(userId, deviceId, keys, viewer);
        return [
          deviceId,
          { ...signed, unsigned: displayName === undefined ? {} : { device_display_name: displayName } },
        ];
      }),
    );

  const claimHere: KeyDirectory['claimHere'] = (userId, wanted) => {
    const claimed: [string, JsonObject][] = [];
    for (const [deviceId, algorithm] of Object.entries(wanted)) {
      const key = typeof algorithm === 'string' ? deviceKeys.claim(userId, deviceId, algorithm) : undefined;
      if (key !== undefined) claimed.push([deviceId, key]);
    }
    return Object.fromEntries(claimed);
  };

  /** Asks all servers at once. Those that do not answer are named, and hold nobody else up for longer than the time-out. */
  const askOthers = async <T>(
    wanted: ReadonlyMap<UserId, T>,
    ask: (server: ServerName, ofServer: ReadonlyMap<UserId, T>) => Promise<void>,
  ): Promise<JsonObject> => {
    const byServer = new Map<ServerName, Map<UserId, T>>();
    for (const [userId, what] of wanted) {
      const server = serverNameOf(userId);
      if (server !== serverName) byServer.set(server, (byServer.get(server) ?? new Map()).set(userId, what));
    }
    const failures = await Promise.all(
      [...byServer].map(async ([server, ofServer]): Promise<[string, JsonObject][]> => {
        try {
          await ask(server, ofServer);
          return [];
        } catch (error) {
          return [[server, { errcode: 'M_UNKNOWN', error: error instanceof Error ? error.message : String(error) }]];
        }
      }),
    );
    return Object.fromEntries(failures.flat());
  };

  return {
    devices,
    claimHere,

    async query(viewer, wanted, timeoutMs) {
      const reply = {
        device_keys: {} as Record<string, JsonObject>,
        master_keys: {} as Record<string, JsonObject>,
        self_signing_keys: {} as Record<string, JsonObject>,
        user_signing_keys: {} as Record<string, JsonObject>,
      };
      for (const [userId, deviceIds] of wanted) {
        if (serverNameOf(userId) !== serverName) continue;
        reply.device_keys[userId] = only(devices(userId, viewer), deviceIds);
        const master = crossSigning.key(userId, 'master', viewer);
        if (master) reply.master_keys[userId] = master;
        const selfSigning = crossSigning.key(userId, 'self_signing', viewer);
        if (selfSigning) reply.self_signing_keys[userId] = selfSigning;
        const userSigning = userId === viewer ? crossSigning.key(userId, 'user_signing', viewer) : undefined;
        if (userSigning) reply.user_signing_keys[userId] = userSigning;
      }
      const failures = await askOthers(wanted, async (server, ofServer) => {
        const theirs = await remote.query(server, Object.fromEntries(ofServer), timeoutMs);
        for (const [userId, byDevice] of theirUsers(theirs['device_keys'], ofServer)) {
          reply.device_keys[userId] = theirDevices(userId, byDevice);
        }
        for (const part of crossSigningParts) {
          for (const [userId, key] of theirUsers(theirs[part], ofServer)) {
            if (key['user_id'] !== userId) continue;
            reply[part][userId] = part === 'master_keys' ? signedByViewer(userId, key, viewer) : key;
          }
        }
      });
      return { ...reply, failures };
    },

    async claim(wanted, timeoutMs) {
      const claimed: Record<string, JsonObject> = {};
      for (const [userId, byDevice] of wanted) {
        if (serverNameOf(userId) === serverName) claimed[userId] = claimHere(userId, byDevice);
      }
      const failures = await askOthers(wanted, async (server, ofServer) => {
        const theirs = await remote.claim(server, Object.fromEntries(ofServer), timeoutMs);
        for (const [userId, byDevice] of theirUsers(theirs['one_time_keys'], ofServer)) claimed[userId] = byDevice;
      });
      return { one_time_keys: claimed, failures };
    },
  };

  function signedByViewer(userId: UserId, key: JsonObject, viewer: UserId): JsonObject {
    const { keys } = key;
    const [publicKey] = keys !== undefined && isObject(keys) ? Object.values(keys) : [];
    return typeof publicKey === 'string' ? crossSigning.withSignatures(userId, publicKey, key, viewer) : key;
  }
}

function only<T>(all: Readonly<Record<string, T>>, wanted: readonly string[]): Record<string, T> {
  const entries = Object.entries(all);
  return Object.fromEntries(wanted.length === 0 ? entries : entries.filter(([name]) => wanted.includes(name)));
}

/** What another server says of the users that it was asked about, and of nobody else. */
function theirUsers(part: unknown, asked: ReadonlyMap<UserId, unknown>): readonly [UserId, JsonObject][] {
  if (!isObject(part)) return [];
  return Object.entries(part).flatMap(([user, value]): [UserId, JsonObject][] => {
    const userId = parseUserId(user);
    return userId !== undefined && asked.has(userId) && isObject(value) ? [[userId, value]] : [];
  });
}

/** Devices that say themselves whose they are. */
const theirDevices = (userId: UserId, byDevice: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(byDevice).filter(
      ([deviceId, keys]) => isObject(keys) && keys['user_id'] === userId && keys['device_id'] === deviceId,
    ),
  );
