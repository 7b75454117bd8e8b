import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { RemoteReply } from '../network/remote-servers.ts';
import { BadEvent, parseEvent, type RoomEvent, redactedEvent } from '../protocol/event.ts';
import { hasRightContentHash } from '../protocol/event-hash.ts';
import { isObject, type JsonValue, type Violation } from '../protocol/json.ts';
import { BadAnswer } from './ask-each.ts';
import { mergeSignatures } from './signatures.ts';

/** What a resident server answers to our join, as far as its form goes: nothing has been verified. */
export interface JoinReply {
  /** Our event, with the signatures that the resident server has added. */
  readonly join: RoomEvent;
  readonly state: readonly RoomEvent[];
  readonly authChain: readonly RoomEvent[];
  /** Events that were no events of this room. */
  readonly dropped: number;
}

/** The answer to our join is not one. */
export class BadJoinReply extends BadAnswer {
  override readonly name = 'BadJoinReply';
}

const batch = 50;

/**
 * Parses the answer to send_join, yielding to the loop: it can be a hundred megabytes. Events that are not of this room
 * are dropped, those with a wrong content hash redacted.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 *
 * @throws BadJoinReply
 */
export async function parseJoinReply(
  server: ServerName,
  { body, violations }: RemoteReply,
  join: RoomEvent,
): Promise<JoinReply> {
  if (!isObject(body)) throw new BadJoinReply('The answer to send_join is no object');
  if (body['members_omitted'] === true) throw new BadJoinReply('The answer to send_join leaves members out, unasked');
  const { state, auth_chain: authChain, event } = body;
  if (!Array.isArray(state) || !Array.isArray(authChain)) {
    throw new BadJoinReply('The answer to send_join has no state or no auth chain');
  }
  const known = new Map<EventId, RoomEvent>();
  const inState = await parseList(state, byIndex(violations, 'state'), join, known);
  const inChain = await parseList(authChain, byIndex(violations, 'auth_chain'), join, known);
  const create = inState.find(({ type, stateKey }) => type === 'm.room.create' && stateKey === '');
  if (create === undefined) throw new BadJoinReply('The state in the answer to send_join has no m.room.create');
  const version = create.content['room_version'] ?? '1';
  if (version !== join.rules.version) {
    throw new BadJoinReply(`The room has version ${String(version)}, not ${join.rules.version} as make_join said`);
  }
  return {
    join: withSignatureOf(server, join, event),
    state: inState,
    authChain: inChain,
    dropped: state.length + authChain.length - inState.length - inChain.length,
  };
}

async function parseList(
  pdus: readonly JsonValue[],
  violations: ReadonlyMap<number, readonly Violation[]>,
  { rules, roomId }: RoomEvent,
  known: Map<EventId, RoomEvent>,
): Promise<readonly RoomEvent[]> {
  const events = new Map<EventId, RoomEvent>();
  for (const [index, pdu] of pdus.entries()) {
    if (index % batch === batch - 1) await new Promise(setImmediate);
    const event = parsed(pdu, rules, violations.get(index) ?? []);
    if (event === undefined || !isOfRoom(event, roomId)) continue;
    const sameAsBefore = known.get(event.eventId); // most of the auth chain is in the state, too
    const usable = sameAsBefore ?? (hasRightContentHash(event.pdu) ? event : redactedEvent(event));
    known.set(event.eventId, usable);
    events.set(event.eventId, usable);
  }
  return [...events.values()];
}

const isOfRoom = (event: RoomEvent, roomId: RoomId) => event.roomId === roomId;

function parsed(pdu: JsonValue, rules: RoomEvent['rules'], violations: readonly Violation[]): RoomEvent | undefined {
  try {
    return parseEvent(pdu, rules, violations);
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}

/** Sorted out once: a hostile answer may have as many violations as events. */
function byIndex(violations: readonly Violation[], list: string): ReadonlyMap<number, readonly Violation[]> {
  const found = new Map<number, Violation[]>();
  for (const { kind, path } of violations) {
    const [name, index, ...rest] = path;
    if (name !== list || typeof index !== 'number') continue;
    const before = found.get(index) ?? [];
    before.push({ kind, path: rest });
    found.set(index, before);
  }
  return found;
}

/** The resident server signs restricted joins. Nothing else of its copy is taken, for it is our event. */
function withSignatureOf(server: ServerName, join: RoomEvent, copy: JsonValue | undefined): RoomEvent {
  const theirs = parsed(copy ?? null, join.rules, []);
  if (theirs?.eventId !== join.eventId) return join;
  return { ...join, pdu: mergeSignatures(join, theirs.pdu, new Set([server])) };
}
