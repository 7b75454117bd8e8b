import type { EventId } from '../../shared/ids.ts';
import { getFromState, type StateRef, stateEntries, stateSize } from '../db/state-trie.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { type AuthState, type StateKey, stateKeyOf } from '../protocol/state-map.ts';
import type { EventRecord, EventStore } from './event-store.ts';
import type { RoomState } from './rooms.ts';
import type { Tables } from './tables.ts';

/** Reads states by their tries. */
export interface StateReader {
  /** Which event stands for a key, as a number. */
  number(state: StateRef, type: string, stateKey: string): number | undefined;
  /** As the rules see it: nothing is redacted. */
  auth(state: StateRef): AuthState;
  /** As everyone else sees it. */
  shown(state: StateRef): RoomState;
}

export function createStateReader({ stateKeys, stateNodes, eventIds }: Tables, store: EventStore): StateReader {
  const { load } = stateNodes;
  const number = (state: StateRef, type: string, stateKey: string): number | undefined => {
    const key = stateKeys.find(stateKeyOf(type, stateKey));
    return key === undefined ? undefined : getFromState(state, key, load);
  };
  const recordAt = (id: number): EventRecord => {
    const record = store.at(id);
    if (record === undefined) throw new Error(`event ${id} is part of a state and not here`);
    return record;
  };
  const shownAt = (id: number): RoomEvent => store.shown(recordAt(id)).event;
  return {
    number,
    auth: (state) => ({
      get(type, stateKey) {
        const id = number(state, type, stateKey);
        return id === undefined ? undefined : recordAt(id).event;
      },
    }),
    shown: (state) => ({
      size: stateSize(state, load),
      get(type, stateKey) {
        const id = number(state, type, stateKey);
        return id === undefined ? undefined : shownAt(id);
      },
      id(type, stateKey) {
        const id = number(state, type, stateKey);
        return id === undefined ? undefined : eventIds.name(id);
      },
      ofType(type) {
        const prefix = stateKeyOf(type, '');
        const found: RoomEvent[] = [];
        for (const [key, id] of stateEntries(state, load)) {
          if (stateKeys.name(key).startsWith(prefix)) found.push(shownAt(id));
        }
        return found;
      },
      *entries() {
        for (const [key, id] of stateEntries(state, load)) {
          yield [stateKeys.name(key), eventIds.name(id)] satisfies [StateKey, EventId];
        }
      },
      events: () => [...stateEntries(state, load)].map(([, id]) => shownAt(id)),
    }),
  };
}
