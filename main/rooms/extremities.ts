import type { EventStore } from './event-store.ts';
import type { RoomHead } from './room-heads.ts';
import type { Tables } from './tables.ts';

/** Events are rejected behind each other's back: how far we look for what they follow. */
const mostRejectedInARow = 1000;

/** Of a room's forward extremities those that are followed, and not ones any more, and those that are left. */
export type FollowExtremities = (
  head: RoomHead,
  prevs: readonly number[],
) => { readonly gone: readonly number[]; readonly left: readonly number[] };

export function createFollowExtremities({ eventIds }: Tables, store: EventStore): FollowExtremities {
  /** What is not an extremity any more once all of `prevs` are followed: behind what was not accepted, too. */
  const followed = (prevs: readonly number[]): ReadonlySet<number> => {
    const seen = new Set<number>();
    const pending = [...prevs];
    for (let id = pending.pop(); id !== undefined && seen.size < mostRejectedInARow; id = pending.pop()) {
      if (seen.has(id)) continue;
      seen.add(id);
      const record = store.at(id);
      if (record !== undefined && record.outcome !== 'accepted')
        pending.push(...record.event.prevEvents.map(eventIds.number));
    }
    return seen;
  };
  return ({ extremities }, prevs) => {
    const seen = followed(prevs);
    return {
      gone: extremities.filter((id) => seen.has(id)),
      left: extremities.filter((id) => !seen.has(id)),
    };
  };
}
