import type { FlowSummary, PduOutcome } from '../../shared/flow.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { Inspector, OpenFlow } from '../inspector/inspector.ts';
import type { InboundReply, NetError, Platform } from '../platform.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import type { SigningKey } from '../protocol/signing.ts';
import { DeadlinePassed, untilAborted, withDeadline } from './deadline.ts';
import { type Discovery, DiscoveryError } from './discovery.ts';
import { written } from './discovery-steps.ts';
import { parseReply } from './parse-reply.ts';
import type { Peers } from './peers.ts';
import { RemoteError, type RemoteReply, type RemoteRequest } from './remote-servers.ts';
import { createSlots } from './slots.ts';
import { authorization } from './x-matrix.ts';

/** What the inspector is told of a request besides its bytes. */
interface Told {
  readonly edus?: number;
  readonly outcomes?: (reply: RemoteReply) => readonly PduOutcome[];
}

export interface FederationClient {
  /** See `RemoteServers.request`. */
  request(server: ServerName, request: RemoteRequest, told?: Told): Promise<RemoteReply>;
  /** The same, for what is no JSON: media. */
  download(server: ServerName, request: RemoteRequest): Promise<Pick<InboundReply, 'headers' | 'body'>>;
  /** Ends what is under way. */
  close(): void;
}

/** What a reply of status 200 is taken for; nothing where it is of no use. */
type Take<T> = (reply: InboundReply, flow: OpenFlow) => Promise<T | undefined>;

interface FederationClientOptions {
  readonly us: ServerName;
  readonly key: () => SigningKey;
  readonly platform: Pick<Platform, 'clock' | 'net'>;
  readonly discovery: Discovery;
  readonly peers: Peers;
  readonly inspector: Inspector;
  /** Whether the settings let us talk with a server. */
  readonly mayFederate: (server: ServerName) => boolean;
}

const defaults = { timeoutMs: 30_000, maxBytes: 1_000_000 };
const atOnceToEach = 10;
/** Of a server that is well, though the status is 502 or 504: it has no such file to give. */
const refusalsBy5xx: ReadonlySet<string> = new Set(['M_TOO_LARGE', 'M_NOT_YET_UPLOADED']);

/** Every request to another server goes through here: found, signed, bounded, recorded, and counted for or against the peer. */
export function createFederationClient(options: FederationClientOptions): FederationClient {
  const { us, key, discovery, peers, inspector, mayFederate } = options;
  const { clock, net } = options.platform;
  const slots = createSlots(atOnceToEach);
  /** One for each request under way: a signal of all would have hundreds of listeners. */
  const running = new Set<AbortController>();
  let closed = false;

  const refuse = (server: ServerName, evenIfDown: boolean): RemoteError | undefined => {
    const no = (why: string, retryAfterMs?: number) => new RemoteError(server, why, { stage: 'refused', retryAfterMs });
    if (server === us) return no('this server does not ask itself');
    if (!mayFederate(server)) return no(`the settings do not let us federate with ${server}`);
    if (closed) return no('this server is stopping');
    const waitUntil = evenIfDown ? undefined : peers.waitUntil(server);
    if (waitUntil === undefined) return undefined;
    return no(
      `${server} did not answer lately: ${peers.contact(server).lastError ?? 'it asked us to wait'}`,
      waitUntil - clock.now(),
    );
  };

  const headersOf = (
    server: ServerName,
    { method, uri, body, unsigned = false, accept = 'application/json' }: RemoteRequest,
  ) => ({
    Accept: accept,
    'User-Agent': 'Hearth',
    ...(body !== undefined && { 'Content-Type': 'application/json' }),
    ...(!unsigned && { Authorization: authorization({ method, uri, origin: us, destination: server, body }, key()) }),
  });

  /** To the first of the server's addresses that takes a connection. Once one has, there is no second try. */
  const exchange = async (
    server: ServerName,
    request: RemoteRequest,
    flow: OpenFlow,
    signal: AbortSignal,
  ): Promise<InboundReply> => {
    const started = clock.now();
    const { destination, steps } = await untilAborted(signal, discovery.find(server));
    flow.discovery(steps);
    flow.phase('discovery', clock.now() - started);
    const { targets, hostHeader, certificateFor } = destination;
    const headers = headersOf(server, request);
    const body = request.body && Buffer.from(writeJson(request.body));
    flow.request({ Host: hostHeader, ...headers }, body);
    let failure: unknown;
    for (const connectTo of targets) {
      flow.address(written(connectTo));
      try {
        const reply = await net.request({
          method: request.method,
          connectTo,
          certificateFor,
          hostHeader,
          path: request.uri,
          headers,
          ...(body && { body }),
          maxBytes: request.maxBytes ?? defaults.maxBytes,
          signal,
        });
        discovery.worked(server, connectTo);
        return reply;
      } catch (error) {
        failure = error;
        if (signal.aborted || stageOf(error) === 'reply') break;
      }
    }
    if (signal.aborted || stageOf(failure) !== 'reply') discovery.failed(server);
    throw failure;
  };

  const attempt = async <T>(server: ServerName, request: RemoteRequest, flow: OpenFlow, take: Take<T>): Promise<T> => {
    const { unsigned = false, timeoutMs: ms = defaults.timeoutMs } = request;
    const ends = new AbortController();
    running.add(ends);
    const outer = [ends.signal, ...(request.signal ? [request.signal] : [])];
    /** Names that a stranger made us ask for are no peers yet. */
    const counts = !unsigned || peers.knows(server);
    if (!unsigned) flow.auth({ verified: true, origin: us, destination: server, keyId: key().keyId });
    const opened = clock.now();
    let reply: InboundReply;
    let tookMs = 0;
    try {
      reply = await withDeadline(clock, { ms, outer }, async (signal) => {
        const giveBack = await slots.take(server, signal);
        try {
          if (clock.now() > opened) flow.phase('queue', clock.now() - opened);
          const started = clock.now();
          const answered = await exchange(server, request, flow, signal);
          tookMs = answered.phases?.wait ?? clock.now() - started;
          return answered;
        } finally {
          giveBack();
        }
      });
    } catch (error) {
      const aborted = outer.some((signal) => signal.aborted);
      const failure = aborted ? 'aborted' : failureOf(error);
      if (error instanceof DiscoveryError) flow.discovery(error.steps);
      flow.fail(failure === 'aborted' ? { stage: 'internal', message: 'this server gave up on it' } : failure);
      if (failure === 'aborted') throw new RemoteError(server, 'it was given up', { stage: 'refused', cause: error });
      const isTooLong = isTooLongReply(error);
      if (counts && !isTooLong) peers.failed(server, failure.message);
      throw new RemoteError(server, `${server}: ${failure.message}`, { ...failure, isTooLong, cause: error });
    } finally {
      running.delete(ends);
    }
    const { connect, wait, body } = reply.phases ?? {};
    for (const [phase, took] of [
      ['connect', connect],
      ['wait', wait],
      ['body', body],
    ] as const) {
      if (took !== undefined) flow.phase(phase, Math.round(took));
    }
    return await judge(server, reply, { counts, tookMs, flow, take });
  };

  /** What the reply says of the peer, and whether it is one to go on with. */
  const judge = async <T>(
    server: ServerName,
    reply: InboundReply,
    { counts, tookMs, flow, take }: { counts: boolean; tookMs: number; flow: OpenFlow; take: Take<T> },
  ): Promise<T> => {
    const { status, headers, body } = reply;
    const taken = status === 200 ? await take(reply, flow) : undefined;
    if (taken !== undefined) {
      if (counts) peers.succeeded(server, tookMs);
      flow.close({ status, headers, body });
      return taken;
    }
    const parsed = status === 200 ? undefined : await parseReply(body);
    const error: JsonObject = isObject(parsed?.value) ? parsed.value : {};
    const errcode = typeof error['errcode'] === 'string' ? error['errcode'] : undefined;
    flow.close({ status, headers, body, ...(errcode !== undefined && { errcode }) });
    const retryAfterMs = retryAfter(headers['retry-after'], error['retry_after_ms'], clock.now());
    const useless = status === 200 ? ' with something that is no JSON' : '';
    const said = errcode === undefined ? useless : ` ${errcode}: ${error['error']}`;
    const message = `${server} answers ${status}${said}`.slice(0, 500);
    if (counts && status === 429) peers.hold(server, retryAfterMs ?? defaults.timeoutMs);
    else if (counts && errcode !== undefined && refusalsBy5xx.has(errcode)) peers.succeeded(server, tookMs);
    else if (counts && (status >= 500 || status === 200)) peers.failed(server, message, retryAfterMs);
    else if (counts && errcode !== undefined) peers.succeeded(server, tookMs); // it is well, and says no
    throw new RemoteError(server, message, { stage: 'reply', status, errcode, body: error, retryAfterMs });
  };

  const ask = async <T>(server: ServerName, request: RemoteRequest, take: Take<T>, edus?: number): Promise<T> => {
    const refusal = refuse(server, request.evenIfDown ?? false);
    if (refusal !== undefined) throw refusal;
    const { method, uri, endpoint, roomId, attempt: number } = request;
    const flow = inspector.open({
      direction: 'outbound',
      peer: server,
      method,
      uri,
      endpoint,
      ...(roomId !== undefined && { roomId }),
      ...(number !== undefined && { attempt: number }),
    });
    if (edus !== undefined) flow.edus(edus);
    return await inspector.within(flow, () => attempt(server, request, flow, take));
  };

  return {
    request: (server, request, { edus, outcomes } = {}) =>
      ask(
        server,
        request,
        async ({ status, body }, flow): Promise<RemoteReply | undefined> => {
          const parsed = await parseReply(body);
          const reply = parsed && { status, body: parsed.value, violations: parsed.violations };
          if (reply && outcomes) flow.pdus(outcomes(reply));
          return reply;
        },
        edus,
      ),
    download: (server, request) => ask(server, request, async ({ headers, body }) => ({ headers, body })),
    close() {
      closed = true;
      for (const ends of running) ends.abort(new Error('this server is stopping'));
    },
  };
}

/** `platform.net` tells; without a stage nobody was reached. */
function stageOf(error: unknown): NetError['stage'] {
  return error instanceof Error && 'stage' in error ? (error as NetError).stage : 'connect';
}

const isTooLongReply = (error: unknown) => error instanceof Error && (error as NetError).isTooLong === true;

type Failure = NonNullable<FlowSummary['error']> & {
  readonly stage: 'discovery' | 'connect' | 'tls' | 'timeout' | 'reply';
};

function failureOf(error: unknown): Failure {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof DeadlinePassed) return { stage: 'timeout', message };
  if (error instanceof DiscoveryError) return { stage: 'discovery', message };
  return { stage: stageOf(error), message };
}

/** In milliseconds: seconds or a date in the header; of old, `retry_after_ms` in the body. */
function retryAfter(header: string | string[] | undefined, inBody: unknown, now: number): number | undefined {
  const text = String(header ?? '');
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  if (!Number.isNaN(date)) return Math.max(date - now, 0);
  return typeof inBody === 'number' && inBody >= 0 ? inBody : undefined;
}
