import { createHash } from 'node:crypto';
import { decodeBase64 } from './base64.ts';
import { canonicalJson } from './canonical-json.ts';
import { isObject, type JsonObject } from './json.ts';
import { redact } from './redaction.ts';
import type { RoomVersionRules } from './room-versions.ts';

const sha256 = (message: string) => createHash('sha256').update(message, 'utf8').digest();

/**
 * The SHA-256 of the whole PDU, as it stands in `hashes`: unpadded standard base64.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-content-hash-for-an-event
 */
export const contentHash = (pdu: JsonObject): string => unpadded(hashOfContent(pdu));

/** Whether the hash that the PDU states is that of its content. If not, we have been given a redacted copy. */
export function hasRightContentHash(pdu: JsonObject): boolean {
  const { hashes } = pdu;
  const stated = isObject(hashes) ? hashes['sha256'] : undefined;
  const decoded = typeof stated === 'string' ? decodeBase64(stated) : undefined;
  return decoded !== undefined && hashOfContent(pdu).equals(decoded);
}

function hashOfContent(pdu: JsonObject): Buffer {
  const { hashes, signatures, unsigned, ...covered } = pdu;
  return sha256(canonicalJson(covered));
}

/**
 * What signatures and the reference hash of an event cover: the redacted PDU without `signatures` and `unsigned`.
 * https://spec.matrix.org/v1.19/server-server-api/#signing-events
 */
export function coveredJson(pdu: JsonObject, rules: RoomVersionRules): string {
  const { signatures, unsigned, ...covered } = redact(pdu, rules);
  return canonicalJson(covered);
}

/**
 * The SHA-256 of the redacted PDU, of which event IDs are made: unpadded base64, URL-safe since
 * room version 4. In versions 1 and 2 it stands beside each ID in `prev_events` and `auth_events`.
 * https://spec.matrix.org/v1.19/server-server-api/#calculating-the-reference-hash-for-an-event
 */
export function referenceHash(pdu: JsonObject, rules: RoomVersionRules): string {
  const hash = sha256(coveredJson(pdu, rules));
  return rules.eventIdFormat === 'urlSafeHash' ? hash.toString('base64url') : unpadded(hash);
}

const unpadded = (hash: Buffer) => hash.toString('base64').slice(0, 43); // of 32 bytes: 43 digits and one `=`
