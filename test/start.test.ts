import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { until } from './support/matrix-client.ts';
import { run } from './support/processes.ts';
import { tempFolder } from './support/temp-folder.ts';

const root = join(import.meta.dirname, '..');
/** No window can be opened: there is neither a display nor a binary. */
const windowless = {
  NODE_ENV: 'production',
  DISPLAY: '',
  WAYLAND_DISPLAY: '',
  ELECTRON_OVERRIDE_DIST_PATH: join(root, 'absent'),
};

const npmStart = (flags: readonly string[], env: Readonly<Record<string, string>>) =>
  run('npm', ['start', ...(flags.length > 0 ? ['--', ...flags] : [])], { cwd: root, env: { ...windowless, ...env } });

/** The server itself has ended, not npm alone: it goes a moment after npm. */
const expectGone = (url: string) =>
  until(
    () =>
      fetch(url).then(
        () => 'here',
        () => 'gone',
      ),
    (state) => state === 'gone',
    { timeoutMs: 10_000 },
  );

test('npm start says in one line that there is no window, serves the console, and ends with npm', async () => {
  const npm = npmStart([], { HEARTH_DATA_DIR: tempFolder(), HEARTH_CONSOLE_LISTEN: '127.0.0.1:0' });
  const [, url = ''] = await npm.printed(/^open (\S+)$/m);
  expect(npm.output().match(/^.*without a window.*$/gm)).toHaveLength(1);
  expect(npm.output()).toMatch(/^This server has no name yet/m);
  const page = await fetch(url);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>Hearth</title>')]);
  await npm.stop('SIGTERM');
  await expectGone(url);
}, 60_000);

test('npm start -- --headless --config FILE asks nothing', async () => {
  const config = join(tempFolder(), 'hearth.yaml');
  writeFileSync(
    config,
    [
      'server-name: start.test',
      `data-dir: ${tempFolder()}`,
      'client-listen: 127.0.0.1:0',
      'console-listen: 127.0.0.1:0',
    ].join('\n'),
  );
  const npm = npmStart(['--headless', '--config', config], {});
  const [, url] = await npm.printed(/^client (\S+)$/m);
  expect((await fetch(`${url}/_matrix/client/versions`)).status).toBe(200);
  expect(npm.output()).not.toContain('window');
  await npm.stop('SIGTERM');
  await expectGone(`${url}/_matrix/client/versions`);
}, 60_000);

test('flags without --headless are refused rather than ignored', async () => {
  const npm = npmStart(['--server-name', 'start.test'], {});
  expect([await npm.exited, npm.output()]).toEqual([2, expect.stringContaining('flags go with --headless')]);
});
