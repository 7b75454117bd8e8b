import { expect, test } from 'vitest';
import { retryDelay } from '../../main/network/backoff.ts';

const second = 1000;
const day = 24 * 3600 * second;

test('5 seconds, doubling up to an hour', () => {
  const delays = Array.from({ length: 12 }, (_, index) => retryDelay({ failures: index + 1, failingForMs: 0 }, 0));
  const expected = [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600];
  expect(delays).toEqual(expected.map((seconds) => seconds * second));
  expect(retryDelay({ failures: 100_000, failingForMs: 0 }, 0)).toBe(3600 * second);
});

test('a day, once a day has gone by', () => {
  expect(retryDelay({ failures: 30, failingForMs: day - 1 }, 0)).toBe(3600 * second);
  expect(retryDelay({ failures: 30, failingForMs: day }, 0)).toBe(day);
});

test('chance takes up to a quarter off', () => {
  expect(retryDelay({ failures: 1, failingForMs: 0 }, 0.9999)).toBeCloseTo(3750, -1);
  expect(retryDelay({ failures: 1, failingForMs: 0 }, 0.5)).toBe(4375);
});
