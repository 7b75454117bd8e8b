import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildMain } from '../../main/build.mjs';
import { atFileEnd } from './at-end.ts';
import type { TestCa } from './certificates.ts';
import { freePorts, type Program, run } from './processes.ts';
import { tempFolder } from './temp-folder.ts';

/** A real Hearth: the built program in a process of its own, federating over TLS on loopback. */
export interface Hearth {
  readonly serverName: string;
  readonly clientUrl: string;
  readonly folder: string;
  /** The console's address with its token, of the process that runs now. */
  consoleUrl(): string;
  output(): string;
  /** The process that runs now. */
  pid(): number;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
  /** Starts it again on the same folder and ports. */
  start(): Promise<void>;
}

let built: Promise<string> | undefined;

/** The program, built once for the run, without the page. */
async function program(): Promise<string> {
  built ??= (async () => {
    const outdir = tempFolder(atFileEnd);
    await buildMain({ outdir });
    return join(outdir, 'headless.cjs');
  })();
  return built;
}

interface HearthOptions {
  readonly settings?: readonly string[];
  /** It runs as its owner would run it. Default: a fresh build, with its source maps. */
  readonly entry?: string;
  /** Of its name. Default: 127.0.0.1, as the other servers have it. */
  readonly host?: '127.0.0.1' | 'localhost';
}

/** Starts a Hearth whose name is an address with a port, which needs no DNS. It is stopped with the test. */
export async function startHearth(
  ca: TestCa,
  { settings = [], entry, host = '127.0.0.1' }: HearthOptions = {},
): Promise<Hearth> {
  const folder = tempFolder();
  const [clientPort = 0, federationPort = 0] = await freePorts(2);
  const serverName = `${host}:${federationPort}`;
  const { cert, key } = await ca.issue(host);
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const args = [
    ...['serve', '--server-name', serverName, '--data-dir', join(folder, 'data')],
    ...['--client-listen', `127.0.0.1:${clientPort}`, '--console-listen', '127.0.0.1:0'],
    ...['--federation-listen', `127.0.0.1:${federationPort}`],
    ...['--tls-cert', file('tls.crt', cert), '--tls-key', file('tls.key', key), '--extra-ca', file('ca.crt', ca.cert)],
    ...['--allow-address-range', '127.0.0.0/8', '--registration', 'open', '--rate-limits', 'off'],
    ...settings,
  ];
  const command = entry === undefined ? ['--enable-source-maps', await program()] : [entry];
  let running: Program | undefined;
  let consoleUrl = '';
  const hearth: Hearth = {
    serverName,
    clientUrl: `http://127.0.0.1:${clientPort}`,
    folder: join(folder, 'data'),
    consoleUrl: () => consoleUrl,
    output: () => running?.output() ?? '',
    pid: () => running?.child.pid ?? 0,
    stop: async (signal) => (await running?.stop(signal)) ?? null,
    async start() {
      running = run(process.execPath, [...command, ...args]);
      [, consoleUrl = ''] = await running.printed(/^open (\S+)$/m);
    },
  };
  await hearth.start();
  return hearth;
}
