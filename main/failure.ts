import { MatrixError } from '../shared/matrix-error.ts';
import { FolderInUse } from './db/folder-lock.ts';
import { NewerDatabase } from './db/migrations.ts';
import { WrongSetting } from './settings.ts';

/** What a failure tells its owner: a sentence where there is something to mend, else the error's own words. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, address, port } = error as NodeJS.ErrnoException & { address?: string; port?: number };
  const sentence = listenFailures[code ?? ''];
  return sentence === undefined || port === undefined ? error.message : `${address}:${port} ${sentence}`;
}

const listenFailures: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another program: end that one, or choose another address for this listener.',
  EACCES: 'may not be opened by you: ports below 1024 are for the administrator.',
  EADDRNOTAVAIL: 'is no address of this computer.',
};

/** Whether the owner can mend it: then nobody needs to know where in the program it happened. */
export const isForOwner = (error: unknown): boolean =>
  [WrongSetting, FolderInUse, NewerDatabase, MatrixError].some((kind) => error instanceof kind) ||
  sentenceOf(error) !== (error instanceof Error ? error.message : String(error));

/** 2 for a wrong setting, 3 for a data folder in use, 1 for all else. */
export function exitCodeOf(error: unknown): 1 | 2 | 3 {
  if (error instanceof WrongSetting) return 2;
  return error instanceof FolderInUse ? 3 : 1;
}
