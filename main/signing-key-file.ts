import { closeSync, fsyncSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { SigningKeyFile } from './network/own-keys.ts';

/** `signing.key` in the data folder: whoever has it is this server. */
export function signingKeyFile(folder: string): SigningKeyFile {
  const path = join(folder, 'signing.key');
  return {
    where: 'signing.key in the data folder, readable by you alone',
    read() {
      try {
        return readFileSync(path, 'utf8');
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      }
    },
    /** All of it or nothing, also when the power goes. */
    write(text) {
      const draft = `${path}.new`;
      rmSync(draft, { force: true }); // a crash may have left it, with who knows what rights
      const file = openSync(draft, 'wx', 0o600);
      try {
        writeSync(file, text);
        fsyncSync(file);
      } finally {
        closeSync(file);
      }
      renameSync(draft, path);
    },
  };
}
