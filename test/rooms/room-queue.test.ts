import { expect, test } from 'vitest';
import { createRoomQueue } from '../../main/rooms/room-queue.ts';
import type { RoomId } from '../../shared/ids.ts';

const [one, two] = ['!one:a.test' as RoomId, '!two:a.test' as RoomId];

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
  release();
  await expect(slow).rejects.toThrow('no');
  await next;
  expect(order).toEqual(['elsewhere', 'slow', 'next']);
  await queue.idle();
});
