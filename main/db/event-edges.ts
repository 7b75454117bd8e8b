import type { Db } from './db.ts';

export const schema = `
  -- Which events follow one, which need not be here. What an event follows it says itself.
  CREATE TABLE event_edges (
    prev INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (prev, event)) STRICT, WITHOUT ROWID;
  -- The events of a room that no accepted event cites yet: what the next one follows.
  CREATE TABLE forward_extremities (
    room INTEGER NOT NULL,
    event INTEGER NOT NULL,
    PRIMARY KEY (room, event)) STRICT, WITHOUT ROWID;
  -- What is cited as a prev event and is not part of our history.
  CREATE TABLE backward_extremities (
    room INTEGER NOT NULL,
    missing INTEGER NOT NULL,
    cited_by INTEGER NOT NULL,
    PRIMARY KEY (room, missing, cited_by)) STRICT, WITHOUT ROWID;`;

export function eventEdgesTable(db: Db) {
  const addPrev = db.prepare<[prev: number, event: number]>('INSERT OR IGNORE INTO event_edges VALUES (?, ?)');
  const citers = db.prepare<[prev: number], { id: number }>('SELECT event AS id FROM event_edges WHERE prev = ?');
  const forward = db.prepare<[room: number], { id: number }>(
    'SELECT event AS id FROM forward_extremities WHERE room = ? ORDER BY event',
  );
  const addForward = db.prepare<[room: number, event: number]>(
    'INSERT OR IGNORE INTO forward_extremities VALUES (?, ?)',
  );
  const removeForward = db.prepare<[room: number, event: number]>(
    'DELETE FROM forward_extremities WHERE room = ? AND event = ?',
  );
  const clearForward = db.prepare<[room: number]>('DELETE FROM forward_extremities WHERE room = ?');
  const backward = db.prepare<[room: number], { missing: number; citedBy: number }>(
    'SELECT missing, cited_by AS citedBy FROM backward_extremities WHERE room = ?',
  );
  const addBackward = db.prepare<[room: number, missing: number, citedBy: number]>(
    'INSERT OR IGNORE INTO backward_extremities VALUES (?, ?, ?)',
  );
  const removeBackward = db.prepare<[room: number, missing: number]>(
    'DELETE FROM backward_extremities WHERE room = ? AND missing = ?',
  );
  const numbers = (rows: readonly { id: number }[]): number[] => rows.map(({ id }) => id);
  return {
    addPrev: (event: number, prev: number): void => addPrev.run(prev, event),
    /** The events that cite `event` as a prev event and are part of our history. */
    citersOf: (event: number): number[] => numbers(citers.all(event)),

    forward: (room: number): number[] => numbers(forward.all(room)),
    addForward: (room: number, event: number): void => addForward.run(room, event),
    removeForward: (room: number, event: number): void => removeForward.run(room, event),
    clearForward: (room: number): void => clearForward.run(room),

    backward: (room: number): { missing: number; citedBy: number }[] => backward.all(room),
    addBackward: (room: number, missing: number, citedBy: number): void => addBackward.run(room, missing, citedBy),
    removeBackward: (room: number, missing: number): void => removeBackward.run(room, missing),
  };
}
