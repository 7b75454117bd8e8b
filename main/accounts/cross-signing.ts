import type { UserId } from '../../shared/ids.ts';
import { forbidden, invalidParam, MatrixError, missingParam } from '../../shared/matrix-error.ts';
import type { crossSigningTable, Usage } from '../db/cross-signing.ts';
import { canonicalJson, writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import { signatureOf, signaturesBy, signedJson, verifySignature } from '../protocol/signing.ts';
import type { DeviceKeys } from './device-keys.ts';
import { storedObject } from './stored-json.ts';
import type { Stream } from './stream.ts';

export type CrossSigningKeys = Readonly<Partial<Record<Usage, JsonObject>>>;

/** https://spec.matrix.org/v1.19/client-server-api/#cross-signing */
export interface CrossSigning {
  /**
   * Whether these keys are no others than those that are here, or the first ones: then no further authentication is needed.
   */
  isHarmless(userId: UserId, keys: CrossSigningKeys): boolean;
  /** Throws 400 `M_INVALID_SIGNATURE`, `M_MISSING_PARAM`, `M_INVALID_PARAM`, 403 for a key ID that a device has. */
  upload(userId: UserId, keys: CrossSigningKeys): void;
  /** As `viewer` may see it: with the signatures of the owner, and the viewer's own. */
  key(userId: UserId, usage: Usage, viewer: UserId | undefined): JsonObject | undefined;
  /** A key of another server's user, or a device, with the signatures that are kept here. */
  withSignatures(userId: UserId, target: string, key: JsonObject, viewer: UserId | undefined): JsonObject;
  /** Keeps one signed object. Throws 400 `M_INVALID_SIGNATURE`, 404 for a key that is not known. */
  sign(signer: UserId, target: { readonly userId: UserId; readonly id: string }, signed: JsonObject): void;
  forgetDevices(userId: UserId, deviceIds: readonly string[]): void;
}

interface CrossSigningOptions {
  readonly table: ReturnType<typeof crossSigningTable>;
  readonly stream: Stream;
  /** The keys of a device here, as they were uploaded. */
  readonly deviceKeys: (userId: UserId, deviceId: string) => JsonObject | undefined;
  readonly devicesOf: (userId: UserId) => readonly string[];
  readonly changed: DeviceKeys['changed'];
}

const usages: readonly Usage[] = ['master', 'self_signing', 'user_signing'];

export function createCrossSigning(options: CrossSigningOptions): CrossSigning {
  const { table, stream, deviceKeys, devicesOf, changed } = options;
  const stored = (userId: UserId, usage: Usage): JsonObject | undefined => {
    const key = table.get(userId, usage);
    return key === undefined ? undefined : storedObject(key);
  };

  const withSignatures: CrossSigning['withSignatures'] = (userId, target, key, viewer) => {
    const signatures: Record<string, Record<string, string>> = {};
    for (const { signer, keyId, signature } of table.signatures(userId, target)) {
      if (signer !== userId && signer !== viewer) continue;
      signatures[signer] = { ...signatures[signer], [keyId]: signature };
    }
    return mergeSignatures(key, signatures);
  };

  /** What `signed` must be but for its signatures, and the keys that may sign it. */
  const expectation = (signer: UserId, { userId, id }: { readonly userId: UserId; readonly id: string }) => {
    const device = userId === signer ? deviceKeys(userId, id) : undefined;
    const selfSigning = stored(signer, 'self_signing');
    if (device !== undefined) return { object: device, by: selfSigning ? [publicKeyOf(selfSigning)] : [] };
    const master = stored(userId, 'master');
    if (master === undefined || publicKeyOf(master)?.publicKey !== id) return undefined;
    if (userId !== signer) {
      const userSigning = stored(signer, 'user_signing');
      return { object: master, by: userSigning ? [publicKeyOf(userSigning)] : [] };
    }
    return {
      object: master,
      by: devicesOf(signer).map((deviceId) => deviceKeyOf(deviceKeys(signer, deviceId), deviceId)),
    };
  };

  /** Signatures of others' keys are nobody's business but the signer's. */
  const told = (signer: UserId, { userId, id }: { readonly userId: UserId; readonly id: string }) => {
    if (signer !== userId) return undefined;
    return deviceKeys(userId, id) === undefined ? 'crossSigning' : [id];
  };

  return {
    isHarmless(userId, keys) {
      if (table.get(userId, 'master') === undefined) return true;
      return usages.every((usage) => {
        const [given, known] = [keys[usage], stored(userId, usage)];
        return given === undefined || (known !== undefined && canonicalJson(given) === canonicalJson(known));
      });
    },

    upload(userId, keys) {
      const master = keys.master ?? stored(userId, 'master');
      if (master === undefined) throw missingParam('There is no master key.');
      for (const usage of usages) {
        const key = keys[usage];
        if (key !== undefined) checkKey(userId, usage, key, master, devicesOf(userId));
      }
      stream.write({ users: [userId] }, () => {
        for (const usage of usages) {
          const key = keys[usage];
          if (key !== undefined) table.put(userId, usage, writeJson(key));
        }
        changed(userId, 'crossSigning');
      });
    },

    key(userId, usage, viewer) {
      const key = stored(userId, usage);
      if (key === undefined || usage !== 'master') return key;
      return withSignatures(userId, publicKeyOf(key)?.publicKey ?? '', key, viewer);
    },

    withSignatures,

    sign(signer, target, signed) {
      const expected = expectation(signer, target);
      if (expected === undefined) throw new MatrixError(404, 'M_NOT_FOUND', 'There is no such key.');
      if (signedJson(signed) !== signedJson(expected.object)) throw invalidParam('This is not the key that is here.');
      const given = signaturesBy(signed, signer);
      let accepted = 0;
      for (const key of expected.by) {
        const signature = key && given.get(key.keyId);
        if (key === undefined || signature === undefined) continue;
        if (!verifySignature(key.publicKey, signedJson(signed), signature)) throw badSignature();
        table.sign(target.userId, target.id, { signer, keyId: key.keyId, signature });
        accepted++;
      }
      if (accepted === 0 && !onlyKnown(given, expected.object, signer)) throw badSignature();
      if (accepted > 0) changed(target.userId, told(signer, target));
    },

    forgetDevices(userId, deviceIds) {
      for (const deviceId of deviceIds) table.removeSignatures(userId, deviceId);
    },
  };
}

/** Clients repeat the signatures that a key has had from the beginning, as a device's own. */
const onlyKnown = (given: ReadonlyMap<string, string>, object: JsonObject, signer: UserId) =>
  given.size > 0 && [...given].every(([keyId, signature]) => signatureOf(object, signer, keyId) === signature);

const badSignature = () => new MatrixError(400, 'M_INVALID_SIGNATURE', 'The signature is not right.');

interface PublicKey {
  readonly keyId: string;
  readonly publicKey: string;
}

/** The one key of a cross-signing key. */
function publicKeyOf(key: JsonObject): PublicKey | undefined {
  const { keys } = key;
  const [[keyId, publicKey] = [], ...more] = Object.entries(keys !== undefined && isObject(keys) ? keys : {});
  if (keyId === undefined || typeof publicKey !== 'string' || more.length > 0) return undefined;
  return keyId === `ed25519:${publicKey}` ? { keyId, publicKey } : undefined;
}

function deviceKeyOf(device: JsonObject | undefined, deviceId: string): PublicKey | undefined {
  const keyId = `ed25519:${deviceId}`;
  const keys = device?.['keys'];
  const publicKey = keys !== undefined && isObject(keys) ? keys[keyId] : undefined;
  return typeof publicKey === 'string' ? { keyId, publicKey } : undefined;
}

function checkKey(
  userId: UserId,
  usage: Usage,
  key: JsonObject,
  master: JsonObject,
  deviceIds: readonly string[],
): void {
  if (key['user_id'] !== userId) throw invalidParam(`The ${usage} key is of another user.`);
  const { usage: usagesOfKey } = key;
  if (!Array.isArray(usagesOfKey) || !usagesOfKey.includes(usage)) throw invalidParam(`This is no ${usage} key.`);
  const own = publicKeyOf(key);
  if (own === undefined) throw invalidParam(`The ${usage} key must have one key, ed25519:<itself>.`);
  if (deviceIds.includes(own.publicKey)) throw forbidden('One of your devices has this key ID.');
  if (usage === 'master') return;
  const by = publicKeyOf(master);
  const signature = by && signatureOf(key, userId, by.keyId);
  if (by === undefined || signature === undefined || !verifySignature(by.publicKey, signedJson(key), signature)) {
    throw badSignature();
  }
}

function mergeSignatures(key: JsonObject, more: Readonly<Record<string, JsonObject>>): JsonObject {
  const { signatures } = key;
  const merged: Record<string, JsonObject> = {};
  const before = signatures !== undefined && isObject(signatures) ? signatures : {};
  for (const signer of new Set([...Object.keys(before), ...Object.keys(more)])) {
    const known = before[signer];
    merged[signer] = { ...(known !== undefined && isObject(known) && known), ...more[signer] };
  }
  return Object.keys(merged).length === 0 ? key : { ...key, signatures: merged };
}
