import { expect, test } from 'vitest';
import { createOverview } from '../../main/bridge/overview.ts';
import type { PeerContact, ServerFacts } from '../../main/bridge/sources.ts';
import type { ServerName } from '../../shared/ids.ts';
import { consoleSources, neverTried } from '../support/console-sources.ts';
import { memoryLog } from '../support/memory-log.ts';
import { createRoom, join, message, roomServer, user } from '../support/room-server.ts';
import { answer, inboundSend, outbound, outcome, runningInspector, server } from '../support/running-inspector.ts';

const alice = user('@alice:a.test');
const day = 86_400_000;

/** A server that shares a room with each of `others`. */
async function overviewWith(others: readonly string[] = []) {
  const home = await roomServer('a.test');
  const roomId = await createRoom(home, alice);
  for (const other of others) await join(home, await roomServer(other), roomId, user(`@bob:${other}`));
  await home.rooms.append(roomId, [message(alice, 'hello')]);
  const { inspector } = await runningInspector({ platform: home.platform });
  const { sources, world } = consoleSources(home, inspector);
  return { home, roomId, inspector, world, overview: createOverview(sources, memoryLog().log) };
}

const failing = (name: string, failingSince = 5): PeerContact => ({
  ...neverTried(server(name)),
  status: 'backingOff',
  failures: 3,
  failingSince,
  lastError: 'connection refused',
});

test('all is well', async () => {
  const { overview, inspector, home } = await overviewWith(['b.test', 'c.test']);
  answer(inspector.open(inboundSend));
  answer(inspector.open(outbound('event', 'b.test')), 404);
  inspector.pdus([outcome()]);
  expect(overview()).toMatchObject({
    serverName: 'a.test',
    now: home.platform.clock.now(),
    verdict: { kind: 'ok', sentence: 'Federating with 2 servers.' },
    attention: [],
    federation24h: { inbound: 1, outbound: 1, failed: 1, outcomes: { accepted: 1 } },
    storage: { hearthBytes: 1, inspectorBytes: inspector.bytes(), inspectorCapBytes: 200_000_000 },
    counts: { rooms: 1, peers: 2, users: 1, events: home.count('FROM events') },
  });
  expect(overview()).not.toHaveProperty('certificate'); // the sources know more than the console is told
});

test('who does not answer is named, with what waits for it', async () => {
  const { overview, world } = await overviewWith(['b.test', 'c.test']);
  world.contacts = [failing('b.test'), failing('stranger.test')];
  const item = { kind: 'pdu', what: '$x', roomId: undefined, queuedTs: 0 } as const;
  world.queued.set(server('b.test'), [item, item]);
  expect(overview().verdict).toEqual({
    kind: 'warn',
    sentence: 'Federating with 2 servers. 1 of them does not answer.',
  });
  expect(overview().attention).toEqual([
    {
      severity: 'warn',
      what: 'b.test does not answer',
      why: 'Last error: connection refused. 2 events wait for it.',
      since: 5,
      href: '/peers/b.test',
    },
  ]);
  world.contacts = [failing('b.test'), failing('c.test')];
  expect(overview().verdict).toEqual({
    kind: 'bad',
    sentence: 'None of the 2 servers that you share rooms with answers.',
  });
});

test('of many that do not answer the first few are named', async () => {
  const names = ['b', 'c', 'd', 'e', 'f', 'g', 'h'].map((name) => `${name}.test`);
  const { overview, world } = await overviewWith(names);
  world.contacts = names.map((name, index) => failing(name, 100 - index));
  const whats = overview().attention.map(({ what }) => what);
  expect(whats).toHaveLength(6);
  expect(whats[0]).toBe('h.test does not answer'); // the one that has been away for longest
  expect(whats[5]).toBe('2 other servers do not answer either');
});

test('a room with a gap is named', async () => {
  const first = await overviewWith();
  first.home.db.exec('UPDATE rooms SET gap = 1');
  await first.home.close();
  const home = await roomServer('a.test', { path: first.home.path });
  const { sources } = consoleSources(home, first.inspector);
  const [found] = createOverview(sources, memoryLog().log)().attention;
  expect(found).toMatchObject({
    severity: 'warn',
    what: `${first.roomId} has a gap`,
    href: `/rooms/${encodeURIComponent(first.roomId)}`,
  });
});

test('that much was refused is said; that a little was is usual', async () => {
  const { overview, inspector } = await overviewWith();
  const whats = () => overview().attention.map(({ severity, what }) => `${severity} ${what}`);
  inspector.pdus(Array.from({ length: 30 }, () => outcome({ outcome: 'rejected' })));
  inspector.pdus(Array.from({ length: 100 }, () => outcome()));
  expect(whats()).toEqual(['info 30 of 130 events were refused in 24 hours']);
  inspector.pdus(Array.from({ length: 1000 }, () => outcome()));
  expect(whats()).toEqual([]);
});

type Facts = Partial<ServerFacts>;
const client: ServerFacts['listeners'] = [{ kind: 'client', address: 'http://127.0.0.1:8008' }];
const rows: readonly [facts: Facts, sentence: string | undefined, kind: string, what: string | undefined][] = [
  [{ listeners: client }, undefined, 'warn', 'Other servers cannot reach this one'],
  [{ listeners: client, tunnel: { state: 'connected', url: 'https://x.test', since: 1 } }, undefined, 'ok', undefined],
  [{ tunnel: { state: 'failed', url: undefined, since: 1, why: 'no' } }, undefined, 'bad', 'The tunnel has failed'],
  [{ tunnel: { state: 'reconnecting', url: undefined, since: 1 } }, undefined, 'warn', 'The tunnel is lost'],
  [{ federationMode: 'closed' }, 'Federation is closed: this server talks with no other.', 'info', undefined],
  [{ eventLoop: { p99Ms: 500, maxMs: 900 } }, undefined, 'warn', 'The server is slow'],
];

test.each(rows)('%j', async (facts, sentence, kind, what) => {
  const { overview, world } = await overviewWith(['b.test']);
  world.server = { ...world.server, ...facts };
  const { verdict, attention } = overview();
  expect(verdict.kind).toBe(kind);
  if (sentence !== undefined) expect(verdict.sentence).toBe(sentence);
  expect(attention[0]?.what).toBe(what);
});

test.each([
  [-1, ['a.test'], 'bad The certificate has expired'],
  [3, ['a.test'], 'warn The certificate expires in 3 days'],
  [60, ['a.test'], undefined],
  [60, ['*.test'], undefined],
  [60, ['A.TEST'], undefined],
  [60, ['*.a.test', 'b.test'], 'info The certificate is not for a.test'],
] as const)('a certificate that ends in %d days, for %j', async (days, names, found) => {
  const { overview, world, home } = await overviewWith(['b.test']);
  const validUntilTs = home.platform.clock.now() + days * day + 1;
  world.server = { ...world.server, serverName: 'a.test:8448' as ServerName, certificate: { validUntilTs, names } };
  const [first] = overview().attention;
  expect(first && `${first.severity} ${first.what}`).toBe(found);
});

test('behind a proxy there need be no listener for federation: somebody got through', async () => {
  const { overview, world, inspector } = await overviewWith(['b.test']);
  world.server = { ...world.server, listeners: client };
  expect(overview().attention).toHaveLength(1);
  answer(inspector.open(inboundSend));
  expect(overview().attention).toEqual([]);
});
