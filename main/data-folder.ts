import { join } from 'node:path';
import type { ServerName } from '../shared/ids.ts';
import { type Db, openDb } from './db/db.ts';
import { lockFolder } from './db/folder-lock.ts';
import { migrate, migrations } from './db/migrations.ts';
import { ownServerTable } from './db/own-server.ts';
import { WrongSetting } from './settings.ts';

/** The data folder, ours alone until `close`, with its database at the schema of this program. */
export interface DataFolder {
  readonly db: Db;
  /** Who the database belongs to; `wanted` where it belongs to nobody yet. Throws `WrongSetting` where the two differ. */
  nameOr(wanted: ServerName | undefined): ServerName | undefined;
  /** Writes the name down, once and for ever. */
  settle(name: ServerName, ts: number): void;
  close(): void;
}

/** @throws FolderInUse, NewerDatabase */
export async function openDataFolder(folder: string, wasm: string): Promise<DataFolder> {
  const unlock = lockFolder(folder);
  let db: Db | undefined;
  const close = () => {
    db?.close();
    unlock();
  };
  try {
    const path = join(folder, 'hearth.db');
    const opened = await openDb({ path, wasm, synchronous: 'FULL' });
    db = opened;
    migrate(opened, migrations, (step) => opened.copyTo(`${path}.before-${step + 1}`));
    const ownServer = ownServerTable(opened);
    return {
      db: opened,
      nameOr(wanted) {
        const settled = ownServer.name();
        if (settled !== undefined && wanted !== undefined && settled !== wanted) {
          const why = `this data folder belongs to ${settled}, and names cannot change.`;
          throw new WrongSetting(`--server-name ${wanted}: ${why}`);
        }
        return settled ?? wanted;
      },
      settle(name, ts) {
        if (ownServer.name() === undefined) ownServer.create(name, ts);
      },
      close,
    };
  } catch (error) {
    close();
    throw error;
  }
}
