/** Keeps what was used last, as long as the weights of all (bytes, or 1 each) stay under a limit. */
export interface LruCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
}

interface LruCacheOptions<V> {
  readonly maxWeight: number;
  readonly weigh?: (value: V) => number; // default: 1 each
}

/** A `Map` remembers the order of insertion: what is used is inserted anew, what lies first goes first. */
export function lruCache<K, V extends NonNullable<unknown>>({
  maxWeight,
  weigh = () => 1,
}: LruCacheOptions<V>): LruCache<K, V> {
  const entries = new Map<K, V>();
  let weight = 0;

  const remove = (key: K) => {
    const value = entries.get(key);
    if (value === undefined) return;
    weight -= weigh(value);
    entries.delete(key);
  };
  return {
    get(key) {
      const value = entries.get(key);
      if (value === undefined) return undefined;
      entries.delete(key);
      entries.set(key, value);
      return value;
    },
    set(key, value) {
      remove(key);
      entries.set(key, value);
      weight += weigh(value);
      for (const oldest of entries.keys()) {
        if (weight <= maxWeight || entries.size === 1) break; // the newest stays, however heavy
        remove(oldest);
      }
    },
    delete: remove,
    clear() {
      entries.clear();
      weight = 0;
    },
  };
}
