import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildApp } from '../support/app-build.ts';
import { definedEnv, electronShims, noElectron, startXvfb } from '../support/electron.ts';
import { register, until } from '../support/matrix-client.ts';
import { mediaClient } from '../support/media-client.ts';
import { about, picture } from '../support/pictures.ts';
import { freePorts, run } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

const root = join(import.meta.dirname, '../..');
const dist = process.env['HEARTH_TEST_ELECTRON_PACKAGE'];
const version = '22.3.25'; // of the Electron that the tests have

/** A project folder as electron-builder wants it, with the app built into it for the older runtime of the tests. */
async function project(): Promise<string> {
  const folder = tempFolder();
  const built = await buildApp({ inject: electronShims });
  mkdirSync(join(folder, 'dist'));
  for (const part of ['main', 'renderer']) cpSync(join(built, part), join(folder, 'dist', part), { recursive: true });
  for (const name of ['assets', 'electron-builder.yml'])
    cpSync(join(root, name), join(folder, name), { recursive: true });
  const { dependencies, devDependencies, scripts, ...manifest } = JSON.parse(
    readFileSync(join(root, 'package.json'), 'utf8'),
  );
  const { sharp } = dependencies;
  for (const name of ['sharp', '@img', 'detect-libc']) {
    cpSync(join(root, 'node_modules', name), join(folder, 'node_modules', name), {
      recursive: true,
      dereference: true,
    });
  }
  writeFileSync(
    join(folder, 'package.json'),
    JSON.stringify({ ...manifest, dependencies: { sharp }, author: 'Hearth' }),
  );
  return folder;
}

test('the packaged app boots, serves and stops cleanly', async ({ skip }) => {
  if (noElectron) return skip(noElectron);
  if (dist === undefined || !existsSync(dist)) {
    return skip('HEARTH_TEST_ELECTRON_PACKAGE names no clean Electron to package with');
  }
  const folder = await project();
  const args = ['--linux', 'dir', `-c.electronDist=${dist}`, `-c.electronVersion=${version}`, '--projectDir', folder];
  const builder = run(process.execPath, [join(root, 'node_modules/electron-builder/cli.js'), ...args], { cwd: folder });
  expect([await builder.exited, builder.output()]).toEqual([0, expect.any(String)]);
  rmSync(join(folder, 'node_modules'), { recursive: true }); // the package lies below it, and must not reach it

  const [port = 0, consolePort = 0] = await freePorts(2);
  const data = tempFolder();
  const app = run(join(folder, 'release/linux-unpacked/hearth'), ['--no-sandbox', `--user-data-dir=${tempFolder()}`], {
    env: {
      ...definedEnv(),
      DISPLAY: await startXvfb(),
      HEARTH_DATA_DIR: data,
      HEARTH_SERVER_NAME: 'packaged.test',
      HEARTH_REGISTRATION: 'open',
      HEARTH_CLIENT_LISTEN: `127.0.0.1:${port}`,
      HEARTH_FEDERATION_LISTEN: '127.0.0.1:0',
      HEARTH_CONSOLE_LISTEN: `127.0.0.1:${consolePort}`,
    },
  });
  const versions = await until(
    async () =>
      (await (await fetch(`http://127.0.0.1:${port}/_matrix/client/versions`)).json()) as { versions: string[] },
    (body) => Array.isArray(body.versions),
    { what: `the packaged app answers:\n${app.output()}` },
  );
  expect(versions.versions).toContain('v1.11');
  const page = await fetch(`http://127.0.0.1:${consolePort}/`);
  expect([page.status, await page.text()]).toEqual([200, expect.stringContaining('<title>Hearth</title>')]);
  expect(readFileSync(join(data, 'console-token'), 'utf8')).not.toBe('');
  const url = `http://127.0.0.1:${port}`;
  const files = mediaClient(url, await register(url, 'owner'));
  const path = await files.upload(await picture('png', 400, 300), 'image/png');
  const small = await files.get(`thumbnail/${path}?width=32&height=32&method=crop`);
  expect(await about(small.bytes)).toMatchObject({ format: 'jpeg', width: 32, height: 32 }); // by sharp, in the package
  await app.stop('SIGTERM');
  expect(existsSync(join(data, 'hearth.lock'))).toBe(false);
  expect(existsSync(join(data, 'hearth.db'))).toBe(true);
});
