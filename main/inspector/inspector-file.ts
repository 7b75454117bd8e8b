import { type InspectorDb, openInspectorDb, removeInspectorDb } from '../db/inspector-db.ts';
import type { Log } from '../log.ts';

export interface InspectorFileOptions {
  readonly path: string;
  /** Where sql-wasm.wasm lies. */
  readonly wasm: string;
  readonly fs?: Parameters<typeof openInspectorDb>[0]['fs'];
}

/** inspector.db as long as the server runs, which is longer than one file may last. */
export interface InspectorFile {
  /** None while a damaged one is being replaced, and where none can be made. */
  db(): InspectorDb | undefined;
  /** The file is at fault: it is thrown away, and a new one begun. */
  replace(error: unknown): void;
  close(): Promise<void>;
}

/** Opens it, without ever failing: there may be no log, but there is a server. */
export async function openInspectorFile({ path, wasm, fs }: InspectorFileOptions, log: Log): Promise<InspectorFile> {
  let db: InspectorDb | undefined;
  let replacing: Promise<void> | undefined;
  const options = { path, wasm, ...(fs && { fs }) };
  const onLost = (error: unknown) => log.warn('the inspector begins a new file', { path, error });
  const open = async () => {
    try {
      db = await openInspectorDb({ ...options, onLost });
    } catch (error) {
      log.error('the inspector has no file: nothing is recorded until the next start', { path, error });
    }
  };
  const close = (open: InspectorDb | undefined) => {
    try {
      open?.close();
    } catch (error) {
      log.warn('the inspector could not close its file', { path, error });
    }
  };
  await open();
  return {
    db: () => db,
    replace(error) {
      if (replacing !== undefined) return;
      onLost(error);
      close(db);
      db = undefined;
      removeInspectorDb(path);
      replacing = open().finally(() => {
        replacing = undefined;
      });
    },
    async close() {
      await replacing;
      close(db);
      db = undefined;
    },
  };
}
