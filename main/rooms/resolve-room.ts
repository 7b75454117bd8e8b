import type { EventId } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import { lruCache } from '../db/lru-cache.ts';
import { diffStates, getFromState, type StateRef, setInState, stateEntries } from '../db/state-trie.ts';
import { authDifferenceByGeneration, conflictedSubgraphByGeneration } from '../protocol/auth-chain.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { EventSource, Trace } from '../protocol/resolution.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { type StateKey, stateKeyOf } from '../protocol/state-map.ts';
import { resolveInSteps } from '../protocol/state-res.ts';
import { finish, perStep, type Steps } from '../protocol/steps.ts';
import type { AuthGraph, AuthGraphNode } from './auth-graph.ts';
import type { EventStore } from './event-store.ts';
import type { Tables } from './tables.ts';

/** The state where these meet. https://spec.matrix.org/v1.19/rooms/v12/#state-resolution */
export interface ResolveRoom {
  (rules: RoomVersionRules, states: readonly StateRef[], trace?: Trace): StateRef;
  /** Whether that takes long enough to hold up the loop. */
  isLong(states: readonly StateRef[]): boolean;
  /**
   * The same, letting others have their turn meanwhile if it is long. It is known then, for whoever asks for it inside a
   * transaction, where nothing can wait. Outside of any transaction. `coming`: an event of these states that is about to
   * be stored.
   */
  ahead(rules: RoomVersionRules, states: readonly StateRef[], coming?: RoomEvent): Promise<StateRef>;
  /** Writes a state down, a part at a time: its number is no work for the transaction that will refer to it. */
  keep(state: StateRef): Promise<number>;
}

/** As many differences are resolved in some 10 ms. */
const mostAtOnce = 300;

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

  function* differingKeys(states: readonly StateRef[]): Steps<ReadonlySet<number>> {
    const [first = 0, ...others] = states;
    const keys = new Set<number>();
    let looked = 0;
    for (const other of others) {
      for (const { key } of diffStates(first, other, load)) {
        if (++looked % perStep === 0) yield;
        keys.add(key);
      }
    }
    return keys;
  }

  function* resolve(
    rules: RoomVersionRules,
    states: readonly StateRef[],
    { trace, coming }: { trace?: Trace | undefined; coming?: RoomEvent | undefined },
  ): Steps<StateRef> {
    const [first = 0] = states;
    const keys = yield* differingKeys(states);
    if (keys.size === 0) return first;

    const conflicted = new Map<StateKey, readonly (EventId | undefined)[]>();
    for (const key of keys) {
      const ids = new Set(states.map((state) => getFromState(state, key, load)));
      conflicted.set(
        stateKeys.name(key),
        [...ids].map((id) => (id === undefined ? undefined : eventIds.name(id))),
      );
      if (conflicted.size % perStep === 0) yield;
    }
    const unconflicted = (key: StateKey): EventId | undefined => {
      const number = stateKeys.find(key);
      if (number === undefined || keys.has(number)) return undefined;
      const id = getFromState(first, number, load);
      return id === undefined ? undefined : eventIds.name(id);
    };
    const source = sourceOf(states, keys, coming);
    const resolved = yield* resolveInSteps(rules, { conflicted, unconflicted }, source, trace);
    let result: StateRef = first;
    let set = 0;
    for (const key of keys) {
      const eventId = resolved.get(stateKeys.name(key));
      result = setInState(result, key, eventId === undefined ? undefined : eventIds.number(eventId), load);
      if (++set % perStep === 0) yield;
    }
    for (const [key, eventId] of resolved) {
      if (!conflicted.has(key)) result = setInState(result, stateKeys.number(key), eventIds.number(eventId), load);
    }
    return result;
  }

  /** The place in the graph that the event will have. */
  const nodeOf = ({ type, stateKey, authEvents }: RoomEvent): AuthGraphNode => {
    const cited = authEvents.map(eventIds.number);
    const generations = cited.map((id) => graph.node(id)?.generation ?? 0);
    const key = stateKey === undefined ? undefined : stateKeys.number(stateKeyOf(type, stateKey));
    return { generation: 1 + Math.max(0, ...generations), authEvents: cited, stateKey: key };
  };

  const sourceOf = (
    states: readonly StateRef[],
    conflicted: ReadonlySet<number>,
    coming: RoomEvent | undefined,
  ): EventSource => {
    const [first = 0] = states;
    const [idOfComing, nodeOfComing] = coming === undefined ? [] : [eventIds.number(coming.eventId), nodeOf(coming)];
    const node = (id: number) => (id === idOfComing ? nodeOfComing : graph.node(id));
    const isCommon = (id: number) => {
      const key = node(id)?.stateKey;
      return key !== undefined && !conflicted.has(key) && getFromState(first, key, load) === id;
    };
    function* allCommon() {
      for (const [key, id] of stateEntries(first, load)) if (!conflicted.has(key)) yield id;
    }
    const named = (ids: ReadonlySet<number>) => new Set([...ids].map((id) => eventIds.name(id)));
    return {
      event(eventId) {
        if (eventId === coming?.eventId) return coming;
        const record = store.find(eventId);
        // "Never enters state": what its own auth events did not allow. What the state before it forbade may come in.
        return record?.outcome === 'rejected' && record.step === 'authEvents' ? undefined : record?.event;
      },
      isRejected: (eventId) => store.find(eventId)?.outcome === 'rejected',
      *authDifference() {
        const sets = states.map((state) => {
          const ids = [...conflicted].map((key) => getFromState(state, key, load));
          return ids.filter((id) => id !== undefined);
        });
        return named(yield* authDifferenceByGeneration(sets, node, { has: isCommon, all: allCommon }));
      },
      *conflictedSubgraph(eventIdsOfSet) {
        const ids = new Set([...eventIdsOfSet].map((eventId) => eventIds.number(eventId)));
        return named(yield* conflictedSubgraphByGeneration(ids, node));
      },
    };
  };

  /** What has no number yet has no name either. */
  const nameOf = (states: readonly StateRef[]): string | undefined =>
    states.every((state) => typeof state === 'number') ? [...states].sort().join() : undefined;
  const different = (states: readonly StateRef[]) => [...new Set(states)];

  const atOnce = (rules: RoomVersionRules, states: readonly StateRef[], trace?: Trace): StateRef => {
    const distinct = different(states);
    if (distinct.length <= 1) return distinct[0] ?? 0;
    const name = nameOf(distinct);
    const cached = name !== undefined && trace === undefined ? resolutions.get(name) : undefined;
    if (cached !== undefined) return cached.state;
    const state = finish(resolve(rules, distinct, { trace }));
    if (name !== undefined) resolutions.set(name, { state });
    return state;
  };
  const isLong = (states: readonly StateRef[]): boolean => {
    const [first = 0, ...others] = different(states);
    let differences = 0;
    for (const other of others) {
      for (const _ of diffStates(first, other, load)) if (++differences > mostAtOnce) return true;
    }
    return false;
  };
  const keep = (state: StateRef) => inTurns(() => stateNodes.storeInSteps(state), db.transaction);

  return Object.assign(atOnce, {
    isLong,
    keep,
    async ahead(rules: RoomVersionRules, states: readonly StateRef[], coming?: RoomEvent): Promise<StateRef> {
      if (!isLong(states)) return atOnce(rules, states);
      const numbers: number[] = [];
      for (const state of different(states)) numbers.push(await keep(state));
      const name = nameOf(numbers) ?? '';
      const cached = resolutions.get(name);
      if (typeof cached?.state === 'number') return cached.state;
      const state = await keep(
        await inTurns(
          () => resolve(rules, different(numbers), { coming }),
          (work) => work(),
        ),
      );
      resolutions.set(name, { state });
      return state;
    },
  });
}

/** Goes through steps, each inside `wrap`, and lets the loop have its turn after each. */
async function inTurns<T>(begin: () => Steps<T>, wrap: <R>(work: () => R) => R): Promise<T> {
  const steps = begin();
  for (;;) {
    const step = wrap(() => steps.next());
    if (step.done === true) return step.value;
    await new Promise(setImmediate);
  }
}
