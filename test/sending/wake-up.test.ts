import { expect, test } from 'vitest';
import { watchForJumps } from '../../main/sending/wake-up.ts';
import { fakePlatform } from '../support/fake-platform.ts';

test('a clock that has jumped is noticed, one that goes is not', async () => {
  const { clock, advance } = fakePlatform();
  let asleepFor = 0;
  const laptop = { ...clock, now: () => clock.now() + asleepFor };
  const jumps: number[] = [];
  const stop = new AbortController();
  const watching = watchForJumps(laptop, stop.signal, (ms) => void jumps.push(ms));
  await advance(300_000);
  expect(jumps).toEqual([]);
  asleepFor = 3_600_000;
  await advance(120_000);
  expect(jumps).toEqual([3_600_000]);
  asleepFor = 0;
  await advance(120_000);
  expect(jumps).toEqual([3_600_000, -3_600_000]);
  stop.abort();
  await watching;
});
