import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { createInspector } from '../../main/inspector/recorder.ts';
import { realPlatform } from '../../main/platform.ts';
import type { ServerName } from '../../shared/ids.ts';
import { buildApp } from '../support/app-build.ts';
import { createTestCa } from '../support/certificates.ts';
import { barriers, goTo, gridRows, gridSize, noBrowser, openPage, picture, startBrowser } from '../support/chromium.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { register } from '../support/matrix-client.ts';
import { memoryLog } from '../support/memory-log.ts';
import { freePorts } from '../support/processes.ts';
import { type RawRoom, startRawPeer } from '../support/raw-peer.ts';
import { sqlWasm } from '../support/sql-wasm.ts';

const flowCount = 20_000;
const memberCount = 2_000;
const log = 'Federation requests';
/** A frame that takes longer is felt. Generous, since the machine has other things to do as well. */
const feltMs = 400;

let hearth: Hearth;
let browser: Browser;
let room: RawRoom;
beforeAll(async () => {
  if (noBrowser) return;
  const ca = await createTestCa();
  const [port = 0] = await freePorts(1);
  const entry = join(await buildApp(), 'main/headless.cjs');
  const settings = ['--console-listen', `127.0.0.1:${port}`];
  const [raw, started, chromium] = await Promise.all([
    startRawPeer(ca),
    startHearth(ca, { entry, settings }),
    startBrowser(),
  ]);
  [hearth, browser] = [started, chromium];
  room = raw.createRoom('11');
  room.event('m.room.name', { name: 'Assembly' }, { state_key: '' });
  for (let n = 0; n < memberCount; n++) {
    const member = `@member${n}:${raw.serverName}`;
    room.event(
      'm.room.member',
      { membership: 'join', displayname: `Member ${n}` },
      { sender: member, state_key: member },
    );
  }
  const harold = await register(hearth.clientUrl, 'harold');
  await harold.join(room.roomId, raw.serverName);
  await hearth.stop();
  await fillLog(join(hearth.folder, 'inspector.db'));
  await hearth.start();
});

/** Records requests as the server does, one second apart. */
async function fillLog(path: string): Promise<void> {
  const real = realPlatform({ verifyTls: true, extraCa: [] });
  const start = real.clock.now() - flowCount * 1000;
  let now = start;
  const platform = { ...real, clock: { ...real.clock, now: () => now } };
  const inspector = await createInspector({ path, platform, log: memoryLog().log, wasm: sqlWasm });
  const body = Buffer.from('{}');
  for (let n = 0; n < flowCount; n++) {
    now = start + n * 1000;
    const flow = inspector.open({
      direction: n % 2 === 0 ? 'inbound' : 'outbound',
      peer: `server${n % 50}.test` as ServerName,
      method: 'PUT',
      uri: `/_matrix/federation/v1/send/${n}`,
      endpoint: 'send',
    });
    now += 20;
    flow.close({ status: n % 100 === 0 ? 500 : 200, headers: {}, body });
    if (n % 1000 === 0) await new Promise(setImmediate); // it writes meanwhile
  }
  await inspector.close();
}

/** The longest time for which the page did not react, while `work` was done to it. */
async function longestPause(page: Page, work: () => Promise<void>): Promise<number> {
  await page.evaluate(`(() => {
    window.pauses = [];
    new PerformanceObserver((list) => window.pauses.push(...list.getEntries().map(({ duration }) => duration)))
      .observe({ type: 'longtask' });
  })()`);
  await work();
  return Math.max(0, ...(await page.evaluate<number[]>('window.pauses')));
}

const wheel = async (page: Page, times: number) => {
  for (let n = 0; n < times; n++) {
    await page.mouse.wheel(0, 1200);
    await page.waitForTimeout(20);
  }
};

const poll = <T>(ask: () => T) => expect.poll(ask, { timeout: 15_000, interval: 50 });
const rowsInDocument = (page: Page) => page.locator('[role=grid] tbody tr').count();

test(`a log of ${flowCount} requests stays fluent`, async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const { page } = await openPage(browser, hearth.consoleUrl());
  await page.getByRole('navigation').waitFor();
  const began = Date.now();
  await goTo(page, '#/log');
  await page.getByText(/2\d,\d{3} recorded/).waitFor();
  expect(Date.now() - began).toBeLessThan(2000);
  await page.getByRole('grid', { name: log }).hover();
  const pause = await longestPause(page, async () => {
    await wheel(page, 60);
    await poll(() => gridSize(page, log)).toBeGreaterThan(1000); // older pages come as one goes down
    await page.getByRole('grid', { name: log }).press('Home');
  });
  expect(pause).toBeLessThan(feltMs);
  expect(await rowsInDocument(page)).toBeLessThan(80);
  await picture(page, 'log-of-20000');

  const asked = Date.now();
  await page.getByRole('combobox').fill('status:5xx peer:server0.test');
  await page.getByRole('combobox').press('Enter');
  await poll(async () =>
    (await gridRows(page, log)).every(({ Status, Peer }) => `${Status} ${Peer}` === '500 server0.test'),
  ).toBe(true);
  expect(await gridSize(page, log)).toBe(200);
  expect(Date.now() - asked).toBeLessThan(3000);
});

test(`a room of ${memberCount} members stays fluent`, async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const { page } = await openPage(browser, hearth.consoleUrl());
  await page.getByRole('navigation').waitFor();
  await goTo(page, '#/rooms');
  await poll(async () => (await gridRows(page, 'Rooms')).map(({ Name, Members }) => [Name, Members])).toEqual([
    ['Assembly', '1 / 2,002'],
  ]);
  const began = Date.now();
  await goTo(page, `#/rooms/${encodeURIComponent(room.roomId)}/members`);
  await poll(() => page.getByRole('grid', { name: 'Members', exact: true }).getAttribute('aria-rowcount')).toBe('2003');
  expect(Date.now() - began).toBeLessThan(3000);
  await page.getByRole('grid', { name: 'Members', exact: true }).hover();
  expect(await longestPause(page, () => wheel(page, 40))).toBeLessThan(feltMs);
  expect(await rowsInDocument(page)).toBeLessThan(80);
  await picture(page, 'members-of-2000');
  await page.getByRole('textbox').fill('member 1999');
  await poll(async () => (await gridRows(page, 'Members')).map(({ Name }) => Name)).toEqual(['Member 1999']);
  await goTo(page, `#/rooms/${encodeURIComponent(room.roomId)}/state`);
  await poll(() => gridSize(page, 'State')).toBe(memberCount + 7);
});

test('only who has the token is let in', async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const { page: owner, complaints } = await openPage(browser, hearth.consoleUrl());
  await owner.getByRole('link', { name: hearth.serverName }).waitFor();
  expect(owner.url()).not.toContain('token');
  expect(complaints).toEqual([]); // nothing on the page meets the Content-Security-Policy
  expect(await barriers(owner)).toEqual([]);

  const { page: stranger } = await openPage(browser, new URL('/', hearth.consoleUrl()).href);
  await stranger.getByRole('alert').filter({ hasText: 'This address lacks its token.' }).waitFor();
});

test('a reload and a link in a new tab lead to the same screen', async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const { page } = await openPage(browser, hearth.consoleUrl());
  await page.getByRole('navigation').waitFor();
  const hash = `#/rooms/${encodeURIComponent(room.roomId)}/members`;
  await goTo(page, hash);
  await page.getByRole('heading', { name: 'Assembly' }).waitFor();
  await page.reload();
  await page.getByRole('heading', { name: 'Assembly' }).waitFor();
  expect(new URL(page.url()).hash).toBe(hash);

  const other = await page.context().newPage();
  await other.goto(page.url()); // there is no token in it: the first tab has it
  await other.getByRole('heading', { name: 'Assembly' }).waitFor();
  await other.getByRole('link', { name: 'Peers' }).click();
  await other.goBack();
  await other.getByRole('heading', { name: 'Assembly' }).waitFor();
});

test('while the server is gone the page says so, and goes on when it is back', async ({ skip }) => {
  if (noBrowser) return skip(noBrowser);
  const { page } = await openPage(browser, hearth.consoleUrl());
  await page.getByRole('navigation').waitFor();
  await goTo(page, '#/log');
  await page.getByText('Live').waitFor();
  const newest = async () => (await gridRows(page, log))[0]?.['Time'];
  await poll(newest).toBeTruthy();

  await hearth.stop();
  await page.getByRole('alert').filter({ hasText: 'Not connected since' }).waitFor();
  await page.getByText('The server does not answer. Is it running?').waitFor();
  expect(await page.getByText('Live', { exact: true }).count()).toBe(0);
  expect((await gridRows(page, log)).length).toBeGreaterThan(10); // what was shown stays
  await picture(page, 'not-connected');

  await hearth.start(); // at the same port, with the same token
  await page.getByText('Live').waitFor({ timeout: 20_000 });
  expect(await page.getByRole('alert').count()).toBe(0);
  const before = await newest();
  const reply = await fetch(`${hearth.clientUrl}/_matrix/key/v2/server`); // is recorded
  expect(reply.status).toBe(200);
  await poll(newest).not.toBe(before);
});
