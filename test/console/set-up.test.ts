import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildApp } from '../support/app-build.ts';
import { barriers, noBrowser, openPage, picture, startBrowser } from '../support/chromium.ts';
import { freePorts, run } from '../support/processes.ts';
import { tempFolder } from '../support/temp-folder.ts';

test('the first start asks for a name and an owner, who can sign in from then on', async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const entry = join(await buildApp(), 'main/headless.cjs');
  const [clientPort = 0, consolePort = 0] = await freePorts(2);
  const dataDir = tempFolder();
  const args = [
    ...['--data-dir', dataDir, '--client-listen', `127.0.0.1:${clientPort}`],
    ...['--console-listen', `127.0.0.1:${consolePort}`],
  ];
  const first = run(process.execPath, [entry, 'start', ...args]);
  const [, url = ''] = await first.printed(/^open (\S+)$/m);
  const { page, complaints } = await openPage(await startBrowser(), url);
  await page.getByRole('heading', { name: 'Name your server' }).waitFor();
  await picture(page, 'set-up');

  const submit = (name: RegExp) => page.getByRole('button', { name }).click();
  const fill = (label: string, text: string) => page.getByLabel(label, { exact: true }).fill(text);
  await fill('Server name', 'Not a name');
  await fill('Your name on it', 'Mika!');
  await fill('Password', 'short');
  await submit(/Set up/);
  for (const wrong of [
    'Capital letters make another name of it',
    'Only a–z, 0–9',
    'At least 8 characters.',
    'The two are not the same.',
  ]) {
    await page.getByText(wrong).waitFor();
  }
  await picture(page, 'set-up-wrong');
  await fill('Server name', 'juniper.test');
  await fill('Your name on it', 'mika');
  await fill('Password', 'correct horse');
  await fill('Password again', 'correct horse');
  await page.getByText('@mika:juniper.test').waitFor();
  expect(await barriers(page)).toEqual([]);
  await submit(/Use juniper\.test for ever/);

  await page.getByRole('heading', { name: 'Ready. You will meet other servers when you join a room.' }).waitFor();
  await page.getByRole('link', { name: 'juniper.test' }).waitFor();
  await page.getByText('1 account').waitFor();
  await page.getByText('Other servers cannot reach this one').waitFor(); // there is no certificate yet
  await picture(page, 'set-up-done');
  expect(complaints).toEqual([]);
  expect(await signIn(clientPort)).toMatchObject({ user_id: '@mika:juniper.test', home_server: 'juniper.test' });

  expect(await first.stop()).toBe(0);
  const second = run(process.execPath, [entry, 'start', ...args]);
  await second.printed(/^open (\S+)$/m);
  await page.reload(); // the name stays, and so does the token
  await page.getByRole('link', { name: 'juniper.test' }).waitFor();
  expect(await page.getByRole('heading', { name: 'Name your server' }).count()).toBe(0);
});

async function signIn(clientPort: number): Promise<unknown> {
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'mika' }, password: 'correct horse' };
  const url = `http://127.0.0.1:${clientPort}/_matrix/client/v3/login`;
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return await reply.json();
}
