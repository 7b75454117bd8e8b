import { expect, test } from 'vitest';
import { watchEventLoop } from '../main/event-loop.ts';
import { fakePlatform } from './support/fake-platform.ts';

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function block(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

test('work that holds up all other work is seen, for an hour', async () => {
  const { clock, advance } = fakePlatform();
  const read = watchEventLoop(clock);
  await wait(250);
  block(1500);
  await wait(250);
  expect(read().maxMs).toBeGreaterThan(1000);
  await advance(3_600_000);
  read();
  await wait(250);
  expect(read().maxMs).toBeLessThan(1000);
});
