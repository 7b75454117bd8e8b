import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { verifyRequest } from '../../main/network/x-matrix.ts';
import { realPlatform } from '../../main/platform.ts';
import { parseJson } from '../../main/protocol/json.ts';
import type { ServerName } from '../../shared/ids.ts';
import { createTestCa, type TestCa } from '../support/certificates.ts';
import { clientOver, ourKey } from '../support/federation-client.ts';

/** A homeserver on loopback, which verifies what it gets. */
async function homeserver(ca: TestCa, certificateFor: string, listen = '127.0.0.1') {
  const seen: unknown[] = [];
  const server = createServer(await ca.issue(certificateFor), async (request, reply) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = chunks.length === 0 ? undefined : parseJson(Buffer.concat(chunks)).value;
    const { method = '', url: rawUri = '', headers } = request;
    const keyring = { keysForRequest: async () => new Map([[ourKey.keyId, ourKey.publicKey]]) };
    seen.push(await verifyRequest({ method, rawUri, headers, body }, { us: headers.host as ServerName, keyring }));
    reply.end('{}');
  });
  await once(server.listen(0, listen), 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { seen, port: (server.address() as AddressInfo).port };
}

/** The real network, but for names: they are all on this machine. */
async function clientTrusting(ca: TestCa, addresses: readonly string[] = ['127.0.0.1']) {
  const { net } = realPlatform({ verifyTls: true, extraCa: [ca.cert] });
  const local = { ...net, resolveHost: async () => addresses, resolveSrv: async () => [] };
  return await clientOver(local, { allowed: ['127.0.0.0/8', '::1/128'] });
}

const asked = { method: 'PUT', uri: '/_matrix/federation/v1/x/%2F..?y=%24', body: { n: 1 }, endpoint: 'x' } as const;

test.each(['127.0.0.1', '[::1]'])('a server at %s, by the certificate of that address', async (host) => {
  const ca = await createTestCa();
  const address = host.replace(/[[\]]/g, '');
  const { port, seen } = await homeserver(ca, address, address);
  const { client, flows } = await clientTrusting(ca);
  const server = `${host}:${port}` as ServerName;
  expect((await client.request(server, asked)).status).toBe(200);
  expect(seen).toMatchObject([{ verified: true, origin: 'us.test', destination: server }]);
  expect(flows[0]?.phases).toMatchObject({ connect: expect.any(Number), wait: expect.any(Number) });
});

test('a server with a name, and the connection is kept', async () => {
  const ca = await createTestCa();
  const { port, seen } = await homeserver(ca, 'a.test');
  const { client, flows } = await clientTrusting(ca);
  const server = `a.test:${port}` as ServerName;
  await client.request(server, asked);
  await client.request(server, { ...asked, method: 'POST' });
  expect(seen).toMatchObject([{ verified: true }, { verified: true }]);
  expect(flows.map(({ phases }) => phases.connect !== undefined)).toEqual([true, false]);
});

test('a certificate for another name, or by nobody we know, gets nothing from us', async () => {
  const ca = await createTestCa();
  const { port, seen } = await homeserver(ca, 'a.test');
  const { client, flows } = await clientTrusting(ca);
  for (const host of ['b.test', '127.0.0.1']) {
    await expect(client.request(`${host}:${port}` as ServerName, asked)).rejects.toMatchObject({ stage: 'tls' });
  }
  const stranger = await clientTrusting(await createTestCa());
  await expect(stranger.client.request(`a.test:${port}` as ServerName, asked)).rejects.toMatchObject({ stage: 'tls' });
  expect(seen).toEqual([]);
  expect(flows.map(({ error }) => error?.stage)).toEqual(['tls', 'tls']);
});

test('the next address is tried when nobody listens at the first', async () => {
  const ca = await createTestCa();
  const { port } = await homeserver(ca, 'a.test', '127.0.0.2');
  const { client, flows } = await clientTrusting(ca, ['127.0.0.1', '127.0.0.2']);
  expect((await client.request(`a.test:${port}` as ServerName, asked)).status).toBe(200);
  expect(flows[0]?.address).toBe(`127.0.0.2:${port}`);
});
