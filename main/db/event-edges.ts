import type { Db } from './db.ts';

export const schema = `
  -- Which events an event follows. The events that it cites need not be here.
  CREATE TABLE event_edges (
    event INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    PRIMARY KEY (event, prev)) STRICT, WITHOUT ROWID;
  CREATE INDEX event_edges_by_prev ON event_edges (prev);
  -- Which events an event was allowed by, as it says.
  CREATE TABLE auth_edges (
    event INTEGER NOT NULL,
    auth INTEGER NOT NULL,
    PRIMARY KEY (event, auth)) STRICT, WITHOUT ROWID;
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
  const addPrev = db.prepare<[event: number, prev: number]>('INSERT OR IGNORE INTO event_edges VALUES (?, ?)');
  const addAuth = db.prepare<[event: number, auth: number]>('INSERT OR IGNORE INTO auth_edges VALUES (?, ?)');
  const prevs = db.prepare<[event: number], { id: number }>('SELECT prev AS id FROM event_edges WHERE event = ?');
  const citers = db.prepare<[prev: number], { id: number }>('SELECT event AS id FROM event_edges WHERE prev = ?');
  const auths = db.prepare<[event: number], { id: number }>('SELECT auth AS id FROM auth_edges WHERE event = ?');
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
    addPrev: (event: number, prev: number): void => addPrev.run(event, prev),
    addAuth: (event: number, auth: number): void => addAuth.run(event, auth),
    prevsOf: (event: number): number[] => numbers(prevs.all(event)),
    /** The events that cite `event` as a prev event and are part of our history. */
    citersOf: (event: number): number[] => numbers(citers.all(event)),
    authOf: (event: number): number[] => numbers(auths.all(event)),

    forward: (room: number): number[] => numbers(forward.all(room)),
    addForward: (room: number, event: number): void => addForward.run(room, event),
    removeForward: (room: number, event: number): void => removeForward.run(room, event),
    clearForward: (room: number): void => clearForward.run(room),

    backward: (room: number): { missing: number; citedBy: number }[] => backward.all(room),
    addBackward: (room: number, missing: number, citedBy: number): void => addBackward.run(room, missing, citedBy),
    removeBackward: (room: number, missing: number): void => removeBackward.run(room, missing),
  };
}
