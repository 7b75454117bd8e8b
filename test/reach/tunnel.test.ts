import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { realPlatform } from '../../main/platform.ts';
import { startTunnel } from '../../main/reach/tunnel.ts';
import type { TunnelStatus } from '../../shared/views.ts';
import { atEnd } from '../support/at-end.ts';
import { until } from '../support/matrix-client.ts';
import { memoryLog } from '../support/memory-log.ts';
import { startTunnelServer } from '../support/tunnel-server.ts';

const { clock } = realPlatform({ verifyTls: true, extraCa: [] });

/** Answers each request with its path as it came. */
async function target() {
  const server = createServer(({ url, method }, response) => response.end(`${method} ${url}`));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
}

async function open(server: string, subdomain: string | undefined) {
  const seen: TunnelStatus[] = [];
  const onStatus = (status: TunnelStatus) => void seen.push(status);
  const tunnel = startTunnel({ server, subdomain, target: await target(), clock, log: memoryLog().log, onStatus });
  atEnd(tunnel.close);
  const is = (state: TunnelStatus['state']) =>
    until(
      async () => tunnel.status(),
      (status) => status.state === state,
    );
  return { tunnel, seen, is };
}

test('requests from outside arrive with their paths untouched', async () => {
  const server = await startTunnelServer();
  const { is } = await open(server.url, 'hearth');
  expect(await is('connected')).toMatchObject({ url: 'https://hearth.tunnel.test' });
  await until(
    () => server.ask('hearth', '/_matrix/federation/v1/event/%24a%2Fb'),
    (reply) => reply.endsWith('GET /_matrix/federation/v1/event/%24a%2Fb'),
  );
});

test('it comes back when the server does', async () => {
  const server = await startTunnelServer();
  const { is, seen } = await open(server.url, 'hearth');
  await is('connected');
  await server.cut();
  await is('failed');
  await server.open();
  await is('connected');
  await until(
    () => server.ask('hearth', '/again'),
    (reply) => reply.endsWith('GET /again'),
  );
  expect(seen.map(({ state }) => state)).toEqual(['connected', 'reconnecting', 'failed', 'connected']);
});

test('a server that is not there is said so, and closing does not wait for it', async () => {
  const { is, tunnel } = await open('http://127.0.0.1:9', undefined);
  expect(await is('failed')).toMatchObject({ why: expect.stringContaining('http://127.0.0.1:9 does not answer') });
  await tunnel.close();
});
