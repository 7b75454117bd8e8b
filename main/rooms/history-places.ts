import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { EventStore } from './event-store.ts';
import type { Tables } from './tables.ts';

/** Where an event of the past goes in a room's history. */
export interface HistoryPlace {
  readonly position: number;
  readonly topological: number;
}

/** `oldestFirst`: events of one backfill; `room`: its number. */
export type PlacesFor = (oldestFirst: readonly RoomEvent[], room: number) => ReadonlyMap<EventId, HistoryPlace>;

const everything = [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER] as const;
/** Depths are a stranger's word. */
const farthest = 1_000_000_000;

/**
 * Events of the past go before what cites them, in our topological order, and before all that the room has by position.
 * So the newest of them is placed first.
 */
export function createPlacesFor({ events, edges, eventIds }: Tables, store: EventStore): PlacesFor {
  /** What nothing cites that is here stands alone, until the gap is filled: about as far back as its depth says. */
  const placeOfLone = ({ depth }: RoomEvent, room: number): number => {
    const [oldest] = events.page(room, [Number.MIN_SAFE_INTEGER, 0], everything, 'end', 1);
    const record = oldest === undefined ? undefined : store.at(oldest);
    return record === undefined ? 0 : record.topological - Math.min(Math.max(record.depth - depth, 1), farthest);
  };

  return (oldestFirst, room) => {
    const places = new Map<EventId, HistoryPlace>();
    const lowestCiter = new Map<EventId, number>(); // by topological position
    let position = events.oldestPosition(room);
    for (const event of [...oldestFirst].reverse()) {
      const { eventId, prevEvents } = event;
      const id = eventIds.find(eventId);
      const here = id === undefined ? [] : edges.citersOf(id).map((citer) => store.at(citer)?.topological ?? 0);
      const lowest = Math.min(...here, lowestCiter.get(eventId) ?? Number.POSITIVE_INFINITY);
      const topological = Number.isFinite(lowest) ? lowest - 1 : placeOfLone(event, room);
      position--;
      places.set(eventId, { topological, position });
      for (const prev of prevEvents) {
        lowestCiter.set(prev, Math.min(topological, lowestCiter.get(prev) ?? Number.POSITIVE_INFINITY));
      }
    }
    return places;
  };
}
