const second = 1000;
const hour = 3_600_000;
const day = 24 * hour;

const backoff = { first: 5 * second, most: hour, afterADay: day };

/**
 * How long to wait before the next try, in milliseconds: 5 seconds after the first failure, doubling up to an hour, and a
 * day once a day has gone by without success. `chance` (from 0 up to 1) takes up to a quarter off, so that those who lost
 * the same server do not all come back together.
 */
export function retryDelay(
  { failures, failingForMs }: { readonly failures: number; readonly failingForMs: number },
  chance: number,
): number {
  const doubled = Math.min(backoff.first * 2 ** Math.min(failures - 1, 20), backoff.most);
  return Math.round((failingForMs >= day ? backoff.afterADay : doubled) * (1 - chance / 4));
}
