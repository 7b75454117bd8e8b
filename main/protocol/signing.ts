import {
  createPrivateKey,
  createPublicKey,
  sign as cryptoSign,
  verify as cryptoVerify,
  type KeyObject,
} from 'node:crypto';
import nacl from 'tweetnacl';
import type { ServerName } from '../../shared/ids.ts';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { isObject, type JsonObject } from './json.ts';

/** A private key of ours. https://spec.matrix.org/v1.19/appendices/#signing-details */
export interface SigningKey {
  readonly keyId: string; // 'ed25519:a_1'
  readonly publicKey: string; // unpadded base64
  /** In unpadded base64. Text is signed as UTF-8. */
  sign(message: Uint8Array | string): string;
}

// RFC 8410: what stands before the 32 bytes of a key in DER.
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex');

/**
 * The key that grows from 32 random bytes. tweetnacl derives it; OpenSSL signs, as the same bytes and 80 times as fast.
 *
 * @throws Error for a seed of another length
 */
export function signingKeyFromSeed(keyId: string, seed: Uint8Array): SigningKey {
  const { publicKey } = nacl.sign.keyPair.fromSeed(Uint8Array.from(seed));
  const key = createPrivateKey({ key: Buffer.concat([privatePrefix, seed]), format: 'der', type: 'pkcs8' });
  return {
    keyId,
    publicKey: encodeBase64(publicKey),
    sign: (message) => encodeBase64(cryptoSign(null, toBytes(message), key)),
  };
}

/**
 * Whether `signature` is that of `message` by `publicKey`, both in base64. Nothing that others send makes it throw.
 * Text counts as UTF-8.
 */
export function verifySignature(publicKey: string, message: Uint8Array | string, signature: string): boolean {
  const key = publicKeys.get(publicKey);
  const bytes = decodeSignature(signature);
  return key !== undefined && bytes !== undefined && cryptoVerify(null, toBytes(message), key, bytes);
}

/** `verifySignature` in a thread of libuv's pool: for batches, which would hold up everything else. */
export function verifySignatureAsync(
  publicKey: string,
  message: Uint8Array | string,
  signature: string,
): Promise<boolean> {
  const key = publicKeys.get(publicKey);
  const bytes = decodeSignature(signature);
  if (key === undefined || bytes === undefined) return Promise.resolve(false);
  return new Promise((resolve, reject) => {
    cryptoVerify(null, toBytes(message), key, bytes, (error, isRight) => {
      if (error === null) resolve(isRight);
      else reject(error);
    });
  });
}

/** The object with a signature more. Those that it has stay, and so does `unsigned`, which no signature covers. */
export function signJson(object: JsonObject, serverName: ServerName, key: SigningKey): JsonObject {
  return withSignature(object, serverName, key.keyId, key.sign(signedJson(object)));
}

/** What signatures of an object cover. Those of events cover less: `eventMessage`. */
export function signedJson(object: JsonObject): string {
  const { signatures, unsigned, ...covered } = object;
  return canonicalJson(covered);
}

/** The object with a signature more, whoever made it. */
export function withSignature(
  object: JsonObject,
  serverName: ServerName,
  keyId: string,
  signature: string,
): JsonObject {
  const signatures = objectAt(object, 'signatures');
  const others = objectAt(signatures, serverName);
  return { ...object, signatures: { ...signatures, [serverName]: { ...others, [keyId]: signature } } };
}

/** What stands under `signatures`, unverified; nothing where there is none. */
export function signatureOf(object: JsonObject, serverName: string, keyId: string): string | undefined {
  const signature = objectAt(objectAt(object, 'signatures'), serverName)?.[keyId];
  return typeof signature === 'string' ? signature : undefined;
}

/** The ed25519 signatures of `serverName` by key ID, unverified. Other algorithms are none that we know. */
export function signaturesBy(object: JsonObject, serverName: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [keyId, signature] of Object.entries(objectAt(objectAt(object, 'signatures'), serverName) ?? {})) {
    if (keyId.startsWith('ed25519:') && typeof signature === 'string') found.set(keyId, signature);
  }
  return found;
}

function objectAt(object: JsonObject | undefined, key: string): JsonObject | undefined {
  const member = object?.[key];
  return isObject(member) ? member : undefined;
}

const toBytes = (message: Uint8Array | string) =>
  typeof message === 'string' ? Buffer.from(message, 'utf8') : message;

function decodeSignature(base64: string): Uint8Array | undefined {
  const bytes = decodeBase64(base64);
  return bytes?.length === 64 ? bytes : undefined;
}

/** OpenSSL's form of the public keys that were used last: making one costs half as much as a verification. */
const publicKeys = {
  most: 2_000,
  byBase64: new Map<string, KeyObject>(),

  /** Nothing for what is no 32 bytes in base64. */
  get(base64: string): KeyObject | undefined {
    const known = this.byBase64.get(base64);
    const key = known ?? importPublicKey(base64);
    if (key === undefined) return undefined;
    this.byBase64.delete(base64); // it goes to the end, as the youngest
    this.byBase64.set(base64, key);
    if (this.byBase64.size > this.most) this.byBase64.delete(this.byBase64.keys().next().value as string);
    return key;
  },
};

function importPublicKey(base64: string): KeyObject | undefined {
  const bytes = decodeBase64(base64);
  if (bytes?.length !== 32) return undefined;
  return createPublicKey({ key: Buffer.concat([publicPrefix, bytes]), format: 'der', type: 'spki' });
}
