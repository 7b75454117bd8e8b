import { beforeAll, expect, test } from 'vitest';
import { type Net, realPlatform } from '../../main/platform.ts';
import type { ServerName } from '../../shared/ids.ts';
import { clientOver } from '../support/federation-client.ts';
import { findProgram, freePorts, run } from '../support/processes.ts';

const dnsmasq = findProgram('dnsmasq');
const records = [
  '--host-record=a.test,127.0.0.1,::1',
  '--host-record=b.test,127.0.0.2',
  '--cname=alias.test,b.test',
  '--srv-host=_matrix-fed._tcp.a.test,b.test,8449,10,5',
  '--srv-host=_matrix-fed._tcp.a.test,a.test,8450,5,0',
  '--srv-host=_matrix._tcp.old.test,b.test,8451',
  '--local=/test/', // what is not here is not there
];

let net: Net;
beforeAll(async () => {
  if (dnsmasq === undefined) return;
  const [port = 0] = await freePorts(1);
  const only = ['--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces'];
  const server = run(dnsmasq, [
    ...only,
    `--port=${port}`,
    '--listen-address=127.0.0.1',
    '--log-facility=-',
    ...records,
  ]);
  await server.printed(/started/);
  net = realPlatform({ verifyTls: true, extraCa: [], dnsServers: [`127.0.0.1:${port}`] }).net;
});

const withDns = (name: string, work: () => Promise<void>) =>
  test(name, ({ skip }) => {
    skip(dnsmasq === undefined, 'dnsmasq is not here: apt-get install dnsmasq-base');
    return work();
  });

withDns('addresses of both families, through an alias, too', async () => {
  expect(await net.resolveHost('a.test')).toEqual(['127.0.0.1', '::1']);
  expect(await net.resolveHost('alias.test')).toEqual(['127.0.0.2']);
  expect(await net.resolveHost('none.test')).toEqual([]);
});

withDns('SRV records; none is an empty list', async () => {
  expect(await net.resolveSrv('_matrix-fed._tcp.a.test')).toEqual(
    expect.arrayContaining([
      { name: 'b.test', port: 8449, priority: 10, weight: 5 },
      { name: 'a.test', port: 8450, priority: 5, weight: 0 },
    ]),
  );
  expect(await net.resolveSrv('_matrix-fed._tcp.b.test')).toEqual([]);
  expect(await net.resolveSrv('_matrix-fed._tcp.none.test')).toEqual([]);
});

withDns('discovery by real DNS', async () => {
  const unreachable = { ...net, request: () => Promise.reject(new Error('ECONNREFUSED')) };
  const { discovery } = await clientOver(unreachable, { allowed: ['127.0.0.0/8', '::1/128'] });
  const find = async (server: string) => (await discovery.find(server as ServerName)).destination;
  expect(await find('a.test')).toEqual({
    hostHeader: 'a.test',
    certificateFor: 'a.test',
    targets: [
      { address: '127.0.0.1', port: 8450 },
      { address: '::1', port: 8450 },
      { address: '127.0.0.2', port: 8449 },
    ],
  });
  expect((await find('old.test')).targets).toEqual([{ address: '127.0.0.2', port: 8451 }]);
  expect((await find('alias.test')).targets).toEqual([{ address: '127.0.0.2', port: 8448 }]);
  await expect(find('none.test')).rejects.toThrow('none.test has no address');
});

test('a name server that does not answer is an error, not an empty list', { timeout: 30_000 }, async () => {
  const [port = 0] = await freePorts(1);
  const { net: mute } = realPlatform({ verifyTls: true, extraCa: [], dnsServers: [`127.0.0.1:${port}`] });
  await expect(mute.resolveHost('a.test')).rejects.toThrow();
  await expect(mute.resolveSrv('_matrix-fed._tcp.a.test')).rejects.toThrow();
});
