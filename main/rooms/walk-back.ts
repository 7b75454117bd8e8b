import type { EventId } from '../../shared/ids.ts';
import type { Rooms, StoredEvent } from './rooms.ts';

interface Bounds {
  readonly limit: number;
  /** Whether the events that we walk from are part of the answer. */
  readonly includeStarts: boolean;
  /** Neither these nor what only they lead to. */
  readonly stopAt?: ReadonlySet<EventId>;
  /** Less deep events end the walk. By the depth that their senders state, which is what peers go by. */
  readonly minDepth?: number;
}

/**
 * Along `prev_events` from some events, newest first in our topological order: of several branches the newest event comes
 * first. Outliers are no history, so the walk ends there, as it does at what we do not have.
 */
export function walkBack(rooms: Pick<Rooms, 'events'>, starts: readonly StoredEvent[], bounds: Bounds): StoredEvent[] {
  const { limit, includeStarts, stopAt, minDepth = 0 } = bounds;
  const met = new Set<EventId>(starts.map(({ event }) => event.eventId));
  const isStart = new Set(met);
  const queue = [...starts].sort(oldestFirst);
  const found: StoredEvent[] = [];
  while (found.length < limit) {
    const newest = queue.pop();
    if (newest === undefined) break;
    if (includeStarts || !isStart.has(newest.event.eventId)) found.push(newest);
    const fresh = newest.event.prevEvents.filter((eventId) => !met.has(eventId) && stopAt?.has(eventId) !== true);
    for (const stored of rooms.events(fresh)) {
      const { event, outlier } = stored;
      if (met.has(event.eventId) || outlier || event.depth < minDepth || event.roomId !== newest.event.roomId) continue;
      met.add(event.eventId);
      queue.splice(placeIn(queue, stored), 0, stored);
    }
  }
  return found;
}

const oldestFirst = (one: StoredEvent, other: StoredEvent) =>
  one.topological - other.topological || (one.position ?? 0) - (other.position ?? 0);

/** By halving: the queue is in order. */
function placeIn(queue: readonly StoredEvent[], stored: StoredEvent): number {
  let low = 0;
  let high = queue.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = queue[middle];
    if (other !== undefined && oldestFirst(other, stored) <= 0) low = middle + 1;
    else high = middle;
  }
  return low;
}
