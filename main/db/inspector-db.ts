import { rmSync } from 'node:fs';
import { type Db, type DbOptions, openDb } from './db.ts';
import { schema as flowsSchema, flowsTable } from './flows.ts';
import { type Migration, migrate } from './migrations.ts';
import { schema as observations, observationsTable } from './observations.ts';
import { schema as pduOutcomes, pduOutcomesTable } from './pdu-outcomes.ts';

/** The steps of inspector.db. */
const migrations: readonly Migration[] = [
  { name: 'flows', sql: flowsSchema },
  { name: 'pdu outcomes', sql: pduOutcomes },
  { name: 'observations', sql: observations },
];

/** The federation log on the disk: what was recorded, and nothing that the homeserver needs. */
export interface InspectorDb {
  readonly flows: ReturnType<typeof flowsTable>;
  readonly pdus: ReturnType<typeof pduOutcomesTable>;
  readonly observations: ReturnType<typeof observationsTable>;
  transaction<T>(work: () => T): T;
  /** `used` is what rows take, `file` what the file does: pages that pruning freed are used again before it grows. */
  bytes(): { readonly used: number; readonly file: number };
  /** Gives at most so many free pages back to the file system. */
  shrink(pages: number): void;
  close(): void;
}

interface InspectorDbOptions extends Omit<DbOptions, 'synchronous'> {
  /** The file could not be used and a new one was begun. */
  readonly onLost: (why: unknown) => void;
}

/**
 * Opens or creates inspector.db. It may be deleted at any time, so a file that is damaged, or of a later version, is
 * replaced by an empty one. Fails only where no file can be made.
 */
export async function openInspectorDb({ onLost, ...options }: InspectorDbOptions): Promise<InspectorDb> {
  try {
    return await open(options);
  } catch (error) {
    onLost(error);
    removeInspectorDb(options.path);
    return open(options);
  }
}

export function removeInspectorDb(path: string): void {
  for (const suffix of ['', '-wal', '-journal']) rmSync(path + suffix, { force: true });
}

/** Whether an error of SQLite says that the file itself is at fault. */
export const isDamage = (error: unknown): boolean =>
  error instanceof Error && /malformed|not a database|corrupt/.test(error.message);

async function open(options: Omit<DbOptions, 'synchronous'>): Promise<InspectorDb> {
  const db = await openDb({ ...options, synchronous: 'NORMAL' });
  try {
    return prepare(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

function prepare(db: Db): InspectorDb {
  const version = db.prepare<[], { user_version: number }>('PRAGMA user_version').get()?.user_version;
  // Takes effect with the next VACUUM, which costs nothing while the file is empty.
  if (version === 0) db.exec('PRAGMA auto_vacuum = INCREMENTAL; VACUUM');
  migrate(db, migrations, () => {}); // no copy is kept of what may be deleted
  const pageSize = db.prepare<[], { page_size: number }>('PRAGMA page_size').get()?.page_size ?? 4096;
  const pages = db.prepare<[], { page_count: number }>('PRAGMA page_count');
  const free = db.prepare<[], { freelist_count: number }>('PRAGMA freelist_count');
  const flows = flowsTable(db);
  flows.abandon({ stage: 'internal', message: 'The server stopped before this request was over.' });
  return {
    flows,
    pdus: pduOutcomesTable(db),
    observations: observationsTable(db),
    transaction: db.transaction,
    bytes: () => {
      const all = pages.get()?.page_count ?? 0;
      return { file: all * pageSize, used: (all - (free.get()?.freelist_count ?? 0)) * pageSize };
    },
    shrink: (count) => db.exec(`PRAGMA incremental_vacuum(${count})`),
    close: db.close,
  };
}
