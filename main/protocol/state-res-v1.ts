import { createHash } from 'node:crypto';
import type { RoomEvent } from './event.ts';
import { authorize } from './event-auth.ts';
import {
  type EventSource,
  inResolution,
  type Resolution,
  type ResolutionStep,
  type Resolved,
  type Trace,
} from './resolution.ts';
import { type AuthState, type StateKey, splitStateKey, stateKeyOf } from './state-map.ts';
import { perStep, type Steps } from './steps.ts';
import { allow } from './verdict.ts';

/**
 * State resolution of room version 1: by depth, and known to let state fall back to older versions of itself.
 * https://spec.matrix.org/v1.19/rooms/v1/#state-resolution
 *
 * Where the text leaves it open we do as deployed servers do: each key is a conflict of its own, conflicts of one pass do
 * not see each other's outcome, and where no event of a key passes the oldest is taken.
 */
export function* resolveV1(input: Resolution, source: EventSource, trace?: Trace): Steps<Resolved> {
  const resolved = new Map<StateKey, RoomEvent>(); // R, as far as it is not in `input.unconflicted`
  const conflicts: Conflict[] = [];
  let done = 0;
  for (const [key, ids] of input.conflicted) {
    if (++done % perStep === 0) yield;
    const events = ids
      .map((id) => (id === undefined ? undefined : source.event(id)))
      .filter((event) => event !== undefined);
    // "A conflict occurs between states where those states have different `event_ids`": one that lacks the key has none.
    if (events.length > 1) conflicts.push({ key, events: oldestFirst(events) });
    else for (const event of events) resolved.set(key, event);
  }
  const state: AuthState = {
    get(type, stateKey) {
      const key = stateKeyOf(type, stateKey);
      const id = resolved.has(key) ? undefined : input.unconflicted(key);
      return id === undefined ? resolved.get(key) : source.event(id);
    },
  };

  /** "Add the first event in the list to R. For each subsequent event, check that [it] would be allowed … in state R." */
  const lastAllowed: Choice = ({ key, events }, phase) => {
    let standing: RoomEvent | undefined;
    const against: AuthState = {
      get: (type, stateKey) => (stateKeyOf(type, stateKey) === key ? standing : state.get(type, stateKey)),
    };
    for (const event of events) {
      const verdict = standing === undefined ? allow : authorize(event, against, inResolution);
      trace?.({ phase, event, verdict });
      if (!verdict.allowed) break;
      standing = event;
    }
    return standing;
  };
  /** "Just pick the event with the highest depth and lowest `sha1(event_id)` that passes authentication in R." */
  const highestAllowed: Choice = ({ events }, phase) => {
    for (const event of [...events].reverse()) {
      const verdict = authorize(event, state, inResolution);
      trace?.({ phase, event, verdict });
      if (verdict.allowed) return event;
    }
    return events[0];
  };

  function* pass(
    phase: ResolutionStep['phase'],
    isOfPhase: (conflict: Conflict) => boolean,
    choose: Choice,
  ): Steps<void> {
    const chosen: [StateKey, RoomEvent | undefined][] = [];
    for (const conflict of conflicts) {
      if (resolved.has(conflict.key) || !isOfPhase(conflict)) continue;
      if (chosen.push([conflict.key, choose(conflict, phase)]) % perStep === 0) yield;
    }
    for (const [key, event] of chosen) if (event !== undefined) resolved.set(key, event);
  }
  yield* pass('power levels', ({ key }) => key === stateKeyOf('m.room.power_levels', ''), lastAllowed);
  yield* pass('join rules', ({ key }) => splitStateKey(key)[0] === 'm.room.join_rules', lastAllowed);
  yield* pass('members', ({ key }) => splitStateKey(key)[0] === 'm.room.member', lastAllowed);
  yield* pass('other events', () => true, highestAllowed);
  return new Map([...resolved].map(([key, event]) => [key, event.eventId]));
}

interface Conflict {
  readonly key: StateKey;
  readonly events: readonly RoomEvent[]; // oldest first
}

type Choice = (conflict: Conflict, phase: ResolutionStep['phase']) => RoomEvent | undefined;

/** "Sort the list by ascending `depth` then descending `sha1(event_id)`." */
function oldestFirst(events: readonly RoomEvent[]): readonly RoomEvent[] {
  return events
    .map((event) => ({ event, hash: createHash('sha1').update(event.eventId).digest('hex') }))
    .sort((a, b) => a.event.depth - b.event.depth || (a.hash < b.hash ? 1 : -1))
    .map(({ event }) => event);
}
