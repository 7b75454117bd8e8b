import type { InspectorDb } from '../db/inspector-db.ts';
import type { TimeOrdered } from '../db/time-ordered.ts';
import type { Clock } from '../platform.ts';
import { breathe } from './breathe.ts';

export interface Caps {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

interface PrunerOptions extends Caps {
  readonly db: () => InspectorDb | undefined;
  readonly clock: Clock;
  readonly onError: (error: unknown) => void;
}

/** One step takes some milliseconds: a flow may hold two bodies of 64 KiB. */
const step = { flows: 100, others: 500, pages: 500 };
const ageCheckEveryMs = 60_000;

/** Keeps the log within its caps: drops what is oldest, in small steps between which other work has its turn. */
export function createPruner({ db, clock, onError, maxBytes, maxAgeMs }: PrunerOptions) {
  let running: Promise<void> | undefined;
  let agesCheckedAt = Number.NEGATIVE_INFINITY;

  const dropOld = async () => {
    const upTo = clock.now() - maxAgeMs - 1;
    while (tables(db()).reduce((dropped, [table, rows]) => dropped + table.prune(upTo, rows), 0) > 0) await breathe();
  };
  const dropOldest = async () => {
    // A little further than asked for, so that not every write after it is over the cap again.
    while ((db()?.bytes().used ?? 0) > maxBytes * 0.95) {
      const reached = tables(db()).flatMap(([table, rows]) => table.reach(rows) ?? []);
      const upTo = Math.min(...reached);
      if (tables(db()).reduce((dropped, [table, rows]) => dropped + table.prune(upTo, rows), 0) === 0) return;
      await breathe();
    }
  };
  const giveBack = async () => {
    for (;;) {
      const before = db()?.bytes();
      if (before === undefined || before.file <= maxBytes || before.file === before.used) return;
      db()?.shrink(step.pages);
      if (db()?.bytes().file === before.file) return;
      await breathe();
    }
  };
  const run = async () => {
    try {
      await dropOld();
      if ((db()?.bytes().used ?? 0) > maxBytes) await dropOldest();
      await giveBack();
    } catch (error) {
      onError(error);
    } finally {
      running = undefined;
    }
  };

  return {
    /** Called after each write: two numbers from the file's first page. */
    check(): void {
      if (running !== undefined) return;
      const isTime = clock.now() - agesCheckedAt >= ageCheckEveryMs;
      if (!isTime && (db()?.bytes().file ?? 0) <= maxBytes) return;
      agesCheckedAt = clock.now();
      running = breathe().then(run);
    },
    /** Resolves when what `check` began is done. */
    done: async (): Promise<void> => running,
  };
}

function tables(db: InspectorDb | undefined): readonly (readonly [TimeOrdered, rows: number])[] {
  if (db === undefined) return [];
  return [
    [db.flows, step.flows],
    [db.pdus, step.others],
    ...db.observations.tables.map((table) => [table, step.others] as const),
  ];
}
