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

/**
 * Two generations: what is used moves to the young one; when that is full it becomes the old one, and the old one goes.
 * So a hit costs one look into a `Map`, where keeping the exact order would cost a deletion and an insertion.
 */
export function lruCache<K, V extends NonNullable<unknown>>({
  maxWeight,
  weigh = () => 1,
}: LruCacheOptions<V>): LruCache<K, V> {
  let young = new Map<K, V>();
  let old = new Map<K, V>();
  let weight = 0; // of the young

  const set = (key: K, value: V) => {
    const before = young.get(key);
    weight += weigh(value) - (before === undefined ? 0 : weigh(before));
    young.set(key, value);
    old.delete(key);
    if (weight <= maxWeight / 2) return;
    old = young;
    young = new Map();
    weight = 0;
  };
  return {
    get(key) {
      const value = young.get(key);
      if (value !== undefined) return value;
      const aged = old.get(key);
      if (aged !== undefined) set(key, aged);
      return aged;
    },
    set,
    delete(key) {
      const before = young.get(key);
      if (before !== undefined) weight -= weigh(before);
      young.delete(key);
      old.delete(key);
    },
    clear() {
      young = new Map();
      old = new Map();
      weight = 0;
    },
  };
}
