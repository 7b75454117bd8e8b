import type { RoomId } from '../../shared/ids.ts';
import type { Rooms, StoredEvent } from '../rooms/rooms.ts';

/** The newest events of a room that somebody wants and may see. */
export interface Timeline {
  readonly events: readonly StoredEvent[]; // oldest first
  /** Whether there is more in the range than was asked for. */
  readonly limited: boolean;
  /** Where the timeline begins: the first event of it, or the oldest that was looked at. */
  readonly start: StoredEvent | undefined;
}

/** Looks so often for more where a filter leaves little. */
const maxRounds = 10;
const leastPerRound = 20;

export function recentEvents(
  rooms: Pick<Rooms, 'arrived'>,
  roomId: RoomId,
  range: { readonly after: number; readonly upTo: number; readonly limit: number },
  keep: (events: readonly StoredEvent[]) => readonly StoredEvent[],
): Timeline {
  const { after, limit } = range;
  let upTo = range.upTo;
  let kept: readonly StoredEvent[] = [];
  let start: StoredEvent | undefined;
  let isMore = true;
  for (let round = 0; isMore && (kept.length < limit || round === 0) && round < maxRounds; round++) {
    const { events, limited } = rooms.arrived(roomId, { after, upTo, limit: Math.max(limit, leastPerRound) });
    kept = [...keep(events), ...kept];
    isMore = limited;
    start = events[0] ?? start;
    upTo = (start?.position ?? after) - 1;
  }
  const events = limit === 0 ? [] : kept.slice(-limit);
  const isCut = events.length < kept.length;
  return { events, limited: isMore || isCut, start: isCut ? (events[0] ?? kept.at(-1)) : start };
}
