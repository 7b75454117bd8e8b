import type { Clock } from '../platform.ts';

/** Numbers for what is in memory alone. They grow, also over restarts as far as the clock does: a part of sync tokens. */
export interface Moments {
  next(): number;
  newest(): number;
}

export function createMoments(clock: Clock): Moments {
  let newest = clock.now();
  return {
    next() {
      newest = Math.max(newest + 1, clock.now());
      return newest;
    },
    newest: () => newest,
  };
}
