import fc from 'fast-check';
import { expect, test } from 'vitest';
import { stateNodesTable } from '../../main/db/state-nodes.ts';
import {
  buildState,
  diffStates,
  getFromState,
  type StateRef,
  setInState,
  stateEntries,
  stateSize,
} from '../../main/db/state-trie.ts';
import { tempDb } from '../support/temp-db.ts';

async function open() {
  const db = await tempDb();
  const nodes = stateNodesTable(db);
  const rows = db.prepare<[], { count: number }>('SELECT count(*) AS count FROM state_nodes');
  return { db, ...nodes, rows: () => rows.get()?.count ?? 0 };
}

const members = (count: number) => Array.from({ length: count }, (_, key) => [key + 1, key + 1000] as const);
const entriesOf = (state: StateRef, load: Parameters<typeof stateEntries>[1]) =>
  [...stateEntries(state, load)].sort(([a], [b]) => a - b);

test('a state is what was put into it, and whatever the way there, equal states are one', async () => {
  const { load, store } = await open();
  const key = fc.integer({ min: 1, max: 60 });
  const step = fc.tuple(key, fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), (steps) => {
      const expected = new Map<number, number>();
      let state: StateRef = 0;
      for (const [index, [at, event]] of steps.entries()) {
        if (event === undefined) expected.delete(at);
        else expected.set(at, event);
        state = setInState(state, at, event, load);
        if (index % 7 === 0) state = store(state);
      }
      expect(entriesOf(state, load)).toEqual([...expected].sort(([a], [b]) => a - b));
      expect(stateSize(state, load)).toBe(expected.size);
      expect(store(state)).toBe(store(buildState(expected)));
      for (const [at] of steps) expect(getFromState(state, at, load)).toBe(expected.get(at));
    }),
    { numRuns: 60 },
  );
});

test('the difference of two states is what must change in the first to get the second', async () => {
  const { load, store } = await open();
  const map = fc.dictionary(fc.integer({ min: 1, max: 90 }).map(String), fc.integer({ min: 1, max: 3 }));
  const entries = (of: Record<string, number>) =>
    Object.entries(of).map(([key, event]) => [Number(key), event] as const);
  fc.assert(
    fc.property(map, map, (a, b) => {
      const [before, after] = [store(buildState(entries(a))), buildState(entries(b))];
      let state: StateRef = before;
      for (const { key, before: old, after: event } of diffStates(before, after, load)) {
        expect(getFromState(before, key, load)).toBe(old);
        state = setInState(state, key, event, load);
      }
      expect(store(state)).toBe(store(after));
    }),
    { numRuns: 60 },
  );
});

test('one change in a state of 30,000 writes a handful of rows, and none when it is not new', async () => {
  const { db, load, store, rows } = await open();
  const big = db.transaction(() => store(buildState(members(30_000))));
  const before = rows();
  const changed = db.transaction(() => store(setInState(big, 15_000, 7, load)));
  expect(rows() - before).toBeLessThanOrEqual(6);
  const between = rows();
  expect(store(setInState(changed, 15_000, 7, load))).toBe(changed);
  expect(store(setInState(changed, 15_000, 15_999, load))).toBe(big);
  expect(rows()).toBe(between);
});

test('states that share most of their nodes are compared without reading those', async () => {
  const { load, store } = await open();
  const big = store(buildState(members(30_000)));
  const changed = setInState(setInState(big, 3, 1, load), 29_000, undefined, load);
  let read = 0;
  const counting = (id: number) => {
    read++;
    return load(id);
  };
  expect([...diffStates(big, changed, counting)].sort((a, b) => a.key - b.key)).toEqual([
    { key: 3, before: 1002, after: 1 },
    { key: 29_000, before: 29_999, after: undefined },
  ]);
  expect(read).toBeLessThan(20);
});

test('what was stored in a transaction that is rolled back is stored again', async () => {
  const { db, store } = await open();
  const state = buildState(members(100));
  const undone = () =>
    db.transaction(() => {
      store(state);
      throw new Error('no');
    });
  expect(undone).toThrow('no');
  const id = db.transaction(() => store(state));
  const fresh = stateNodesTable(db).load;
  expect(stateSize(id, fresh)).toBe(100);
  expect(getFromState(id, 40, fresh)).toBe(1039);
});
