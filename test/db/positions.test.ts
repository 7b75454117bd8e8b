import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDb } from '../../main/db/db.ts';
import { migrate, migrations } from '../../main/db/migrations.ts';
import { positionsTable } from '../../main/db/positions.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('positions grow by one, survive a restart, and those of a failed transaction are free again', async () => {
  const path = join(tempFolder(), 'hearth.db');
  const db = await openDb({ path, wasm: sqlWasm, synchronous: 'FULL' });
  migrate(db, migrations, () => undefined);
  const positions = positionsTable(db);
  expect(positions.newest()).toBe(0);
  expect([positions.next(), positions.next()]).toEqual([1, 2]);
  const failing = () =>
    db.transaction(() => {
      expect(positions.next()).toBe(3);
      throw new Error('no');
    });
  expect(failing).toThrow('no');
  expect(positions.newest()).toBe(2);
  db.close();

  const again = await openDb({ path, wasm: sqlWasm, synchronous: 'FULL' });
  expect(positionsTable(again).next()).toBe(3);
  again.close();
});
