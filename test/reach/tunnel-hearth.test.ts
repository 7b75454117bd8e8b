import { expect, test } from 'vitest';
import { signJson } from '../../main/protocol/signing.ts';
import type { Overview } from '../../shared/views.ts';
import { createTestCa } from '../support/certificates.ts';
import { openConsole } from '../support/console.ts';
import { startHearth } from '../support/hearth.ts';
import { until } from '../support/matrix-client.ts';
import { startRawPeer } from '../support/raw-peer.ts';
import { startTunnelServer, type TunnelServer } from '../support/tunnel-server.ts';

/** Asks as somebody outside; the tunnel's connections come back one after the other. */
async function ask(outside: TunnelServer, path: string, headers: Record<string, string> = {}) {
  const reply = await until(
    () => outside.ask('my-hearth', path, { headers }),
    (text) => text.startsWith('HTTP/1.1 '),
  );
  const [head = '', body = ''] = reply.split('\r\n\r\n');
  return { status: Number(head.slice(9, 12)), body: JSON.parse(body) as Record<string, unknown> };
}

test('a server behind a tunnel is found, answers clients and servers there, and comes back with the tunnel', async () => {
  const ca = await createTestCa();
  const outside = await startTunnelServer();
  const tunnel = ['--tunnel', 'localtunnel', '--tunnel-server', outside.url, '--tunnel-subdomain', 'my-hearth'];
  const hearth = await startHearth(ca, { settings: tunnel });
  const console = await openConsole(hearth.consoleUrl());
  const told: Overview[] = [];
  console.on('overview.changed', (overview) => told.push(overview));
  const isTunnel = (state: string) =>
    until(
      async () => (await console.call('overview.get')).tunnel,
      (status) => status?.state === state,
      { what: `the overview says ${state}` },
    );
  expect(await isTunnel('connected')).toMatchObject({ url: 'https://my-hearth.tunnel.test' });

  // Where others find us: https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
  expect(await ask(outside, '/.well-known/matrix/server')).toEqual({
    status: 200,
    body: { 'm.server': 'my-hearth.tunnel.test:443' },
  });
  expect(await ask(outside, '/.well-known/matrix/client')).toEqual({
    status: 200,
    body: { 'm.homeserver': { base_url: 'https://my-hearth.tunnel.test' } },
  });
  expect((await ask(outside, '/_matrix/client/versions')).status).toBe(200);
  expect((await ask(outside, '/_matrix/key/v2/server')).body['server_name']).toBe(hearth.serverName);

  // A signature covers the path as it was written: had the tunnel changed it, this would be a 401.
  const peer = await startRawPeer(ca);
  const signed = (uri: string) => {
    const request = { method: 'GET', uri, origin: peer.serverName, destination: hearth.serverName };
    const { signatures } = signJson(request, peer.serverName, peer.key) as {
      signatures: Record<string, Record<string, string>>;
    };
    const sig = signatures[peer.serverName]?.[peer.key.keyId];
    const names = `origin="${peer.serverName}",destination="${hearth.serverName}"`;
    return { authorization: `X-Matrix ${names},key="${peer.key.keyId}",sig="${sig}"` };
  };
  const uri = `/_matrix/federation/v1/event/%24${'a%2Fb'.repeat(14)}a`;
  expect(await ask(outside, uri, signed(uri))).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } });
  const decoded = uri.replaceAll('%2F', '/');
  expect((await ask(outside, uri, signed(decoded))).status).toBe(401);

  await outside.cut();
  await until(
    async () => told.at(-1)?.tunnel?.state,
    (state) => state === 'reconnecting' || state === 'failed',
    { what: 'the console is told that the tunnel is broken' },
  );
  await outside.open();
  await isTunnel('connected');
  expect((await ask(outside, '/_matrix/client/versions')).status).toBe(200);
  expect(await hearth.stop('SIGTERM')).toBe(0);
}, 90_000);
