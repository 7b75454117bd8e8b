import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { settingsTable } from '../main/settings.ts';

const root = join(import.meta.dirname, '..');
const readme = readFileSync(join(root, 'README.md'), 'utf8');

test('the table of settings is the one that the schema prints', () => {
  expect(readme).toContain(settingsTable());
});

test('every command that it names is there', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const named = [
    ...readme.matchAll(/npm (?:run )?(start|demo|check|test(?::\w+)?|bench|screenshots|build|package)\b/g),
  ];
  expect(named.length).toBeGreaterThan(5);
  for (const [, script = ''] of named) expect(scripts).toHaveProperty([script]);
});
