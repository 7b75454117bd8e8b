import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authDifferenceByGeneration, generationsOf } from '../../main/protocol/auth-chain.ts';
import { type ResolutionStep, separate } from '../../main/protocol/resolution.ts';
import { type StateMap, stateKeyOf } from '../../main/protocol/state-map.ts';
import { resolveSets, resolveState, sourceFrom } from '../../main/protocol/state-res.ts';
import { finish, type Steps } from '../../main/protocol/steps.ts';
import type { EventId } from '../../shared/ids.ts';
import { naiveResolve } from '../support/naive-state-res.ts';
import { playRoom, type Resolving, randomSteps, reversed } from '../support/random-room.ts';

// HEARTH_SEED=7 HEARTH_RUNS=100000 tries others, and more.
const seed = Number(process.env['HEARTH_SEED'] ?? 1);
const numRuns = Number(process.env['HEARTH_RUNS'] ?? 520);

/** How often the random rooms came to where it is difficult: else they would prove little. */
interface Seen {
  conflicts: number;
  refusals: number; // of events that were allowed where they were sent
  differences: number; // with more in the auth difference than what is conflicted
  subgraphs: number;
}

test.each([
  ['1', 'v1'],
  ['2', 'v2'],
  ['10', 'v2'],
  ['12', 'v2.1'],
])('random rooms of version %s come to what the definitions of %s say', (version) => {
  const seen: Seen = { conflicts: 0, refusals: 0, differences: 0, subgraphs: 0 };
  fc.assert(
    fc.property(randomSteps, (steps) => playRoom(version, steps, (resolving) => resolveEachWay(resolving, seen))),
    { seed, numRuns },
  );
  expect(seen.conflicts).toBeGreaterThan(4 * numRuns);
  expect(seen.refusals).toBeGreaterThan(numRuns / 2);
  expect(seen.differences).toBeGreaterThan(numRuns / 4);
  expect(seen.subgraphs).toBeGreaterThan(numRuns);
});

/** Resolves in every way that must not matter, and by the definitions. */
function resolveEachWay({ room, sets }: Resolving, seen: Seen): StateMap {
  const { rules, events } = room;
  const source = sourceFrom(events, sets);
  const steps: ResolutionStep[] = [];
  const state = resolveSets(rules, sets, source, (step) => steps.push(step));

  same(naiveResolve(rules, events, sets), state);
  const turned = [...sets].reverse();
  same(resolveSets(rules, turned, sourceFrom(reversed(events), turned)), state);
  const twice = [...sets.slice(1), ...sets];
  same(resolveSets(rules, twice, sourceFrom(events, twice)), state);
  same(resolveSets(rules, sets, { ...source, authDifference: () => differenceOfForks({ room, sets }) }), state);
  const isRejected = (id: EventId) => id.startsWith('$7');
  same(resolveSets(rules, sets, sourceFrom(events, sets, isRejected)), naiveResolve(rules, events, sets, isRejected));

  const input = separate(sets);
  const { conflicted } = input;
  const decided = [...resolveState(rules, input, source)];
  if (decided.some(([key]) => input.unconflicted(key) !== undefined)) expect.fail('it decided what is not in conflict');
  const ids = new Set([...conflicted.values()].flat().filter((id) => id !== undefined));
  seen.conflicts += conflicted.size > 0 ? 1 : 0;
  seen.refusals += steps.filter(({ verdict }) => !verdict.allowed).length;
  seen.differences += finish(source.authDifference()).size > 0 ? 1 : 0;
  seen.subgraphs += finish(source.conflictedSubgraph(ids)).size > ids.size ? 1 : 0;
  return state;
}

/** The auth difference as a store finds it: from where the forks differ, and what they share only if it must. */
function differenceOfForks({ room: { events }, sets }: Resolving): Steps<ReadonlySet<EventId>> {
  const { conflicted, unconflicted } = separate(sets);
  const generations = generationsOf(events.keys(), (id) => events.get(id)?.authEvents);
  const generation = (id: EventId) => generations.get(id) ?? 0;
  return authDifferenceByGeneration(
    sets.map((set) => [...set].filter(([key]) => conflicted.has(key)).map(([, id]) => id)),
    (id) => ({ generation: generation(id), authEvents: events.get(id)?.authEvents ?? [] }),
    {
      has(id) {
        const event = events.get(id);
        return event !== undefined && unconflicted(stateKeyOf(event.type, event.stateKey ?? '')) === id;
      },
      all: () => [...events.keys()].filter(isShared),
    },
  );

  function isShared(id: EventId) {
    return sets.every((set) => [...set.values()].includes(id));
  }
}

function same(actual: StateMap, expected: StateMap) {
  const listed = (state: StateMap) => [...state].map((entry) => entry.join(' ')).sort();
  if (listed(actual).join() !== listed(expected).join()) expect(listed(actual)).toEqual(listed(expected));
}
