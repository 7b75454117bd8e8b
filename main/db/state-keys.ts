import { type StateKey, splitStateKey, stateKeyOf } from '../protocol/state-map.ts';
import type { Db } from './db.ts';
import { lruCache } from './lru-cache.ts';

export const schema = `
  -- Types and state keys by number: what state tries are keyed by.
  CREATE TABLE state_keys (
    id INTEGER PRIMARY KEY,
    type TEXT NOT NULL,
    state_key TEXT NOT NULL,
    UNIQUE (type, state_key)) STRICT;`;

export interface StateKeys {
  find(key: StateKey): number | undefined;
  /** Its number, made if need be: inside a transaction. */
  number(key: StateKey): number;
  name(id: number): StateKey;
}

export function stateKeysTable(db: Db): StateKeys {
  const select = db.prepare<[type: string, stateKey: string], { id: number }>(
    'SELECT id FROM state_keys WHERE type = ? AND state_key = ?',
  );
  const selectName = db.prepare<[number], { type: string; stateKey: string }>(
    'SELECT type, state_key AS stateKey FROM state_keys WHERE id = ?',
  );
  const insert = db.prepare<[type: string, stateKey: string], { id: number }>(
    'INSERT INTO state_keys (type, state_key) VALUES (?, ?) RETURNING id',
  );
  const ids = lruCache<StateKey, number>({ maxWeight: 100_000 });
  const names = lruCache<number, StateKey>({ maxWeight: 100_000 });
  db.onRollback(() => {
    ids.clear();
    names.clear();
  });

  const find = (key: StateKey): number | undefined => {
    const cached = ids.get(key);
    if (cached !== undefined) return cached;
    const known = select.get(...splitStateKey(key))?.id;
    if (known !== undefined) ids.set(key, known);
    return known;
  };
  return {
    find,
    number(key) {
      const known = find(key);
      if (known !== undefined) return known;
      const id = insert.get(...splitStateKey(key))?.id;
      if (id === undefined) throw new Error('the state key was not stored');
      ids.set(key, id);
      return id;
    },
    name(id) {
      const cached = names.get(id);
      if (cached !== undefined) return cached;
      const row = selectName.get(id);
      if (row === undefined) throw new Error(`no state key has the number ${id}`);
      const key = stateKeyOf(row.type, row.stateKey);
      names.set(id, key);
      return key;
    },
  };
}
