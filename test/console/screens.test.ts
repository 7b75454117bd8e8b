import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { buildPage } from '../support/app-build.ts';
import {
  barriers,
  goTo,
  noBrowser,
  openPage,
  overflow,
  picture,
  schemes,
  sizes,
  startBrowser,
} from '../support/chromium.ts';
import { serveConsole } from '../support/console-fixture.ts';
import { sampleConsole } from '../support/sample-console.ts';
import { rejectedTopic, tidepool } from '../support/sample-ids.ts';
import { busyOverview } from '../support/sample-overview.ts';

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

let browser: Browser;
let built: string;
beforeAll(async () => {
  if (noBrowser) return;
  [browser, built] = await Promise.all([startBrowser(), buildPage()]);
});

/** Colours are of the scheme, the room of the size. */
const looks = [
  ['light', 'wide'],
  ['dark', 'wide'],
  ['light', 'narrow'],
] as const;

test.for(looks)(
  'every screen stands in %s, %s, with no barrier and nothing refused',
  async ([scheme, size], { skip }) => {
    if (noBrowser) return skip(noBrowser);
    const served = await serveConsole(built, sampleConsole(Date.now()));
    const { page, complaints } = await openPage(browser, served.url, { viewport: sizes[size], colorScheme: scheme });
    await page.getByRole('navigation').waitFor();
    for (const [name, hash, shows] of screens) {
      await goTo(page, hash);
      await page.getByText(shows).first().waitFor();
      await picture(page, `sample-${name}-${scheme}-${size}`);
      if (size === 'wide') expect.soft(await barriers(page), `${name} ${scheme}`).toEqual([]);
      expect.soft(await overflow(page), `${name} ${size} is wider than its window`).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  },
);

test.for(schemes)('the set-up stands in %s and shows a refusal', async (scheme, { skip }) => {
  if (noBrowser) return skip(noBrowser);
  const handlers = sampleConsole(Date.now());
  const unnamed = { ...busyOverview(Date.now()), serverName: undefined };
  const served = await serveConsole(built, { ...handlers, 'overview.get': () => unnamed });
  for (const size of ['wide', 'narrow'] as const) {
    const { page, complaints } = await openPage(browser, served.url, { viewport: sizes[size], colorScheme: scheme });
    await page.getByLabel('Server name').fill('juniper.example');
    await page.getByLabel('Your name on it').fill('mika');
    await page.getByLabel('Password', { exact: true }).fill('correct horse');
    await page.getByLabel('Password again').fill('correct horse');
    await picture(page, `sample-set-up-${scheme}-${size}`);
    await page.getByRole('button', { name: 'Use juniper.example for ever' }).click();
    await page.getByText('somebody else has this name').waitFor();
    expect(await barriers(page), size).toEqual([]);
    await picture(page, `sample-set-up-refused-${scheme}-${size}`);
    expect(complaints).toEqual([]);
  }
});
