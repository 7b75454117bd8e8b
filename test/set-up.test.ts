import { once } from 'node:events';
import { createServer } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { type Homeserver, startHomeserver } from '../main/homeserver.ts';
import { pageIn } from '../main/page.ts';
import { realPlatform } from '../main/platform.ts';
import { readConfig } from '../main/settings.ts';
import { type Bridge, connectBridge, type SetUp } from '../shared/bridge.ts';
import type { Overview } from '../shared/views.ts';
import { until } from './support/matrix-client.ts';
import { memoryLog } from './support/memory-log.ts';
import { portPair } from './support/port-pair.ts';
import { freePorts } from './support/processes.ts';
import { sqlWasm } from './support/sql-wasm.ts';
import { tempFolder } from './support/temp-folder.ts';

const good: SetUp = { serverName: 'juniper.example', owner: 'mika', password: 'correct horse' };

/** A server that has no name yet, and a console on it. */
async function start(folder: string, clientPort: number): Promise<{ homeserver: Homeserver; bridge: Bridge }> {
  const listeners = ['--client-listen', `127.0.0.1:${clientPort}`, '--console-listen', '127.0.0.1:0'];
  const homeserver = await startHomeserver({
    config: readConfig({ argv: listeners, env: {}, defaultDataDir: folder }),
    platform: realPlatform({ verifyTls: true, extraCa: [] }), // changes are told after a tenth of a second
    log: memoryLog().log,
    page: pageIn(folder),
    wasm: sqlWasm,
  });
  onTestFinished(() => homeserver.close());
  const { ends } = portPair();
  homeserver.attach(ends[1]);
  return { homeserver, bridge: connectBridge(ends[0]) };
}

async function signIn(port: number, { owner, password }: SetUp): Promise<number> {
  const body = { type: 'm.login.password', identifier: { type: 'm.id.user', user: owner }, password };
  const url = `http://127.0.0.1:${port}/_matrix/client/v3/login`;
  return (await fetch(url, { method: 'POST', body: JSON.stringify(body) })).status;
}

test('the form names the server and makes its owner, and the console follows without a restart', async () => {
  const [port = 0] = await freePorts(1);
  const folder = tempFolder();
  const { homeserver, bridge } = await start(folder, port);
  expect(homeserver.overview()).toMatchObject({ serverName: undefined, federationMode: 'closed' });
  expect(homeserver.overview().listeners.map(({ kind }) => kind)).toEqual(['console']);

  const told: Overview[] = [];
  bridge.on('overview.changed', (overview) => told.push(overview));
  expect(await bridge.call('setup.finish', good)).toEqual({ ok: true });
  await until(
    async () => told.at(-1),
    (overview) => overview?.serverName === good.serverName && overview.counts.users === 1,
  );
  expect(told.at(-1)?.listeners.map(({ kind }) => kind)).toEqual(['client', 'console']);
  expect(homeserver.matrix()?.services.accounts.accounts.owner()).toBe('@mika:juniper.example');
  expect(await signIn(port, good)).toBe(200);

  const again = await bridge.call('setup.finish', { ...good, serverName: 'other.example' });
  expect(again).toEqual({ ok: false, why: 'This server is juniper.example already.' });

  await homeserver.close();
  const { homeserver: next } = await start(folder, port);
  expect(next.overview().serverName).toBe(good.serverName);
  expect(await signIn(port, good)).toBe(200);
});

test('a choice that is refused leaves nothing behind', async () => {
  const [port = 0] = await freePorts(1);
  const folder = tempFolder();
  const { homeserver, bridge } = await start(folder, port);
  for (const [wrong, why] of [
    [{ serverName: 'not a name' }, 'cannot be a server name'],
    [{ serverName: 'Juniper.example' }, 'capital letters'],
    [{ owner: 'Mika' }, 'A user name consists of'],
    [{ owner: 'm'.repeat(250) }, 'A user name consists of'],
    [{ password: 'p'.repeat(600) }, 'longer than 512 characters'],
  ] as const) {
    const answer = await bridge.call('setup.finish', { ...good, ...wrong });
    expect(answer).toEqual({ ok: false, why: expect.stringContaining(why) });
    expect(homeserver.overview().serverName).toBeUndefined();
    await expect(signIn(port, good)).rejects.toThrow(); // nobody listens
  }
  await homeserver.close();
  const { homeserver: next, bridge: anew } = await start(folder, port);
  expect(next.overview().serverName).toBeUndefined();
  expect(await anew.call('setup.finish', good)).toEqual({ ok: true });
});

test('where the server cannot come up the form says why, and can be sent again with another name', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const { port } = other.address() as { port: number };
  const { homeserver, bridge } = await start(tempFolder(), port);
  const why = `127.0.0.1:${port} is in use by another program: end that one, or choose another address for this listener.`;
  expect(await bridge.call('setup.finish', good)).toEqual({ ok: false, why });
  expect(homeserver.overview().serverName).toBeUndefined();

  other.close();
  await once(other, 'close');
  const better = { ...good, serverName: 'better.example' };
  expect(await bridge.call('setup.finish', better)).toEqual({ ok: true });
  expect(homeserver.matrix()?.services.accounts.accounts.owner()).toBe('@mika:better.example');
  expect(await signIn(port, better)).toBe(200);
});

test('two at once are not both taken', async () => {
  const [port = 0] = await freePorts(1);
  const { homeserver, bridge } = await start(tempFolder(), port);
  const both = [good, { ...good, serverName: 'other.example' }].map((choice) => bridge.call('setup.finish', choice));
  expect(await Promise.all(both)).toEqual([{ ok: true }, { ok: false, why: 'The server is being set up already.' }]);
  expect(homeserver.overview().serverName).toBe(good.serverName);
});

test('a server that closes while it is being set up ends in good order', async () => {
  const [port = 0] = await freePorts(1);
  const folder = tempFolder();
  const { homeserver, bridge } = await start(folder, port);
  const answer = bridge.call('setup.finish', good);
  await homeserver.close();
  const { ok } = await answer;
  const { homeserver: next } = await start(folder, port); // the folder is free
  expect(next.overview().serverName).toBe(ok ? good.serverName : undefined);
});
