import type { Db } from './db.ts';

export const schema = `
  -- What an event's m.relates_to says: edits, reactions, threads. Their targets need not be here.
  CREATE TABLE relations (
    event INTEGER PRIMARY KEY,
    target INTEGER NOT NULL,
    rel_type TEXT NOT NULL) STRICT;
  CREATE INDEX relations_by_target ON relations (target, rel_type, event);
  -- Which events redact which, whether that has come to effect or not: one may arrive before the other.
  CREATE TABLE redactions (
    event INTEGER PRIMARY KEY,
    target INTEGER NOT NULL) STRICT;
  CREATE INDEX redactions_by_target ON redactions (target);`;

export function relationsTable(db: Db) {
  const relate = db.prepare<[event: number, target: number, relType: string]>(
    'INSERT OR REPLACE INTO relations VALUES (?, ?, ?)',
  );
  const redact = db.prepare<[event: number, target: number]>('INSERT OR REPLACE INTO redactions VALUES (?, ?)');
  const redacting = db.prepare<[target: number], { event: number }>(
    'SELECT event FROM redactions WHERE target = ? ORDER BY event',
  );
  return {
    relate: (event: number, target: number, relType: string): void => relate.run(event, target, relType),
    addRedaction: (event: number, target: number): void => redact.run(event, target),
    redactionsOf: (target: number): number[] => redacting.all(target).map(({ event }) => event),
  };
}
