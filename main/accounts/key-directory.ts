import { parseUserId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { Inspector } from '../inspector/inspector.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { CrossSigning } from './cross-signing.ts';
import type { DeviceKeys, DeviceOfUser } from './device-keys.ts';
import { type RemoteDeviceLists, type RemoteDevices, readRemoteDevices } from './remote-device-lists.ts';

/** What others' devices can be reached with, whatever server they are on. */
export interface KeyDirectory {
  /** The reply to `POST /keys/query`. An empty list of devices is all of them. */
  query(viewer: UserId, wanted: ReadonlyMap<UserId, readonly string[]>, timeoutMs: number): Promise<JsonObject>;
  /** The reply to `POST /keys/claim`: by user and device, the algorithm. */
  claim(wanted: ReadonlyMap<UserId, JsonObject>, timeoutMs: number): Promise<JsonObject>;
  /** The devices of a user here that have keys, with the signatures that `viewer` may see: without one, the owner's. */
  devices(userId: UserId, viewer: UserId | undefined): readonly DeviceOfUser[];
  /** The reply to `GET /user/devices/{userId}`, for another server. */
  devicesFor(server: ServerName, userId: UserId): JsonObject;
  /** The reply to `POST /user/keys/query`, for another server. All of these users are ours. */
  keysFor(wanted: ReadonlyMap<UserId, readonly string[] | null>): JsonObject;
  /** The reply to `POST /user/keys/claim`, for another server. All of these users are ours. */
  claimFor(wanted: ReadonlyMap<UserId, JsonObject>): JsonObject;
}

/** What other servers answer to the same questions. https://spec.matrix.org/v1.19/server-server-api/#end-to-end-encryption */
export interface RemoteKeys {
  /** The reply to `GET /user/devices/{userId}`. */
  devices(server: ServerName, userId: UserId, timeoutMs: number): Promise<JsonObject>;
  query(server: ServerName, deviceKeys: JsonObject, timeoutMs: number): Promise<JsonObject>;
  claim(server: ServerName, oneTimeKeys: JsonObject, timeoutMs: number): Promise<JsonObject>;
}

interface KeyDirectoryOptions {
  readonly serverName: ServerName;
  readonly db: Pick<Db, 'transaction'>;
  readonly deviceKeys: DeviceKeys;
  readonly crossSigning: CrossSigning;
  readonly remote: RemoteKeys;
  readonly remoteLists: Pick<RemoteDeviceLists, 'get' | 'isTracked' | 'asking'>;
  /** The version of a user's devices that a server has been told of last. */
  readonly streamId: (userId: UserId, server: ServerName) => number;
  readonly inspector: Pick<Inspector, 'keyClaimed'>;
}

const crossSigningParts = ['master_keys', 'self_signing_keys'] as const;
/** In one request: clients claim one for each device in a room. */
const maxClaims = 5000;

type Reply = Record<'device_keys' | (typeof crossSigningParts)[number], Record<string, JsonObject>>;
const emptyReply = (): Reply => ({ device_keys: {}, master_keys: {}, self_signing_keys: {} });

export function createKeyDirectory(options: KeyDirectoryOptions): KeyDirectory {
  const { serverName, db, deviceKeys, crossSigning, remote, remoteLists, streamId, inspector } = options;
  const devices: KeyDirectory['devices'] = (userId, viewer) =>
    deviceKeys.ofUser(userId).map((device) => ({
      ...device,
      keys: crossSigning.withSignatures(userId, device.deviceId, device.keys, viewer),
    }));

  /** Those for which there is a key. Whatever is given out is on the disk as gone when this returns. */
  const claimHere = (wanted: ReadonlyMap<UserId, JsonObject>, onClaim?: Inspector['keyClaimed']) => {
    const claimed: Record<string, JsonObject> = Object.fromEntries([...wanted.keys()].map((userId) => [userId, {}]));
    const told: Parameters<typeof inspector.keyClaimed>[0][] = [];
    const claims = [...wanted].flatMap(([userId, byDevice]) =>
      Object.entries(byDevice).map(([deviceId, algorithm]) => ({ userId, deviceId, algorithm })),
    );
    db.transaction(() => {
      for (const { userId, deviceId, algorithm } of claims.slice(0, maxClaims)) {
        const found = typeof algorithm === 'string' ? deviceKeys.claim(userId, deviceId, algorithm) : undefined;
        if (found !== undefined) claimed[userId] = { ...claimed[userId], [deviceId]: found.key };
        told.push({ userId, deviceId, served: found?.served ?? 'none' });
      }
    });
    if (onClaim) for (const claim of told) onClaim(claim);
    return claimed;
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

  const publicKeysOf = (userId: UserId, viewer: UserId | undefined) =>
    (['master', 'self_signing'] as const).map((usage) => crossSigning.key(userId, usage, viewer));

  const addHere = (reply: Reply, userId: UserId, viewer: UserId | undefined, deviceIds: readonly string[]) => {
    const asked = new Set(deviceIds);
    const wanted = devices(userId, viewer).filter(({ deviceId }) => asked.size === 0 || asked.has(deviceId));
    reply.device_keys[userId] = inReply(wanted);
    const [master, selfSigning] = publicKeysOf(userId, viewer);
    if (master) reply.master_keys[userId] = master;
    if (selfSigning) reply.self_signing_keys[userId] = selfSigning;
  };

  return {
    devices,

    devicesFor(server, userId) {
      const [master, selfSigning] = publicKeysOf(userId, undefined);
      return {
        user_id: userId,
        stream_id: streamId(userId, server),
        devices: devices(userId, undefined).map(({ deviceId, keys, displayName }) => ({
          device_id: deviceId,
          keys,
          ...(displayName !== undefined && { device_display_name: displayName }),
        })),
        ...(master && { master_key: master }),
        ...(selfSigning && { self_signing_key: selfSigning }),
      };
    },

    keysFor(wanted) {
      const reply = emptyReply();
      for (const [userId, deviceIds] of wanted) addHere(reply, userId, undefined, deviceIds ?? []);
      return reply;
    },

    claimFor: (wanted) => ({ one_time_keys: claimHere(wanted, inspector.keyClaimed) }),

    async query(viewer, wanted, timeoutMs) {
      const reply = { ...emptyReply(), user_signing_keys: {} as Record<string, JsonObject> };
      for (const [userId, deviceIds] of wanted) {
        if (serverNameOf(userId) !== serverName) continue;
        addHere(reply, userId, viewer, deviceIds);
        const userSigning = userId === viewer ? crossSigning.key(userId, 'user_signing', viewer) : undefined;
        if (userSigning) reply.user_signing_keys[userId] = userSigning;
      }
      const add = (userId: UserId, theirs: RemoteDevices) => {
        const asked = new Set(wanted.get(userId));
        reply.device_keys[userId] = inReply(
          theirs.devices.filter(({ deviceId }) => asked.size === 0 || asked.has(deviceId)),
        );
        if (theirs.masterKey) reply.master_keys[userId] = signedByViewer(userId, theirs.masterKey, viewer);
        if (theirs.selfSigningKey) reply.self_signing_keys[userId] = theirs.selfSigningKey;
      };
      const unknown = new Map(
        [...wanted].filter(([userId]) => {
          const known = serverNameOf(userId) === serverName ? undefined : remoteLists.get(userId);
          if (known !== undefined) add(userId, known);
          return known === undefined;
        }),
      );
      const failures = await askOthers(unknown, (server, ofServer) =>
        remoteLists.asking(async (learn) => {
          // Of whom we track, all devices are asked for: the next time it is known.
          const asked = [...ofServer].map(([userId, ids]) => [userId, remoteLists.isTracked(userId) ? [] : ids]);
          const theirs = await remote.query(server, Object.fromEntries(asked), timeoutMs);
          for (const [userId, byDevice] of theirUsers(theirs['device_keys'], ofServer)) {
            const isWhole = remoteLists.isTracked(userId);
            const list = asList(userId, byDevice, theirs);
            add(userId, isWhole ? learn(userId, list) : readRemoteDevices(userId, list));
          }
        }),
      );
      return { ...reply, failures };
    },

    async claim(wanted, timeoutMs) {
      const claimed = claimHere(new Map([...wanted].filter(([userId]) => serverNameOf(userId) === serverName)));
      const failures = await askOthers(wanted, async (server, ofServer) => {
        const theirs = await remote.claim(server, Object.fromEntries(ofServer), timeoutMs);
        for (const [userId, byDevice] of theirUsers(theirs['one_time_keys'], ofServer)) {
          const asked = ofServer.get(userId) ?? {};
          claimed[userId] = Object.fromEntries(Object.entries(byDevice).filter(([id]) => Object.hasOwn(asked, id)));
        }
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

/** What another server says of the users that it was asked about, and of nobody else. */
function theirUsers(part: unknown, asked: ReadonlyMap<UserId, unknown>): readonly [UserId, JsonObject][] {
  if (!isObject(part)) return [];
  return Object.entries(part).flatMap(([user, value]): [UserId, JsonObject][] => {
    const userId = parseUserId(user);
    return userId !== undefined && asked.has(userId) && isObject(value) ? [[userId, value]] : [];
  });
}

/** As `GET /user/devices` would have answered. */
function asList(userId: UserId, byDevice: JsonObject, reply: JsonObject): JsonObject {
  const ofUser = (part: string): JsonValue | undefined => {
    const keys = reply[part];
    return isObject(keys) ? keys[userId] : undefined;
  };
  const devices = Object.entries(byDevice).map(([deviceId, keys]) => {
    const unsigned = isObject(keys) ? keys['unsigned'] : undefined;
    const name = isObject(unsigned) ? unsigned['device_display_name'] : undefined;
    return { device_id: deviceId, keys, ...(name !== undefined && { device_display_name: name }) };
  });
  const [master, selfSigning] = [ofUser('master_keys'), ofUser('self_signing_keys')];
  return {
    devices,
    ...(master !== undefined && { master_key: master }),
    ...(selfSigning !== undefined && { self_signing_key: selfSigning }),
  };
}

/** As in the replies to queries. */
const inReply = (devices: readonly DeviceOfUser[]): JsonObject =>
  Object.fromEntries(
    devices.map(({ deviceId, keys, displayName }) => [
      deviceId,
      { ...keys, unsigned: displayName === undefined ? {} : { device_display_name: displayName } },
    ]),
  );
