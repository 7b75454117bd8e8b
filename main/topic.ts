/** Something that those who want to hear of it are told, for as long as they want. */
export interface Topic<T> {
  on(listener: (value: T) => void): () => void;
  tell(value: T): void;
}

export function topic<T>(): Topic<T> {
  const listeners = new Set<(value: T) => void>();
  return {
    on(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell(value) {
      for (const listener of listeners) listener(value);
    },
  };
}
