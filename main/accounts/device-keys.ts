import type { UserId } from '../../shared/ids.ts';
import { badJson, invalidParam } from '../../shared/matrix-error.ts';
import type { deviceKeysTable, oneTimeKeysTable } from '../db/device-keys.ts';
import { canonicalJson, writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Session } from './sessions.ts';
import { storedObject, storedValue } from './stored-json.ts';
import type { Stream } from './stream.ts';

export interface DeviceOfUser {
  readonly deviceId: string;
  readonly keys: JsonObject; // as uploaded
  readonly displayName: string | undefined;
}

export interface ClaimedKey {
  readonly key: JsonObject;
  readonly served: 'oneTime' | 'fallback';
}

/** Devices, which may be gone, or the cross-signing keys. */
export type ChangedKeys = readonly string[] | 'crossSigning';

/** Encryption keys of the devices here. https://spec.matrix.org/v1.19/client-server-api/#key-management-api */
export interface DeviceKeys {
  /** Throws 400 where keys are not the device's own, or no keys. */
  upload(
    session: Session,
    keys: {
      readonly deviceKeys: JsonObject | undefined;
      readonly oneTimeKeys: JsonObject | undefined;
      readonly fallbackKeys: JsonObject | undefined;
    },
  ): void;
  ofUser(userId: UserId): readonly DeviceOfUser[];
  /** A one-time key that is given to nobody else, or the fallback key; by its name, `<algorithm>:<key ID>`. */
  claim(userId: UserId, deviceId: string, algorithm: string): ClaimedKey | undefined;
  /** By algorithm, 0 for `signed_curve25519` included: that is how clients know that they should upload some. */
  oneTimeKeyCounts(session: Session): Readonly<Record<string, number>>;
  unusedFallbacks(session: Session): readonly string[];
  /**
   * Someone's devices, their names or cross-signing keys have changed. Of users here other servers are told `what`; of
   * other servers' users it says nothing.
   */
  changed(userId: UserId, what?: ChangedKeys): void;
  changedBetween(after: number, upTo: number): readonly UserId[];
  forget(userId: UserId, deviceIds: readonly string[]): void;
}

interface DeviceKeysOptions {
  readonly devices: ReturnType<typeof deviceKeysTable>;
  readonly oneTime: ReturnType<typeof oneTimeKeysTable>;
  readonly stream: Stream;
  /** Tells other servers. Inside the transaction of the change; `next` gives positions. */
  readonly announce: (userId: UserId, what: ChangedKeys, next: () => number) => void;
}

/** For one device and one upload. Clients keep some 50 to 100. */
const maxOneTimeKeys = 1000;

export function createDeviceKeys({ devices, oneTime, stream, announce }: DeviceKeysOptions): DeviceKeys {
  const uploadDevice = ({ userId, deviceId }: Session, keys: JsonObject, next: () => number): void => {
    if (keys['user_id'] !== userId || keys['device_id'] !== deviceId) {
      throw invalidParam('device_keys are of another user or device');
    }
    for (const part of ['keys', 'signatures']) if (!isObject(keys[part])) throw badJson(`${part} must be an object`);
    if (!Array.isArray(keys['algorithms'])) throw badJson('algorithms must be an array');
    const text = writeJson(keys);
    if (devices.get(userId, deviceId) === text) return; // nobody has to look again
    devices.put(userId, deviceId, text);
    devices.markChanged(userId, next());
    announce(userId, [deviceId], next);
  };

  const uploadOneTime = ({ userId, deviceId }: Session, keys: JsonObject): void => {
    for (const { algorithm, keyId, key } of named(keys)) {
      const known = oneTime.get(userId, deviceId, algorithm, keyId);
      if (known === undefined) oneTime.add(userId, deviceId, algorithm, { keyId, key: writeJson(key) });
      else if (canonicalJson(storedValue(known)) !== canonicalJson(key)) {
        throw invalidParam(`There is another one-time key ${algorithm}:${keyId} already.`);
      }
    }
  };

  return {
    upload(session, { deviceKeys, oneTimeKeys, fallbackKeys }) {
      const { userId, deviceId } = session;
      stream.write({ users: [userId] }, (next) => {
        if (deviceKeys) uploadDevice(session, deviceKeys, next);
        if (oneTimeKeys) uploadOneTime(session, oneTimeKeys);
        for (const { algorithm, keyId, key } of named(fallbackKeys ?? {})) {
          oneTime.putFallback(userId, deviceId, algorithm, { keyId, key: writeJson(key) });
        }
      });
    },
    ofUser: (userId) => devices.ofUser(userId).map((device) => ({ ...device, keys: storedObject(device.keys) })),
    claim(userId, deviceId, algorithm) {
      const claimed = oneTime.claim(userId, deviceId, algorithm);
      if (claimed === undefined) return undefined;
      const key = { [`${algorithm}:${claimed.keyId}`]: storedValue(claimed.key) };
      return { key, served: claimed.isFallback ? 'fallback' : 'oneTime' };
    },
    oneTimeKeyCounts: ({ userId, deviceId }) => ({ signed_curve25519: 0, ...oneTime.counts(userId, deviceId) }),
    unusedFallbacks: ({ userId, deviceId }) => oneTime.unusedFallbacks(userId, deviceId),
    changed(userId, what) {
      stream.write({}, (next) => {
        devices.markChanged(userId, next());
        if (what !== undefined) announce(userId, what, next);
      });
    },
    changedBetween: devices.changedBetween,
    forget(userId, deviceIds) {
      stream.write({}, (next) => {
        for (const deviceId of deviceIds) {
          devices.remove(userId, deviceId);
          oneTime.removeAll(userId, deviceId);
        }
        devices.markChanged(userId, next());
        announce(userId, deviceIds, next);
      });
    },
  };
}

interface UploadedKey {
  readonly algorithm: string;
  readonly keyId: string;
  readonly key: JsonValue;
}

/** `<algorithm>:<key ID>` to a string, or to an object with a `key` and signatures. */
function named(keys: JsonObject): readonly UploadedKey[] {
  const entries = Object.entries(keys);
  if (entries.length > maxOneTimeKeys) throw invalidParam(`More than ${maxOneTimeKeys} keys at once.`);
  return entries.map(([name, key]) => {
    const colon = name.indexOf(':');
    if (colon < 1) throw invalidParam('The name of a key is <algorithm>:<key ID>.');
    const isKey = typeof key === 'string' || (isObject(key) && typeof key['key'] === 'string');
    if (!isKey) throw badJson(`${name} is no key`);
    return { algorithm: name.slice(0, colon), keyId: name.slice(colon + 1), key };
  });
}
