import { breathe } from '../inspector/breathe.ts';
import type { Log } from '../log.ts';
import type { RoomReads } from './sources.ts';

const slice = 20_000;

/** How many events there are. */
export interface EventCount {
  /** As far as they have been counted. Goes on counting: at once what is new, by and by what is a lot. */
  latest(): number;
}

export function countEvents(
  log: Log,
  reads: () => Pick<RoomReads, 'countEvents' | 'lastEvent'> | undefined,
): EventCount {
  let total = 0;
  let next = 0; // events below are counted
  let isCounting = false;
  const count = async () => {
    for (let known = reads(); known !== undefined; known = reads()) {
      const end = known.lastEvent() + 1;
      if (next >= end) return;
      const before = Math.min(next + slice, end);
      total += known.countEvents(next, before);
      next = before;
      if (next < end) await breathe();
    }
  };
  return {
    latest() {
      if (!isCounting) {
        isCounting = true;
        count()
          .catch((error: unknown) => log.debug('the events were not counted', { error })) // closed meanwhile
          .finally(() => {
            isCounting = false;
          });
      }
      return total;
    },
  };
}
