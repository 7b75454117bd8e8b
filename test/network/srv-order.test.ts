import { expect, test } from 'vitest';
import { srvOrder } from '../../main/network/srv-order.ts';

const record = (name: string, priority: number, weight: number) => ({ name, port: 1, priority, weight });
const names = (records: readonly { name: string }[]) => records.map(({ name }) => name).join(' ');

test('lower priority first, whatever the weight', () => {
  const records = [record('last', 30, 100), record('first', 10, 0), record('middle', 20, 50)];
  for (const chance of [0, 0.5, 0.99]) expect(names(srvOrder(records, () => chance))).toBe('first middle last');
});

test('among equals by weight and chance (RFC 2782)', () => {
  const records = [record('light', 10, 10), record('heavy', 10, 90)];
  expect(names(srvOrder(records, () => 0))).toBe('light heavy');
  expect(names(srvOrder(records, () => 0.5))).toBe('heavy light');
  let first = 0;
  for (let i = 0; i < 1000; i++) if (srvOrder(records, () => i / 1000)[0]?.name === 'heavy') first++;
  expect(first).toBeGreaterThan(850);
  expect(first).toBeLessThan(950);
});

test('all of them are there once, with weights of 0, too', () => {
  const records = [record('a', 1, 0), record('b', 1, 0), record('c', 1, 0)];
  for (const chance of [0, 0.3, 0.6, 0.999]) {
    expect(
      names(srvOrder(records, () => chance))
        .split(' ')
        .sort(),
    ).toEqual(['a', 'b', 'c']);
  }
  expect(srvOrder([], () => 0)).toEqual([]);
});
