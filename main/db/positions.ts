import type { Db } from './db.ts';

export const schema = `
  -- One counter for all that /sync tells of: events, receipts, to-device messages, account data, device lists.
  CREATE TABLE positions (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    newest INTEGER NOT NULL) STRICT;
  INSERT INTO positions (id, newest) VALUES (1, 0);`;

/** Hands out positions. They only grow, also over restarts; one that was rolled back is handed out again. */
export function positionsTable(db: Db) {
  const select = db.prepare<[], { newest: number }>('SELECT newest FROM positions');
  const advance = db.prepare<[], { newest: number }>('UPDATE positions SET newest = newest + 1 RETURNING newest');
  const theOne = (row: { newest: number } | undefined): number => {
    if (row === undefined) throw new Error('the table of positions is empty');
    return row.newest;
  };
  return {
    /** The newest position; inside a transaction with what it has taken so far. */
    newest: (): number => theOne(select.get()),
    /** Call it inside the transaction that writes what the position is for. */
    next: (): number => theOne(advance.get()),
  };
}
