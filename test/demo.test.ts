import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { buildMain } from '../main/build.mjs';
import { openConsole } from './support/console.ts';
import { until } from './support/matrix-client.ts';
import { run } from './support/processes.ts';
import { tempFolder } from './support/temp-folder.ts';

/** The built demo, with its temporary files in a folder that the test can look into. */
async function startDemo() {
  const outdir = tempFolder();
  await buildMain({ outdir });
  const temp = tempFolder();
  const demo = run(process.execPath, [join(outdir, 'demo.cjs')], { env: { TMPDIR: temp } });
  return { demo, temp };
}

/** As other programs on the machine may. Whoever has a port already does as well. */
async function occupy(...ports: readonly number[]): Promise<void> {
  for (const port of ports) {
    const server = createServer();
    await new Promise<void>((resolve) => {
      server.once('error', () => resolve());
      server.listen(port, '127.0.0.1', resolve);
    });
    onTestFinished(() => void server.close());
  }
}

test('three servers federate and live, whatever ports are taken, and leave nothing behind', async () => {
  await occupy(18_441, 18_442, 18_443);
  const { demo, temp } = await startDemo();
  const [, names = ''] = await demo.printed(/federating: (.+)$/m);
  const servers = names.split(', ');
  expect(new Set(servers).size).toBe(3);
  expect(servers.filter((name) => /:1844[123]$/.test(name))).toEqual([]);

  const [, consoleUrl = ''] = await demo.printed(/first:\n\n {4}(\S+)$/m);
  const bridge = await openConsole(consoleUrl);
  expect((await bridge.call('overview.get')).serverName).toBe(servers[0]);
  const rooms = await bridge.call('rooms.list');
  expect(rooms.map(({ membership, servers: count, name }) => [membership, count, name !== undefined])).toEqual(
    Array.from({ length: 4 }, () => ['join', 3, true]),
  );
  const outcomes = async () => {
    const { flows } = await bridge.call('flows.list', { direction: 'inbound', limit: 500 });
    return new Set(flows.flatMap((flow) => Object.keys(flow.outcomes)));
  };
  const wanted = ['accepted', 'rejected', 'softFailed', 'dropped'];
  await until(outcomes, (seen) => wanted.every((outcome) => seen.has(outcome)), {
    timeoutMs: 45_000,
    what: 'outcomes',
  });

  expect(readdirSync(temp)).toEqual([expect.stringMatching(/^hearth-demo-/)]);
  expect(await demo.stop('SIGTERM')).toBe(0);
  expect(readdirSync(temp)).toEqual([]);
}, 90_000);

test('Ctrl+C ends it, even where it comes twice, as from a terminal and from npm', async () => {
  const { demo, temp } = await startDemo();
  await demo.printed(/Ctrl\+C ends it all/);
  demo.child.kill('SIGINT');
  demo.child.kill('SIGINT');
  expect(await demo.exited).toBe(0);
  expect(readdirSync(temp)).toEqual([]);
}, 60_000);

test('it ends at once when it is still starting', async () => {
  const { demo, temp } = await startDemo();
  await until(
    async () => readdirSync(temp),
    (files) => files.length > 0,
  );
  expect(await demo.stop('SIGTERM')).toBe(0);
  expect(readdirSync(temp)).toEqual([]);
}, 60_000);
