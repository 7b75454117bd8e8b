import { expect, test } from 'vitest';
import { lruCache } from '../../main/db/lru-cache.ts';

test('what is used stays, what is not goes, and the weight is never above the limit', () => {
  const cache = lruCache<number, string>({ maxWeight: 100, weigh: (text) => text.length });
  cache.set(0, 'used again and again');
  for (let key = 1; key < 200; key++) {
    cache.set(key, '0123456789');
    expect(cache.get(0)).toBe('used again and again');
  }
  const kept = Array.from({ length: 200 }, (_, key) => cache.get(key)).filter((value) => value !== undefined);
  expect(kept.join('').length).toBeLessThanOrEqual(100 + 20);
  expect(cache.get(199)).toBe('0123456789');
  expect(cache.get(100)).toBeUndefined();
});

test('a value that is set anew, deleted or cleared is not seen any more', () => {
  const cache = lruCache<string, number>({ maxWeight: 10 });
  cache.set('a', 1);
  cache.set('a', 2);
  expect(cache.get('a')).toBe(2);
  for (let key = 0; key < 6; key++) cache.set(`${key}`, key); // `a` grows old
  expect(cache.get('a')).toBe(2);
  cache.set('a', 3);
  expect(cache.get('a')).toBe(3);
  cache.delete('a');
  expect(cache.get('a')).toBeUndefined();
  cache.clear();
  expect(cache.get('5')).toBeUndefined();
});
