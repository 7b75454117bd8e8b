import type { RoomId, UserId } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { positionsTable } from '../db/positions.ts';
import type { Changes } from '../rooms/rooms.ts';

/** Where what users keep here takes its place among all that `/sync` tells of. */
export interface Stream {
  /** Runs `work` in a transaction; `next` gives positions for what it writes. Tells whom it concerns after the commit. */
  write(
    concerns: { readonly users?: readonly UserId[]; readonly roomId?: RoomId },
    work: (next: () => number) => void,
  ): void;
  /** Tells of what is in memory alone. */
  tell(concerns: { readonly users?: readonly UserId[]; readonly roomId?: RoomId }): void;
}

export function createStream(
  db: Db,
  positions: ReturnType<typeof positionsTable>,
  changes: Pick<Changes, 'emit'>,
): Stream {
  const tell = (concerns: { readonly users?: readonly UserId[]; readonly roomId?: RoomId }) =>
    changes.emit({ position: positions.newest(), ...concerns });
  return {
    write(concerns, work) {
      db.transaction(() => work(positions.next));
      tell(concerns);
    },
    tell,
  };
}
