import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import {
  barriers,
  factsIn,
  goTo,
  gridRows,
  gridSize,
  noBrowser,
  openPage,
  overflow,
  picture,
  schemes,
  sizes,
  startBrowser,
} from '../support/chromium.ts';
import { openConsole } from '../support/console.ts';
import { noSynapse } from '../support/synapse.ts';
import { arrives, type Scene, startScene, tidepoolName } from './scene.ts';

const lacks = noBrowser ?? noSynapse;
let scene: Scene;
let browser: Browser;
beforeAll(async () => {
  if (lacks) return;
  [scene, browser] = await Promise.all([startScene(), startBrowser()]);
});

/** The console at one of its screens. What the page complains of fails the test. */
async function openAt(hash: string, options: BrowserContextOptions = {}): Promise<Page> {
  const { page, complaints } = await openPage(browser, scene.hearth.consoleUrl(), options);
  await page.getByRole('navigation').waitFor();
  await goTo(page, hash);
  onTestFinished(() => expect(complaints).toEqual([]));
  return page;
}

const part = encodeURIComponent;
const log = 'Federation requests';
const poll = <T>(ask: () => T) => expect.poll(ask, { timeout: 15_000, interval: 100 });
const openTab = (page: Page, name: RegExp) => page.getByRole('tab', { name }).click();

/** The key that a server publishes: what the console shows must be this one. */
async function publishedKey(server: string): Promise<{ keyId: string; key: string }> {
  const { body } = await scene.raw.ask(server, 'GET', '/_matrix/key/v2/server');
  const keys = Object.entries(body['verify_keys'] as Record<string, { key: string }>);
  const [keyId = '', { key } = { key: '' }] = keys[0] ?? [];
  return { keyId, key };
}

test('the overview says in a sentence how it stands, and names the right facts', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { hearth } = scene;
  const page = await openAt('#/');
  await page.getByRole('heading', { name: 'Federating with 2 servers.' }).waitFor();
  const tile = (title: string) => page.locator('.tile', { has: page.getByRole('heading', { name: title }) });
  const tiles = {
    Server: [hearth.serverName, '1 account'],
    Reachability: [`https://${hearth.serverName}`, 'any server'],
    'Listens on': ['3 addresses', hearth.clientUrl, new URL(hearth.consoleUrl()).origin],
    'Signing key': [(await publishedKey(hearth.serverName)).keyId],
    Rooms: ['2 rooms', '1 invitation'],
    Peers: ['2 servers', 'share rooms'],
  };
  for (const [title, facts] of Object.entries(tiles)) {
    for (const fact of facts) await poll(() => tile(title).innerText()).toContain(fact);
  }
  const events = Number(/(\d+) events on disk/.exec(await tile('Rooms').innerText())?.[1]);
  expect(events).toBeGreaterThan(20); // two rooms from their first event on, and an invitation
  const badges = page.locator('.badges');
  await poll(() => badges.innerText()).toMatch(/1 rejected\s+1 soft-failed\s+\d+ accepted/);
});

test('the log receives a request while one looks, and opens it', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { synapse, hearth, sylvia, tidepool } = scene;
  const page = await openAt('#/log');
  const accepted = async () =>
    (await gridRows(page, log)).filter(
      ({ Dir, Peer, Endpoint, Status, Outcome }) =>
        [Dir, Peer, Endpoint, Status, Outcome].join() === `in,${synapse.serverName},PUT send,200,1 accepted`,
    ).length;
  await poll(accepted).toBeGreaterThan(0);
  const before = await accepted();
  const body = 'The tide turns.';
  const eventId = await sylvia.send(tidepool, body);
  await poll(accepted).toBe(before + 1);

  await page.getByRole('row').filter({ hasText: '1 accepted' }).first().click();
  const pane = page.getByRole('region', { name: 'Request' });
  const { keyId } = await publishedKey(synapse.serverName);
  await pane.getByText(`${synapse.serverName} sent 1 PDU to this server.`).waitFor();
  expect(await factsIn(page, '.pane')).toMatchObject({
    Peer: synapse.serverName,
    Verified: `X-Matrix, ${keyId}`,
    Answer: expect.stringMatching(/^200 in \d+ ms$/),
  });

  await openTab(page, /Auth/);
  await pane.getByText('Verified.').waitFor();
  expect(await factsIn(page, '.pane')).toEqual({
    origin: synapse.serverName,
    destination: `${hearth.serverName} this server`,
    key: keyId,
    sig: 'struck out on entry',
  });
  await openTab(page, /Request/);
  await poll(() => pane.innerText()).toContain(body);
  expect(await pane.innerText()).toMatch(/authorization: X-Matrix .*sig="struck out"/);
  await openTab(page, /Response/);
  await poll(() => pane.innerText()).toContain(`"${eventId}": {}`);
  await openTab(page, /PDUs/);
  await poll(() => pane.locator('.rung .out').allInnerTexts()).toEqual(['pass']); // all seven, folded
  await openTab(page, /Timing/);
  await poll(() => pane.locator('.phases').innerText()).toMatch(/Body[\s\S]*Processing[\s\S]*Total/);
  await openTab(page, /Trace/);
  await poll(() => pane.locator('.tree tbody tr').count()).toBe(1);
});

test('a join is one trace: the alias, the template, the join', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const page = await openAt(`#/log?q=${part('ep:send_join peer:')}${part(scene.synapse.serverName)}`);
  await page.getByRole('row').filter({ hasText: 'send_join' }).click();
  await openTab(page, /Trace/);
  await poll(() => page.locator('.tree tbody tr').allInnerTexts()).toEqual([
    expect.stringContaining('query/directory'),
    expect.stringContaining('make_join'),
    expect.stringContaining('send_join'),
  ]);
});

test('what was refused shows the step, the rule and the event that decided', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { workshop, rejected, softFailed, powerLevels, raw } = scene;
  const page = await openAt(`#/log?q=${part('outcome:rejected')}`);
  await poll(() => gridSize(page, log)).toBe(1);
  await page.getByRole('row').filter({ hasText: '1 rejected' }).click();
  await page.getByText('1 of 2 PDUs was rejected.').waitFor();
  await page.getByRole('button', { name: 'See the check that decided' }).click();
  const rung = page.locator('.pane .rung.is-bad');
  await poll(() => rung.innerText()).toMatch(/4\s*Authorised by its auth events/);
  expect(await factsIn(page, '.pane .why')).toMatchObject({ Rule: 'sender has the required level' });
  expect(await rung.innerText()).toContain(`@mallory:${raw.serverName} has 0, needs 50 for m.room.topic`);
  await picture(page, 'log-rejected');

  await page.getByRole('link', { name: 'Inspect event' }).click();
  await page.getByRole('heading', { name: 'Rejected by the rule “sender has the required level”' }).waitFor();
  expect(await page.locator('.rung .out').allInnerTexts()).toEqual([
    ...['pass', 'pass', 'pass', 'rejected'],
    ...['not reached', 'not reached', 'not reached'],
  ]);
  expect(await factsIn(page, '[aria-label=Facts]')).toMatchObject({ 'Event id': rejected, Room: 'Workshop' });
  await picture(page, 'event-rejected');
  await page.locator('.why').getByRole('link').click(); // the event that decided
  await page.getByRole('heading', { name: 'm.room.power_levels' }).waitFor();
  expect(decodeURIComponent(new URL(page.url()).hash)).toBe(`#/events/${powerLevels}`);

  await goTo(page, `#/events/${part(softFailed)}`);
  await page.getByRole('heading', { name: 'Soft-failed by the rule “sender is joined”' }).waitFor();
  await poll(() => page.locator('.rung.is-soft').innerText()).toMatch(/6\s*Authorised by the current state/);
  await goTo(page, `#/rooms/${part(workshop.roomId)}/timeline`);
  await poll(async () => (await gridRows(page, 'Timeline')).map(({ Content, Outcome }) => [Content, Outcome])).toEqual([
    [expect.stringMatching(/^still here step 6 · sender is joined · decided by \$/), 'soft-failed'],
    [expect.stringMatching(/^banned @mallory:.*: “noise”$/), 'accepted'],
    [
      expect.stringMatching(/^set the topic to “mine” step 4 · sender has the required level · decided by \$/),
      'rejected',
    ],
    ['The lathe is free.', 'accepted'],
    ['joined', 'accepted'],
  ]);
});

test('filters narrow the log to the right rows', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { raw, synapse, hearth } = scene;
  const page = await openAt('#/log', { viewport: { width: 1280, height: 1600 } }); // all rows are in view
  const bridge = await openConsole(hearth.consoleUrl());
  const box = page.getByRole('combobox');
  const inRoom = ['GET make_join', 'PUT send_join', 'GET backfill', 'PUT send'];
  const isOfTidepool = ({ Endpoint = '', Peer, Outcome }: Readonly<Record<string, string>>) =>
    Peer === synapse.serverName && inRoom.includes(Endpoint) && !/EDU/.test(Outcome ?? '');
  const filters: readonly (readonly [filter: string, is: (row: Readonly<Record<string, string>>) => boolean])[] = [
    [`peer:${raw.serverName}`, ({ Peer }) => Peer === raw.serverName],
    ['dir:in', ({ Dir }) => Dir === 'in'],
    ['dir:out ep:send_join', ({ Dir, Endpoint }) => Dir === 'out' && Endpoint === 'PUT send_join'],
    ['ep:send', ({ Endpoint }) => Endpoint === 'PUT send'],
    ['ep:query/*', ({ Endpoint }) => /^GET query\/(profile|directory)$/.test(Endpoint ?? '')],
    ['outcome:soft-failed', ({ Outcome }) => Outcome === '1 soft-failed'],
    ['status:4xx', ({ Status }) => Status === '404'],
    [`room:"${tidepoolName}"`, isOfTidepool],
    ['nonsense', ({ Endpoint }) => Endpoint === 'GET /_matrix/federation/v1/nonsense'],
  ];
  await poll(() => gridSize(page, log)).toBeGreaterThan(15);
  for (const [filter, is] of filters) {
    await box.fill('');
    for (let chips = await page.locator('.chip').count(); chips > 0; chips--) await box.press('Backspace');
    await poll(() => gridSize(page, log)).toBe((await bridge.call('flows.list', { limit: 1 })).total);
    const all = await gridRows(page, log);
    const right = all.filter(is).length;
    expect([filter, right > 0 && right < all.length]).toEqual([filter, true]);
    await box.fill(filter);
    await box.press('Enter');
    await poll(async () => {
      const rows = await gridRows(page, log);
      return rows.length >= right && rows.every(is) ? filter : rows;
    }).toBe(filter);
  }
});

test('rooms show their name, version, members and servers; one opened its events, state and people', async ({
  skip,
}) => {
  if (lacks) return skip(lacks);
  const { tidepool, orchard, synapse, hearth, sylvia, harold } = scene;
  const page = await openAt('#/rooms');
  const byName = async () => Object.fromEntries((await gridRows(page, 'Rooms')).map((row) => [row['Name'], row]));
  await poll(byName).toMatchObject({
    [tidepoolName]: { Version: '12', You: 'join', Members: '1 / 2', Servers: '2', Refused: '0', State: 'ok' },
    Workshop: { Version: '11', Members: '1 / 2', Servers: '2', Refused: '2', State: 'ok' },
    Orchard: { Version: '12', You: 'invite', Members: '—', State: 'invited' },
  });

  await goTo(page, `#/rooms/${part(tidepool)}/timeline`);
  await poll(async () => (await gridRows(page, 'Timeline')).map(({ Sender, Content }) => [Sender, Content])).toEqual(
    expect.arrayContaining([
      [sylvia.userId, 'And I the tea.'],
      [harold.userId, 'I bring the buckets.'],
      [harold.userId, 'joined'],
      [sylvia.userId, 'Low tide is at seven.'],
      [sylvia.userId, 'created the room, version 12'],
    ]),
  );
  expect(new Set((await gridRows(page, 'Timeline')).map(({ Outcome }) => Outcome))).toEqual(new Set(['accepted']));
  expect(await page.locator('.room-frame .toolbar').first().innerText()).toMatch(/2 members on 2 servers/);

  await openTab(page, /State/);
  await poll(async () => (await gridRows(page, 'State')).map(({ Type, Content }) => [Type, Content])).toEqual(
    expect.arrayContaining([
      ['m.room.name', `{"name":"${tidepoolName}"}`],
      ['m.room.join_rules', '{"join_rule":"public"}'],
    ]),
  );
  await openTab(page, /Members/);
  await poll(() => gridRows(page, 'Members')).toEqual([
    { Member: sylvia.userId, Name: 'sylvia', Membership: 'join', Power: 'creator' },
    { Member: harold.userId, Name: '', Membership: 'join', Power: '0' },
  ]);
  expect(await gridRows(page, 'Servers in the room')).toEqual(
    expect.arrayContaining([
      { Server: synapse.serverName, Members: '1', Status: 'ok' },
      { Server: hearth.serverName, Members: '1', Status: 'this server' },
    ]),
  );
  await goTo(page, `#/rooms/${part(orchard)}/timeline`);
  await page.getByText(`invited by ${sylvia.userId}`).waitFor();
});

test('peers show what they run, when they were met, how fast they are; one opened how it was found', async ({
  skip,
}) => {
  if (lacks) return skip(lacks);
  const { synapse } = scene;
  const { keyId, key } = await publishedKey(synapse.serverName);
  const page = await openAt('#/peers');
  const ago = expect.stringMatching(/^(now|\d+ (s|min) ago)$/);
  const met = { Status: 'ok', Rooms: '1', 'Last in': ago, 'Last out': ago, '24 h ok': '100 %', Queue: '0' };
  const measured = { Median: expect.stringMatching(/^\d+ ms$/), 'Key until': 'in 23 h' };
  await poll(() => gridRows(page, 'Peers')).toEqual(
    expect.arrayContaining([
      { Server: synapse.serverName, ...met, ...measured, Software: 'Synapse 1.163.2' },
      { Server: scene.raw.serverName, ...met, ...measured, Software: 'Raw 1' },
    ]),
  );
  await page.getByRole('link', { name: synapse.serverName }).click();
  await page.getByRole('heading', { name: `${synapse.serverName} answers` }).waitFor();
  const section = (name: string) => page.getByRole('region', { name });
  expect(await section('Discovery').innerText()).toMatch(/1\s+IP literal\s+127\.0\.0\.1:\d+ → 127\.0\.0\.1:\d+/);
  expect(await factsIn(page, '[aria-labelledby=discovery]')).toEqual({
    'Connects to': synapse.serverName,
    'Host header': synapse.serverName,
    'Certificate for': '127.0.0.1',
  });
  expect(await section('Queue').innerText()).toContain('nothing waits');
  expect(await section('Keys').innerText()).toContain(keyId);
  expect(await page.locator(`[title="${key}"]`).count()).toBe(1);
  expect(await factsIn(page, '[aria-labelledby=together]')).toMatchObject({
    Rooms: tidepoolName,
    Software: 'Synapse 1.163.2',
    'Last in': ago,
    'Last out': ago,
  });
});

test('keys show ours and those of others', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { synapse, hearth } = scene;
  const [ours, theirs] = [await publishedKey(hearth.serverName), await publishedKey(synapse.serverName)];
  const page = await openAt('#/keys');
  await poll(() => page.locator('.keys-own tbody').innerText()).toMatch(
    new RegExp(`${ours.keyId}[^]*signs, published[^]*signing.key in the data folder`),
  );
  const keys = await gridRows(page, 'Keys of other servers');
  expect(keys.find(({ Server }) => Server === synapse.serverName)).toMatchObject({
    'Key id': theirs.keyId,
    'Public key': expect.stringMatching(`^${theirs.key.slice(0, 8).replace(/[+]/g, '\\+')}`),
    'Usable until': 'in 23 h',
    Source: 'direct',
    Status: 'ok',
  });
  expect(keys).toHaveLength(2);
});

test.for(schemes)('every screen stands with real facts in %s', async (colorScheme, { skip }) => {
  if (lacks) return skip(lacks);
  const { tidepool, workshop, orchard, synapse, rejected, hearth } = scene;
  const bridge = await openConsole(hearth.consoleUrl());
  const { flows } = await bridge.call('flows.list', { outcome: 'rejected', limit: 1 });
  const [room, workroom, garden] = [tidepool, workshop.roomId, orchard].map(part);
  const screens: readonly (readonly [name: string, hash: string, shows: string])[] = [
    ['overview', '#/', 'Federating with'],
    ['rooms', '#/rooms', tidepoolName],
    ['room', `#/rooms/${room}/timeline`, 'And I the tea.'],
    ['room-refused', `#/rooms/${workroom}/timeline`, 'soft-failed'],
    ['room-invited', `#/rooms/${garden}/timeline`, 'invited by'],
    ['room-state', `#/rooms/${room}/state`, 'm.room.join_rules'],
    ['room-members', `#/rooms/${room}/members`, 'this server'],
    ['event', `#/events/${part(rejected)}`, 'Decided by'],
    ['peers', '#/peers', 'Synapse 1.163.2'],
    ['peer', `#/peers/${part(synapse.serverName)}`, 'Connects to'],
    ['keys', '#/keys', 'ed25519:raw'],
    ['log', '#/log', '1 rejected'],
    ...(['summary', 'auth', 'request', 'response', 'pdus', 'timing', 'trace'] as const).map(
      (tab) => [`log-${tab}`, `#/log/${flows[0]?.id}/${tab}`, '1 rejected'] as const,
    ),
  ];
  for (const [size, viewport] of Object.entries(sizes)) {
    const { page, complaints } = await openPage(browser, hearth.consoleUrl(), { viewport, colorScheme });
    await page.getByRole('navigation').waitFor();
    for (const [name, hash, shows] of screens) {
      await goTo(page, hash);
      await page.getByText(shows).first().waitFor();
      await picture(page, `${name}-${colorScheme}-${size}`);
      expect.soft(await overflow(page), `${name} ${size} is wider than its window`).toBeLessThanOrEqual(0);
    }
    expect.soft(await barriers(page), size).toEqual([]);
    expect(complaints).toEqual([]);
  }
});

test('a server that goes away backs off under the eyes of who looks, and comes back', async ({ skip }) => {
  if (lacks) return skip(lacks);
  const { synapse, sylvia, harold, tidepool } = scene;
  const page = await openAt('#/peers');
  const peer = await openAt(`#/peers/${part(synapse.serverName)}`);
  const overview = await openAt('#/');
  const row = async () => (await gridRows(page, 'Peers')).find(({ Server }) => Server === synapse.serverName);
  await poll(row).toMatchObject({ Status: 'ok' });

  await synapse.stop();
  const body = 'Anybody there?';
  await harold.send(tidepool, body);
  await poll(row).toMatchObject({
    Status: 'backing off',
    Queue: '1',
    'Last error': expect.stringMatching(/^connection refused/),
    'Next try': expect.stringMatching(/^in \d+ s$/),
  });
  await peer.getByRole('heading', { name: `${synapse.serverName} does not answer` }).waitFor();
  await poll(() => peer.getByRole('region', { name: 'Queue' }).innerText()).toMatch(
    new RegExp(`1 PDU, 0 EDUs[\\s\\S]*PDU\\s+m.room.message\\s+${tidepoolName}`),
  );
  const nextTry = async () => (await factsIn(peer, '[aria-labelledby=backoff]'))['Next try'];
  const first = await nextTry();
  await poll(nextTry).not.toBe(first); // it counts down
  await overview.getByRole('heading', { name: 'Federating with 2 servers. 1 of them does not answer.' }).waitFor();
  await overview.getByText('1 event waits for it').waitFor();
  await overview.getByRole('link', { name: `Show: ${synapse.serverName} does not answer` }).waitFor();
  for (const [name, each] of Object.entries({ peers: page, peer, overview })) await picture(each, `${name}-away`);

  await synapse.start();
  await expect.poll(row, { timeout: 60_000 }).toMatchObject({ Status: 'ok', Queue: '0' });
  await poll(() => peer.getByRole('region', { name: 'Queue' }).innerText()).toContain('nothing waits');
  await poll(() => peer.getByRole('region', { name: 'Changes' }).innerText()).toMatch(/backing off → ok/);
  await overview.getByRole('heading', { name: 'Federating with 2 servers.', exact: true }).waitFor();
  await arrives(sylvia, tidepool, body);
});
