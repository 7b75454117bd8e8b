import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { watchEventLoop } from '../event-loop.ts';
import { type Homeserver, startHomeserver } from '../homeserver.ts';
import { listen } from '../http/server.ts';
import { createLog } from '../log.ts';
import type { MatrixServices } from '../matrix-services.ts';
import { pageIn } from '../page.ts';
import type { Platform } from '../platform.ts';
import type { Certificate } from '../reach/local-ca.ts';
import { readConfig } from '../settings.ts';

/** A whole homeserver of the demo, which can be shut like the lid of a laptop. */
export interface DemoServer {
  readonly name: string;
  consoleUrl(): string;
  clientUrl(): string;
  isUp(): boolean;
  /** Throws while it is down. */
  services(): MatrixServices;
  start(): Promise<void>;
  stop(): Promise<void>;
}

interface DemoServerOptions {
  readonly folder: string;
  /** Where other servers reach it, which is its name at the same time: that needs no DNS. */
  readonly port: number;
  readonly certificate: Certificate;
  readonly platform: Platform;
  /** Where the bundle lies, with sql-wasm.wasm in it and the page beside it. */
  readonly bundle: string;
}

const host = '127.0.0.1';

export function demoServer({ folder, port, certificate, platform, bundle }: DemoServerOptions): DemoServer {
  const name = `${host}:${port}`;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const file = (fileName: string, text: string) => {
    const path = join(folder, fileName);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };
  const argv = [
    ...['--server-name', name, '--federation-listen', name, '--data-dir', folder],
    ...['--tls-cert', file('tls.crt', certificate.cert), '--tls-key', file('tls.key', certificate.key)],
    ...['--allow-address-range', '127.0.0.0/8', '--log-level', 'error'],
  ];
  const log = createLog({
    level: 'error',
    clock: platform.clock,
    write: (line) => void process.stderr.write(`${name} ${line}`),
  });
  const eventLoop = watchEventLoop(platform.clock);
  /** Any free port at first, and the same one from then on: its console may be open in a browser. */
  const stay = { client: `${host}:0`, console: `${host}:0` };
  let running: Homeserver | undefined;

  const addressOf = (kind: 'client' | 'console') =>
    running?.overview().listeners.find((listener) => listener.kind === kind)?.address ?? '';

  return {
    name,
    consoleUrl: () => running?.consoleUrl ?? '',
    clientUrl: () => addressOf('client'),
    isUp: () => running !== undefined,
    services() {
      const matrix = running?.matrix();
      if (matrix === undefined) throw new Error(`${name} is down`);
      return matrix.services;
    },
    async start() {
      const listeners = ['--client-listen', stay.client, '--console-listen', stay.console];
      running = await startHomeserver({
        config: readConfig({ argv: [...argv, ...listeners], env: {}, defaultDataDir: folder }),
        platform,
        log,
        page: pageIn(join(bundle, '../renderer')),
        wasm: join(bundle, 'sql-wasm.wasm'),
        eventLoop,
      });
      for (const kind of ['client', 'console'] as const) stay[kind] = new URL(addressOf(kind)).host;
    },
    async stop() {
      const stopping = running;
      running = undefined;
      await stopping?.close();
    },
  };
}

/** The wished port, or any free one where that is taken. */
export async function freePort(wished: number): Promise<number> {
  const nobody = () => undefined;
  const held = await listen(nobody, { host, port: wished }).catch(() => listen(nobody, { host, port: 0 }));
  await held.close();
  return Number(new URL(held.url).port);
}
