import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { buildPage } from '../support/app-build.ts';
import { serveConsole } from '../support/console-fixture.ts';
import { findProgram } from '../support/processes.ts';
import { sampleConsole } from '../support/sample-console.ts';
import { rejectedTopic, tidepool } from '../support/sample-ids.ts';
import { busyOverview } from '../support/sample-overview.ts';

const executablePath = process.env['HEARTH_TEST_CHROMIUM'] ?? findProgram('chromium');
/** Pictures go here, where somebody wants to see them. */
const pictures = process.env['HEARTH_SCREENSHOTS'];

const room = encodeURIComponent(tidepool);
/** Every screen and tab: its fragment, and what must be on it. */
const screens: readonly (readonly [name: string, hash: string, shows: string])[] = [
  ['overview', '#/', '2 of them do not answer'],
  ['rooms', '#/rooms', 'Tidepool field notes'],
  ['room', `#/rooms/${room}/timeline`, 'required power level'],
  ['room-state', `#/rooms/${room}/state`, 'm.room.join_rules'],
  ['room-members', `#/rooms/${room}/members`, '@ines:lumen.example'],
  ['event', `#/events/${encodeURIComponent(rejectedTopic)}`, 'Authorised by the state before it'],
  ['peers', '#/peers', 'gnomon.example:8443'],
  ['peer', '#/peers/birch.example', 'does not answer'],
  ['keys', '#/keys', 'ed25519:a_Xc4n'],
  ['log', '#/log', 'get_missing_events'],
  ...['summary', 'auth', 'request', 'response', 'pdus', 'timing', 'trace'].map(
    (tab) => [`log-${tab}`, `#/log/99996/${tab}`, '1 rejected'] as const,
  ),
  ['log-failed', '#/log/99991/summary', 'certificate has expired'],
  ['unknown', '#/nowhere', 'There is nothing here'],
];

const schemes = ['light', 'dark'] as const;
const noBrowser = 'HEARTH_TEST_CHROMIUM names no browser: apt-get install chromium';
const sizes = { wide: { width: 1280, height: 800 }, narrow: { width: 900, height: 800 } };

let browser: Browser | undefined;
beforeAll(async () => {
  if (executablePath !== undefined) browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
});
afterAll(() => browser?.close());

/** A page of the console, in a window of its own. Whatever it complains of fails the test. */
async function open(
  url: string,
  options: Parameters<Browser['newContext']>[0],
): Promise<{ page: Page; complaints: string[] }> {
  if (browser === undefined) throw new Error('there is no browser');
  const context = await browser.newContext(options);
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on(
    'console',
    (message) => void (['error', 'warning'].includes(message.type()) && complaints.push(message.text())),
  );
  page.on('pageerror', (error) => void complaints.push(String(error)));
  await page.goto(url);
  return { page, complaints };
}

async function picture(page: Page, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.waitForTimeout(150); // transitions end
  await page.screenshot({ path: join(pictures, `${name}.png`) });
}

async function barriers(page: Page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run({ resultTypes: ["violations"] })');
  return violations.map(({ help, nodes }) => [help, nodes.map(({ html }) => html)]);
}

test.each(['light', 'dark'] as const)(
  'every screen stands in %s, with no barrier and nothing refused',
  async (scheme) => {
    if (browser === undefined) return console.warn('HEARTH_TEST_CHROMIUM names no browser: apt-get install chromium');
    const served = await serveConsole(await buildPage(), sampleConsole(Date.now()));
    for (const [size, viewport] of Object.entries(sizes)) {
      const { page, complaints } = await open(served.url, { viewport, colorScheme: scheme });
      await page.getByRole('navigation').waitFor();
      for (const [name, hash, shows] of screens) {
        await page.evaluate(`location.hash = ${JSON.stringify(hash)}`);
        await page.getByText(shows).first().waitFor();
        await picture(page, `${name}-${scheme}-${size}`);
        expect.soft(await barriers(page), `${name} ${scheme} ${size}`).toEqual([]);
        const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
        expect.soft(overflow, `${name} ${size} is wider than its window`).toBeLessThanOrEqual(0);
      }
      expect(complaints).toEqual([]);
    }
  },
);

test.for(schemes)('the set-up stands in %s and shows a refusal', async (scheme, { skip }) => {
  if (browser === undefined) return skip(noBrowser);
  const handlers = sampleConsole(Date.now());
  const unnamed = { ...busyOverview(Date.now()), serverName: undefined };
  const served = await serveConsole(await buildPage(), { ...handlers, 'overview.get': () => unnamed });
  for (const [size, viewport] of Object.entries(sizes)) {
    const { page, complaints } = await open(served.url, { viewport, colorScheme: scheme });
    await page.getByLabel('Server name').fill('juniper.example');
    await page.getByLabel('Your name on it').fill('mika');
    await page.getByLabel('Password', { exact: true }).fill('correct horse');
    await page.getByLabel('Password again').fill('correct horse');
    await picture(page, `set-up-${scheme}-${size}`);
    await page.getByRole('button', { name: 'Use juniper.example for ever' }).click();
    await page.getByText('somebody else has this name').waitFor();
    expect(await barriers(page), size).toEqual([]);
    await picture(page, `set-up-refused-${scheme}-${size}`);
    expect(complaints).toEqual([]);
  }
});
