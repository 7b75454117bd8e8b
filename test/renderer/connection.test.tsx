import { act } from 'react';
import { expect, test, vi } from 'vitest';
import { keepConnected } from '../../renderer/keep-connected.ts';
import { portPair } from '../support/port-pair.ts';
import { busyOverview } from '../support/sample-overview.ts';
import { click, find, now, show, text, texts } from './show.tsx';

test('a lost connection is told, what is on screen stays, and is asked anew when the server is back', async () => {
  let sentence = 'All is well.';
  const handlers = { 'overview.get': () => ({ ...busyOverview(now), verdict: { kind: 'ok', sentence } }) as const };
  const page = await show({ handlers });
  page.reachable = false;
  await page.cut();
  expect(find('[role=alert]').textContent).toContain('Not connected since');
  expect(texts('h2')[0]).toBe('All is well.');
  await page.pass(5_000);
  expect(find('[role=alert]').textContent).toContain('The server does not answer.');

  sentence = 'Back again.';
  page.reachable = true;
  await page.pass(15_000);
  expect(document.querySelector('[role=alert]')).toBeNull();
  expect(texts('h2')[0]).toBe('Back again.');
  await act(async () =>
    page.server().emit('overview.changed', { ...busyOverview(now), verdict: { kind: 'ok', sentence: 'Live.' } }),
  );
  expect(texts('h2')[0]).toBe('Live.');
});

test('one need not wait for the next try', async () => {
  const page = await show();
  page.reachable = false;
  await page.cut();
  await page.pass(20_000);
  page.reachable = true;
  await click('button', 'Try now');
  expect(document.querySelector('[role=alert]')).toBeNull();
  expect(text()).toContain('juniper.example');
});

test('waits double up to fifteen seconds, and start anew after a success', async () => {
  vi.useFakeTimers({ now });
  const tries: number[] = [];
  const pair = portPair();
  const kept = keepConnected(
    async () => {
      tries.push(Date.now() - now);
      if (tries.length !== 8) throw new Error('no');
      return pair.ends[0];
    },
    () => {},
  );
  await vi.advanceTimersByTimeAsync(60_000);
  const waits = tries.slice(1).map((at, index) => at - (tries[index] ?? 0));
  expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000]);
  pair.close();
  await vi.advanceTimersByTimeAsync(500);
  expect(tries).toHaveLength(9);
  kept.stop();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tries).toHaveLength(9);
  vi.useRealTimers();
});
