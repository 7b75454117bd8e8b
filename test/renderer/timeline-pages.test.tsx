import { expect, test } from 'vitest';
import { appendPage, oldestPlace, refreshPages } from '../../renderer/timeline-pages.ts';
import type { TimelineRow } from '../../shared/views.ts';
import { eventNumber } from '../support/sample-ids.ts';
import { sampleEvent } from '../support/sample-rooms.ts';

const row = (n: number, given: Partial<TimelineRow> = {}) =>
  sampleEvent({ eventId: eventNumber(n), position: n, depth: n, ...given });
const rows = (...positions: number[]) => positions.map((n) => row(n));
const parked = (n: number) => row(n, { outcome: 'parked', position: undefined });
const order = 'stream';
const places = (list: readonly TimelineRow[]) => list.map(({ position }) => position);

test('an older page goes on from the last event that has a place', () => {
  expect(oldestPlace([parked(9), ...rows(5, 4), row(3, { outlier: true, position: undefined })], order)).toBe(4);
  expect(oldestPlace([parked(9)], order)).toBeUndefined();
  expect(oldestPlace(rows(5, 4), 'topological')).toBe(4);
  expect(places(appendPage(rows(5, 4), rows(4, 3)))).toEqual([5, 4, 3]);
});

test('the newest page takes the place of what it covers, and older pages stay', () => {
  const known = rows(6, 5, 4, 3, 2);
  expect(places(refreshPages({ known, newest: rows(8, 7, 6, 5), order }))).toEqual([8, 7, 6, 5, 4, 3, 2]);
});

test('an event that no longer waits leaves the top', () => {
  const known = [parked(9), ...rows(6, 5, 4)];
  expect(places(refreshPages({ known, newest: rows(9, 6, 5), order }))).toEqual([9, 6, 5, 4]);
});

test('when more has come than a page holds, older pages are left to be loaded again', () => {
  expect(places(refreshPages({ known: rows(3, 2, 1), newest: rows(9, 8, 7), order }))).toEqual([9, 8, 7]);
});

test('what became of an event is as the newest page has it', () => {
  const [first] = refreshPages({ known: rows(2, 1), newest: [row(2, { outcome: 'rejected' }), row(1)], order });
  expect(first?.outcome).toBe('rejected');
});
