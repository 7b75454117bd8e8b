import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type AuthNode,
  type CommonState,
  authDifferenceByGeneration as differenceInSteps,
  generationsOf,
  conflictedSubgraphByGeneration as subgraphInSteps,
} from '../../main/protocol/auth-chain.ts';
import { finish } from '../../main/protocol/steps.ts';

type Info = (id: number) => AuthNode<number> | undefined;
const authDifferenceByGeneration = (sets: readonly number[][], info: Info, common?: CommonState<number>) =>
  finish(differenceInSteps(sets, info, common));
const conflictedSubgraphByGeneration = (conflicted: ReadonlySet<number>, info: Info) =>
  finish(subgraphInSteps(conflicted, info));

/** A graph whose nodes are numbers, each citing lower ones only. Half of them cite what was last: deep, with side arms. */
const graph = fc
  .array(fc.array(fc.oneof(fc.nat(3), fc.nat(40)), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
  .map((backs) =>
    backs.map((back, id) => [...new Set(back.map((step) => id - 1 - step).filter((cited) => cited >= 0))]),
  );
const sets = fc.array(fc.array(fc.nat(39), { maxLength: 6 }), { minLength: 1, maxLength: 5 });
const inOrder = (ids: Iterable<number>) => [...ids].sort((a, b) => a - b);

function read(cites: readonly (readonly number[])[]) {
  const generations = generationsOf(cites.keys(), (id) => cites[id]);
  const asked: number[] = [];
  const info = (id: number): AuthNode<number> | undefined => {
    asked.push(id);
    const generation = generations.get(id);
    return generation === undefined ? undefined : { generation, authEvents: cites[id] ?? [] };
  };
  return { info, asked };
}

/** The nodes that can be walked to, the start included. */
function reachable(cites: readonly (readonly number[])[], from: number): ReadonlySet<number> {
  const reached = new Set([from]);
  for (const id of reached) for (const cited of cites[id] ?? []) reached.add(cited);
  return reached;
}

/** Without `own`, the events of the sets themselves. */
function differenceByDefinition(
  cites: readonly (readonly number[])[],
  states: readonly (readonly number[])[],
  own: readonly (readonly number[])[] = states,
) {
  const chains = states.map((state) => new Set(state.flatMap((id) => [...reachable(cites, id)])));
  const differ = (id: number) => chains.some((chain) => chain.has(id)) && !chains.every((chain) => chain.has(id));
  return cites.map((_, id) => id).filter((id) => differ(id) && !own.some((set) => set.includes(id)));
}

describe('auth difference', () => {
  test('is what some sets reach and others not', () => {
    fc.assert(
      fc.property(graph, sets, (cites, given) => {
        const known = given.map((set) => set.filter((id) => id < cites.length));
        const found = authDifferenceByGeneration(known, read(cites).info);
        expect(inOrder(found)).toEqual(differenceByDefinition(cites, known));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('is the same if what the sets share is told apart', () => {
    fc.assert(
      fc.property(graph, sets, fc.array(fc.nat(39), { maxLength: 8 }), (cites, given, alike) => {
        const own = given.map((set) => set.filter((id) => id < cites.length));
        const shared = new Set(alike.filter((id) => id < cites.length));
        const { info } = read(cites);
        const found = authDifferenceByGeneration(own, info, { has: (id) => shared.has(id), all: () => shared });
        const whole = own.map((set) => [...set, ...shared]);
        expect(inOrder(found)).toEqual(differenceByDefinition(cites, whole, own));
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('takes more sets than a number has bits', () => {
    // a hundred that cite the hundred below them, which cite 0
    const cites = [[], ...Array.from({ length: 200 }, (_, index) => [index < 100 ? 0 : index - 99])];
    const numbers = Array.from({ length: 100 }, (_, index) => index + 1);
    const found = authDifferenceByGeneration(
      numbers.map((number) => [number + 100]),
      read(cites).info,
    );
    expect(inOrder(found)).toEqual(numbers);
  });

  test('leaves out what is not known', () => {
    const { info } = read([[], [0, 77]]);
    expect([...authDifferenceByGeneration([[1, 88], []], info)]).toEqual([0]);
  });

  test('looks at little of a large room whose forks differ in a topic', () => {
    // create, 100 power levels one after the other, 30,000 members, and a topic on each fork
    const levels = Array.from({ length: 100 }, (_, index) => [index]);
    const members = Array.from({ length: 30_000 }, () => [100]);
    const cites = [[], ...levels, ...members, [100, 5_000], [100, 6_000]];
    const { info, asked } = read(cites);
    const common = {
      has: (id: number) => id === 0 || (id >= 100 && id <= 30_100),
      all: () => expect.fail('asked for all'),
    };
    expect(inOrder(authDifferenceByGeneration([[30_101], [30_102]], info, common))).toEqual([]);
    expect(asked.length).toBeLessThan(20);
  });

  test('ends where the sets come together', () => {
    const cites = Array.from({ length: 1000 }, (_, id) => (id === 0 ? [] : [id - 1]));
    const { info, asked } = read([...cites, [999], [999], [1000]]); // 1002 is above one of the two that meet at 999
    expect(inOrder(authDifferenceByGeneration([[1002], [1001]], info))).toEqual([1000]);
    expect(asked.length).toBeLessThan(20);
  });
});

describe('conflicted subgraph', () => {
  test('is what lies between any two', () => {
    fc.assert(
      fc.property(graph, fc.array(fc.nat(39), { maxLength: 6 }), (cites, given) => {
        const conflicted = new Set(given.filter((id) => id < cites.length));
        const between = cites
          .map((_, id) => id)
          .filter((id) => {
            const below = reachable(cites, id);
            return (
              [...conflicted].some((from) => reachable(cites, from).has(id)) &&
              [...conflicted].some((to) => below.has(to))
            );
          });
        expect(inOrder(conflictedSubgraphByGeneration(conflicted, read(cites).info))).toEqual(between);
      }),
      { seed: 1, numRuns: 1000 },
    );
  });

  test('does not go below the lowest', () => {
    const cites = Array.from({ length: 1000 }, (_, id) => (id === 0 ? [] : [id - 1]));
    const { info, asked } = read(cites);
    expect(inOrder(conflictedSubgraphByGeneration(new Set([990, 995]), info))).toEqual([990, 991, 992, 993, 994, 995]);
    expect(asked.length).toBeLessThan(50);
  });
});

describe('generations', () => {
  test('are one above the highest that is cited', () => {
    const cites = [[], [0], [0], [1, 0], [3, 2], []];
    expect([...generationsOf([4, 5], (id) => cites[id])].sort()).toEqual([
      [0, 0],
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 3],
      [5, 0],
    ]);
  });

  test('a chain may be as long as it likes', () => {
    const generations = generationsOf([100_000], (id) => (id === 0 ? [] : [id - 1, Math.max(0, id - 2)]));
    expect(generations.get(100_000)).toBe(100_000);
  });

  test('a circle ends', () => {
    const cites = [[1], [2], [0]];
    expect([...generationsOf([0], (id) => cites[id]).keys()].sort()).toEqual([0, 1, 2]);
    expect(authDifferenceByGeneration([[0], []], read(cites).info).size).toBeLessThan(3);
  });
});
