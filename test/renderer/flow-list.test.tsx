import { expect, test } from 'vitest';
import { append, applyChange, fromPage, release } from '../../renderer/flow-list.ts';
import { inTree } from '../../renderer/trace-tree.ts';
import { sampleFlow } from '../support/sample-flows.ts';
import { flow } from '../support/sample-ids.ts';

const flows = (...ids: number[]) => ids.map((id) => sampleFlow({ id: flow(id) }));
const page = (...ids: number[]) => ({ flows: flows(...ids), more: true, total: 50 });
const all = () => true;
const change = { matches: all, hold: false };
const ids = (list: readonly { readonly id: string }[]) => list.map(({ id }) => Number(id));

test('new flows go on top, newest first, and the total counts each once', () => {
  const list = applyChange(fromPage(page(9, 8)), { ...change, flows: flows(10, 11) });
  expect(ids(list.shown)).toEqual([11, 10, 9, 8]);
  expect(applyChange(list, { ...change, flows: flows(11) }).total).toBe(52);
});

test('ids grow as numbers, not as text', () => {
  expect(ids(applyChange(fromPage(page(99)), { ...change, flows: flows(100) }).shown)).toEqual([100, 99]);
});

test('one that comes to match later goes to its place, not on top', () => {
  const matches = ({ status }: { status: number | undefined }) => status === 500;
  const list = fromPage({ flows: [], more: false, total: 0 });
  const later = applyChange(list, {
    flows: [sampleFlow({ id: flow(10) }), sampleFlow({ id: flow(11), status: 500 })],
    matches,
    hold: false,
  });
  const both = applyChange(later, { flows: [sampleFlow({ id: flow(10), status: 500 })], matches, hold: false });
  expect(ids(both.shown)).toEqual([11, 10]);
  expect(both.total).toBe(2);
});

test('one that matches no longer leaves', () => {
  const open = sampleFlow({ id: flow(7), status: undefined, tookMs: undefined });
  const list = fromPage({ flows: [open], more: false, total: 1 });
  const matches = ({ status }: { status: number | undefined }) => status === undefined;
  expect(applyChange(list, { flows: [sampleFlow({ id: flow(7) })], matches, hold: false }).shown).toEqual([]);
});

test('what is closed never opens again, whatever order batches come in', () => {
  const stale = sampleFlow({ id: flow(9), status: undefined, tookMs: undefined });
  expect(applyChange(fromPage(page(9)), { ...change, flows: [stale] }).shown[0]?.status).toBe(200);
});

test('older ones that are not loaded yet do not jump in', () => {
  expect(ids(applyChange(fromPage(page(9, 8)), { ...change, flows: flows(3) }).shown)).toEqual([9, 8]);
});

test('while held, new ones wait and known ones still change; released, they are all there', () => {
  const held = applyChange(fromPage(page(9)), {
    flows: [...flows(10), sampleFlow({ id: flow(9), status: 500 })],
    matches: all,
    hold: true,
  });
  expect(ids(held.held)).toEqual([10]);
  expect(held.shown[0]?.status).toBe(500);
  expect(ids(release(held).shown)).toEqual([10, 9]);
});

test('the next page goes to the end, without what is there already', () => {
  expect(ids(append(fromPage(page(9, 8)), { flows: flows(8, 7, 6), more: false, total: 50 }).shown)).toEqual([
    9, 8, 7, 6,
  ]);
});

test('nor does what waits grow without end: released, there is no gap below it', () => {
  const ids = Array.from({ length: 6_000 }, (_, n) => n + 10);
  const held = applyChange(fromPage(page(9)), { flows: flows(...ids), matches: all, hold: true });
  expect(held.held).toHaveLength(5_000);
  const { shown, more } = release(held);
  expect([shown.length, shown.at(-1)?.id, more]).toEqual([5_000, '1010', true]);
});

test('the list does not grow without end', () => {
  const many = fromPage({
    flows: flows(...Array.from({ length: 5_000 }, (_, n) => 5_000 - n)),
    more: false,
    total: 5_000,
  });
  const next = applyChange(many, { ...change, flows: flows(5_001) });
  expect([next.shown.length, next.more]).toEqual([5_000, true]);
});

test('a trace is a tree in the order of time, even where it bites its tail', () => {
  const of = (id: number, parentId: number | undefined, startedAt: number) =>
    sampleFlow({ id: flow(id), parentId: parentId === undefined ? undefined : flow(parentId), startedAt });
  const tree = inTree([of(3, 2, 30), of(1, undefined, 10), of(4, 1, 25), of(2, 1, 20), of(5, 99, 40)]);
  expect(tree.map((branch) => [branch.flow.id, branch.depth])).toEqual([
    ['1', 0],
    ['2', 1],
    ['3', 2],
    ['4', 1],
    ['5', 0],
  ]);
  expect(inTree([of(1, 2, 1), of(2, 1, 2)])).toHaveLength(0);
});
