import type { ServerName } from '../../shared/ids.ts';
import type { PeerDetail } from '../../shared/views.ts';
import type { Db } from '../db/db.ts';
import type { TriedTransaction } from '../db/outbox.ts';
import type { Log } from '../log.ts';
import { retryDelay } from '../network/backoff.ts';
import type { Peers } from '../network/peers.ts';
import { RemoteError, type RemoteServers } from '../network/remote-servers.ts';
import type { Platform } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import { backlog, type ComposeOptions, composeTransaction, mostInTransaction } from './compose.ts';
import type { Outbox } from './outbox.ts';
import { wakePeers } from './wake-up.ts';

/** One queue for each destination, in the database, and one transaction in flight to each. */
export interface Sender extends Outbox {
  /** Goes on with what waits since the last run. */
  start(): void;
  /**
   * At a start, and when the machine was asleep: every peer that shares a room hears from us, since they leave us alone for
   * longer and longer while we are away.
   */
  wakeUp(): Promise<void>;
  /** It has proved that it is there: it is asked what it runs, once a day. */
  heardFrom(server: ServerName): void;
  /** A person wants to know: tries at once, with an empty transaction if nothing waits. */
  retryNow(server: ServerName): void;
  /** How much waits, for all for whom anything does. */
  counts(): ReadonlyMap<ServerName, { readonly pdus: number; readonly edus: number }>;
  /** What waits, the oldest first. */
  queue(server: ServerName): PeerDetail['queue'];
  /** Gives up what is in flight: it goes out again, under its ID, after the next start. */
  close(): Promise<void>;
}

interface SenderOptions extends ComposeOptions {
  readonly db: Pick<Db, 'transaction'>;
  readonly remote: Pick<RemoteServers, 'sendTransaction' | 'version'>;
  readonly peers: Peers;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly log: Log;
  readonly mayFederate: (server: ServerName) => boolean;
  /** All other servers that we share a room with. */
  readonly sharingServers: () => Iterable<ServerName>;
  /** Does work in nobody's name: what wakes a queue is not the cause of all that it sends from then on. */
  readonly apart?: <T>(work: () => T) => T;
  /** Something waits for these servers, or does no longer. */
  readonly onQueue?: (servers: Iterable<ServerName>) => void;
}

const limits = {
  destinationsAtOnce: 64,
  /** How long a turn may hold up everything else. */
  turnMs: 20,
  /** What is done can be struck out with others, in one commit. */
  tidyMs: 200,
  /** After an error of the database. */
  troubleMs: 10_000,
  /** After we refused ourselves to send. */
  refusedMs: 1000,
  sweepEvery: 1000,
};

/** Sends events and EDUs to other servers. https://spec.matrix.org/v1.19/server-server-api/#transactions */
export function createSender(options: SenderOptions): Sender {
  const { us, db, table, remote, peers, log, mayFederate, sharingServers } = options;
  const { apart = (work) => work(), onQueue = () => undefined } = options;
  const { clock, random } = options.platform;
  /** EDUs that nobody misses: typing, receipts, presence. */
  const passing = new Map<ServerName, JsonObject[]>();
  /** To be looked at in the next turn. */
  const ready = new Set<ServerName>();
  const inFlight = new Map<ServerName, { readonly stop: AbortController; readonly over: Promise<void> }>();
  /** Taken by their destination, and not yet struck out. */
  const taken = new Set<ServerName>();
  /** Servers that are up and say no: those are not tried again whenever they write to us. */
  const refusing = new Map<ServerName, { readonly times: number; readonly until: number }>();
  const asleep = new Map<ServerName, AbortController>();
  const closing = new AbortController();
  let turnIsComing = false;
  let tidyingIsComing = false;
  let wakingUp: Promise<void> | undefined;
  let sentSinceSweep = 0;

  const chance = () => Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
  const others = (servers: Iterable<ServerName>) =>
    [...new Set(servers)].filter((one) => one !== us && mayFederate(one));

  const poke = (server: ServerName) => {
    if (inFlight.has(server)) return; // it goes on by itself when that is over
    asleep.get(server)?.abort();
    asleep.delete(server);
    ready.add(server);
    nextTurn();
  };

  /** After whatever is running now: a transaction of the caller has then been committed. */
  const nextTurn = () => {
    if (turnIsComing) return;
    turnIsComing = true;
    apart(() => setImmediate(takeTurn));
  };

  const takeTurn = () => {
    turnIsComing = false;
    if (closing.signal.aborted) return;
    try {
      for (const next of chooseNext()) void fly(next.destination, (signal) => send(next, signal));
    } catch (error) {
      log.error('the outbox cannot be worked off', { error });
      later(limits.troubleMs, nextTurn);
    }
  };

  /** One commit for all that are done and all that begin. */
  const chooseNext = (): readonly TriedTransaction[] => {
    const begun: TriedTransaction[] = [];
    const seen: ServerName[] = [];
    const end = clock.now() + limits.turnMs;
    db.transaction(() => {
      const more = strikeOut();
      for (const server of new Set([...ready, ...more])) {
        if (inFlight.size + begun.length >= limits.destinationsAtOnce || clock.now() > end) ready.add(server);
        else {
          seen.push(server);
          const next = inFlight.has(server) ? undefined : prepare(server);
          if (next !== undefined) begun.push(next);
        }
      }
    });
    sentSinceSweep += taken.size;
    onQueue(new Set([...taken, ...seen]));
    taken.clear();
    for (const server of seen) ready.delete(server);
    if (ready.size > 0 && inFlight.size + begun.length < limits.destinationsAtOnce) nextTurn();
    return begun;
  };

  /** Those for which there is more. */
  const strikeOut = (): readonly ServerName[] => {
    if (sentSinceSweep >= limits.sweepEvery) {
      sentSinceSweep = 0;
      table.sweep();
    }
    return [...taken].filter((server) => table.done(server));
  };

  /** The transaction to send now. If it has to wait, it is woken in time. */
  const prepare = (server: ServerName): TriedTransaction | undefined => {
    if (!mayFederate(server)) return undefined;
    const waitUntil = Math.max(peers.waitUntil(server) ?? 0, refusing.get(server)?.until ?? 0);
    if (waitUntil > clock.now()) {
      if (hasWork(server)) sleepUntil(server, waitUntil);
      return undefined;
    }
    const now = clock.now();
    if (table.condense(server, { pdus: backlog.pdus, edus: backlog.edus, since: now - backlog.ms })) {
      log.info('a backlog was too long: only the newest event of each room is sent', { server });
    }
    // The ID never comes again, also not after a restart: peers answer one that they know without looking.
    return composeTransaction(options, server, { passing: passing.get(server) ?? [], txnId: random.id(), now });
  };

  const hasWork = (server: ServerName) => table.hasAny(server) || (passing.get(server)?.length ?? 0) > 0;

  const sleepUntil = (server: ServerName, time: number) => {
    const alarm = new AbortController();
    asleep.get(server)?.abort();
    asleep.set(server, alarm);
    void clock.sleep(time - clock.now(), alarm.signal).then(
      () => poke(server),
      () => undefined, // somebody else has woken it
    );
  };

  const tidySoon = () => {
    if (tidyingIsComing) return;
    tidyingIsComing = true;
    later(limits.tidyMs, () => {
      tidyingIsComing = false;
      nextTurn();
    });
  };

  const later = (ms: number, work: () => void) => {
    void clock.sleep(ms, closing.signal).then(work, () => undefined); // closing
  };

  /** At most one request is on its way to each server. */
  const fly = (server: ServerName, work: (signal: AbortSignal) => Promise<void>): Promise<void> => {
    const stop = new AbortController();
    const over = work(stop.signal)
      .catch((error: unknown) => log.error('sending failed', { server, error }))
      .finally(() => {
        inFlight.delete(server);
        if (closing.signal.aborted) return;
        const isDone = taken.has(server) && !table.hasMore(server) && !passing.get(server)?.length;
        if (isDone && ready.size === 0) tidySoon();
        else poke(server);
      });
    inFlight.set(server, { stop, over });
    return over;
  };

  const send = async ({ destination, txnId, body, attempts, firstTs }: TriedTransaction, signal: AbortSignal) => {
    try {
      await remote.sendTransaction(destination, txnId, body, attempts + 1, { signal });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      failed(destination, firstTs, error);
      return;
    }
    refusing.delete(destination);
    taken.add(destination);
    askSoftware(destination);
  };

  const failed = (server: ServerName, firstTs: number, error: RemoteError) => {
    passing.delete(server);
    if (error.stage === 'refused') {
      const times = refusing.get(server)?.times ?? 0; // it was us who refused: nothing was sent
      refusing.set(server, { times, until: clock.now() + limits.refusedMs });
      return;
    }
    table.countAttempt(server);
    const { status = 500, errcode } = error;
    const isDown = status === 429 || (errcode === undefined && (status >= 500 || status === 200));
    if (isDown) return; // `peers` knows until when
    // Somebody is there and says no. It may be for what we send, and then it would say so for ever.
    const times = (refusing.get(server)?.times ?? 0) + 1;
    const failingForMs = clock.now() - firstTs;
    refusing.set(server, { times, until: clock.now() + retryDelay({ failures: times, failingForMs }, chance()) });
    if (failingForMs < backlog.ms) return;
    log.warn('a transaction was refused for a day and is given up', { server, error: error.message });
    table.abandon(server);
  };

  const askSoftware = (server: ServerName) => {
    if (!peers.softwareIsDue(server)) return;
    apart(() => remote.version(server)).then(
      ({ name, version }) => {
        if (name !== undefined) peers.runs(server, `${name} ${version ?? ''}`.trim());
      },
      (error: unknown) => log.debug('a server does not say what it runs', { server, error }),
    );
  };

  /** An empty transaction: signed, small, and taken by every server. */
  const probe = async (server: ServerName, signal: AbortSignal) => {
    const body = { origin: us, origin_server_ts: clock.now(), pdus: [], edus: [] };
    try {
      await remote.sendTransaction(server, random.id(), body, 1, { signal, evenIfDown: true });
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      log.debug('a server does not answer', { server, error: error.message });
    }
  };

  const tryNow = async (server: ServerName): Promise<void> => {
    peers.forgive(server);
    refusing.delete(server);
    if (inFlight.has(server)) return;
    if (hasWork(server)) poke(server);
    else await fly(server, (signal) => probe(server, signal));
  };

  const stopListening = peers.onAvailable((server) => {
    if (asleep.has(server)) poke(server);
  });

  return {
    enqueue({ eventId, roomId, type }, destinations) {
      table.addPdu({ eventId, roomId, type }, others(destinations), clock.now());
    },
    enqueueEdu(edu, destinations, durable) {
      if (durable) {
        table.addEdu(edu, others(destinations), clock.now());
        return;
      }
      for (const server of others(destinations)) {
        if (peers.waitUntil(server) !== undefined) continue; // it would be stale by then
        const queue = passing.get(server) ?? [];
        passing.set(server, queue);
        queue.push(edu);
        if (queue.length > mostInTransaction.edus) queue.shift();
        poke(server);
      }
    },
    wake(destinations) {
      for (const server of others(destinations)) poke(server);
    },
    start() {
      table.sweep();
      for (const server of table.destinations()) poke(server);
    },
    wakeUp() {
      const met = (server: ServerName) => {
        const { lastInboundTs = 0, lastOutboundTs = 0 } = peers.contact(server);
        return { server, lastMetTs: Math.max(lastInboundTs, lastOutboundTs) };
      };
      const servers = others(sharingServers()).map(met);
      wakingUp ??= wakePeers({ servers, clock, chance, signal: closing.signal, tryNow }).finally(() => {
        wakingUp = undefined;
      });
      return wakingUp;
    },
    heardFrom: askSoftware,
    retryNow: (server) => void tryNow(server),
    counts: table.counts,
    queue: (server) => table.items(server, 100),
    async close() {
      closing.abort();
      stopListening();
      for (const alarm of asleep.values()) alarm.abort();
      for (const { stop } of inFlight.values()) stop.abort();
      await Promise.all([...inFlight.values()].map(({ over }) => over));
      db.transaction(strikeOut);
      taken.clear();
    },
  };
}
