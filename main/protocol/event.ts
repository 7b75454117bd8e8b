import {
  type EventId,
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import { canonicalJson } from './canonical-json.ts';
import { referenceHash } from './event-hash.ts';
import { hasLoneSurrogate, isObject, type JsonObject, type JsonValue, RawNumber, type Violation } from './json.ts';
import { redact } from './redaction.ts';
import type { RoomVersionRules } from './room-versions.ts';

/** An event as every layer above the wire sees it. `pdu` is the exact object that hashes and signatures cover. */
export interface RoomEvent {
  readonly eventId: EventId;
  readonly roomId: RoomId; // for a version 12 create event made from its own ID
  readonly type: string;
  readonly stateKey: string | undefined; // none for message events
  readonly sender: UserId;
  readonly origin: ServerName; // the sender's server
  readonly content: JsonObject;
  readonly depth: number; // as the wire says, clamped to 0 … 2^63-1 as far as numbers go; never trusted
  readonly originServerTs: number;
  readonly prevEvents: readonly EventId[]; // as on the wire, repetitions and all
  readonly authEvents: readonly EventId[]; // in version 12 without the create event
  /** Which event it redacts: from the top level, since version 11 from the content. */
  readonly redacts: EventId | undefined;
  readonly rules: RoomVersionRules;
  readonly pdu: JsonObject; // without `unsigned`
}

/** The event does not have the format of its room version, and is dropped. The message is a sentence that says why. */
export class BadEvent extends Error {
  override readonly name = 'BadEvent';
}

/**
 * Checks the format of a PDU, which is the first of the checks on receipt, and computes its ID. Takes the violations
 * that `parseJson` noted in it (`violationsUnder`). What is dropped first is `unsigned`: each server writes its own.
 *
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu, and "Event format" of each room version
 *
 * @throws BadEvent
 */
export function parseEvent(pdu: JsonValue, rules: RoomVersionRules, violations: readonly Violation[] = []): RoomEvent {
  if (!isObject(pdu)) throw new BadEvent('The event is not an object.');
  const covered = withoutUnsigned(pdu);
  checkViolations(violations, rules);
  checkSize(covered, rules);

  const type = keyString(covered, 'type');
  const stateKey = covered['state_key'] === undefined ? undefined : keyString(covered, 'state_key');
  const sender = parseUserId(string(covered, 'sender'));
  if (sender === undefined) throw new BadEvent('`sender` is not a user ID.');
  const content = object(covered, 'content');
  const depth = integer(covered, 'depth');
  if (depth > 2 ** 63) throw new BadEvent('`depth` is above 2^63 - 1.');
  const originServerTs = integer(covered, 'origin_server_ts');
  string(object(covered, 'hashes'), 'sha256');
  object(covered, 'signatures');
  const prevEvents = eventIds(covered, 'prev_events', maxPrevEvents, rules);
  const authEvents = eventIds(covered, 'auth_events', maxAuthEvents, rules);

  const isCreate = type === 'm.room.create' && stateKey === '';
  const givenRoomId = rules.roomIdIsCreateHash && isCreate ? noRoomId(covered) : roomId(covered, rules);
  if (rules.roomIdIsCreateHash && authEvents.some((id) => id.slice(1) === givenRoomId?.slice(1))) {
    throw new BadEvent('`auth_events` has the create event, which the room ID stands for.');
  }
  const eventId = eventIdOf(covered, rules);
  return {
    eventId,
    roomId: givenRoomId ?? (`!${eventId.slice(1)}` as RoomId),
    type,
    stateKey,
    sender,
    origin: serverNameOf(sender),
    content,
    depth: Math.min(Math.max(depth, 0), maxDepth),
    originServerTs,
    prevEvents,
    authEvents,
    redacts: redactedId(covered, content, rules),
    rules,
    pdu: covered,
  };
}

/**
 * The ID of an event: what it says itself in room versions 1 and 2, its reference hash since.
 * https://spec.matrix.org/v1.19/rooms/v4/#event-ids
 *
 * @throws BadEvent in room versions 1 and 2
 */
export function eventIdOf(pdu: JsonObject, rules: RoomVersionRules): EventId {
  if (rules.eventIdFormat !== 'serverGiven') return `$${referenceHash(pdu, rules)}` as EventId;
  const id = parseEventId(string(pdu, 'event_id'));
  if (id === undefined || serverNameOf(id) === undefined) throw new BadEvent('`event_id` is not an ID with a server.');
  return id;
}

/** The event as everyone else sees it once it is redacted. ID and signatures stay right. */
export function redactedEvent(event: RoomEvent): RoomEvent {
  const pdu = redact(event.pdu, event.rules);
  const content = object(pdu, 'content');
  return { ...event, content, redacts: redactedId(pdu, content, event.rules), pdu };
}

// https://spec.matrix.org/v1.19/client-server-api/#size-limits
const maxEventBytes = 65_536;
const maxKeyBytes = 255;
// "Must contain less than or equal to …": https://spec.matrix.org/v1.19/rooms/v12/#event-format-1
const maxPrevEvents = 20;
const maxAuthEvents = 10;
/** The highest double below 2^63, where SQLite's integers end. */
const maxDepth = 2 ** 63 - 1024;

function withoutUnsigned(pdu: JsonObject): JsonObject {
  if (pdu['unsigned'] === undefined) return pdu;
  const { unsigned, ...rest } = pdu;
  return rest;
}

function checkViolations(violations: readonly Violation[], rules: RoomVersionRules) {
  if (!rules.strictCanonicalJson) return;
  const found = violations.find(({ path }) => path[0] !== 'unsigned');
  if (found === undefined) return;
  throw new BadEvent(`The event has what canonical JSON forbids: ${found.kind} at ${brief(found.path.join('.'))}.`);
}

/** 65,536 bytes of canonical JSON, signatures included. Counted only where its length in UTF-16 does not tell. */
function checkSize(pdu: JsonObject, rules: RoomVersionRules) {
  const units = unescapedLength(pdu, rules);
  if (6 * units <= maxEventBytes) return; // a unit takes six bytes at most (`\u0000`), and one at least
  if (units <= maxEventBytes && Buffer.byteLength(canonicalJson(pdu)) <= maxEventBytes) return;
  throw new BadEvent(`The event has more than ${maxEventBytes} bytes.`);
}

/** How long canonical JSON would be if nothing had to be escaped. Refuses on the way what it cannot say at all. */
function unescapedLength(value: JsonValue, rules: RoomVersionRules): number {
  if (typeof value === 'string') return quotedLength(value);
  if (value === null || typeof value === 'boolean') return value === false ? 5 : 4;
  if (typeof value === 'number' || value instanceof RawNumber) return numberLength(value, rules);
  let units = 1; // the bracket at the end; before each member stands a comma or the other bracket
  if (isObject(value)) {
    for (const key of Object.keys(value)) units += quotedLength(key) + unescapedLength(value[key] ?? null, rules) + 2;
  } else for (const item of value) units += unescapedLength(item, rules) + 1;
  return Math.max(units, 2);
}

function quotedLength(text: string): number {
  if (hasLoneSurrogate(text)) throw new BadEvent('The event has half a character, a lone surrogate.');
  return text.length + 2;
}

function numberLength(number: number | RawNumber, rules: RoomVersionRules): number {
  const isCanonical = number instanceof RawNumber ? !rules.strictCanonicalJson : Number.isSafeInteger(number);
  if (!isCanonical) {
    const written = number instanceof RawNumber ? number.lexeme : String(number);
    throw new BadEvent(`The event has a number that canonical JSON forbids: ${brief(written)}.`);
  }
  return canonicalJson(number).length;
}

/** What others wrote, short enough for a sentence of ours. */
const brief = (text: string) => (text.length > 100 ? `${text.slice(0, 99)}…` : text);

function string(from: JsonObject, key: string): string {
  const value = from[key];
  if (typeof value !== 'string') throw new BadEvent(`\`${key}\` is not a string.`);
  return value;
}

/** What state is found by: bounded, and without NUL, which `StateKey` needs for itself. */
function keyString(from: JsonObject, key: string): string {
  const value = string(from, key);
  if (!fitsIn(value, maxKeyBytes)) throw new BadEvent(`\`${key}\` has more than ${maxKeyBytes} bytes.`);
  if (value.includes('\0')) throw new BadEvent(`\`${key}\` has a NUL.`);
  return value;
}

const fitsIn = (text: string, bytes: number) => text.length * 3 <= bytes || Buffer.byteLength(text) <= bytes;

function object(from: JsonObject, key: string): JsonObject {
  const value = from[key];
  if (!isObject(value)) throw new BadEvent(`\`${key}\` is not an object.`);
  return value;
}

/** Before room version 6, integers may be longer than JavaScript's. They are rounded. */
function integer(from: JsonObject, key: string): number {
  const value = from[key];
  if (typeof value === 'number') return value;
  if (value instanceof RawNumber && /^-?[0-9]+$/.test(value.lexeme)) return Number(value.lexeme);
  throw new BadEvent(`\`${key}\` is not an integer.`);
}

/** IDs alone, or in room versions 1 and 2 pairs of an ID and its hashes, of which the hashes tell nothing. */
function eventIds(from: JsonObject, key: string, most: number, rules: RoomVersionRules): readonly EventId[] {
  const list = from[key];
  if (!Array.isArray(list)) throw new BadEvent(`\`${key}\` is not an array.`);
  if (list.length > most) throw new BadEvent(`\`${key}\` has ${list.length} events, and ${most} is the most.`);
  return list.map((item: JsonValue) => {
    const id = rules.eventIdFormat === 'serverGiven' ? idOfPair(item) : item;
    if (!isEventReference(id)) throw new BadEvent(`\`${key}\` has an entry that is not an event ID.`);
    return id;
  });
}

function idOfPair(pair: JsonValue): JsonValue | undefined {
  return Array.isArray(pair) && pair.length === 2 && isObject(pair[1]) ? (pair[0] as JsonValue) : undefined;
}

/** No more than this is asked of the IDs of others: one that nobody can have is simply never found. */
const isEventReference = (id: JsonValue | undefined): id is EventId =>
  typeof id === 'string' && id.startsWith('$') && fitsIn(id, maxKeyBytes) && !id.includes('\0');

function roomId(pdu: JsonObject, rules: RoomVersionRules): RoomId {
  const id = parseRoomId(string(pdu, 'room_id'));
  if (id === undefined || (serverNameOf(id) === undefined) !== rules.roomIdIsCreateHash) {
    throw new BadEvent(`\`room_id\` is not a room ID of version ${rules.version}.`);
  }
  return id;
}

function noRoomId(pdu: JsonObject): undefined {
  if (pdu['room_id'] !== undefined) throw new BadEvent('A create event has no `room_id`: its ID is made of the event.');
}

function redactedId(pdu: JsonObject, content: JsonObject, rules: RoomVersionRules): EventId | undefined {
  if (pdu['type'] !== 'm.room.redaction') return undefined;
  const id = rules.redactsInContent ? content['redacts'] : pdu['redacts'];
  return isEventReference(id) ? id : undefined;
}
