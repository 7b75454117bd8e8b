import { canonicalJson } from '../protocol/canonical-json.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { referenceHash } from '../protocol/event-hash.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';

const maxEventBytes = 65_536;

/**
 * The PDU with the signatures of servers that `other` has besides: one event may reach us signed by its sender's server
 * only, and again by the invitee's, the resident or the policy server. Nothing else of `other` is taken, and what is there
 * stays. The very same object comes back where there is nothing new, or no room for it.
 *
 * `by`: only those of these servers, since anyone could add what is no signature at all.
 */
export function mergeSignatures(event: RoomEvent, other: JsonObject, by?: ReadonlySet<string>): JsonObject {
  const { pdu } = event;
  const ours = signaturesIn(pdu);
  const fresh = newSigners(pdu, other).filter((server) => by?.has(server) ?? true);
  if (fresh.length === 0 || !isSameEvent(event, other)) return pdu;
  const theirs = signaturesIn(other);
  const signatures = { ...ours, ...Object.fromEntries(fresh.map((server) => [server, theirs[server] as JsonObject])) };
  const merged = { ...pdu, signatures };
  return Buffer.byteLength(canonicalJson(merged)) > maxEventBytes ? pdu : merged;
}

/** Servers that have signed `other`, as it says, and not `pdu`. */
export function newSigners(pdu: JsonObject, other: JsonObject): readonly string[] {
  const ours = signaturesIn(pdu);
  const theirs = signaturesIn(other);
  return Object.keys(theirs).filter((server) => !Object.hasOwn(ours, server) && isObject(theirs[server]));
}

/** In room versions 1 and 2 two events may have one ID, if their server so wants. */
const isSameEvent = ({ pdu, rules }: RoomEvent, other: JsonObject) =>
  rules.eventIdFormat !== 'serverGiven' || referenceHash(pdu, rules) === referenceHash(other, rules);

function signaturesIn({ signatures }: JsonObject): JsonObject {
  return isObject(signatures) ? signatures : {};
}
