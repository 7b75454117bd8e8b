import { useSyncExternalStore } from 'react';

const listeners = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** One clock for all that shows time: it ticks while something listens. */
function everySecond(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    if (document.hidden) return; // nobody looks: it is caught up within a second when somebody does
    for (const each of listeners) each();
  }, 1000);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** What `read` makes of the time; the component renders again only when that changes. */
export function useTime<T extends string | number>(read: (now: number) => T): T {
  return useSyncExternalStore(everySecond, () => read(Math.floor(Date.now() / 1000) * 1000));
}

/** The time, to the second. */
export const useNow = (): number => useTime((now) => now);
