import type { Log } from '../log.ts';
import type { Change, Changes } from './rooms.ts';

/** Tells whoever listens what has been committed. A listener that throws does not keep the others from hearing. */
export function createChanges(log: Log): Changes {
  const listeners = new Set<(change: Change) => void>();
  return {
    emit(change) {
      for (const listener of listeners) {
        try {
          listener(change);
        } catch (error) {
          log.error('a listener to changes failed', { position: change.position, error });
        }
      }
    },
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}
