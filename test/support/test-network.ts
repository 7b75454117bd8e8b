import { request as httpRequest } from 'node:http';
import { type Homeserver, startHomeserver } from '../../main/homeserver.ts';
import { pageIn } from '../../main/page.ts';
import { type InboundReply, type Net, type OutboundRequest, realPlatform } from '../../main/platform.ts';
import { readConfig } from '../../main/settings.ts';
import { type Bridge, connectBridge } from '../../shared/bridge.ts';
import { atEnd } from './at-end.ts';
import { checkBody } from './check-replies.ts';
import { memoryLog } from './memory-log.ts';
import { portPair } from './port-pair.ts';
import { sqlWasm } from './sql-wasm.ts';
import { tempFolder } from './temp-folder.ts';

/** A whole homeserver of this process, on the test network. */
export interface TestServer {
  readonly name: string;
  readonly folder: string;
  readonly lines: readonly string[];
  homeserver(): Homeserver;
  clientUrl(): string;
  /** What the console asks. */
  console(): Bridge;
  stop(): Promise<void>;
  /** Again on the same folder. */
  start(): Promise<void>;
}

/** Servers that reach each other by name without DNS and TLS, over links that can be cut. */
export interface TestNetwork {
  server(name: string, ...settings: string[]): Promise<TestServer>;
  cut(one: TestServer, other: TestServer): void;
  heal(one: TestServer, other: TestServer): void;
  /** How many requests have gone from one server to another. */
  readonly requests: readonly { readonly from: string; readonly to: string; readonly path: string }[];
}

const real = realPlatform({ verifyTls: true, extraCa: [] });

export function testNetwork(): TestNetwork {
  const servers = new Map<string, TestServer>();
  const addresses = new Map<string, string>(); // address → name
  const cuts = new Set<string>();
  const requests: { from: string; to: string; path: string }[] = [];
  const link = (one: string, other: string) => [one, other].sort().join(' ');

  const netOf = (from: string): Net => ({
    ...real.net,
    resolveSrv: async () => [],
    resolveHost: async (host) => [...addresses].filter(([, name]) => name === host).map(([address]) => address),
    async request(outbound) {
      const to = addresses.get(outbound.connectTo.address) ?? '';
      const server = servers.get(to);
      const isUp = server !== undefined && server.clientUrl() !== '' && !cuts.has(link(from, to));
      if (!isUp || outbound.connectTo.port !== 8448) {
        throw Object.assign(new Error(`connect ECONNREFUSED ${to}`), { stage: 'connect' });
      }
      requests.push({ from, to, path: outbound.path });
      return overHttp(server.clientUrl(), outbound);
    },
  });

  return {
    requests,
    cut: (one, other) => void cuts.add(link(one.name, other.name)),
    heal: (one, other) => void cuts.delete(link(one.name, other.name)),
    async server(name, ...settings) {
      const folder = tempFolder();
      addresses.set(`10.0.0.${addresses.size + 1}`, name);
      const { log, lines } = memoryLog();
      const listeners = ['client', 'federation', 'console'].flatMap((kind) => [`--${kind}-listen`, '127.0.0.1:0']);
      const argv = [
        ...['--server-name', name, ...listeners, '--allow-address-range', '10.0.0.0/8'],
        ...['--registration', 'open', '--rate-limits', 'off', ...settings],
      ];
      let running: Homeserver | undefined;
      const server: TestServer = {
        name,
        folder,
        lines,
        homeserver() {
          if (running === undefined) throw new Error(`${name} is stopped`);
          return running;
        },
        clientUrl: () => running?.overview().listeners.find(({ kind }) => kind === 'client')?.address ?? '',
        console() {
          const { ends } = portPair();
          server.homeserver().attach(ends[1]);
          return connectBridge(ends[0]);
        },
        async stop() {
          const stopping = running;
          running = undefined;
          await stopping?.close();
        },
        async start() {
          running = await startHomeserver({
            config: readConfig({ argv, env: {}, defaultDataDir: folder }),
            platform: { ...real, net: netOf(name) },
            log,
            page: pageIn(folder),
            wasm: sqlWasm,
          });
        },
      };
      servers.set(name, server);
      atEnd(server.stop);
      await server.start();
      return server;
    },
  };
}

/** To the client listener, which answers federation's paths too; the path stays as it is. */
function overHttp(url: string, outbound: OutboundRequest): Promise<InboundReply> {
  const { method, path, headers, body, signal, maxBytes, hostHeader } = outbound;
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const options = { method, path, signal, hostname, port, headers: { ...headers, Host: hostHeader } };
    const sent = httpRequest(options, (reply) => {
      const chunks: Buffer[] = [];
      let size = 0;
      reply.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        size += chunk.length;
        if (size > maxBytes) reply.destroy(new Error('the reply is too long'));
      });
      reply.once('error', reject);
      reply.once('end', () => {
        const { statusCode: status = 0, headers: replied } = reply;
        const all = Buffer.concat(chunks);
        checkBody(method, path, status, replied['content-type'], all.toString());
        resolve({ status, headers: replied, body: all });
      });
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
