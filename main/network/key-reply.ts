import type { ServerName } from '../../shared/ids.ts';
import type { NewKeys } from '../db/server-keys.ts';
import { decodeBase64 } from '../protocol/base64.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { signatureOf, signedJson, verifySignature } from '../protocol/signing.ts';

/** Keys that can be used: Ed25519, with the grammar of https://spec.matrix.org/v1.19/server-server-api/#publishing-keys */
export const isKeyId = (text: string): boolean => /^ed25519:[A-Za-z0-9_]{1,255}$/.test(text);

/** More than any server has had: what is over it is not read. */
const mostKeys = 100;

/**
 * What a server says of its keys, from itself or by a notary; or a sentence that says why it is not believed. Each verify
 * key must have signed the reply: who does not hold a key cannot show it as theirs. Those that did not are left out.
 */
export function readKeyReply(server: ServerName, reply: JsonValue | undefined): NewKeys | string {
  if (!isObject(reply)) return 'it is no JSON object';
  if (reply['server_name'] !== server) return `it is of ${JSON.stringify(reply['server_name'])}`;
  const validUntilTs = reply['valid_until_ts'];
  if (typeof validUntilTs !== 'number' || validUntilTs < 0) return 'it has no valid_until_ts';
  const message = signedJson(reply);
  const current: NewKeys['current'][number][] = [];
  for (const [keyId, entry] of entriesOf(reply['verify_keys'])) {
    const publicKey = publicKeyOf(entry);
    const signature = signatureOf(reply, server, keyId);
    if (!isKeyId(keyId) || publicKey === undefined || signature === undefined) continue;
    if (verifySignature(publicKey, message, signature)) current.push({ keyId, publicKey });
  }
  if (current.length === 0) return 'none of its verify keys has signed it';
  const old: NewKeys['old'][number][] = [];
  for (const [keyId, entry] of entriesOf(reply['old_verify_keys'])) {
    const publicKey = publicKeyOf(entry);
    const expiredTs = isObject(entry) ? entry['expired_ts'] : undefined;
    const isCurrent = current.some((key) => key.keyId === keyId && key.publicKey === publicKey);
    if (!isKeyId(keyId) || publicKey === undefined || typeof expiredTs !== 'number' || isCurrent) continue;
    old.push({ keyId, publicKey, expiredTs });
  }
  return { server, validUntilTs, current, old, reply: writeJson(withOwnSignatures(reply, server)) };
}

const entriesOf = (value: JsonValue | undefined) => (isObject(value) ? Object.entries(value).slice(0, mostKeys) : []);

/** The key as canonical unpadded base64, so that it compares; nothing for what is no 32 bytes. */
function publicKeyOf(entry: JsonValue): string | undefined {
  const text = isObject(entry) ? entry['key'] : undefined;
  const bytes = typeof text === 'string' ? decodeBase64(text) : undefined;
  return bytes?.length === 32 ? Buffer.from(bytes).toString('base64').slice(0, 43) : undefined;
}

/** Signatures of notaries on the way are left behind. */
function withOwnSignatures({ unsigned, ...reply }: JsonObject, server: ServerName): JsonObject {
  const signatures = isObject(reply['signatures']) ? reply['signatures'][server] : undefined;
  return { ...reply, signatures: { [server]: signatures ?? {} } };
}
