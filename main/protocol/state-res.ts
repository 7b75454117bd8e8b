import type { EventId } from '../../shared/ids.ts';
import {
  type AuthNode,
  authDifferenceByGeneration,
  conflictedSubgraphByGeneration,
  generationsOf,
} from './auth-chain.ts';
import type { RoomEvent } from './event.ts';
import { type EventSource, type Resolution, type Resolved, separate, type Trace } from './resolution.ts';
import type { RoomVersionRules } from './room-versions.ts';
import type { StateMap } from './state-map.ts';
import { resolveV1 } from './state-res-v1.ts';
import { resolveV2 } from './state-res-v2.ts';
import { finish, type Steps } from './steps.ts';

/**
 * Which events stand where the states of a room's forks differ. Whatever the order of the sets, the answer is the same
 * on every server. Keys without conflict stay as they are: the resolved state is they and what is returned.
 *
 * `trace` is told of every event that is judged, in order. https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
export function* resolveInSteps(
  rules: RoomVersionRules,
  input: Resolution,
  source: EventSource,
  trace?: Trace,
): Steps<Resolved> {
  if (input.conflicted.size === 0) return new Map();
  if (rules.stateResolution === 'v1') return yield* resolveV1(input, source, trace);
  return yield* resolveV2(rules, input, source, trace);
}

/** The same at once. */
export const resolveState = (rules: RoomVersionRules, input: Resolution, source: EventSource, trace?: Trace) =>
  finish(resolveInSteps(rules, input, source, trace));

/** A source over events in memory: for tests and small rooms. The auth chains of all sets are walked. */
export function sourceFrom(
  events: ReadonlyMap<EventId, RoomEvent>,
  sets: readonly StateMap[],
  isRejected: (id: EventId) => boolean = () => false,
): EventSource {
  const starts = sets.map((set) => [...set.values()]);
  const authEventsOf = (id: EventId) => events.get(id)?.authEvents;
  const generations = generationsOf(starts.flat(), authEventsOf);
  const info = (id: EventId): AuthNode<EventId> | undefined => {
    const generation = generations.get(id);
    return generation === undefined ? undefined : { generation, authEvents: authEventsOf(id) ?? [] };
  };
  return {
    event: (id) => events.get(id),
    isRejected,
    authDifference: () => authDifferenceByGeneration(starts, info),
    conflictedSubgraph: (ids) => conflictedSubgraphByGeneration(ids, info),
  };
}

/** The whole resolved state of sets that are held in memory. */
export function resolveSets(
  rules: RoomVersionRules,
  sets: readonly StateMap[],
  source: EventSource,
  trace?: Trace,
): StateMap {
  const input = separate(sets);
  const resolved = new Map(resolveState(rules, input, source, trace));
  for (const key of sets[0]?.keys() ?? []) {
    const id = input.unconflicted(key);
    if (id !== undefined) resolved.set(key, id);
  }
  return resolved;
}
