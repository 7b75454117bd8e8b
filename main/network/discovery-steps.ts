import type { DiscoveryTraceStep } from '../../shared/flow.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { Clock } from '../platform.ts';
import { parseIp } from './ip-address.ts';
import type { WellKnown } from './well-known.ts';

/** Where requests for a server name go. What is signed has the server name itself, whatever was delegated. */
export interface Destination {
  /** In the order to be tried. The address guard has passed them. */
  readonly targets: readonly Target[];
  readonly hostHeader: string;
  readonly certificateFor: string;
}

export interface Target {
  readonly address: string;
  readonly port: number;
}

/** A server name, or the name that it delegates to. */
interface Name {
  readonly text: string;
  readonly host: string; // without brackets
  readonly port: number | undefined;
}

/** What the steps ask of the world. */
interface Asking {
  readonly clock: Clock;
  /** Of those that we may connect to. Throws where there is none. */
  addressesOf(host: string): Promise<readonly string[]>;
  /** Nothing where there is no such record. Throws `NoServer` where they lead nowhere. */
  srvTargets(name: string): Promise<readonly Target[] | undefined>;
  readonly wellKnown: WellKnown['lookUp'];
}

/** One step of the specification: nothing where it is not for it to answer, and the next is asked. */
interface Step {
  readonly name: string;
  /** Whether the name is one that this step is for. */
  readonly concerns: (name: Name) => boolean;
  readonly input: (name: Name) => string;
  readonly find: (name: Name, asking: Asking) => Promise<readonly Target[] | undefined>;
}

const defaultPort = 8448;

/** Steps 1 and 3.1. */
const ipLiteral: Step = {
  name: 'IP literal',
  concerns: ({ host }) => parseIp(host) !== undefined,
  input: ({ text }) => text,
  find: async ({ host, port }, { addressesOf }) => at(await addressesOf(host), port ?? defaultPort),
};

/** Steps 2 and 3.2. */
const explicitPort: Step = {
  name: 'explicit port',
  concerns: ({ port }) => port !== undefined,
  input: ({ text }) => text,
  find: async ({ host, port }, { addressesOf }) => at(await addressesOf(host), port ?? defaultPort),
};

const srv = (service: string): Step => ({
  name: `SRV ${service}`,
  concerns: () => true,
  input: ({ host }) => `${service}.${host}`,
  find: ({ host }, asking) => asking.srvTargets(`${service}.${host}`),
});

/** Steps 3.3 and 4. */
const srvMatrixFed = srv('_matrix-fed._tcp');

/** Steps 3.4 and 5, deprecated. */
const srvMatrix = srv('_matrix._tcp');

/** Steps 3.5 and 6. */
const port8448: Step = {
  name: 'port 8448',
  concerns: () => true,
  input: ({ host }) => host,
  find: async ({ host }, { addressesOf }) => at(await addressesOf(host), defaultPort),
};

export const at = (addresses: readonly string[], port: number) => addresses.map((address) => ({ address, port }));

/** The specification's numbers: for the server name itself, and for the name that it delegates to. */
type NumberedStep = { readonly step: Step; readonly own: string; readonly delegated: string };
const literalOrPort: readonly NumberedStep[] = [
  { step: ipLiteral, own: '1', delegated: '3.1' },
  { step: explicitPort, own: '2', delegated: '3.2' },
];
const byDns: readonly NumberedStep[] = [
  { step: srvMatrixFed, own: '4', delegated: '3.3' },
  { step: srvMatrix, own: '5', delegated: '3.4' },
  { step: port8448, own: '6', delegated: '3.5' },
];

/**
 * The steps of https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names in their order. Each leaves its
 * entry in `trace`, also when the search fails.
 *
 * @throws Error with a sentence, when nothing is found
 */
export async function followSteps(
  server: ServerName,
  asking: Asking,
  trace: DiscoveryTraceStep[],
): Promise<Destination> {
  const own = parseName(server);
  const direct = await firstThatFinds(literalOrPort, own, 'own', asking, trace);
  if (direct !== undefined) return direct;
  const started = asking.clock.now();
  const { delegated, said, cached, fetchedTs } = await asking.wellKnown(own.host);
  trace.push({
    step: '3 .well-known',
    input: `https://${own.host}/.well-known/matrix/server`,
    answer: said,
    decided: false,
    ...(cached && { cacheAgeMs: started - fetchedTs }),
    tookMs: asking.clock.now() - started,
  });
  const found =
    delegated === undefined
      ? await firstThatFinds(byDns, own, 'own', asking, trace)
      : await firstThatFinds([...literalOrPort, ...byDns], parseName(delegated), 'delegated', asking, trace);
  if (found === undefined) throw new NoServer(`nothing is known of ${server}`); // the last step finds or throws
  return found;
}

async function firstThatFinds(
  steps: readonly NumberedStep[],
  name: Name,
  whose: 'own' | 'delegated',
  asking: Asking,
  trace: DiscoveryTraceStep[],
): Promise<Destination | undefined> {
  for (const { step, ...numbers } of steps) {
    if (!step.concerns(name)) continue;
    const started = asking.clock.now();
    const leave = (answer: string, decided: boolean) =>
      trace.push({
        step: `${numbers[whose]} ${step.name}`,
        input: step.input(name),
        answer,
        decided,
        tookMs: asking.clock.now() - started,
      });
    try {
      const targets = await step.find(name, asking);
      leave(targets?.map(written).join(', ') ?? 'nothing', targets !== undefined);
      if (targets !== undefined) return { targets, hostHeader: name.text, certificateFor: name.host };
    } catch (error) {
      // A name server that cannot answer for SRV is no reason to give up: the certificate proves who it is.
      const ends = error instanceof NoServer || !step.name.startsWith('SRV');
      leave(error instanceof Error ? error.message : String(error), ends);
      if (ends) throw error;
    }
  }
  return undefined;
}

/** An answer that ends the search: it says that there is nothing to be found. */
export class NoServer extends Error {}

/** @throws NoServer for a port that there cannot be, and for brackets around anything but an IPv6 address */
function parseName(text: string): Name {
  const [, bracketed, plain, port] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(text) ?? [];
  if (port !== undefined && !(Number(port) > 0 && Number(port) <= 65_535)) throw new NoServer(`${port} is no port`);
  if (bracketed !== undefined && parseIp(bracketed)?.family !== 6)
    throw new NoServer(`${bracketed} is no IPv6 address`);
  return { text, host: bracketed ?? plain ?? text, port: port === undefined ? undefined : Number(port) };
}

/** `192.0.2.1:8448`, `[2001:db8::1]:8448` */
export const written = ({ address, port }: Target): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
