import type { RoomId } from '../../shared/ids.ts';
import type { Change, Rooms } from '../rooms/rooms.ts';

/** When each room last changed, so that a sync looks only at those that have. */
export interface RoomChanges {
  /** Whether something may have changed after this position: before our start nobody has counted. */
  mayHaveChanged(roomId: RoomId, after: number | undefined): boolean;
  /** `heard` resolves with the next change that `concerns` is true for, if there is one before `stop`. */
  listen(concerns: (change: Change) => boolean): { readonly heard: Promise<void>; stop(): void };
  close(): void;
}

export function createRoomChanges(rooms: Pick<Rooms, 'position' | 'changes'>): RoomChanges {
  const startedAt = rooms.position();
  const newest = new Map<RoomId, number>();
  const unsubscribe = rooms.changes.on(({ roomId, position }) => {
    if (roomId !== undefined) newest.set(roomId, Math.max(position, newest.get(roomId) ?? 0));
  });
  return {
    mayHaveChanged: (roomId, after = 0) => after < startedAt || (newest.get(roomId) ?? 0) > after,
    listen(concerns) {
      let wake: (() => void) | undefined;
      const heard = new Promise<void>((resolve) => {
        wake = resolve;
      });
      const stop = rooms.changes.on((change) => {
        if (concerns(change)) wake?.();
      });
      return { heard, stop };
    },
    close: unsubscribe,
  };
}
