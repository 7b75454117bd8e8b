import type { Clock } from '../platform.ts';

export interface Batches<K, V> {
  /** The latest value under a key is the one that is delivered. */
  put(key: K, value: V): void;
  /** What has not been delivered never will be. */
  stop(): void;
}

/** Collects for `everyMs` from the first thing on, then delivers all at once: never more often, and no timer while nothing happens. */
export function batches<K, V>(
  clock: Clock,
  everyMs: number,
  deliver: (batch: ReadonlyMap<K, V>) => void,
): Batches<K, V> {
  const stopping = new AbortController();
  let collected: Map<K, V> | undefined; // none: nothing waits to be delivered
  const deliverLater = async () => {
    await clock.sleep(everyMs, stopping.signal).catch(() => {}); // rejects when it is stopped
    const batch = collected;
    collected = undefined;
    if (!stopping.signal.aborted && batch !== undefined) deliver(batch);
  };
  return {
    put(key, value) {
      if (stopping.signal.aborted) return;
      if (collected === undefined) {
        collected = new Map();
        void deliverLater();
      }
      collected.set(key, value);
    },
    stop: () => stopping.abort(),
  };
}
