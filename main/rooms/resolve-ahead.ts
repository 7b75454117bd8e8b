import type { StateRef } from '../db/state-trie.ts';
import { setInState } from '../db/state-trie.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { stateKeyOf } from '../protocol/state-map.ts';
import type { EventStore } from './event-store.ts';
import type { FollowExtremities } from './extremities.ts';
import type { ResolveRoom } from './resolve-room.ts';
import type { RoomHead } from './room-heads.ts';
import type { Tables } from './tables.ts';

/**
 * What the transaction that settles an event is going to ask for: the state before it, and current state with the event
 * among the extremities.
 */
export interface ResolveAhead {
  /** Whether it would hold up the loop: then the event has a transaction of its own, and is resolved before that. */
  isLong(event: RoomEvent, statesBefore: readonly StateRef[]): boolean;
  resolve(event: RoomEvent, statesBefore: readonly StateRef[]): Promise<void>;
}

/** Our own events do not wait: the room may have gone on when the resolution is done, and it has to be done again. */
const mostAttempts = 5;

interface ResolveAheadDeps {
  readonly tables: Tables;
  readonly store: EventStore;
  readonly resolve: ResolveRoom;
  readonly followExtremities: FollowExtremities;
  readonly headOf: (event: RoomEvent) => RoomHead;
}

export function createResolveAhead(deps: ResolveAheadDeps): ResolveAhead {
  const { tables, store, resolve, followExtremities, headOf } = deps;
  const { eventIds, stateKeys, stateNodes } = tables;

  const after = (event: RoomEvent, before: StateRef): StateRef => {
    if (event.stateKey === undefined) return before;
    const key = stateKeys.number(stateKeyOf(event.type, event.stateKey));
    return setInState(before, key, eventIds.number(event.eventId), stateNodes.load);
  };
  const isSame = (one: readonly number[], other: readonly number[]) => one.join() === other.join();

  /** The states at the other extremities, once the event is one. */
  const statesBeside = (event: RoomEvent): readonly number[] => {
    const prevs = event.prevEvents.map(eventIds.find).filter((id) => id !== undefined);
    return followExtremities(headOf(event), prevs).left.map((id) => store.at(id)?.stateAfter ?? 0);
  };

  return {
    isLong(event, statesBefore) {
      if (resolve.isLong(statesBefore)) return true;
      const beside = statesBeside(event);
      return beside.length > 0 && resolve.isLong([...beside, resolve(headOf(event).rules, statesBefore)]);
    },
    async resolve(event, statesBefore) {
      const { rules } = headOf(event);
      const before = await resolve.ahead(rules, statesBefore);
      for (let attempt = 0; attempt < mostAttempts; attempt++) {
        const { extremities } = headOf(event);
        await resolve.ahead(rules, [...statesBeside(event), after(event, before)], event);
        if (isSame(extremities, headOf(event).extremities)) return;
      }
    },
  };
}
