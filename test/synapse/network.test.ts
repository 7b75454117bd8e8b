import { beforeAll, expect, test } from 'vitest';
import * as z from 'zod';
import { openDb } from '../../main/db/db.ts';
import { discoveryCache } from '../../main/db/discovery-cache.ts';
import { migrate, migrations } from '../../main/db/migrations.ts';
import { ownKeysTable } from '../../main/db/own-keys.ts';
import { peersTable } from '../../main/db/peers.ts';
import { serverKeysTable } from '../../main/db/server-keys.ts';
import { byXMatrix } from '../../main/http/authenticate-server.ts';
import { keyRoutes } from '../../main/http/federation/keys.ts';
import { route } from '../../main/http/route.ts';
import { listen, matrixApp } from '../../main/http/server.ts';
import { addressGuard } from '../../main/network/address-guard.ts';
import { createKeyring } from '../../main/network/create-keyring.ts';
import { createDiscovery } from '../../main/network/discovery.ts';
import { createFederationClient } from '../../main/network/federation-client.ts';
import { createKeyFetcher } from '../../main/network/key-fetcher.ts';
import { createKeyServer } from '../../main/network/notary.ts';
import { createOwnKeys } from '../../main/network/own-keys.ts';
import { createPeers } from '../../main/network/peers.ts';
import { createRemoteServers } from '../../main/network/remote-calls.ts';
import { realPlatform } from '../../main/platform.ts';
import { signingKeyFile } from '../../main/signing-key-file.ts';
import type { ServerName, UserId } from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import { atEnd } from '../support/at-end.ts';
import { createTestCa, type TestCa } from '../support/certificates.ts';
import { memoryInspector } from '../support/memory-inspector.ts';
import { memoryLog } from '../support/memory-log.ts';
import { freePorts } from '../support/processes.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';
import { tempFolder } from '../support/temp-folder.ts';

/** Our network, and of the rest only what it needs to be believed: the keys, and one endpoint. */
async function startNetwork(ca: TestCa) {
  const [port = 0] = await freePorts(1);
  const us = `127.0.0.1:${port}` as ServerName;
  const platform = realPlatform({ verifyTls: true, extraCa: [ca.cert] });
  const { clock } = platform;
  const folder = tempFolder();
  const db = await openDb({ path: `${folder}/hearth.db`, wasm: sqlWasm, synchronous: 'NORMAL' });
  migrate(db, migrations, () => undefined);
  const { log } = memoryLog();
  const { inspector, flows } = memoryInspector();
  const mayFederate = () => true;
  const ownKeys = createOwnKeys({ us, table: ownKeysTable(db), file: signingKeyFile(folder), platform, log });
  const peers = createPeers({ platform, table: peersTable(db), inspector, mayFederate });
  const guard = addressGuard(['127.0.0.0/8']);
  const discovery = createDiscovery({ platform, cache: discoveryCache(db), guard, inspector });
  const client = createFederationClient({
    us,
    key: ownKeys.current,
    platform,
    discovery,
    peers,
    inspector,
    mayFederate,
  });
  const table = serverKeysTable(db);
  const fetcher = createKeyFetcher({ us, remote: client, table, clock, inspector, log, trustedNotaries: [] });
  const keyring = createKeyring({ us, ownKeys, table, fetcher, clock });
  const keys = createKeyServer({ us, ownKeys, table, fetcher, clock });

  const askedBy: string[] = [];
  const profile = route({
    method: 'GET',
    path: '/_matrix/federation/v1/query/profile',
    auth: 'server',
    params: z.object({}),
    query: z.object({ user_id: z.string(), field: z.string().optional() }),
    handle({ caller }) {
      askedBy.push(caller.origin);
      return { displayname: 'Ann' };
    },
  });
  const authenticate = {
    none: () => undefined,
    server: byXMatrix({ us, keyring, mayFederate, heardFrom: peers.heardFrom }),
    client: () => {
      throw forbidden('there are no clients here');
    },
  };
  const app = matrixApp({ routes: [...keyRoutes({ keys }), profile], authenticate, log });
  const listener = await listen(app, { host: '127.0.0.1', port }, await ca.issue('127.0.0.1'));
  atEnd(async () => {
    client.close();
    await listener.close();
    peers.close();
    db.close();
  });
  return { us, ownKeys, peers, keyring, keys, flows, askedBy, remote: createRemoteServers(client) };
}

let network: Awaited<ReturnType<typeof startNetwork>>;
let synapse: Synapse;
let them: ServerName;

beforeAll(async () => {
  if (noSynapse) return;
  const ca = await createTestCa();
  [network, synapse] = await Promise.all([startNetwork(ca), startSynapse(ca)]);
  them = synapse.serverName as ServerName;
});

const withSynapse = (name: string, work: () => Promise<void>) =>
  test(name, ({ skip }) => {
    if (noSynapse) skip(noSynapse);
    return work();
  });

withSynapse('Synapse believes what we sign: a transaction, and a query with a body', async () => {
  const body = { origin: network.us, origin_server_ts: Date.now(), pdus: [], edus: [] };
  expect(await network.remote.sendTransaction(them, 'first/%2F?', body, 1)).toEqual({ pdus: {} });
  const query = { device_keys: { [`@nobody:${them}`]: [] } };
  const uri = '/_matrix/federation/v1/user/keys/query';
  const reply = await network.remote.request(them, { method: 'POST', uri, body: query, endpoint: 'user/keys/query' });
  expect(reply).toMatchObject({ status: 200, body: { device_keys: expect.anything() } });
  await expect(network.remote.queryProfile(them, `@nobody/ü+:${them}` as UserId)).rejects.toMatchObject({
    status: 404,
  });
  expect(network.peers.contact(them)).toMatchObject({ status: 'ok', failures: 0 });
  expect(await network.remote.version(them)).toMatchObject({ name: 'Synapse' });
});

withSynapse('after a rotation Synapse asks for our new key', async () => {
  network.ownKeys.rotate();
  const body = { origin: network.us, origin_server_ts: Date.now(), pdus: [], edus: [] };
  expect(await network.remote.sendTransaction(them, 'second', body, 1)).toEqual({ pdus: {} });
});

withSynapse('we believe what Synapse signs', async () => {
  const ask = async (path: string, init: RequestInit = {}) =>
    (await fetch(`${synapse.clientUrl}/_matrix/client/v3${path}`, init)).json();
  const account = { username: 'bob', password: 'secret', auth: { type: 'm.login.dummy' } };
  const { access_token: token } = (await ask('/register', { method: 'POST', body: JSON.stringify(account) })) as {
    access_token: string;
  };
  const profile = await ask(`/profile/${encodeURIComponent(`@ann/ü:${network.us}`)}`, {
    headers: { authorization: `Bearer ${token}` },
  });
  expect(profile).toMatchObject({ displayname: 'Ann' });
  expect(network.askedBy).toContain(them);
  expect(network.keyring.remoteKeysOf(them)).toMatchObject([{ source: 'direct' }]);
});

withSynapse('as a notary we serve the keys of Synapse, and Synapse serves ours', async () => {
  const [reply] = await network.keys.query(new Map([[them, { keyIds: [] }]]));
  expect(Object.keys(reply?.['signatures'] as object).sort()).toEqual([network.us, them].sort());
  const uri = `/_matrix/key/v2/query/${network.us}`;
  const { body } = await network.remote.request(them, { method: 'GET', uri, endpoint: 'key/v2/query', unsigned: true });
  expect(body).toMatchObject({
    server_keys: [{ server_name: network.us, verify_keys: { [network.ownKeys.current().keyId]: {} } }],
  });
});
