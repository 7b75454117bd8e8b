import { expect, test } from 'vitest';
import { createRoomQueue } from '../../main/rooms/room-queue.ts';

const [one, two] = ['!one:a.test', '!two:a.test'];

test('one after the other in a room, rooms side by side, and a failure stops nobody', async () => {
  const queue = createRoomQueue();
  const order: string[] = [];
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const slow = queue.run(one, async () => {
    await held;
    order.push('slow');
    throw new Error('no');
  });
  const next = queue.run(one, () => order.push('next'));
  await queue.run(two, () => order.push('elsewhere'));
  expect(order).toEqual(['elsewhere']);
  expect([queue.length(one), queue.length(two)]).toEqual([2, 0]);
  release();
  await expect(slow).rejects.toThrow('no');
  await next;
  expect(order).toEqual(['elsewhere', 'slow', 'next']);
  await queue.idle();
  expect(queue.length(one)).toBe(0);
});
