import { act } from 'react';
import { expect, test } from 'vitest';
import type { Overview } from '../../shared/views.ts';
import { busyOverview } from '../support/sample-overview.ts';
import { click, find, now, show, text, texts } from './show.tsx';

test('it says how the server is, what needs attention, and where to go for it', async () => {
  await show();
  expect(texts('h2')[0]).toBe('Federating with 12 servers. 2 of them do not answer.');
  expect(text()).toContain('18 events wait for it; nothing is lost.');
  expect(find<HTMLAnchorElement>('a', 'Show: birch.example').getAttribute('href')).toBe('#/peers/birch.example');
  expect(texts('.badges .badge')).toContain('2 rejected');
  expect(find<HTMLAnchorElement>('.badges a', 'rejected').getAttribute('href')).toBe(
    '#/log?q=outcome%3Arejected+since%3A1d',
  );
});

test('the time goes on by itself', async () => {
  const { pass } = await show();
  expect(text()).toContain('up for 8 h 1 min');
  await pass(60_000);
  expect(text()).toContain('up for 8 h 2 min');
});

test('the chart is there as a table too', async () => {
  await show();
  expect(document.querySelectorAll('.scroll-table tr')).toHaveLength(0);
  await click('button', 'As table');
  expect(document.querySelectorAll('.scroll-table tbody tr')).toHaveLength(24);
});

test('a change that arrives before the answer is applied after it', async () => {
  let answer: (overview: Overview) => void = () => {};
  const handlers = { 'overview.get': () => new Promise<Overview>((resolve) => (answer = resolve)) };
  const { server } = await show({ handlers });
  expect(text()).toContain('Asking the server…');
  const changed = { ...busyOverview(now), verdict: { kind: 'ok', sentence: 'All is well.' } } as const;
  await act(async () => server().emit('overview.changed', changed));
  await act(async () => answer(busyOverview(now)));
  expect(texts('h2')[0]).toBe('All is well.');
});

test('a failed load says why, and can be tried again', async () => {
  let isBroken = true;
  const handlers = {
    'overview.get': () => {
      if (isBroken) throw new Error('disk I/O error');
      return busyOverview(now);
    },
  };
  await show({ handlers });
  expect(find('[role=alert]').textContent).toContain('The overview could not be read: disk I/O error');
  isBroken = false;
  await click('button', 'Retry');
  expect(document.querySelector('[role=alert]')).toBeNull();
  expect(texts('h2')[0]).toContain('Federating with 12 servers');
});

test('the rail counts rooms and failing peers, live', async () => {
  let peers = 2;
  const { server, pass } = await show({
    handlers: {
      'peers.list': () => Array.from({ length: peers }, (_, n) => ({ server: `p${n}`, status: 'backingOff' }) as never),
    },
  });
  expect(find('.nav', 'Rooms').textContent).toBe('Rooms46');
  expect(find('.nav', 'Peers').textContent).toContain('2 do not answer');
  peers = 3;
  await act(async () => server().emit('peers.changed', []));
  await pass(300);
  expect(find('.nav', 'Peers').textContent).toContain('3 do not answer');
});
