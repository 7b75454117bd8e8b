import type { TimelineQuery } from '../../shared/bridge.ts';
import type { EventId } from '../../shared/ids.ts';
import type { EventDetail, RemoteKeyStatus, TimelineRow } from '../../shared/views.ts';
import { canonicalJson, writeJson } from '../protocol/canonical-json.ts';
import { eventIdOf, type RoomEvent } from '../protocol/event.ts';
import { contentHash } from '../protocol/event-hash.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import type { StoredEvent } from '../rooms/rooms.ts';
import { summarise } from './event-summary.ts';
import type { FederationSources, KeyFacts, RoomsRead } from './sources.ts';

/** A page of a room's timeline, newest first: all that came, or what clients see. */
export function roomTimeline({ rooms, roomReads }: FederationSources, query: TimelineQuery): readonly TimelineRow[] {
  const { roomId, order, before, limit, refused, outliers } = query;
  const ids = roomReads.timeline({ roomId, order, before, limit, refused, outliers });
  return rooms.events(ids).map((stored) => timelineRow(rooms, stored));
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
export function eventDetail({ rooms, keys }: FederationSources, eventId: EventId): EventDetail | undefined {
  const stored = rooms.event(eventId);
  if (stored === undefined) return undefined;
  const { event } = stored;
  const { hashes } = event.pdu;
  const stated = isObject(hashes) ? hashes['sha256'] : undefined;
  return {
    ...timelineRow(rooms, stored),
    roomId: event.roomId,
    json: writeJson(event.pdu),
    canonical: canonicalJson(event.pdu),
    prevEvents: event.prevEvents,
    authEvents: event.authEvents,
    contentHash: { stated: typeof stated === 'string' ? stated : undefined, computed: contentHash(event.pdu) },
    computedEventId: eventIdOf(event.pdu, event.rules),
    signatures: signaturesOf(event, keys),
    redactedBy: stored.redactedBy,
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
