import { expect, test } from 'vitest';
import { discoveryCache } from '../../main/db/discovery-cache.ts';
import { addressGuard } from '../../main/network/address-guard.ts';
import { createDiscovery } from '../../main/network/discovery.ts';
import type { SrvRecord } from '../../main/platform.ts';
import type { ServerName } from '../../shared/ids.ts';
import { type FakeNet, fakeNet, json } from '../support/fake-net.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { memoryInspector } from '../support/memory-inspector.ts';
import { tempDb } from '../support/temp-db.ts';

const minute = 60_000;
const hour = 60 * minute;

async function discoveryOver(given: Parameters<typeof fakeNet>[0], allowed: readonly string[] = []) {
  const net = fakeNet(given);
  const platform = fakePlatform({ net });
  const { inspector, discoveries } = memoryInspector();
  const cache = discoveryCache(await tempDb());
  const make = () => createDiscovery({ platform, cache, guard: addressGuard(allowed), inspector });
  const discovery = make();
  const find = (server: string) => discovery.find(server as ServerName);
  return { net, platform, discovery, find, discoveries, make };
}

const wellKnown = (host: string) => `https://${host}/.well-known/matrix/server`;
const srv = (name: string, port: number, priority = 10, weight = 0): SrvRecord => ({ name, port, priority, weight });

/** Each case of https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names. */
const cases: readonly {
  readonly what: string;
  readonly server: string;
  readonly net: Partial<Pick<FakeNet, 'hosts' | 'srv' | 'web'>>;
  readonly to: readonly string[];
  readonly host: string;
  readonly certificate: string;
  readonly step: string;
}[] = [
  {
    what: '1: an IPv4 literal',
    server: '8.8.4.4',
    net: {},
    to: ['8.8.4.4:8448'],
    host: '8.8.4.4',
    certificate: '8.8.4.4',
    step: '1 IP literal',
  },
  {
    what: '1: with a port',
    server: '8.8.4.4:80',
    net: {},
    to: ['8.8.4.4:80'],
    host: '8.8.4.4:80',
    certificate: '8.8.4.4',
    step: '1 IP literal',
  },
  {
    what: '1: an IPv6 literal',
    server: '[2600::1]',
    net: {},
    to: ['2600::1:8448'],
    host: '[2600::1]',
    certificate: '2600::1',
    step: '1 IP literal',
  },
  {
    what: '1: with a port',
    server: '[2600::1]:80',
    net: {},
    to: ['2600::1:80'],
    host: '[2600::1]:80',
    certificate: '2600::1',
    step: '1 IP literal',
  },
  {
    what: '2: an explicit port, and neither .well-known nor SRV is asked',
    server: 'a.test:443',
    net: {
      hosts: { 'a.test': ['1.1.1.1'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': 'evil.test' }) },
      srv: { '_matrix-fed._tcp.a.test': [srv('evil.test', 1)] },
    },
    to: ['1.1.1.1:443'],
    host: 'a.test:443',
    certificate: 'a.test',
    step: '2 explicit port',
  },
  {
    what: '3.1: delegated to an IP literal',
    server: 'a.test',
    net: { hosts: { 'a.test': ['1.1.1.1'] }, web: { [wellKnown('a.test')]: () => json({ 'm.server': '2.2.2.2' }) } },
    to: ['2.2.2.2:8448'],
    host: '2.2.2.2',
    certificate: '2.2.2.2',
    step: '3.1 IP literal',
  },
  {
    what: '3.1: with a port',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': '[2600::2]:443' }) },
    },
    to: ['2600::2:443'],
    host: '[2600::2]:443',
    certificate: '2600::2',
    step: '3.1 IP literal',
  },
  {
    what: '3.2: delegated to a name with a port',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'], 'b.test': ['2.2.2.2'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': 'b.test:443' }) },
      srv: { '_matrix-fed._tcp.b.test': [srv('evil.test', 1)] },
    },
    to: ['2.2.2.2:443'],
    host: 'b.test:443',
    certificate: 'b.test',
    step: '3.2 explicit port',
  },
  {
    what: '3.3: SRV of the delegated name',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'], 'c.test': ['3.3.3.3'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': 'b.test' }) },
      srv: {
        '_matrix-fed._tcp.b.test': [srv('c.test', 99)],
        '_matrix-fed._tcp.a.test': [srv('evil.test', 1)],
        '_matrix._tcp.b.test': [srv('evil.test', 1)],
      },
    },
    to: ['3.3.3.3:99'],
    host: 'b.test',
    certificate: 'b.test',
    step: '3.3 SRV _matrix-fed._tcp',
  },
  {
    what: '3.4: the deprecated SRV of the delegated name',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'], 'c.test': ['3.3.3.3'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': 'b.test' }) },
      srv: { '_matrix._tcp.b.test': [srv('c.test', 99)] },
    },
    to: ['3.3.3.3:99'],
    host: 'b.test',
    certificate: 'b.test',
    step: '3.4 SRV _matrix._tcp',
  },
  {
    what: '3.5: the delegated name on port 8448',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'], 'b.test': ['2.2.2.2', '2600::2'] },
      web: { [wellKnown('a.test')]: () => json({ 'm.server': 'b.test' }) },
    },
    to: ['2.2.2.2:8448', '2600::2:8448'],
    host: 'b.test',
    certificate: 'b.test',
    step: '3.5 port 8448',
  },
  {
    what: '4: SRV of the server name',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'], 'c.test': ['3.3.3.3'] },
      srv: { '_matrix-fed._tcp.a.test': [srv('c.test', 99)], '_matrix._tcp.a.test': [srv('evil.test', 1)] },
    },
    to: ['3.3.3.3:99'],
    host: 'a.test',
    certificate: 'a.test',
    step: '4 SRV _matrix-fed._tcp',
  },
  {
    what: '5: the deprecated SRV of the server name',
    server: 'a.test',
    net: { hosts: { 'c.test': ['3.3.3.3'] }, srv: { '_matrix._tcp.a.test': [srv('c.test', 99)] } },
    to: ['3.3.3.3:99'],
    host: 'a.test',
    certificate: 'a.test',
    step: '5 SRV _matrix._tcp',
  },
  {
    what: '6: the server name on port 8448',
    server: 'a.test',
    net: { hosts: { 'a.test': ['2600::1', '1.1.1.1', '1.1.1.2'] } },
    to: ['1.1.1.1:8448', '2600::1:8448', '1.1.1.2:8448'],
    host: 'a.test',
    certificate: 'a.test',
    step: '6 port 8448',
  },
  {
    what: 'name servers that fail for SRV do not end the search',
    server: 'a.test',
    net: {
      hosts: { 'a.test': ['1.1.1.1'] },
      srv: { '_matrix-fed._tcp.a.test': new Error('SERVFAIL'), '_matrix._tcp.a.test': new Error('SERVFAIL') },
    },
    to: ['1.1.1.1:8448'],
    host: 'a.test',
    certificate: 'a.test',
    step: '6 port 8448',
  },
  {
    what: 'SRV targets by priority; those without an address are passed over',
    server: 'a.test',
    net: {
      hosts: { 'one.test': ['1.1.1.1'], 'two.test': ['2.2.2.2'] },
      srv: { '_matrix-fed._tcp.a.test': [srv('two.test', 2, 20), srv('none.test', 3, 5), srv('one.test', 1, 10)] },
    },
    to: ['1.1.1.1:1', '2.2.2.2:2'],
    host: 'a.test',
    certificate: 'a.test',
    step: '4 SRV _matrix-fed._tcp',
  },
  {
    what: 'addresses that we do not connect to are left out',
    server: 'a.test:1',
    net: { hosts: { 'a.test': ['127.0.0.1', '1.1.1.1', '10.0.0.1', '::1'] } },
    to: ['1.1.1.1:1'],
    host: 'a.test:1',
    certificate: 'a.test',
    step: '2 explicit port',
  },
];

test.each(cases)('$what: $server', async ({ server, net, to, host, certificate, step }) => {
  const { find } = await discoveryOver(net);
  const { destination, steps } = await find(server);
  expect(destination.targets.map(({ address, port }) => `${address}:${port}`)).toEqual(to);
  expect(destination.hostHeader).toBe(host);
  expect(destination.certificateFor).toBe(certificate);
  expect(steps.filter(({ decided }) => decided).map((one) => one.step)).toEqual([step]);
  expect(steps.at(-1)?.step).toBe(step);
});

const failures: readonly [what: string, server: string, net: Parameters<typeof fakeNet>[0], why: string][] = [
  ['a loopback literal', '127.0.0.1:8448', {}, 'loopback'],
  ['an IPv4 address in an IPv6 literal', '[::ffff:10.0.0.1]', {}, 'private'],
  ['a name with only private addresses', 'a.test:1', { hosts: { 'a.test': ['10.0.0.1', 'fd00::1'] } }, 'private'],
  [
    'SRV to a private address',
    'a.test',
    { hosts: { 'b.test': ['192.168.0.1'] }, srv: { '_matrix-fed._tcp.a.test': [srv('b.test', 1)] } },
    'private',
  ],
  [
    'SRV to an address itself',
    'a.test',
    { srv: { '_matrix-fed._tcp.a.test': [srv('169.254.169.254', 80)] } },
    'link-local',
  ],
  [
    'delegation to a private address',
    'a.test',
    { hosts: { 'a.test': ['1.1.1.1'] }, web: { [wellKnown('a.test')]: () => json({ 'm.server': '127.0.0.1:22' }) } },
    'loopback',
  ],
  ['no address at all', 'a.test', {}, 'a.test has no address'],
  ['DNS that does not answer', 'a.test:1', { hosts: { 'a.test': new Error('queryA ETIMEOUT a.test') } }, 'ETIMEOUT'],
  [
    'SRV that says there is none',
    'a.test',
    { hosts: { 'a.test': ['1.1.1.1'] }, srv: { '_matrix-fed._tcp.a.test': [srv('', 0)] } },
    'no server',
  ],
  ['a port that is none', 'a.test:70000', { hosts: { 'a.test': ['1.1.1.1'] } }, 'no port'],
  ['an IPv4 address in brackets', '[1.2.3.4]', {}, 'no IPv6 address'],
];
test.each(failures)('not found: %s', async (_what, server, net, why) => {
  const { find, discoveries } = await discoveryOver(net);
  await expect(find(server)).rejects.toThrow(why);
  expect(discoveries[0]?.run).toMatchObject({ ok: false, error: expect.stringContaining(why), result: undefined });
});

test('private addresses are there for the owner who allows them', async () => {
  const { find } = await discoveryOver({ hosts: { 'a.test': ['127.0.0.1'] } }, ['127.0.0.0/8']);
  expect((await find('a.test:1')).destination.targets).toEqual([{ address: '127.0.0.1', port: 1 }]);
});

test('the trace tells each step with its answer', async () => {
  const { find, discoveries } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'], 'c.test': ['3.3.3.3'] },
    web: { [wellKnown('a.test')]: () => json({ 'm.server': 'b.test' }) },
    srv: { '_matrix._tcp.b.test': [srv('c.test', 99)] },
  });
  const { steps } = await find('a.test');
  expect(steps.map(({ step, input, answer, decided }) => [step, input, answer, decided])).toEqual([
    ['3 .well-known', 'https://a.test/.well-known/matrix/server', 'says b.test', false],
    ['3.3 SRV _matrix-fed._tcp', '_matrix-fed._tcp.b.test', 'nothing', false],
    ['3.4 SRV _matrix._tcp', '_matrix._tcp.b.test', '3.3.3.3:99', true],
  ]);
  expect(discoveries).toEqual([{ server: 'a.test', run: expect.objectContaining({ ok: true, steps }) }]);
});

test('a result is kept for five minutes, and asked for once at a time', async () => {
  const { find, net, platform, discoveries } = await discoveryOver({ hosts: { 'a.test': ['1.1.1.1'] } });
  const [one, two] = await Promise.all([find('a.test:1'), find('a.test:1')]);
  expect(two).toEqual(one);
  await platform.advance(4 * minute);
  expect((await find('a.test:1')).steps).toEqual([{ ...one.steps[0], cacheAgeMs: 4 * minute, tookMs: 0 }]);
  expect(net.asked).toEqual(['A a.test']);
  await platform.advance(minute);
  await find('a.test:1');
  expect(net.asked).toEqual(['A a.test', 'A a.test']);
  expect(discoveries).toHaveLength(2);
});

test('the target that worked comes first; after a failure all is asked anew', async () => {
  const { find, discovery, net } = await discoveryOver({ hosts: { 'a.test': ['1.1.1.1', '1.1.1.2'] } });
  const server = 'a.test:1' as ServerName;
  const { destination } = await find(server);
  discovery.worked(server, destination.targets[1] ?? expect.fail());
  expect((await find(server)).destination.targets.map(({ address }) => address)).toEqual(['1.1.1.2', '1.1.1.1']);
  net.hosts['a.test'] = ['9.9.9.9'];
  discovery.failed(server);
  expect((await find(server)).destination.targets.map(({ address }) => address)).toEqual(['9.9.9.9']);
});

test('the last run is there for the console after a restart', async () => {
  const { find, discovery, make } = await discoveryOver({ hosts: { 'a.test': ['1.1.1.1'] } });
  await find('a.test:1');
  const run = make().lastRun('a.test:1' as ServerName);
  expect(run).toEqual(discovery.lastRun('a.test:1' as ServerName));
  expect(run?.result).toEqual({ address: '1.1.1.1', port: 1, hostHeader: 'a.test:1', certificateFor: 'a.test' });
});

// -- .well-known

const useless: readonly [what: string, page: () => object, said: string][] = [
  ['404', () => json({ 'm.server': 'b.test' }, {}, 404), 'answers 404'],
  ['no JSON', () => json('<!doctype html>'), 'no JSON'],
  ['JSON that is no object', () => json('[]'), 'without m.server'],
  ['null', () => json('null'), 'without m.server'],
  ['m.server of another type', () => json({ 'm.server': 8448 }), 'without m.server'],
  ['m.server that is no name', () => json({ 'm.server': 'https://b.test/' }), 'no server name'],
  ['m.server with a port that is none', () => json({ 'm.server': 'b.test:99999' }), 'no server name'],
  ['a redirect without HTTPS', () => json('', { location: 'http://b.test/' }, 302), 'not by HTTPS'],
  ['a redirect to a file', () => json('', { location: 'file:///etc/passwd' }, 302), 'not by HTTPS'],
  ['a redirect with a password', () => json('', { location: 'https://a:b@b.test/' }, 302), 'not by HTTPS'],
  ['a redirect to itself', () => json('', { location: '/.well-known/matrix/server' }, 307), 'circle'],
  ['a redirect to a private address', () => json('', { location: 'https://inside.test/' }, 302), 'private'],
  ['a redirect to a loopback literal', () => json('', { location: 'https://[::1]/' }, 302), 'loopback'],
];
test.each(useless)('.well-known with %s is passed over', async (_what, page, said) => {
  const { find } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'], 'inside.test': ['10.0.0.1'] },
    web: { [wellKnown('a.test')]: page },
  });
  const { destination, steps } = await find('a.test');
  expect(destination).toMatchObject({ hostHeader: 'a.test', targets: [{ address: '1.1.1.1', port: 8448 }] });
  expect(steps[0]?.answer).toContain(said);
});

test('.well-known is JSON whatever its type, and redirects are followed with their own host and certificate', async () => {
  const { find, net } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'], 'b.test': ['2.2.2.2'], 'c.test': ['3.3.3.3'] },
    web: {
      [wellKnown('a.test')]: () => json('', { location: 'https://b.test:444/x?y=1#z' }, 301),
      'https://b.test:444/x?y=1': () => json({ 'm.server': 'c.test:1' }, { 'content-type': 'text/html' }),
    },
  });
  expect((await find('a.test')).destination.targets).toEqual([{ address: '3.3.3.3', port: 1 }]);
  expect(net.requests).toMatchObject([
    { connectTo: { address: '1.1.1.1', port: 443 }, certificateFor: 'a.test', hostHeader: 'a.test', maxBytes: 51_200 },
    { connectTo: { address: '2.2.2.2', port: 444 }, certificateFor: 'b.test', hostHeader: 'b.test:444' },
  ]);
});

test('redirects are followed ten times', async () => {
  const web: FakeNet['web'] = {};
  const { find, net } = await discoveryOver({ hosts: { 'a.test': ['1.1.1.1'] }, web });
  for (let i = 0; i <= 11; i++) {
    web[i === 0 ? wellKnown('a.test') : `https://a.test/${i}`] = () => json('', { location: `/${i + 1}` }, 302);
  }
  expect((await find('a.test')).steps[0]?.answer).toContain('more than 10 times');
  expect(net.requests).toHaveLength(11);
});

test('.well-known is asked at the next address when the first does not answer', async () => {
  const { find } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1', '1.1.1.2'] },
    web: {
      [wellKnown('a.test')]: ({ connectTo }) => {
        if (connectTo.address === '1.1.1.1') throw new Error('ECONNREFUSED');
        return json({ 'm.server': '2.2.2.2' });
      },
    },
  });
  expect((await find('a.test')).destination.hostHeader).toBe('2.2.2.2');
});

const lifetimes: readonly [headers: Record<string, string>, ms: number][] = [
  [{}, 24 * hour],
  [{ 'cache-control': 'max-age=7200' }, 2 * hour],
  [{ 'cache-control': 'public, Max-Age="7200", foo' }, 2 * hour],
  [{ 'cache-control': 's-maxage=10, max-age=7200', age: '3600' }, hour],
  [{ 'cache-control': 'max-age=99999999999' }, 48 * hour],
  [{ 'cache-control': 'max-age=0' }, 5 * minute],
  [{ 'cache-control': 'no-store' }, 5 * minute],
  [{ 'cache-control': 'no-cache, max-age=7200' }, 5 * minute],
  [{ expires: new Date(1_700_000_000_000 + 3 * hour).toUTCString() }, 3 * hour],
  [{ expires: '0' }, 5 * minute],
  [{ 'cache-control': 'max-age=7200', expires: '0' }, 2 * hour],
];
test.each(lifetimes)('.well-known with %j is kept for %d ms', async (headers, ms) => {
  const { find, net, platform } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'] },
    web: { [wellKnown('a.test')]: () => json({ 'm.server': '2.2.2.2' }, headers) },
  });
  const asked = async () => {
    await find('a.test');
    return net.requests.length;
  };
  await asked();
  await platform.advance(ms - 1);
  expect(await asked()).toBe(1);
  await platform.advance(5 * minute); // the result itself has been kept, too
  expect(await asked()).toBe(2);
});

test('that there is none is kept for an hour, a host that fails for ever longer up to that', async () => {
  const { find, net, platform } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'], 'b.test': ['1.1.1.1'] },
    web: { [wellKnown('a.test')]: () => json({}, {}, 404), [wellKnown('b.test')]: () => json({}, {}, 503) },
  });
  const times: Record<string, number[]> = { 'a.test': [], 'b.test': [] };
  for (let at = 0; at < 180; at++) {
    for (const host of ['a.test', 'b.test']) {
      const before = net.requests.length;
      await find(host);
      if (net.requests.length > before) times[host]?.push(at);
    }
    await platform.advance(minute);
  }
  expect(times['a.test']).toEqual([0, 60, 120]);
  expect(times['b.test']).toEqual([0, 5, 10, 20, 40, 75, 135]); // 2, 4, 8, 16, 32, 60: seen when the result of 5 is over
});

test('a host that fails does not take its delegation back, until that is two days old', async () => {
  let up = true;
  const { find, platform } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'] },
    web: { [wellKnown('a.test')]: () => (up ? json({ 'm.server': '2.2.2.2' }) : json({}, {}, 503)) },
  });
  const hostHeader = async () => (await find('a.test')).destination.hostHeader;
  expect(await hostHeader()).toBe('2.2.2.2');
  up = false;
  await platform.advance(25 * hour);
  expect(await hostHeader()).toBe('2.2.2.2');
  await platform.advance(24 * hour);
  expect(await hostHeader()).toBe('a.test');
});

test('where a delegation leads to nobody, it is asked again after an hour', async () => {
  let server = '2.2.2.2';
  const { find, discovery, platform, make } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'] },
    web: { [wellKnown('a.test')]: () => json({ 'm.server': server }) },
  });
  const name = 'a.test' as ServerName;
  await find(name);
  server = '3.3.3.3';
  discovery.failed(name);
  expect((await find(name)).destination.hostHeader).toBe('2.2.2.2');
  await platform.advance(hour);
  expect((await make().find(name)).destination.hostHeader).toBe('2.2.2.2'); // kept over a restart
  discovery.failed(name);
  expect((await find(name)).destination.hostHeader).toBe('3.3.3.3');
});

test('a search that takes too long is given up', async () => {
  const { find, platform } = await discoveryOver({
    hosts: { 'a.test': ['1.1.1.1'] },
    web: { [wellKnown('a.test')]: () => new Promise(() => undefined) },
  });
  const found = find('a.test');
  await new Promise(setImmediate); // it is under way
  await platform.advance(20_000);
  expect((await found).steps[0]?.answer).toContain('no answer within 15 seconds');
});
