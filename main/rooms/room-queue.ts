import type { RoomId } from '../../shared/ids.ts';

/**
 * Work on a room is done one piece after the other, in the order in which it was asked for; rooms side by side.
 *
 * There are two of these: what comes in may wait minutes for other servers, and our own events do not wait with it.
 * They may do so side by side, since whatever is read and written of a room's state and extremities is so in one piece,
 * without awaiting; an event that was built before another came in is a fork, like any.
 */
export interface RoomQueue {
  run<T>(roomId: RoomId, work: () => Promise<T> | T): Promise<T>;
  /** Resolves when nothing is left to do in any room. */
  idle(): Promise<void>;
}

export function createRoomQueue(): RoomQueue {
  const tails = new Map<RoomId, Promise<unknown>>();
  return {
    run(roomId, work) {
      const before = tails.get(roomId) ?? Promise.resolve();
      const result = before.then(work);
      const tail = result.then(
        () => {},
        () => {}, // whoever asked for it is told; the next in the queue does not care
      );
      tails.set(roomId, tail);
      void tail.then(() => {
        if (tails.get(roomId) === tail) tails.delete(roomId);
      });
      return result;
    },
    async idle() {
      while (tails.size > 0) await Promise.all(tails.values());
    },
  };
}
