import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import localtunnel from 'localtunnel';
import type { TunnelStatus } from '../../shared/views.ts';
import type { Address } from '../config.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';

/** Makes the client listener reachable from outside, through a server that both sides can connect to. */
export interface Tunnel {
  status(): TunnelStatus;
  close(): Promise<void>;
}

interface TunnelOptions {
  /** Of the tunnel's server: `https://localtunnel.me`. */
  readonly server: string;
  /** The name to ask for: without one each start gets another, and peers lose us. */
  readonly subdomain: string | undefined;
  /** The client listener, which answers federation's paths too. */
  readonly target: Address;
  readonly clock: Clock;
  readonly log: Log;
  readonly onStatus: (status: TunnelStatus) => void;
}

const firstWaitMs = 1_000;
const longestWaitMs = 60_000;
const connectWithinMs = 15_000;

/** Connects, and connects again whenever the tunnel breaks: after a second, then twice as long each time, to a minute. */
export function startTunnel({ server, subdomain, target, clock, log, onStatus }: TunnelOptions): Tunnel {
  const stopped = new AbortController();
  let status: TunnelStatus = { state: 'connecting', url: undefined, since: clock.now() };
  const become = (next: TunnelStatus) => {
    status = next;
    log.info('tunnel', { state: next.state, url: next.url });
    onStatus(next);
  };

  const run = async () => {
    let wait = firstWaitMs;
    while (!stopped.signal.aborted) {
      try {
        await reachable(server, stopped.signal);
        const tunnel = await connect({ server, subdomain, target, clock, signal: stopped.signal });
        become({ state: 'connected', url: tunnel.url, since: clock.now() });
        wait = firstWaitMs;
        await broken(tunnel, stopped.signal);
        tunnel.close();
        if (stopped.signal.aborted) return;
        become({ state: 'reconnecting', url: tunnel.url, since: clock.now() });
      } catch (error) {
        if (stopped.signal.aborted) return;
        log.warn('tunnel cannot be opened', { server, error });
        if (status.state !== 'failed') {
          const why = `${server} does not answer: ${error instanceof Error ? error.message : String(error)}`;
          become({ state: 'failed', url: undefined, since: clock.now(), why });
        }
      }
      await clock.sleep(wait, stopped.signal).catch(() => undefined); // ends early when we are closed
      wait = Math.min(wait * 2, longestWaitMs);
    }
  };
  const running = run();
  return {
    status: () => status,
    async close() {
      stopped.abort();
      await running;
    },
  };
}

/** localtunnel asks a server that is away once a second for ever, and cannot be told to stop: we knock first. */
function reachable(server: string, signal: AbortSignal): Promise<void> {
  const request = server.startsWith('https:') ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const knock = request(`${server}/api/status`, { method: 'GET', signal, timeout: connectWithinMs }, (reply) => {
      reply.resume();
      resolve(); // whatever it says: it is there
    });
    knock.once('timeout', () => knock.destroy(new Error('it took too long')));
    knock.once('error', reject);
    knock.end();
  });
}

interface ConnectOptions extends Pick<TunnelOptions, 'server' | 'subdomain' | 'target' | 'clock'> {
  readonly signal: AbortSignal;
}

async function connect({ server, subdomain, target, clock, signal }: ConnectOptions): Promise<localtunnel.Tunnel> {
  const deadline = new AbortController();
  const opening = localtunnel({
    port: target.port,
    host: server,
    local_host: target.host, // it rewrites the Host header to this: our name comes from the settings
    ...(subdomain !== undefined && { subdomain }),
  });
  const tooLate = clock.sleep(connectWithinMs, deadline.signal).then(() => {
    throw new Error('it opened no tunnel in time');
  });
  const givenUp = new Promise<never>((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  try {
    return await Promise.race([opening, tooLate, givenUp]);
  } catch (error) {
    void opening.then((late) => late.close()); // should it come after all
    throw error;
  } finally {
    deadline.abort();
    tooLate.catch(() => undefined); // the deadline's own rejection, once it is not needed any more
    givenUp.catch(() => undefined);
  }
}

/** Resolves when the tunnel's server has gone away, or we are to stop. */
function broken(tunnel: localtunnel.Tunnel, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    tunnel.on('error', () => resolve());
    tunnel.once('close', () => resolve());
    signal.addEventListener('abort', () => resolve(), { once: true });
    if (signal.aborted) resolve();
  });
}
