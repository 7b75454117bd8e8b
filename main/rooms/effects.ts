import type { PduOutcome } from '../../shared/flow.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Outbox } from '../sending/outbox.ts';
import type { Change, Changes } from './rooms.ts';

/** What others are told once a transaction has been committed, and not at all if it is rolled back. */
export interface Effects {
  readonly changes: Change[];
  readonly outcomes: PduOutcome[];
  readonly stateChanges: Parameters<Inspector['stateChanged']>[0][];
  readonly wake: Set<ServerName>;
}

/** One transaction of the room engine, and what follows from it. */
export type Commit = <T>(work: (effects: Effects) => T) => T;

export function createCommit(db: Db, changes: Changes, inspector: Inspector, outbox: Outbox): Commit {
  return (work) => {
    const effects: Effects = { changes: [], outcomes: [], stateChanges: [], wake: new Set() };
    const result = db.transaction(() => work(effects));
    if (effects.outcomes.length > 0) inspector.pdus(effects.outcomes);
    for (const change of effects.stateChanges) inspector.stateChanged(change);
    if (effects.wake.size > 0) outbox.wake(effects.wake);
    for (const change of effects.changes) changes.emit(change);
    return result;
  };
}

/**
 * All in one transaction, which is cheap. If that fails, each in its own: one that is more than we can take fails alone,
 * and `onFailure` is told.
 */
export function commitEach<T>(
  commit: Commit,
  items: readonly T[],
  work: (item: T, effects: Effects) => void,
  onFailure: (item: T, error: unknown) => void,
): void {
  try {
    commit((effects) => {
      for (const item of items) work(item, effects);
    });
  } catch {
    for (const item of items) {
      try {
        commit((effects) => work(item, effects));
      } catch (error) {
        onFailure(item, error);
      }
    }
  }
}
