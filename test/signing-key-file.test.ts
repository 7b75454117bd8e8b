import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { signingKeyFile } from '../main/signing-key-file.ts';
import { tempFolder } from './support/temp-folder.ts';

test('a key is kept for its owner alone, and there is only one file', () => {
  const folder = tempFolder();
  const file = signingKeyFile(folder);
  expect(file.read()).toBeUndefined();
  file.write('ed25519 a_1 AAAA\n');
  file.write('ed25519 a_2 BBBB\n');
  expect(file.read()).toBe('ed25519 a_2 BBBB\n');
  expect(readdirSync(folder)).toEqual(['signing.key']);
  expect(statSync(join(folder, 'signing.key')).mode & 0o777).toBe(0o600);
});

test('a draft that somebody else could read does not become the key', () => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'signing.key.new'), 'left by a crash');
  chmodSync(join(folder, 'signing.key.new'), 0o644);
  signingKeyFile(folder).write('ed25519 a_1 AAAA\n');
  expect(readFileSync(join(folder, 'signing.key'), 'utf8')).toBe('ed25519 a_1 AAAA\n');
  expect(statSync(join(folder, 'signing.key')).mode & 0o777).toBe(0o600);
});

test('a file that cannot be read is an error, not a new key', () => {
  expect(() => signingKeyFile('/dev/null').read()).toThrow('ENOTDIR');
});
