import { limitExceeded } from '../../shared/matrix-error.ts';
import type { Clock } from '../platform.ts';

/** Counts attempts under a key. https://spec.matrix.org/v1.19/client-server-api/#rate-limiting */
export interface RateLimit {
  /** Throws 429 `M_LIMIT_EXCEEDED` with `retry_after_ms` where there were too many. Counts nothing. */
  check(key: string): void;
  count(key: string): void;
}

interface Bucket {
  /** When it will be empty again. */
  emptyAt: number;
}

/** A thousand keys, then those that are empty make room, then the oldest. */
const maxKeys = 1000;

/** `burst` attempts at once, then one every `everyMs`. */
export function createRateLimit({
  clock,
  burst,
  everyMs,
}: {
  readonly clock: Clock;
  readonly burst: number;
  readonly everyMs: number;
}): RateLimit {
  const buckets = new Map<string, Bucket>();
  const makeRoom = () => {
    const now = clock.now();
    for (const [key, { emptyAt }] of buckets) if (emptyAt <= now) buckets.delete(key);
    const [oldest] = buckets.keys();
    if (buckets.size >= maxKeys && oldest !== undefined) buckets.delete(oldest);
  };
  return {
    check(key) {
      const over = (buckets.get(key)?.emptyAt ?? 0) - clock.now() - (burst - 1) * everyMs;
      if (over > 0) throw limitExceeded('Too many attempts. Wait a while, then try again.', over);
    },
    count(key) {
      if (buckets.size >= maxKeys && !buckets.has(key)) makeRoom();
      const from = Math.max(buckets.get(key)?.emptyAt ?? 0, clock.now());
      buckets.set(key, { emptyAt: from + everyMs });
    },
  };
}

/** For tests, and for who switches limits off. */
export const noRateLimit: RateLimit = { check: () => undefined, count: () => undefined };
