import { canonicalJson } from '../protocol/canonical-json.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { referenceHash } from '../protocol/event-hash.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';

const maxEventBytes = 65_536;

/**
 * The PDU with the signatures that `other` has besides: one event may reach us signed by its sender's server only, and
 * again by the invitee's, the resident or the policy server. Nothing else of `other` is taken, and what is there stays.
 * The very same object comes back where there is nothing new, or no room for it.
 *
 * `by`: only those of these servers, since anyone could add what is no signature at all.
 */
export function mergeSignatures(event: RoomEvent, other: JsonObject, by?: ReadonlySet<string>): JsonObject {
  const { pdu } = event;
  const merged = new Map(Object.entries(signaturesIn(pdu)));
  let isNew = false;
  for (const [server, theirs] of Object.entries(signaturesIn(other))) {
    if (!isObject(theirs) || by?.has(server) === false) continue;
    const ours = merged.get(server);
    const fresh = Object.entries(theirs).filter(([keyId]) => !isObject(ours) || !Object.hasOwn(ours, keyId));
    if (fresh.length === 0) continue;
    merged.set(server, Object.fromEntries([...(isObject(ours) ? Object.entries(ours) : []), ...fresh]));
    isNew = true;
  }
  if (!isNew || !isSameEvent(event, other)) return pdu;
  const signed = { ...pdu, signatures: Object.fromEntries(merged) };
  return Buffer.byteLength(canonicalJson(signed)) > maxEventBytes ? pdu : signed;
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
