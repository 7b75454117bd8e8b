import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { badJson, MatrixError, tooLarge } from '../../shared/matrix-error.ts';
import { neededAuthEvents } from '../protocol/auth-events.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { BadEvent, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { referenceHash } from '../protocol/event-hash.ts';
import { signEvent } from '../protocol/event-signing.ts';
import { isObject, type JsonObject, type JsonValue, RawNumber } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { SigningKey } from '../protocol/signing.ts';
import { type AuthState, splitStateKey } from '../protocol/state-map.ts';
import type { EventDraft } from './rooms.ts';

/** Where in a room an event is to stand. */
export interface EventPlace {
  readonly roomId: RoomId | undefined; // none for the create event of a version 12 room
  readonly rules: RoomVersionRules;
  readonly state: AuthState; // before it
  readonly prevEvents: readonly RoomEvent[];
}

export interface EventSigner {
  readonly serverName: ServerName;
  /** The one that signs now: it may change while we run. */
  readonly signingKey: () => SigningKey;
  readonly now: () => number;
  readonly randomId: () => string;
}

// https://spec.matrix.org/v1.19/client-server-api/#size-limits
const maxEventBytes = 65_536;
const maxKeyBytes = 255;
const maxDepth = Number.MAX_SAFE_INTEGER;

/**
 * The PDU of a draft as make_join and its like give it out: without hashes and signatures.
 *
 * @throws MatrixError 400 `M_BAD_JSON` for what canonical JSON forbids, 413 `M_TOO_LARGE` for a type or state key
 */
export function unsignedPdu(draft: EventDraft, place: EventPlace, signer: EventSigner): JsonObject {
  const { roomId, rules, state, prevEvents } = place;
  const { type, sender, stateKey } = draft;
  const content = withRedacts(draft, rules);
  refuseBadNumbers(content);
  if (Buffer.byteLength(type) > maxKeyBytes || Buffer.byteLength(stateKey ?? '') > maxKeyBytes) {
    throw tooLarge(`A type or state key has more than ${maxKeyBytes} bytes.`);
  }
  const authEvents = neededAuthEvents({ type, stateKey, sender, content, rules })
    .map((key) => state.get(...splitStateKey(key)))
    .filter((event) => event !== undefined);
  const depth = Math.min(maxDepth, 1 + prevEvents.reduce((deepest, event) => Math.max(deepest, event.depth), 0));
  const pdu: JsonObject = {
    type,
    sender,
    content,
    depth,
    origin_server_ts: draft.originServerTs ?? signer.now(),
    prev_events: prevEvents.map((event) => referenceTo(event)),
    auth_events: authEvents.map((event) => referenceTo(event)),
    ...(roomId !== undefined && { room_id: roomId }),
    ...(stateKey !== undefined && { state_key: stateKey }),
    ...(draft.origin !== undefined && { origin: draft.origin }),
    ...(draft.redacts !== undefined && !rules.redactsInContent && { redacts: draft.redacts }),
    ...(rules.eventIdFormat === 'serverGiven' && { event_id: `$${signer.randomId()}:${signer.serverName}` }),
  };
  return pdu;
}

/** @throws MatrixError 413 `M_TOO_LARGE` */
export function refuseTooLarge(pdu: JsonObject): void {
  const bytes = Buffer.byteLength(canonicalJson(pdu));
  if (bytes > maxEventBytes) throw tooLarge(`The event has ${bytes} bytes, and ${maxEventBytes} is the most.`);
}

/**
 * An event of ours, hashed and signed. Whether it is allowed is not asked here.
 *
 * @throws MatrixError 400 `M_BAD_JSON`, 413 `M_TOO_LARGE`
 */
export function buildEvent(draft: EventDraft, place: EventPlace, signer: EventSigner): RoomEvent {
  const { serverName, signingKey } = signer;
  const pdu = signEvent(unsignedPdu(draft, place, signer), place.rules, serverName, signingKey());
  return parseOwn(pdu, place.rules);
}

/** What we have made ourselves can only be wrong by what the client gave us. */
function parseOwn(pdu: JsonObject, rules: RoomVersionRules): RoomEvent {
  try {
    return parseEvent(pdu, rules);
  } catch (error) {
    if (!(error instanceof BadEvent)) throw error;
    refuseTooLarge(pdu);
    throw new MatrixError(400, 'M_BAD_JSON', error.message, { cause: error });
  }
}

/** Since room version 11 `redacts` stands in the content. */
const withRedacts = ({ content, redacts }: EventDraft, rules: RoomVersionRules): JsonObject =>
  redacts !== undefined && rules.redactsInContent ? { ...content, redacts } : content;

/** In room versions 1 and 2 the hash of the event stands beside its ID. */
function referenceTo({ eventId, pdu, rules }: RoomEvent): EventId | [EventId, JsonObject] {
  return rules.eventIdFormat === 'serverGiven' ? [eventId, { sha256: referenceHash(pdu, rules) }] : eventId;
}

/** Our own events are strict in every room version, as the clients of today expect. */
function refuseBadNumbers(value: JsonValue): void {
  if (value instanceof RawNumber || (typeof value === 'number' && !Number.isSafeInteger(value))) {
    const written = value instanceof RawNumber ? value.lexeme : value;
    throw badJson(`Events have integers of up to 2^53 - 1 only, and no ${written}.`);
  }
  if (Array.isArray(value)) value.forEach(refuseBadNumbers);
  else if (isObject(value)) for (const key of Object.keys(value)) refuseBadNumbers(value[key] ?? null);
}
