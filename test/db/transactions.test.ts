import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDb } from '../../main/db/db.ts';
import { schema, transactionsTable } from '../../main/db/transactions.ts';
import type { ServerName } from '../../shared/ids.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { tempFolder } from '../support/temp-folder.ts';

const [b, c] = ['b.test', 'c.test'] as ServerName[] as [ServerName, ServerName];

async function open() {
  const db = await openDb({ path: join(tempFolder(), 'hearth.db'), wasm: sqlWasm, synchronous: 'NORMAL' });
  onTestFinished(() => db.close());
  db.exec(schema);
  return transactionsTable(db);
}

test('a reply is found again by origin and transaction ID', async () => {
  const transactions = await open();
  transactions.store(b, '1', '{"pdus":{}}');
  expect(transactions.reply(b, '1')).toBe('{"pdus":{}}');
  expect(transactions.reply(b, '2')).toBeUndefined();
  expect(transactions.reply(c, '1')).toBeUndefined();
});

test('the last hundred of each server are kept', async () => {
  const transactions = await open();
  transactions.store(c, 'other', '{}');
  for (let number = 0; number < 150; number++) transactions.store(b, String(number), `${number}`);
  expect(transactions.reply(b, '49')).toBeUndefined();
  expect(transactions.reply(b, '50')).toBe('50');
  expect(transactions.reply(b, '149')).toBe('149');
  expect(transactions.reply(c, 'other')).toBe('{}');
});
