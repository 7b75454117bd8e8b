import type { JsonObject } from '../../main/protocol/json.ts';
import { signedJson, signingKeyFromSeed } from '../../main/protocol/signing.ts';

/** A key pair; what it signs carries a signature by `ed25519:<id>`, by default its own public part. */
export function keyOf(seed: string, id?: string) {
  const { publicKey, sign } = signingKeyFromSeed('ed25519:x', Buffer.alloc(32, seed));
  const keyId = `ed25519:${id ?? publicKey}`;
  const signed = (object: JsonObject, userId: string): JsonObject => {
    const { signatures = {} } = object as { signatures?: Record<string, JsonObject> };
    const signature = { ...signatures[userId], [keyId]: sign(signedJson(object)) };
    return { ...object, signatures: { ...signatures, [userId]: signature } };
  };
  return { publicKey, keyId, signed };
}

/** Identity keys of a device, signed by itself. */
export function deviceKeysOf(userId: string, deviceId: string, seed = deviceId): JsonObject {
  const key = keyOf(`device ${seed}`, deviceId);
  const keys = { [`ed25519:${deviceId}`]: key.publicKey, [`curve25519:${deviceId}`]: keyOf(`curve ${seed}`).publicKey };
  const algorithms = ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'];
  return key.signed({ user_id: userId, device_id: deviceId, algorithms, keys }, userId);
}

/** A master key, and a self-signing key that it has signed. */
export function crossSigningKeysOf(userId: string, seed = '') {
  const [master, selfSigning] = [keyOf(`master ${userId} ${seed}`), keyOf(`self ${userId} ${seed}`)];
  const key = (usage: string, { keyId, publicKey }: typeof master) => ({
    user_id: userId,
    usage: [usage],
    keys: { [keyId]: publicKey },
  });
  return {
    master_key: key('master', master),
    self_signing_key: master.signed(key('self_signing', selfSigning), userId),
    signBySelf: (device: JsonObject) => selfSigning.signed(device, userId),
  };
}
