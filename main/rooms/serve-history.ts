import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { forbidden, notFound } from '../../shared/matrix-error.ts';
import { redactedEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Rooms, StoredEvent } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';
import type { Visibility } from './visibility.ts';
import { walkBack } from './walk-back.ts';

/**
 * The history of our rooms, as other servers ask for it. All throw 404 `M_NOT_FOUND` for rooms and events that are not
 * here or not of that room, and 403 `M_FORBIDDEN` for servers that the room's ACL denies, or that are neither in the room
 * now nor may see the event.
 */
export interface ServedHistory {
  /** One event by its ID, outliers too. https://spec.matrix.org/v1.19/server-server-api/#retrieving-events */
  event(origin: ServerName, eventId: EventId): Promise<JsonObject>;
  /** The state *before* the event, and the auth chain of that state. Unknown for outliers: 404. */
  stateIds(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<StateIds>;
  /** https://spec.matrix.org/v1.19/server-server-api/#retrieving-event-authorisation-information */
  authChainIds(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<readonly EventId[]>;
  /**
   * The events of `from` and those before them, newest first in our topological order. Those that the server may not see
   * are redacted, not left out: the graph stays whole.
   * https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
   */
  backfill(origin: ServerName, roomId: RoomId, from: readonly EventId[], limit: number): Promise<readonly JsonObject[]>;
  /** What lies between `earliest` and `latest`, both left out, oldest first; redacted as in `backfill`. */
  missingEvents(origin: ServerName, roomId: RoomId, between: Between): Promise<readonly JsonObject[]>;
  /** The PDUs of what the others above have let out, in batches of a few milliseconds' work. Nothing is checked here. */
  pdus(eventIds: readonly EventId[]): Iterable<readonly JsonObject[]>;
}

export interface StateIds {
  readonly state: readonly EventId[];
  readonly authChain: readonly EventId[];
}

export interface Between {
  readonly earliest: readonly EventId[];
  readonly latest: readonly EventId[];
  readonly limit: number;
  readonly minDepth: number;
}

/** A server asks from its few extremities; one that names more gets an answer to these. */
const mostStarts = 100;

const batch = 100;

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'event' | 'events' | 'stateBefore' | 'servers' | 'authChain'>;
  readonly acls: ServerAcls;
  readonly visibility: Visibility;
}

export function serveHistory({ rooms, acls, visibility }: Needs): ServedHistory {
  /** Whether the server is in the room now. If not, it may still ask about events that it may see. */
  function enters(origin: ServerName, roomId: RoomId): boolean {
    if (rooms.info(roomId) === undefined) throw notFound(`${roomId} is not known here`);
    acls.check(roomId, origin);
    return rooms.servers(roomId).has(origin);
  }

  async function mayAsk(origin: ServerName, roomId: RoomId, events: readonly StoredEvent[]): Promise<void> {
    if (enters(origin, roomId)) return;
    const seen = await visibility.toServer(origin, events);
    if (seen.size === 0) throw forbidden(`${origin} is not in ${roomId}`);
  }

  async function eventOf(origin: ServerName, roomId: RoomId, eventId: EventId): Promise<StoredEvent> {
    const stored = rooms.event(eventId);
    const ofRoom = stored?.event.roomId === roomId ? stored : undefined;
    await mayAsk(origin, roomId, ofRoom === undefined ? [] : [ofRoom]);
    if (ofRoom === undefined) throw notFound(`${eventId} is not known here as an event of ${roomId}`);
    return ofRoom;
  }

  /** The history among these events, without outliers and other rooms' events. */
  const historyOf = (roomId: RoomId, eventIds: readonly EventId[]) =>
    rooms.events(eventIds.slice(0, mostStarts)).filter(({ event, outlier }) => event.roomId === roomId && !outlier);

  async function asSeenBy(origin: ServerName, events: readonly StoredEvent[]): Promise<readonly JsonObject[]> {
    const seen = await visibility.toServer(origin, events);
    return events.map(({ event }) => (seen.has(event.eventId) ? event : redactedEvent(event)).pdu);
  }

  return {
    async event(origin, eventId) {
      const stored = rooms.event(eventId);
      if (stored === undefined) throw notFound(`${eventId} is not known here`);
      const { event, outlier } = stored;
      const isThere = enters(origin, event.roomId);
      const seen = await visibility.toServer(origin, [stored]);
      if (seen.has(eventId)) return event.pdu;
      if (!isThere) throw forbidden(`${origin} is not in the room of ${eventId}`);
      // Of outliers there is nothing to judge by. Those that are state, a server in the room gets by /state as well.
      return (outlier && event.stateKey !== undefined ? event : redactedEvent(event)).pdu;
    },

    async stateIds(origin, roomId, eventId) {
      await eventOf(origin, roomId, eventId);
      const before = rooms.stateBefore(eventId);
      if (before === undefined) throw notFound(`The state before ${eventId} is not known here`);
      const state = [...before.entries()].map(([, id]) => id);
      return { state, authChain: [...(await rooms.authChain(state))] };
    },

    async authChainIds(origin, roomId, eventId) {
      await eventOf(origin, roomId, eventId);
      return [...(await rooms.authChain([eventId]))];
    },

    async backfill(origin, roomId, from, limit) {
      const starts = historyOf(roomId, from);
      await mayAsk(origin, roomId, starts);
      if (starts.length === 0) throw notFound(`None of these events is known here as history of ${roomId}`);
      return asSeenBy(origin, walkBack(rooms, starts, { limit, includeStarts: true }));
    },

    async missingEvents(origin, roomId, { earliest, latest, limit, minDepth }) {
      const starts = historyOf(roomId, latest);
      await mayAsk(origin, roomId, starts);
      const found = walkBack(rooms, starts, { limit, includeStarts: false, stopAt: new Set(earliest), minDepth });
      return asSeenBy(origin, found.reverse());
    },

    *pdus(eventIds) {
      for (let start = 0; start < eventIds.length; start += batch) {
        yield rooms.events(eventIds.slice(start, start + batch)).map(({ event }) => event.pdu);
      }
    },
  };
}
