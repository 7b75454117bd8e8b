import type { EventId } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import { lruCache } from '../db/lru-cache.ts';
import { diffStates, getFromState, type StateRef, setInState, stateEntries } from '../db/state-trie.ts';
import { authDifferenceByGeneration, conflictedSubgraphByGeneration } from '../protocol/auth-chain.ts';
import type { EventSource, Trace } from '../protocol/resolution.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { StateKey } from '../protocol/state-map.ts';
import { resolveState } from '../protocol/state-res.ts';
import type { AuthGraph } from './auth-graph.ts';
import type { EventStore } from './event-store.ts';
import type { Tables } from './tables.ts';

/** The state where these meet. https://spec.matrix.org/v1.19/rooms/v12/#state-resolution */
export type ResolveRoom = (rules: RoomVersionRules, states: readonly StateRef[], trace?: Trace) => StateRef;

/** Of states that share most of what they hold, only the differences are looked at: a fork in a large room is cheap. */
export function createResolveRoom(
  db: Db,
  { stateKeys, stateNodes, eventIds }: Tables,
  store: EventStore,
  graph: AuthGraph,
): ResolveRoom {
  const { load } = stateNodes;
  const resolutions = lruCache<string, { readonly state: StateRef }>({ maxWeight: 200 });
  db.onRollback(() => resolutions.clear());

  const resolve: ResolveRoom = (rules, states, trace) => {
    const [first, ...others] = states;
    if (first === undefined) return 0;
    const keys = new Set<number>();
    for (const other of others) for (const { key } of diffStates(first, other, load)) keys.add(key);
    if (keys.size === 0) return first;

    const conflicted = new Map<StateKey, readonly (EventId | undefined)[]>();
    for (const key of keys) {
      const ids = new Set(states.map((state) => getFromState(state, key, load)));
      conflicted.set(
        stateKeys.name(key),
        [...ids].map((id) => (id === undefined ? undefined : eventIds.name(id))),
      );
    }
    const unconflicted = (key: StateKey): EventId | undefined => {
      const number = stateKeys.find(key);
      if (number === undefined || keys.has(number)) return undefined;
      const id = getFromState(first, number, load);
      return id === undefined ? undefined : eventIds.name(id);
    };
    const resolved = resolveState(rules, { conflicted, unconflicted }, sourceOf(states, keys), trace);
    let result: StateRef = first;
    for (const key of keys) {
      const eventId = resolved.get(stateKeys.name(key));
      result = setInState(result, key, eventId === undefined ? undefined : eventIds.number(eventId), load);
    }
    for (const [key, eventId] of resolved) {
      if (!conflicted.has(key)) result = setInState(result, stateKeys.number(key), eventIds.number(eventId), load);
    }
    return result;
  };

  const sourceOf = (states: readonly StateRef[], conflicted: ReadonlySet<number>): EventSource => {
    const [first = 0] = states;
    const isCommon = (id: number) => {
      const key = graph.node(id)?.stateKey;
      return key !== undefined && !conflicted.has(key) && getFromState(first, key, load) === id;
    };
    function* commonAbove(generation: number) {
      for (const [key, id] of stateEntries(first, load)) {
        if (!conflicted.has(key) && (graph.node(id)?.generation ?? -1) > generation) yield id;
      }
    }
    const named = (ids: ReadonlySet<number>) => new Set([...ids].map((id) => eventIds.name(id)));
    return {
      event(eventId) {
        const record = store.find(eventId);
        // "Never enters state": what its own auth events did not allow. What the state before it forbade may come in.
        return record?.outcome === 'rejected' && record.step === 'authEvents' ? undefined : record?.event;
      },
      isRejected: (eventId) => store.find(eventId)?.outcome === 'rejected',
      authDifference() {
        const sets = states.map((state) => {
          const ids = [...conflicted].map((key) => getFromState(state, key, load));
          return ids.filter((id) => id !== undefined);
        });
        return named(authDifferenceByGeneration(sets, graph.node, { has: isCommon, above: commonAbove }));
      },
      conflictedSubgraph: (eventIdsOfSet) => {
        const ids = new Set([...eventIdsOfSet].map((eventId) => eventIds.number(eventId)));
        return named(conflictedSubgraphByGeneration(ids, graph.node));
      },
    };
  };

  return (rules, states, trace) => {
    const distinct = [...new Set(states)];
    if (distinct.length <= 1) return distinct[0] ?? 0;
    const known = distinct.every((state) => typeof state === 'number');
    const name = distinct.sort().join();
    const cached = known && trace === undefined ? resolutions.get(name) : undefined;
    if (cached !== undefined) return cached.state;
    const state = resolve(rules, distinct, trace);
    if (known) resolutions.set(name, { state });
    return state;
  };
}
