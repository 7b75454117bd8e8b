import type { RoomId } from '../../shared/ids.ts';

/** Work on a room is done one piece after the other, in the order in which it was asked for; rooms side by side. */
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
