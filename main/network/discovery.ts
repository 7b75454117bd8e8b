import type { DiscoveryTraceStep } from '../../shared/flow.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { DiscoveryRun } from '../../shared/views.ts';
import type { DiscoveryCache } from '../db/discovery-cache.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Platform } from '../platform.ts';
import type { AddressGuard } from './address-guard.ts';
import { withDeadline } from './deadline.ts';
import { at, type Destination, followSteps, NoServer, type Target } from './discovery-steps.ts';
import { parseIp } from './ip-address.ts';
import { srvOrder } from './srv-order.ts';
import { createWellKnown } from './well-known.ts';

export interface Discovered {
  readonly destination: Destination;
  readonly steps: readonly DiscoveryTraceStep[];
}

/** Nobody knows where the server is, or it is where we do not go. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  readonly steps: readonly DiscoveryTraceStep[];

  constructor(message: string, steps: readonly DiscoveryTraceStep[], cause?: unknown) {
    super(message, { cause });
    this.steps = steps;
  }
}

export interface Discovery {
  /** @throws DiscoveryError */
  find(server: ServerName): Promise<Discovered>;
  /** A connection stands: until the result expires, this target comes first. */
  worked(server: ServerName, target: Target): void;
  /** No target could be connected to: the next `find` asks anew. */
  failed(server: ServerName): void;
  /** Of a host that some URL names: those that we may connect to. Throws where there is none. */
  addressesOf(host: string): Promise<readonly string[]>;
  /** For the console. */
  lastRun(server: ServerName): DiscoveryRun | undefined;
}

interface DiscoveryOptions {
  readonly platform: Platform;
  readonly cache: DiscoveryCache;
  readonly guard: AddressGuard;
  readonly inspector: Pick<Inspector, 'discovered'>;
}

const minute = 60_000;
/** Of addresses and SRV records. Node does not tell the lifetime of the latter. */
const resultLifetimeMs = 5 * minute;
const failureLifetimeMs = 30_000;
const deadlineMs = 30_000;
const limits = { remembered: 5000, srvRecords: 8, addresses: 16 };

/** https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names: the steps in their order, each leaving a trace. */
export function createDiscovery({ platform, cache, guard, inspector }: DiscoveryOptions): Discovery {
  const { clock, net, random } = platform;

  const addressesOf = async (host: string): Promise<readonly string[]> => {
    const found = [...new Set(parseIp(host) ? [host] : await net.resolveHost(host))];
    if (found.length === 0) throw new Error(`${host} has no address`);
    const usable = found.filter((address) => guard(address) === undefined);
    if (usable.length === 0) throw new Error(`we do not connect to ${host}: ${found.map(guard).join(', ')}`);
    return inTurn(usable).slice(0, limits.addresses);
  };

  const srvTargets = async (name: string): Promise<readonly Target[] | undefined> => {
    const records = await net.resolveSrv(name);
    if (records.length === 0) return undefined;
    const chance = () => Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
    const targets: Target[] = [];
    let failed: unknown = new NoServer(`${name} says that there is no server`); // RFC 2782: the target "."
    for (const record of srvOrder(records.slice(0, limits.srvRecords), chance)) {
      if (record.name === '' || record.name === '.') continue;
      try {
        targets.push(...at(await addressesOf(record.name), record.port));
      } catch (error) {
        failed = new NoServer(messageOf(error), { cause: error });
      }
    }
    if (targets.length === 0) throw failed;
    return targets.slice(0, limits.addresses);
  };

  const wellKnown = createWellKnown({ platform, cache, addressesOf });
  const asking = { clock, addressesOf, srvTargets, wellKnown: wellKnown.lookUp };

  interface Remembered {
    readonly run: DiscoveryRun;
    destination: Destination | undefined;
    expiresAt: number;
  }
  const remembered = new Map<ServerName, Remembered>();
  const underWay = new Map<ServerName, Promise<Remembered>>();

  const remember = (server: ServerName, entry: Remembered) => {
    remembered.delete(server);
    remembered.set(server, entry);
    for (const oldest of remembered.keys()) {
      if (remembered.size <= limits.remembered) break;
      remembered.delete(oldest);
    }
    return entry;
  };

  const discover = async (server: ServerName): Promise<Remembered> => {
    const ts = clock.now();
    const steps: DiscoveryTraceStep[] = [];
    let destination: Destination | undefined;
    let error: string | undefined;
    try {
      destination = await withDeadline(clock, { ms: deadlineMs }, () => followSteps(server, asking, steps));
    } catch (caught) {
      error = messageOf(caught);
    }
    const expiresAt = clock.now() + (destination ? resultLifetimeMs : failureLifetimeMs);
    const { targets: [first] = [], hostHeader = '', certificateFor = '' } = destination ?? {};
    const result = first && { ...first, hostHeader, certificateFor };
    const done: DiscoveryRun = { ts, ok: destination !== undefined, steps: [...steps], result, expiresAt, error };
    cache.putRun(server, ts, done);
    inspector.discovered(server, done);
    return remember(server, { run: done, destination, expiresAt });
  };

  return {
    addressesOf,
    async find(server) {
      const kept = remembered.get(server);
      if (kept !== undefined && clock.now() < kept.expiresAt) return outcome(kept, clock.now() - kept.run.ts);
      let running = underWay.get(server);
      if (running === undefined) {
        running = discover(server).finally(() => underWay.delete(server));
        underWay.set(server, running);
      }
      return outcome(await running, undefined);
    },
    worked(server, target) {
      const kept = remembered.get(server);
      if (kept?.destination === undefined || kept.destination.targets[0] === target) return;
      const others = kept.destination.targets.filter((other) => other !== target);
      kept.destination = { ...kept.destination, targets: [target, ...others] };
    },
    failed(server) {
      const kept = remembered.get(server);
      if (kept !== undefined) kept.expiresAt = clock.now();
      wellKnown.doubt(server); // a name with a port has none
    },
    lastRun: (server) => remembered.get(server)?.run ?? (cache.run(server) as DiscoveryRun | undefined),
  };

  function outcome({ run: { steps, error }, destination }: Remembered, cacheAgeMs: number | undefined): Discovered {
    const aged = (step: DiscoveryTraceStep, ms: number) => ({
      ...step,
      cacheAgeMs: ms + (step.cacheAgeMs ?? 0),
      tookMs: 0,
    });
    const traced = cacheAgeMs === undefined ? steps : steps.map((step) => aged(step, cacheAgeMs));
    if (destination === undefined) throw new DiscoveryError(error ?? 'nothing was found', traced);
    return { destination, steps: traced };
  }
}

/** Both families in turn, IPv4 first: on most home networks only that works, and the other is tried right after. */
function inTurn(addresses: readonly string[]): string[] {
  const [v4, v6] = [4, 6].map((family) => addresses.filter((address) => parseIp(address)?.family === family));
  const longer = Math.max(v4?.length ?? 0, v6?.length ?? 0);
  return Array.from({ length: longer }, (_, index) => [v4?.[index], v6?.[index]])
    .flat()
    .filter((address) => address !== undefined);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
