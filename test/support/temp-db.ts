import { join } from 'node:path';
import { type Db, openDb } from '../../main/db/db.ts';
import { migrate, migrations } from '../../main/db/migrations.ts';
import { atEnd } from './at-end.ts';
import { sqlWasm } from './sql-wasm.ts';
import { tempFolder } from './temp-folder.ts';

/** A database with the newest schema, for the test or file that asks; closed when that is over. */
export async function tempDb(path = join(tempFolder(), 'hearth.db')): Promise<Db> {
  const db = await openDb({ path, wasm: sqlWasm, synchronous: 'NORMAL' });
  migrate(db, migrations, () => undefined);
  atEnd(() => db.close());
  return db;
}
