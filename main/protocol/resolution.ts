import type { EventId } from '../../shared/ids.ts';
import type { AuthContext } from './auth-rule.ts';
import type { RoomEvent } from './event.ts';
import type { StateKey, StateMap } from './state-map.ts';
import type { Steps } from './steps.ts';
import { verifyThirdParty } from './third-party-invite.ts';
import type { Verdict } from './verdict.ts';

/**
 * The states to be resolved, told by where they differ: a room of 30,000 members whose forks differ in a topic costs what
 * a topic costs.
 */
export interface Resolution {
  /** For each key that does not have the same event in every set: its distinct values, `undefined` if a set lacks it. */
  readonly conflicted: ReadonlyMap<StateKey, readonly (EventId | undefined)[]>;
  /** The event that every set has for this key. */
  unconflicted(key: StateKey): EventId | undefined;
}

/** The events that a resolution may ask about, all of one room. */
export interface EventSource {
  /** `undefined` for what is not known here; it is left out. So should be what was rejected against its auth events. */
  event(id: EventId): RoomEvent | undefined;
  /** A rejected event does not stand in for state that is missing while another event is judged. */
  isRejected(id: EventId): boolean;
  /** What some sets can reach over `auth_events`, but not all; conflicted events may be left out. Not asked for in version 1. */
  authDifference(): Steps<ReadonlySet<EventId>>;
  /** The events on paths over `auth_events` between any two of these. Asked for by v2.1 only. */
  conflictedSubgraph(ids: ReadonlySet<EventId>): Steps<ReadonlySet<EventId>>;
}

/** One event judged on the way, for whoever wants to replay a resolution. */
export interface ResolutionStep {
  readonly phase: 'power levels' | 'join rules' | 'members' | 'power events' | 'other events';
  readonly event: RoomEvent;
  readonly verdict: Verdict;
}

export type Trace = (step: ResolutionStep) => void;

/** What resolution decided: the events that stand for conflicted keys. A key that it leaves out is in the state no more. */
export type Resolved = ReadonlyMap<StateKey, EventId>;

/** What the states agree on and what not. Linear in their size: stores that know the differences need not call it. */
export function separate(sets: readonly StateMap[]): Resolution {
  const [first = new Map<StateKey, EventId>(), ...others] = sets;
  const conflicted = new Map<StateKey, readonly (EventId | undefined)[]>();
  for (const set of sets) {
    for (const [key, id] of set) {
      if (conflicted.has(key) || (first.get(key) === id && others.every((other) => other.get(key) === id))) continue;
      conflicted.set(key, [...new Set(sets.map((each) => each.get(key)))]);
    }
  }
  return { conflicted, unconflicted: (key) => (conflicted.has(key) ? undefined : first.get(key)) };
}

/** Signatures of events were checked when they came in. The keys of third-party invites are another state's, maybe. */
export const inResolution: AuthContext = { verifiedBy: () => true, verifyThirdParty };
