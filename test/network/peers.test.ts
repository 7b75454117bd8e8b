import { expect, test } from 'vitest';
import { peersTable } from '../../main/db/peers.ts';
import { createPeers } from '../../main/network/peers.ts';
import type { ServerName } from '../../shared/ids.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { memoryInspector } from '../support/memory-inspector.ts';
import { tempDb } from '../support/temp-db.ts';

const a = 'a.test' as ServerName;
const b = 'b.test' as ServerName;
const minute = 60_000;
const hour = 60 * minute;

async function start() {
  const platform = fakePlatform();
  const table = peersTable(await tempDb());
  const { inspector, transitions } = memoryInspector();
  const make = () => createPeers({ platform, table, inspector, mayFederate: (server) => server !== 'no.test' });
  const peers = make();
  const available: string[] = [];
  peers.onAvailable((server) => void available.push(server));
  const restart = () => {
    peers.close();
    return make();
  };
  return { platform, table, peers, transitions, available, restart };
}

test('a peer that fails is left alone for longer each time, until it answers', async () => {
  const { platform, peers, transitions, available } = await start();
  expect(peers.contact(a).status).toBe('neverTried');
  peers.succeeded(a, 100);
  const began = platform.clock.now();
  const waits: number[] = [];
  for (let i = 0; i < 4; i++) {
    peers.failed(a, 'connect ECONNREFUSED');
    const wait = (peers.waitUntil(a) ?? expect.fail()) - platform.clock.now();
    waits.push(wait);
    await platform.advance(wait);
    expect(peers.waitUntil(a)).toBeUndefined();
  }
  for (const [index, wait] of waits.entries()) {
    expect(wait).toBeGreaterThanOrEqual(3750 * 2 ** index);
    expect(wait).toBeLessThanOrEqual(5000 * 2 ** index);
  }
  expect(peers.contact(a)).toMatchObject({
    status: 'backingOff',
    failures: 4,
    failingSince: began,
    lastError: 'connect ECONNREFUSED',
    lastOutboundTs: began,
    success24h: 0.2,
  });
  peers.succeeded(a, 100);
  expect(peers.contact(a)).toMatchObject({ status: 'ok', failures: 0, failingSince: undefined, retryAt: undefined });
  expect(transitions.map(({ from, to, why }) => [from, to, why])).toEqual([
    ['neverTried', 'ok', 'it answers'],
    ['ok', 'backingOff', 'connect ECONNREFUSED'],
    ['backingOff', 'ok', 'it answers again'],
  ]);
  expect(available).toEqual([]); // nobody had to wait any more
});

test('a request of theirs ends the wait at once, but not the one that they asked for', async () => {
  const { peers, available, platform } = await start();
  peers.failed(a, 'down');
  peers.hold(b, minute);
  peers.heardFrom(a);
  peers.heardFrom(b);
  peers.succeeded(b, 1);
  expect([peers.waitUntil(a), peers.waitUntil(b)]).toEqual([undefined, platform.clock.now() + minute]);
  expect(available).toContain('a.test');
  const before = available.length;
  peers.heardFrom(a);
  expect(available).toHaveLength(before);
});

test('a person may try before the time; the next failure counts on', async () => {
  const { peers, available } = await start();
  peers.failed(a, 'down');
  peers.failed(a, 'down');
  peers.forgive(a);
  expect(peers.waitUntil(a)).toBeUndefined();
  expect(available).toEqual(['a.test']);
  expect(peers.contact(a)).toMatchObject({ status: 'backingOff', failures: 2 });
  peers.failed(a, 'down');
  expect(peers.contact(a).failures).toBe(3);
});

test('after an outage of ours all are tried again as soon as one answers, but once only', async () => {
  const { platform, peers, available } = await start();
  const [dead, c] = ['dead.test' as ServerName, 'c.test' as ServerName];
  peers.succeeded(a, 1);
  peers.failed(dead, 'down');
  await platform.advance(1000);
  peers.succeeded(a, 1);
  await platform.advance(minute);
  for (const server of [a, b, dead]) peers.failed(server, 'connect ENETUNREACH');
  peers.succeeded(c, 1);
  expect(available).toEqual(['a.test', 'b.test']); // the dead one was that before
  peers.failed(b, 'down');
  await platform.advance(minute);
  peers.heardFrom(c);
  expect(available).toHaveLength(2);
});

test('a server that fails while others answer waits its time', async () => {
  const { platform, peers, available } = await start();
  peers.succeeded(a, 1);
  await platform.advance(1000);
  peers.failed(b, 'down');
  peers.succeeded(a, 1);
  expect(available).toEqual([]);
});

test('how long they want to be left alone is heeded, up to an hour', async () => {
  const { platform, peers } = await start();
  const wait = () => (peers.waitUntil(a) ?? 0) - platform.clock.now();
  peers.hold(a, 30_000);
  expect(wait()).toBe(30_000);
  expect(peers.contact(a)).toMatchObject({ failures: 0 });
  peers.failed(a, '503', 10 * minute);
  expect(wait()).toBe(10 * minute);
  peers.failed(a, '503', 100 * hour);
  expect(wait()).toBe(hour);
});

test('slow is a median above two seconds, blocked what the settings forbid', async () => {
  const { peers } = await start();
  for (const ms of [100, 5000, 5000]) peers.succeeded(a, ms);
  expect(peers.contact(a)).toMatchObject({ status: 'slow', latencyMs: 5000 });
  for (let i = 0; i < 20; i++) peers.succeeded(a, 50);
  expect(peers.contact(a)).toMatchObject({ status: 'ok', latencyMs: 50 });
  expect(peers.contact('no.test' as ServerName).status).toBe('blocked');
});

test('the share of answers forgets what is a day old', async () => {
  const { peers, platform } = await start();
  peers.failed(a, 'down');
  expect(peers.contact(a).success24h).toBe(0);
  await platform.advance(23 * hour);
  peers.succeeded(a, 1);
  expect(peers.contact(a).success24h).toBe(0.5);
  await platform.advance(hour);
  expect(peers.contact(a).success24h).toBe(1);
  await platform.advance(24 * hour);
  expect(peers.contact(a).success24h).toBeUndefined();
});

test('failures are written at once, the rest within a minute or at the end', async () => {
  const { peers, table, platform, restart } = await start();
  peers.succeeded(a, 1);
  peers.succeeded(a, 1);
  peers.heardFrom(b);
  expect(table.all()).toEqual([]);
  await platform.advance(minute);
  expect(table.all().map(({ server }) => server)).toEqual(['a.test', 'b.test']);
  peers.failed(a, 'down');
  expect(table.all()).toMatchObject([{ server: 'a.test', failures: 1, lastError: 'down' }, { server: 'b.test' }]);
  peers.runs(b, 'Synapse 1.163.2');
  const again = restart();
  expect(again.contact(b)).toMatchObject({ software: 'Synapse 1.163.2', status: 'ok' });
  expect(again.waitUntil(a)).toBe(peers.waitUntil(a));
  expect(again.list().map(({ server }) => server)).toEqual(['a.test', 'b.test']);
});

test('what a peer runs is asked once a day', async () => {
  const { peers, platform } = await start();
  expect([peers.softwareIsDue(a), peers.softwareIsDue(a)]).toEqual([true, false]);
  await platform.advance(24 * hour);
  expect(peers.softwareIsDue(a)).toBe(true);
});
