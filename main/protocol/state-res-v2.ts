import type { EventId } from '../../shared/ids.ts';
import { createEventIdOf } from './auth-events.ts';
import type { RoomEvent } from './event.ts';
import { authorize } from './event-auth.ts';
import { powerLevels } from './power-levels.ts';
import {
  type EventSource,
  inResolution,
  type Resolution,
  type ResolutionStep,
  type Resolved,
  type Trace,
} from './resolution.ts';
import type { RoomVersionRules } from './room-versions.ts';
import { type AuthState, type StateKey, stateKeyOf } from './state-map.ts';
import { mainlineOrder, reverseTopologicalPowerOrder } from './state-res-order.ts';
import { perStep, type Steps } from './steps.ts';

/**
 * State resolution since room version 2; 2.1 (version 12) starts from nothing and replays more.
 * https://spec.matrix.org/v1.19/rooms/v2/#state-resolution https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 *
 * Where the text can be read in two ways we do as deployed servers do, for they must come to the same state:
 * - a set reaches its own events when the auth difference is taken (`authDifferenceByGeneration`);
 * - only power levels and join rules with an empty state key are power events: no other ones govern anything;
 * - the auth chain of a power event is followed through events of the full conflicted set only.
 */
export function* resolveV2(
  rules: RoomVersionRules,
  input: Resolution,
  source: EventSource,
  trace?: Trace,
): Steps<Resolved> {
  const isV21 = rules.stateResolution === 'v2.1';
  const full = yield* fullConflictedSet(input, source, isV21);
  const cited = citedState(source);
  const resolved = new Map<StateKey, RoomEvent>(); // on top of the unconflicted state map; in 2.1 of nothing

  const inState = (key: StateKey): RoomEvent | undefined => {
    const id = isV21 || resolved.has(key) ? undefined : input.unconflicted(key);
    return id === undefined ? resolved.get(key) : source.event(id);
  };
  /** The iterative auth checks algorithm. */
  function* apply(events: readonly RoomEvent[], phase: ResolutionStep['phase']): Steps<void> {
    for (const [index, event] of events.entries()) {
      if (index % perStep === perStep - 1) yield;
      const state: AuthState = {
        get(type, stateKey) {
          const key = stateKeyOf(type, stateKey);
          const standing = inState(key);
          if (standing !== undefined) return standing;
          // "If a key that is required … is not present in the state, then the appropriate state event from the event's
          // `auth_events` is used if the auth event is not rejected."
          const own = cited(event).get(key);
          return own === undefined || source.isRejected(own.eventId) ? undefined : own;
        },
      };
      const verdict = authorize(event, state, inResolution);
      trace?.({ phase, event, verdict });
      if (verdict.allowed) resolved.set(stateKeyOf(event.type, event.stateKey ?? ''), event);
    }
  }

  const powerEvents = withAuthChains(full, isPowerEvent); // X
  const levelOfSender = (event: RoomEvent) => {
    const state: AuthState = { get: (type, stateKey) => cited(event).get(stateKeyOf(type, stateKey)) };
    return powerLevels(state, rules).userLevel(event.sender);
  };
  yield* apply(yield* reverseTopologicalPowerOrder(powerEvents, levelOfSender), 'power events');

  const rest = [...full.values()].filter((event) => !powerEvents.has(event.eventId));
  const levels = stateKeyOf('m.room.power_levels', '');
  yield* apply(yield* mainlineOrder(rest, inState(levels), (event) => cited(event).get(levels)), 'other events');

  // "Update the result by replacing any event with the event with the same key from the unconflicted state map."
  const outcome = new Map<StateKey, EventId>();
  for (const [key, event] of resolved) if (input.unconflicted(key) === undefined) outcome.set(key, event.eventId);
  return outcome;
}

/**
 * "The union of the conflicted state set and the auth difference" and, since version 12, the conflicted state subgraph;
 * as far as it is known here.
 */
function* fullConflictedSet(
  input: Resolution,
  source: EventSource,
  isV21: boolean,
): Steps<ReadonlyMap<EventId, RoomEvent>> {
  const conflicted = new Set<EventId>();
  for (const values of input.conflicted.values()) for (const id of values) if (id !== undefined) conflicted.add(id);
  const subgraph = isV21 ? yield* source.conflictedSubgraph(conflicted) : [];
  const difference = yield* source.authDifference();

  const full = new Map<EventId, RoomEvent>();
  let looked = 0;
  for (const ids of [conflicted, difference, subgraph]) {
    for (const id of ids) {
      if (++looked % perStep === 0) yield;
      const event = full.has(id) ? undefined : source.event(id);
      if (event?.stateKey !== undefined) full.set(id, event);
    }
  }
  return full;
}

/** "The idea behind this is that power events are events that might remove someone's ability to do something in the room." */
function isPowerEvent({ type, stateKey, sender, content }: RoomEvent): boolean {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === '';
  const { membership } = content;
  return type === 'm.room.member' && (membership === 'leave' || membership === 'ban') && sender !== stateKey;
}

/** "For each such power event P, enlarge X by adding the events in the auth chain of P which also belong to the full conflicted set." */
function withAuthChains(
  full: ReadonlyMap<EventId, RoomEvent>,
  isChosen: (event: RoomEvent) => boolean,
): ReadonlyMap<EventId, RoomEvent> {
  const chosen = new Map<EventId, RoomEvent>();
  const stack = [...full.values()].filter(isChosen);
  for (let event = stack.pop(); event !== undefined; event = stack.pop()) {
    if (chosen.has(event.eventId)) continue;
    chosen.set(event.eventId, event);
    for (const id of event.authEvents) {
      const below = full.get(id);
      if (below !== undefined) stack.push(below);
    }
  }
  return chosen;
}

/** The state that an event cites, and in version 12 the create event that its room ID names. Read once for each event. */
function citedState(source: EventSource): (event: RoomEvent) => ReadonlyMap<StateKey, RoomEvent> {
  const known = new Map<EventId, ReadonlyMap<StateKey, RoomEvent>>();
  return (event) => {
    const before = known.get(event.eventId);
    if (before !== undefined) return before;
    const state = new Map<StateKey, RoomEvent>();
    const create = event.rules.roomIdIsCreateHash ? [createEventIdOf(event.roomId)] : [];
    for (const id of [...create, ...event.authEvents]) {
      const cited = source.event(id);
      if (cited?.stateKey !== undefined) state.set(stateKeyOf(cited.type, cited.stateKey), cited);
    }
    known.set(event.eventId, state);
    return state;
  };
}
