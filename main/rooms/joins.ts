import type { RoomId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';

/** A join through another server, under way. */
export interface JoinProgress {
  readonly roomId: RoomId;
  readonly phase: 'asking' | 'keys' | 'signatures' | 'writing';
  readonly server: ServerName | undefined; // through whom
  readonly done: number; // events
  readonly total: number | undefined;
  readonly startedTs: number;
}

/** Joins under way, as the console shows them. */
export interface Joins {
  of(roomId: RoomId): JoinProgress | undefined;
  list(): readonly JoinProgress[];
  /** Told of each step, and of the end: then `of` has it no more. */
  onChange(listener: (roomId: RoomId) => void): () => void;
}

export interface JoinBook extends Joins {
  update(roomId: RoomId, progress: Omit<JoinProgress, 'roomId' | 'startedTs'>): void;
  end(roomId: RoomId): void;
}

export function joinBook(now: () => number, log: Log): JoinBook {
  const joins = new Map<RoomId, JoinProgress>();
  const listeners = new Set<(roomId: RoomId) => void>();
  const tell = (roomId: RoomId) => {
    for (const listener of listeners) {
      try {
        listener(roomId);
      } catch (error) {
        log.error('a listener to joins failed', { roomId, error }); // nobody's display keeps anybody from joining
      }
    }
  };
  return {
    of: (roomId) => joins.get(roomId),
    list: () => [...joins.values()],
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    update(roomId, progress) {
      joins.set(roomId, { ...progress, roomId, startedTs: joins.get(roomId)?.startedTs ?? now() });
      tell(roomId);
    },
    end(roomId) {
      joins.delete(roomId);
      tell(roomId);
    },
  };
}
