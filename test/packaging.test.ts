import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import Ajv from 'ajv';
import { expect, test } from 'vitest';
import { parse } from 'yaml';

const root = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const settings = parse(read('electron-builder.yml'));

/** electron-builder checks what it builds for; this checks the targets of the systems that we do not build on too. */
function violations(given: unknown): readonly string[] {
  const schema = JSON.parse(read('node_modules/app-builder-lib/scheme.json'));
  const validate = new Ajv({ strict: false, allErrors: true, allowUnionTypes: true }).compile(schema);
  validate(given);
  return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test('electron-builder.yml is what electron-builder understands', () => {
  expect(violations(settings)).toEqual([]);
  expect(violations({ ...settings, mac: { targets: ['dmg'] } })).not.toEqual([]); // it would notice
});

test('it names targets for each system', () => {
  expect(settings.linux.target).toEqual(expect.arrayContaining(['AppImage', 'deb']));
  expect(settings.mac.target).toEqual(expect.arrayContaining(['dmg', 'zip']));
  expect(settings.win.target).toEqual(expect.arrayContaining(['nsis']));
});
