#!/usr/bin/env node
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { castOf, password, placesOf } from './demo/cast.ts';
import { type DemoServer, demoServer, freePort } from './demo/demo-server.ts';
import { napping, play } from './demo/story.ts';
import { createLog } from './log.ts';
import { realPlatform } from './platform.ts';
import { createLocalCa } from './reach/local-ca.ts';
import { stopSignal } from './stop-signal.ts';

// `npm run demo`: three whole homeservers in one process, federating over TLS on loopback, and people who talk. All of it
// lies in a folder that goes with it.

const help = `npm run demo [-- --open]   three homeservers federate on loopback, until Ctrl+C

  --open   opens the console of the first in the browser
`;

async function main(): Promise<void> {
  const stopped = stopSignal(); // from the first moment on: whatever is begun is to be undone
  const { clock } = realPlatform({ verifyTls: true, extraCa: [] });
  const ca = await createLocalCa(clock.now());
  const platform = realPlatform({ verifyTls: true, extraCa: [ca.cert] });
  const log = createLog({ level: 'error', clock, write: (line) => void process.stderr.write(line) });

  const folder = mkdtempSync(join(tmpdir(), 'hearth-demo-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const servers: DemoServer[] = [];
  const ending = new AbortController();
  const life = live();
  // Whichever comes first: somebody ends it, or it cannot go on.
  await Promise.race([stopped, life]);
  ending.abort();
  await Promise.all(servers.map((server) => server.stop()));
  await life;
  await Promise.all(servers.map((server) => server.stop())); // one may just have come up

  async function live(): Promise<void> {
    try {
      for (const port of [18_441, 18_442, 18_443]) {
        ending.signal.throwIfAborted();
        const server = demoServer({
          folder: join(folder, String(port)),
          port: await freePort(port),
          certificate: await ca.issue('127.0.0.1'),
          platform,
          bundle: __dirname,
        });
        await server.start();
        servers.push(server);
      }
      const [first, , last] = servers;
      if (first === undefined || last === undefined) return;
      const stage = { places: await placesOf(await castOf(servers), ending.signal), platform, signal: ending.signal };
      process.stdout.write(greeting(servers));
      if (process.argv.includes('--open')) openInBrowser(first.consoleUrl());
      await Promise.all([play(stage, log), napping(stage, last)]);
    } catch (error) {
      if (!ending.signal.aborted) throw error;
    }
  }
}

function greeting(servers: readonly DemoServer[]): string {
  const [first, ...others] = servers;
  return `Three homeservers are federating: ${servers.map(({ name }) => name).join(', ')}

Open the console of the first:

    ${first?.consoleUrl()}

The others have theirs:

${others.map((server) => `    ${server.consoleUrl()}\n`).join('')}
A Matrix client can sign in at ${first?.clientUrl()} as "mika", password "${password}". Ctrl+C ends it all.
`;
}

/** With what the system opens addresses with. Where there is none, the address is on the screen. */
function openInBrowser(url: string): void {
  const openers: Partial<Record<NodeJS.Platform, readonly [command: string, ...args: string[]]>> = {
    darwin: ['open'],
    win32: ['cmd', '/c', 'start', ''],
  };
  const [command, ...args] = openers[process.platform] ?? ['xdg-open'];
  const browser = spawn(command, [...args, url], { stdio: 'ignore', detached: true });
  browser.once('error', () => process.stdout.write('No browser could be opened here: open the address by hand.\n'));
  browser.unref();
}

if (process.argv.includes('--help')) {
  process.stdout.write(help);
} else {
  main().then(
    () => process.exit(0),
    (error: unknown) => {
      process.stderr.write(`hearth demo: ${error instanceof Error ? error.stack : String(error)}\n`);
      process.exit(1);
    },
  );
}
