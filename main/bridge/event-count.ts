import { breathe } from '../inspector/breathe.ts';
import type { Log } from '../log.ts';
import type { RoomReads } from './sources.ts';

const slice = 20_000;
const everyMs = 60_000;

/** How many events there are: a number that nobody needs to the last digit, and that takes a while to count. */
export interface EventCount {
  /** As it was counted last; counts again, by and by, if that is a minute ago. */
  latest(): number;
}

export function countEvents(
  log: Log,
  now: () => number,
  reads: () => Pick<RoomReads, 'countEvents' | 'lastEvent'> | undefined,
): EventCount {
  let latest = 0;
  let countedAt = Number.NEGATIVE_INFINITY;
  const count = async () => {
    let total = 0;
    const end = (reads()?.lastEvent() ?? 0) + 1;
    for (let from = 0; from < end; from += slice) {
      total += reads()?.countEvents(from, Math.min(from + slice, end)) ?? 0;
      if (from + slice < end) await breathe();
    }
    latest = total;
  };
  return {
    latest() {
      if (now() - countedAt >= everyMs) {
        countedAt = now();
        count().catch((error: unknown) => log.debug('the events were not counted', { error })); // closed meanwhile
      }
      return latest;
    },
  };
}
