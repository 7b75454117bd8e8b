import type { TimelineQuery } from '../../shared/bridge.ts';
import type { EventId } from '../../shared/ids.ts';
import type { EventDetail, RemoteKeyStatus, TimelineRow } from '../../shared/views.ts';
import type { FlowLog } from '../inspector/flow-log.ts';
import { canonicalJson, writeJson } from '../protocol/canonical-json.ts';
import { BadEvent, eventIdOf, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { contentHash } from '../protocol/event-hash.ts';
import { isObject, type JsonObject, parseJson } from '../protocol/json.ts';
import type { StoredEvent } from '../rooms/rooms.ts';
import { summarise } from './event-summary.ts';
import type { FederationSources, KeyFacts, ParkedFacts, RoomsRead } from './sources.ts';

/** Events that wait, on top of a timeline: a room that lacks something may have thousands. */
const mostParked = 50;

/** A page of a room's timeline, newest first: all that came, or what clients see. On the first page also what waits. */
export async function roomTimeline(
  { rooms, roomReads }: FederationSources,
  log: FlowLog,
  query: TimelineQuery,
): Promise<readonly TimelineRow[]> {
  const { roomId, order, before, limit, refused, outliers } = query;
  const parked = before === undefined ? roomReads.parked(roomId, Math.min(mostParked, limit)) : [];
  const waiting = await Promise.all(parked.map((facts) => parkedRow(rooms, log, facts)));
  const ids = roomReads.timeline({ roomId, order, before, limit, refused, outliers });
  const rows = rooms.events(ids).map((stored) => timelineRow(rooms, stored));
  return [...waiting.filter((row) => row !== undefined), ...rows].slice(0, limit);
}

/** Nothing for a PDU that is none: it is parked until its room is known. */
async function parkedRow(rooms: RoomsRead, log: FlowLog, parked: ParkedFacts): Promise<TimelineRow | undefined> {
  const event = parkedEvent(rooms, parked);
  if (event === undefined) return undefined;
  const told = await log.outcomesOf(event.eventId);
  return {
    eventId: event.eventId,
    type: event.type,
    stateKey: event.stateKey,
    sender: event.sender,
    originServerTs: event.originServerTs,
    receivedTs: told.at(-1)?.ts ?? event.originServerTs,
    position: undefined,
    depth: event.depth,
    source: parked.source,
    outcome: 'parked',
    step: undefined,
    rule: undefined,
    reason: parked.reason,
    decidedBy: [],
    outlier: false,
    summary: summarise(event, undefined, false),
  };
}

function parkedEvent(rooms: RoomsRead, { roomId, pdu }: ParkedFacts): RoomEvent | undefined {
  const rules = rooms.info(roomId)?.rules;
  if (rules === undefined) return undefined;
  try {
    return parseEvent(parseJson(pdu).value, rules);
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}

function timelineRow(rooms: RoomsRead, stored: StoredEvent): TimelineRow {
  const { event, why } = stored;
  return {
    eventId: event.eventId,
    type: event.type,
    stateKey: event.stateKey,
    sender: event.sender,
    originServerTs: event.originServerTs,
    receivedTs: stored.receivedTs,
    position: stored.position,
    depth: event.depth,
    source: stored.source,
    outcome: stored.outcome,
    step: why?.step,
    rule: why?.rule,
    reason: why?.reason,
    decidedBy: why?.decidedBy ?? [],
    outlier: stored.outlier,
    summary: summarise(event, replacedBy(rooms, event), stored.redactedBy !== undefined),
  };
}

/** What an event replaced in the state: it says what a membership or a level was before. */
function replacedBy(rooms: RoomsRead, { type, stateKey, eventId }: RoomEvent): RoomEvent | undefined {
  const changes = type === 'm.room.member' || type === 'm.room.power_levels';
  return changes && stateKey !== undefined ? rooms.stateBefore(eventId)?.get(type, stateKey) : undefined;
}

/** One event opened, with its hashes computed anew. */
export async function eventDetail(
  { rooms, roomReads, keys }: FederationSources,
  log: FlowLog,
  eventId: EventId,
): Promise<EventDetail | undefined> {
  const stored = rooms.event(eventId);
  if (stored !== undefined) {
    return { ...timelineRow(rooms, stored), ...inside(stored.event, keys), redactedBy: stored.redactedBy };
  }
  const parked = roomReads.parkedEvent(eventId);
  const event = parked && parkedEvent(rooms, parked);
  const row = parked && (await parkedRow(rooms, log, parked));
  return event && row && { ...row, ...inside(event, keys), redactedBy: undefined };
}

function inside(event: RoomEvent, keys: KeyFacts): Omit<EventDetail, keyof TimelineRow | 'redactedBy'> {
  const { hashes } = event.pdu;
  const stated = isObject(hashes) ? hashes['sha256'] : undefined;
  return {
    roomId: event.roomId,
    json: writeJson(event.pdu),
    canonical: canonicalJson(event.pdu),
    prevEvents: event.prevEvents,
    authEvents: event.authEvents,
    contentHash: { stated: typeof stated === 'string' ? stated : undefined, computed: contentHash(event.pdu) },
    computedEventId: eventIdOf(event.pdu, event.rules),
    signatures: signaturesOf(event, keys),
  };
}

function signaturesOf({ pdu, originServerTs }: RoomEvent, keys: KeyFacts): EventDetail['signatures'] {
  const { signatures } = pdu;
  if (!isObject(signatures)) return [];
  return Object.entries(signatures).flatMap(([server, ofServer]) => {
    if (!isObject(ofServer)) return [];
    const known = keysOf(server, keys);
    return Object.keys(ofServer as JsonObject).map((keyId) => {
      const key = known.find((one) => one.keyId === keyId);
      return { server, keyId, key: key === undefined ? 'unknown' : validity(key, originServerTs) } as const;
    });
  });
}

type DatedKey = Pick<RemoteKeyStatus, 'keyId' | 'expiredTs'> & { readonly validUntilTs: number | undefined };

const keysOf = (server: string, keys: KeyFacts): readonly DatedKey[] =>
  server === keys.ownServer ? keys.own() : keys.of(server as RemoteKeyStatus['server']);

/** Whether the key was valid when the event says that it was sent. */
const validity = ({ expiredTs, validUntilTs }: DatedKey, ts: number) =>
  ts > (expiredTs ?? validUntilTs ?? Number.POSITIVE_INFINITY) ? 'expired' : 'known';
