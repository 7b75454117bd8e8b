import { createHash } from 'node:crypto';
import { createEventIdOf } from '../../main/protocol/auth-events.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { authorize } from '../../main/protocol/event-auth.ts';
import { powerLevels } from '../../main/protocol/power-levels.ts';
import { inResolution } from '../../main/protocol/resolution.ts';
import type { RoomVersionRules } from '../../main/protocol/room-versions.ts';
import { type AuthState, type StateKey, type StateMap, stateKeyOf } from '../../main/protocol/state-map.ts';
import type { EventId } from '../../shared/ids.ts';

/**
 * State resolution once more, written down from the definitions with no thought of cost, to hold the real one against.
 * Only the auth rules are shared with it. https://spec.matrix.org/v1.19/rooms/v12/#state-resolution
 */
export function naiveResolve(
  rules: RoomVersionRules,
  events: ReadonlyMap<EventId, RoomEvent>,
  states: readonly StateMap[],
  isRejected: (id: EventId) => boolean = () => false,
): StateMap {
  return rules.stateResolution === 'v1' ? naiveV1(events, states) : naiveV2(rules, events, states, isRejected);
}

function naiveV2(
  rules: RoomVersionRules,
  events: ReadonlyMap<EventId, RoomEvent>,
  states: readonly StateMap[],
  isRejected: (id: EventId) => boolean,
): StateMap {
  const isV21 = rules.stateResolution === 'v2.1';
  const eventOf = (id: EventId) => events.get(id) as RoomEvent;

  // "If a given key K is present in every S_i with the same value V in each state map, then the pair (K, V) belongs to
  // the unconflicted state map. Otherwise, V belongs to the conflicted state set."
  const unconflicted = new Map<StateKey, EventId>();
  const conflicted = new Set<EventId>();
  for (const state of states) {
    for (const [key, value] of state) {
      if (states.every((other) => other.get(key) === value)) unconflicted.set(key, value);
      else conflicted.add(value);
    }
  }
  if (conflicted.size === 0) return unconflicted;

  // "The auth chain of an event E is the set containing all of E's auth events, all of their auth events, and so on."
  const chains = new Map<EventId, ReadonlySet<EventId>>();
  const authChain = (id: EventId): ReadonlySet<EventId> => {
    const known = chains.get(id);
    if (known !== undefined) return known;
    const chain = new Set<EventId>();
    for (const cited of eventOf(id).authEvents) for (const each of [cited, ...authChain(cited)]) chain.add(each);
    chains.set(id, chain);
    return chain;
  };

  // "If C_i is the full auth chain of S_i, then the auth difference is ∪ C_i − ∩ C_i." With S_i in it, as deployed.
  const full = states.map((state) => new Set([...state.values()].flatMap((id) => [id, ...authChain(id)])));
  const union = new Set(full.flatMap((chain) => [...chain]));
  const authDifference = [...union].filter((id) => !full.every((chain) => chain.has(id)));

  // "Starting from an event in the conflicted state set and following auth_events edges may lead to another event in the
  // conflicted state set. The union of all such paths between any pair of events … (including endpoints)"
  const reaches = (from: EventId, to: EventId) => from === to || authChain(from).has(to);
  const subgraph = [...events.keys()].filter(
    (id) => [...conflicted].some((from) => reaches(from, id)) && [...conflicted].some((to) => reaches(id, to)),
  );
  const fullConflictedSet = new Set([...conflicted, ...authDifference, ...(isV21 ? subgraph : [])]);

  // "Select the set X of all power events that appear in the full conflicted set. For each such power event P, enlarge X
  // by adding the events in the auth chain of P which also belong to the full conflicted set." Without leaving it.
  const chosen = new Set<EventId>();
  const choose = (id: EventId) => {
    chosen.add(id);
    for (const cited of eventOf(id).authEvents) if (fullConflictedSet.has(cited)) choose(cited);
  };
  for (const id of fullConflictedSet) if (isPowerEvent(eventOf(id))) choose(id);

  const citedState = (event: RoomEvent) => {
    const ids = rules.roomIdIsCreateHash ? [createEventIdOf(event.roomId), ...event.authEvents] : event.authEvents;
    return ids.map(eventOf);
  };
  const among = (cited: readonly RoomEvent[]): AuthState => ({
    get: (type, stateKey) => cited.find((event) => event.type === type && event.stateKey === stateKey),
  });

  // "x's sender has greater power level than y's sender, when looking at their respective auth_events; or …"
  const level = (event: RoomEvent) => powerLevels(among(citedState(event)), rules).userLevel(event.sender);
  const powerBefore = (x: RoomEvent, y: RoomEvent) => {
    if (level(x) !== level(y)) return level(x) > level(y);
    return timeBefore(x, y);
  };
  const powerOrdered: RoomEvent[] = [];
  const waiting = new Set(chosen);
  while (waiting.size > 0) {
    const candidates = [...waiting].map(eventOf).filter(({ authEvents }) => !authEvents.some((id) => waiting.has(id)));
    const smallest = candidates.reduce((x, y) => (powerBefore(y, x) ? y : x));
    powerOrdered.push(smallest);
    waiting.delete(smallest.eventId);
  }

  const iterativeAuthChecks = (start: StateMap, list: readonly RoomEvent[]): StateMap => {
    const state = new Map(start);
    for (const event of list) {
      const present: AuthState = {
        get(type, stateKey) {
          const id = state.get(stateKeyOf(type, stateKey));
          if (id !== undefined) return eventOf(id);
          return among(citedState(event).filter((cited) => !isRejected(cited.eventId))).get(type, stateKey);
        },
      };
      if (authorize(event, present, inResolution).allowed) state.set(keyOf(event), event.eventId);
    }
    return state;
  };
  const partial = iterativeAuthChecks(isV21 ? new Map() : unconflicted, powerOrdered);

  // "The mainline of P_0 is the list of events [P_0, P_1, …, P_n]"
  const mainline: EventId[] = [];
  const levelsKey = stateKeyOf('m.room.power_levels', '');
  const citedLevels = (event: RoomEvent) => among(event.authEvents.map(eventOf)).get('m.room.power_levels', '');
  const resolvedLevels = partial.get(levelsKey);
  for (let p = resolvedLevels && events.get(resolvedLevels); p !== undefined; p = citedLevels(p))
    mainline.push(p.eventId);
  const position = (event: RoomEvent) => {
    for (let e = citedLevels(event); e !== undefined; e = citedLevels(e)) {
      if (mainline.includes(e.eventId)) return mainline.indexOf(e.eventId);
    }
    return Number.POSITIVE_INFINITY;
  };
  const rest = [...fullConflictedSet].filter((id) => !chosen.has(id)).map(eventOf);
  rest.sort((x, y) => {
    if (position(x) !== position(y)) return position(x) > position(y) ? -1 : 1;
    return timeBefore(x, y) ? -1 : 1;
  });
  return new Map([...iterativeAuthChecks(partial, rest), ...unconflicted]);
}

/** Room version 1, each key a conflict of its own. https://spec.matrix.org/v1.19/rooms/v1/#state-resolution */
function naiveV1(events: ReadonlyMap<EventId, RoomEvent>, states: readonly StateMap[]): StateMap {
  const keys = new Set(states.flatMap((state) => [...state.keys()]));
  const values = new Map<StateKey, RoomEvent[]>();
  for (const key of keys) {
    const ids = new Set(states.map((state) => state.get(key)).filter((id) => id !== undefined));
    values.set(
      key,
      [...ids].map((id) => events.get(id) as RoomEvent),
    );
  }
  // "Start by setting R to the union of the states to be resolved, excluding any conflicting events."
  const state = new Map<StateKey, EventId>();
  for (const [key, [only, ...others]] of values) if (only && others.length === 0) state.set(key, only.eventId);

  // "Sort the list by ascending `depth` then descending `sha1(event_id)`."
  const sha1 = (event: RoomEvent) => createHash('sha1').update(event.eventId).digest('hex');
  const sorted = (list: readonly RoomEvent[]) =>
    [...list].sort((x, y) => x.depth - y.depth || (sha1(x) > sha1(y) ? -1 : 1));
  const allows = (r: StateMap, event: RoomEvent) => {
    const get: AuthState['get'] = (type, stateKey) => events.get(r.get(stateKeyOf(type, stateKey)) ?? ('' as EventId));
    return authorize(event, { get }, inResolution).allowed;
  };
  const conflictsOf = (isOf: (key: StateKey) => boolean) =>
    [...values].filter(([key, list]) => list.length > 1 && !state.has(key) && isOf(key));

  const passes = ['m.room.power_levels\0', 'm.room.join_rules\0', 'm.room.member\0'];
  for (const prefix of passes) {
    const before = new Map(state);
    for (const [key, list] of conflictsOf((each) =>
      prefix === passes[0] ? each === prefix : each.startsWith(prefix),
    )) {
      const r = new Map(before);
      for (const event of sorted(list)) {
        if (r.has(key) && !allows(r, event)) break;
        r.set(key, event.eventId);
      }
      state.set(key, r.get(key) as EventId);
    }
  }
  const before = new Map(state);
  for (const [key, list] of conflictsOf(() => true)) {
    const oldestFirst = sorted(list);
    const passing = oldestFirst.filter((event) => allows(before, event));
    state.set(key, ((passing.at(-1) ?? oldestFirst[0]) as RoomEvent).eventId);
  }
  return state;
}

function isPowerEvent({ type, stateKey, sender, content }: RoomEvent): boolean {
  if (type === 'm.room.power_levels' || type === 'm.room.join_rules') return stateKey === '';
  return type === 'm.room.member' && ['leave', 'ban'].includes(String(content['membership'])) && sender !== stateKey;
}

const keyOf = (event: RoomEvent) => stateKeyOf(event.type, event.stateKey ?? '');

function timeBefore(x: RoomEvent, y: RoomEvent): boolean {
  if (x.originServerTs !== y.originServerTs) return x.originServerTs < y.originServerTs;
  return x.eventId < y.eventId;
}
