import type { RoomId } from '../../shared/ids.ts';
import { dummyEvent } from '../db/events.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import type { RoomCore } from './room-core.ts';
import type { Rooms } from './rooms.ts';

/** More forward extremities than this, and every event of the room begins with a resolution. */
const mostForks = 10;
const idleMs = 60_000;
const usersTried = 5;

interface JoinForksDeps {
  readonly core: RoomCore;
  readonly append: Rooms['append'];
  readonly inspector: Inspector;
  readonly clock: Clock;
  readonly log: Log;
}

export interface JoinForks {
  /** Events have come in. If the room is left with many forks when it has been quiet for a minute, they are joined. */
  noticed(roomId: RoomId): void;
  close(): void;
}

/** A room that others talk in, and we do not, gathers forks that no event of ours joins: an event without content does. */
export function createJoinForks({ core, append, inspector, clock, log }: JoinForksDeps): JoinForks {
  const { heads, tables } = core;
  const waiting = new Map<RoomId, AbortController>();
  const isForked = (roomId: RoomId) => (heads.get(roomId)?.extremities.length ?? 0) > mostForks;

  const join = async (roomId: RoomId): Promise<void> => {
    const head = heads.get(roomId);
    if (head === undefined || !isForked(roomId)) return;
    for (const sender of tables.memberships.joined(head.id).slice(0, usersTried)) {
      try {
        await append(roomId, [{ type: dummyEvent, sender, content: {} }]);
        return;
      } catch (error) {
        log.debug('a user may not join the forks of a room', { roomId, sender, error }); // the next one perhaps
      }
    }
  };

  return {
    noticed(roomId) {
      waiting.get(roomId)?.abort();
      waiting.delete(roomId);
      if (!isForked(roomId)) return;
      const patience = new AbortController();
      waiting.set(roomId, patience);
      const wait = clock.sleep(idleMs, patience.signal);
      wait.then(
        () => inspector.apart(() => join(roomId)).finally(() => waiting.delete(roomId)),
        () => {}, // not idle
      );
    },
    close() {
      for (const patience of waiting.values()) patience.abort();
    },
  };
}
