import { perStep, type Steps } from './steps.ts';

/** An event in the graph of `auth_events`. */
export interface AuthNode<K> {
  /** 1 + the highest among its auth events, 0 without any: an event is always above what it cites. */
  readonly generation: number;
  readonly authEvents: readonly K[];
}

/** State events that stand in every one of the sets: tens of thousands in a large room, so they are not listed unasked. */
export interface CommonState<K> {
  has(id: K): boolean;
  /** Asked for only when the answer depends on it, which is rare. */
  all(): Iterable<K>;
}

/**
 * The auth difference: what can be reached over `auth_events` from some of the sets of state events, but not from all;
 * without the events of `sets` themselves, which are conflicted anyway. https://spec.matrix.org/v1.19/rooms/v12/#definitions
 *
 * A set reaches its own events too. The letter of the spec has only the events below them, which differs for state that
 * all sets share and only some cite; deployed servers count it as common, and resolution must agree with theirs.
 *
 * `sets` may leave out what is in `common`. The walk goes down by generation, so that who reaches an event is known when
 * it is visited, and ends once all that is left is reached by all: in a large room mostly after a dozen events.
 */
export function* authDifferenceByGeneration<K>(
  sets: readonly Iterable<K>[],
  info: (id: K) => AuthNode<K> | undefined,
  common: CommonState<K> = { has: () => false, all: () => [] },
): Steps<Set<K>> {
  const found = yield* walkDown(sets, [], info, common);
  if (found.size === 0) return found;
  // Shared state may reach what was found from above: then it is common after all.
  let lowest = Number.POSITIVE_INFINITY;
  for (const id of found) lowest = Math.min(lowest, info(id)?.generation ?? 0);
  const above: K[] = [];
  let looked = 0;
  for (const id of common.all()) {
    if (++looked % perStep === 0) yield;
    if ((info(id)?.generation ?? 0) > lowest) above.push(id);
  }
  return above.length === 0 ? found : yield* walkDown(sets, above, info, common);
}

function* walkDown<K>(
  sets: readonly Iterable<K>[],
  shared: readonly K[],
  info: (id: K) => AuthNode<K> | undefined,
  common: CommonState<K>,
): Steps<Set<K>> {
  const all = (1n << BigInt(sets.length)) - 1n;
  const reachedBy = new Map<K, bigint>(); // a bit for each set
  const pending = rows<K>();
  const difference = new Set<K>();
  const starts = new Set<K>();
  let open = 0; // pending ones that not all sets reach, as far as we know

  const reach = (id: K, by: bigint) => {
    const before = reachedBy.get(id);
    if (before === undefined) {
      const generation = info(id)?.generation;
      if (generation === undefined) return; // not known here: nothing is below it
      const mask = common.has(id) ? all : by;
      reachedBy.set(id, mask);
      pending.add(generation, id);
      if (mask !== all) open++;
    } else if (before !== all) {
      reachedBy.set(id, before | by);
      if ((before | by) === all) open--;
    }
  };
  let visited = 0;
  const isStepDone = () => ++visited % perStep === 0;
  for (const id of shared) {
    if (isStepDone()) yield;
    reach(id, all);
  }
  for (const [index, set] of sets.entries()) {
    for (const id of set) {
      if (isStepDone()) yield;
      starts.add(id);
      reach(id, 1n << BigInt(index));
    }
  }

  for (let generation = pending.highest(); generation >= 0 && open > 0; generation--) {
    for (const id of pending.of(generation)) {
      if (isStepDone()) yield;
      const by = reachedBy.get(id) ?? all;
      if (by !== all) {
        if (!starts.has(id)) difference.add(id);
        open--;
      }
      for (const cited of info(id)?.authEvents ?? []) reach(cited, by);
    }
  }
  return difference;
}

/**
 * The conflicted state subgraph: the events on any path over `auth_events` between two of the conflicted ones, these
 * included. https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export function* conflictedSubgraphByGeneration<K>(
  conflicted: ReadonlySet<K>,
  info: (id: K) => AuthNode<K> | undefined,
): Steps<Set<K>> {
  let visited = 0;
  const isStepDone = () => ++visited % perStep === 0;
  const pending = rows<K>();
  const seen = new Set<K>();
  const reach = (id: K) => {
    const generation = seen.has(id) ? undefined : info(id)?.generation;
    if (generation === undefined) return;
    seen.add(id);
    pending.add(generation, id);
  };
  let lowest = Number.POSITIVE_INFINITY; // below it no path can end
  for (const id of conflicted) {
    if (isStepDone()) yield;
    reach(id);
    lowest = Math.min(lowest, info(id)?.generation ?? lowest);
  }
  for (let generation = pending.highest(); generation > lowest; generation--) {
    for (const id of pending.of(generation)) {
      if (isStepDone()) yield;
      for (const cited of info(id)?.authEvents ?? []) reach(cited);
    }
  }

  // All that was reached is below a conflicted event. Upwards again: what is above one, too.
  const subgraph = new Set<K>();
  for (let generation = lowest; generation <= pending.highest(); generation++) {
    for (const id of pending.of(generation)) {
      if (isStepDone()) yield;
      if (conflicted.has(id) || info(id)?.authEvents.some((cited) => subgraph.has(cited))) subgraph.add(id);
    }
  }
  return subgraph;
}

/**
 * The generation of each event that can be walked to from `ids`. Events that cite each other in a circle, which room
 * versions 1 and 2 cannot rule out, get the one at which the circle was met.
 */
export function generationsOf<K>(
  ids: Iterable<K>,
  authEventsOf: (id: K) => readonly K[] | undefined,
): ReadonlyMap<K, number> {
  const generations = new Map<K, number>();
  const entered = new Set<K>();
  const stack = [...ids];
  for (let id = stack.at(-1); id !== undefined; id = stack.at(-1)) {
    const cited = generations.has(id) ? undefined : authEventsOf(id);
    if (cited === undefined) {
      stack.pop();
      continue;
    }
    if (!entered.has(id)) {
      entered.add(id);
      for (const below of cited) if (!entered.has(below)) stack.push(below);
      continue;
    }
    stack.pop();
    generations.set(id, Math.max(-1, ...cited.map((below) => generations.get(below) ?? -1)) + 1);
  }
  return generations;
}

/** Events by generation. */
function rows<K>() {
  const byGeneration: K[][] = [];
  return {
    add(generation: number, id: K) {
      const row = byGeneration[generation];
      if (row === undefined) byGeneration[generation] = [id];
      else row.push(id);
    },
    of: (generation: number): readonly K[] => byGeneration[generation] ?? [],
    highest: () => byGeneration.length - 1,
  };
}
