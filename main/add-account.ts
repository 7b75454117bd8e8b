import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { UserId } from '../shared/ids.ts';
import { createAccounts } from './accounts/accounts.ts';
import { createPasswords } from './accounts/passwords.ts';
import { openDataFolder } from './data-folder.ts';
import { accountsTable, registrationTokensTable } from './db/accounts.ts';
import { FolderInUse } from './db/folder-lock.ts';
import { realPlatform } from './platform.ts';
import { readConfig, WrongSetting } from './settings.ts';

interface AddAccountOptions {
  readonly name: string | undefined;
  readonly argv: readonly string[];
  readonly defaultDataDir: string;
  /** Where sql-wasm.wasm lies. */
  readonly bundle: string;
}

/**
 * `hearth account add`: writes an account into the database, which must not be in use. The first one is the owner's.
 *
 * @throws WrongSetting, FolderInUse, MatrixError for a name or password that cannot be
 */
export async function addAccount({ name, argv, defaultDataDir, bundle }: AddAccountOptions): Promise<UserId> {
  if (name === undefined || name.startsWith('--')) throw new WrongSetting('whose account? hearth account add NAME');
  const config = readConfig({ argv, env: process.env, defaultDataDir });
  const { clock, random } = realPlatform({ verifyTls: true, extraCa: [] });
  const folder = await openDataFolder(config['data-dir'], join(bundle, 'sql-wasm.wasm')).catch(sayWhatToDo);
  try {
    const serverName = folder.nameOr(config['server-name']);
    if (serverName === undefined) {
      throw new WrongSetting('--server-name is missing: choose it with care, it can never change.');
    }
    const accounts = createAccounts({
      db: folder.db,
      accounts: accountsTable(folder.db),
      tokens: registrationTokensTable(folder.db),
      passwords: createPasswords(random),
      serverName,
      clock,
    });
    const userId = accounts.available(name); // before anybody types a password
    const password = await readPassword(`Password for ${userId}: `);
    const isAdmin = accounts.owner() === undefined;
    return await accounts.create({ localpart: name, password, isAdmin }, () => folder.settle(serverName, clock.now()));
  } finally {
    folder.close();
  }
}

function sayWhatToDo(error: unknown): never {
  if (!(error instanceof FolderInUse)) throw error;
  throw new FolderInUse(`${error.message} Stop it first, or let people register (--registration).`);
}

/** The first line of standard input. From a terminal it is asked for, and not shown. */
async function readPassword(question: string): Promise<string> {
  const { stdin } = process;
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  if (stdin.isTTY) process.stderr.write(question);
  const lines = createInterface({ input: stdin, output: nowhere, terminal: stdin.isTTY });
  try {
    for await (const line of lines) return line;
    return '';
  } finally {
    lines.close();
    if (stdin.isTTY) process.stderr.write('\n');
  }
}
