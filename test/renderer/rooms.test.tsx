import { act } from 'react';
import { expect, test } from 'vitest';
import type { TimelineQuery } from '../../shared/bridge.ts';
import type { TimelineRow } from '../../shared/views.ts';
import { eventNumber, rejectedTopic, tidepool } from '../support/sample-ids.ts';
import { sampleEvent, sampleTimeline } from '../support/sample-rooms.ts';
import { click, fill, find, now, press, show, text, texts } from './show.tsx';

const rows = () => texts('[role=grid] tbody tr:not(.spacer)');
const timelineHash = `#/rooms/${encodeURIComponent(tidepool)}/timeline`;

test('rooms are sorted by what one chooses, both ways, and narrowed by what one types', async () => {
  await show({ hash: '#/rooms' });
  expect(rows()[0]).toContain('Tidepool field notes');
  await click('th button', 'Members');
  await click('th button', 'Members');
  expect(find('th[aria-sort]').getAttribute('aria-sort')).toBe('descending');
  expect(rows()[0]).toContain('Matrix HQ');
  expect(rows()[0]).toContain('checking 12,400 of 30,000');
  await fill('[role=search] input', 'choir');
  expect(rows()).toHaveLength(1);
  await press('j');
  await press('Enter');
  expect(decodeURIComponent(location.hash)).toBe('#/rooms/!choirlogistics:osk.example/timeline');
});

test('without rooms it says how to come by one', async () => {
  await show({ hash: '#/rooms', handlers: { 'rooms.list': () => [] } });
  expect(text()).toContain('Sign in with a Matrix client');
  expect(text()).toContain('http://127.0.0.1:8008');
});

test('the timeline says what became of each event: step, rule, reason and the events that decided', async () => {
  await show({ hash: timelineHash });
  const rejected = rows().find((row) => row.includes('rejected')) ?? '';
  expect(rejected).toContain('step 5 · required power level · decided by $mzT1…7Co · @rook:kolibri.example has');
  expect(rows().find((row) => row.includes('soft-failed'))).toContain('step 6 · sender is banned');
  expect(rows()[1]).toMatch(/Bringing coffee\.accepted$/);
});

test('refused events, outliers and the order are asked for', async () => {
  const queries: TimelineQuery[] = [];
  const rows = sampleTimeline(now, 3);
  await show({
    hash: timelineHash,
    handlers: {
      'room.timeline': (query) => {
        queries.push(query as TimelineQuery);
        return rows;
      },
    },
  });
  expect(queries).toEqual([{ roomId: tidepool, order: 'stream', refused: true, outliers: false, limit: 100 }]);
  await click('.check input');
  await click('button', 'By depth');
  expect(queries.at(-1)).toEqual({
    roomId: tidepool,
    order: 'topological',
    refused: false,
    outliers: false,
    limit: 100,
  });
});

test('older events are loaded on demand, from the last position on', async () => {
  const queries: TimelineQuery[] = [];
  const all = Array.from({ length: 150 }, (_, n) =>
    sampleEvent({ eventId: eventNumber(n), position: 150 - n, depth: 150 - n, summary: `number ${150 - n}` }),
  );
  await show({
    hash: timelineHash,
    handlers: {
      'room.timeline': (query) => {
        const { before = 1_000 } = query as TimelineQuery;
        queries.push(query as TimelineQuery);
        return all.filter(({ position = 0 }) => position < before).slice(0, 100);
      },
    },
  });
  expect(text()).toContain('100 events shown');
  await click('button', 'Load older');
  expect(queries.at(-1)?.before).toBe(51);
  expect(text()).toContain('150 events shown');
  expect(text()).toContain('All are shown');
});

test('a new event comes by itself, and older pages stay', async () => {
  let rowsNow: readonly TimelineRow[] = sampleTimeline(now, 3);
  const page = await show({ hash: timelineHash, handlers: { 'room.timeline': () => rowsNow } });
  rowsNow = [sampleEvent({ eventId: eventNumber(5_000), summary: 'just in', position: 48_300 }), ...rowsNow];
  await act(async () => page.server().emit('rooms.changed', [tidepool]));
  await page.pass(400);
  expect(rows()[0]).toContain('just in');
  expect(rows()).toHaveLength(4);
});

test('state and members are tabs with addresses of their own', async () => {
  await show({ hash: timelineHash });
  await click('[role=tab]', 'State');
  expect(decodeURIComponent(location.hash)).toBe(`#/rooms/${tidepool}/state`);
  expect(rows()[0]).toContain('m.room.create');
  await click('[role=tab]', 'Members');
  expect(rows()[0]).toContain('@ines:lumen.example');
  expect(rows()[0]).toContain('creator');
  expect(find('[aria-label="Servers in the room"]').textContent).toContain('birch.example');
});

test('a room that is not ours is no blank page', async () => {
  await show({ hash: '#/rooms/!no:where.example' });
  expect(text()).toContain('Not one of this server’s rooms');
});

test('an event opened shows the ladder with the step that decided, and what seals it', async () => {
  await show({ hash: `#/events/${encodeURIComponent(rejectedTopic)}` });
  expect(texts('.verdict h2')).toEqual(['Rejected by the rule “required power level”']);
  expect(texts('.rung .out')).toEqual(['pass', 'pass', 'pass', 'pass', 'rejected', 'not reached', 'not reached']);
  expect(text()).toContain('matches');
  expect(text()).toContain('is the event id');
  await click('.seg button', 'Canonical');
  expect(find('pre').textContent).toContain('"auth_events":["$yjXq2L');
});

test('a hash that does not match redacts, and the checks after it were passed too', async () => {
  const redacted = sampleTimeline(now).find(({ outcome }) => outcome === 'redacted');
  await show({ hash: `#/events/${encodeURIComponent(redacted?.eventId ?? '')}` });
  expect(texts('.rung .out')).toEqual(['pass', 'pass', 'redacted', 'pass', 'pass', 'pass', 'pass']);
  expect(text()).toContain('does not match');
});
