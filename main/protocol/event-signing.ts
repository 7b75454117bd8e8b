import { parseUserId, type ServerName, serverNameOf } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';
import { contentHash, coveredJson } from './event-hash.ts';
import { isObject, type JsonObject } from './json.ts';
import type { RoomVersionRules } from './room-versions.ts';
import { type SigningKey, withSignature } from './signing.ts';

/**
 * A PDU of ours made ready: hashed, redacted, signed, and the signature put on the whole. `hashes` are computed anew;
 * signatures that it has stay.
 *
 * https://spec.matrix.org/v1.19/server-server-api/#adding-hashes-and-signatures-to-outgoing-events
 */
export function signEvent(
  pdu: JsonObject,
  rules: RoomVersionRules,
  serverName: ServerName,
  key: SigningKey,
): JsonObject {
  return cosignEvent({ ...pdu, hashes: { sha256: contentHash(pdu) } }, rules, serverName, key);
}

/** Our signature on an event that another server has made: a restricted join through us, or an invite that reaches us. */
export function cosignEvent(
  pdu: JsonObject,
  rules: RoomVersionRules,
  serverName: ServerName,
  key: SigningKey,
): JsonObject {
  return withSignature(pdu, serverName, key.keyId, key.sign(coveredJson(pdu, rules)));
}

/** The bytes that the signatures of an event cover, whether we have it whole or redacted. */
export const eventMessage = (pdu: JsonObject, rules: RoomVersionRules): Buffer =>
  Buffer.from(coveredJson(pdu, rules), 'utf8');

/**
 * The servers that must have signed an event, or it is dropped: the sender's, and in room versions 1 and 2 the one that
 * made the event ID. An invite by third-party identifier may come from any server in the place of the sender's. Whose
 * hash is wrong is asked about again once it is redacted: until room version 10 it is no third-party invite then, and
 * somebody else could have made it up.
 *
 * https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events
 */
export function requiredSigners(event: RoomEvent): readonly ServerName[] {
  const signers = new Set<ServerName>();
  if (!isThirdPartyInvite(event)) signers.add(event.origin);
  if (event.rules.eventIdFormat === 'serverGiven') {
    const maker = serverNameOf(event.eventId);
    if (maker !== undefined) signers.add(maker);
  }
  return [...signers];
}

const isThirdPartyInvite = ({ type, content }: RoomEvent) =>
  type === 'm.room.member' && content['membership'] === 'invite' && isObject(content['third_party_invite']);

/**
 * The server that let the user into a restricted room. That its signature is there is an auth rule, not a condition of
 * receipt. Nothing where the event names nobody, or nobody who can be.
 *
 * https://spec.matrix.org/v1.19/rooms/v8/#authorisation-rules
 */
export function authorisingServer({ type, content, rules }: RoomEvent): ServerName | undefined {
  if (!rules.restricted || type !== 'm.room.member') return undefined;
  const via = content['join_authorised_via_users_server'];
  const user = typeof via === 'string' ? parseUserId(via) : undefined;
  return user && serverNameOf(user);
}
