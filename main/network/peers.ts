import type { ServerName } from '../../shared/ids.ts';
import type { PeerStatus } from '../../shared/views.ts';
import type { PeerRow, PeersTable } from '../db/peers.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Platform } from '../platform.ts';
import { retryDelay } from './backoff.ts';

/** What the console shows of a peer, as far as talking with it goes. */
export type PeerContact = Pick<
  PeerStatus,
  | 'server'
  | 'status'
  | 'lastInboundTs'
  | 'lastOutboundTs'
  | 'latencyMs'
  | 'success24h'
  | 'failingSince'
  | 'retryAt'
  | 'failures'
  | 'lastError'
  | 'software'
>;

/** How it goes with each of the other servers: who answers, who fails, and when those are to be tried again. */
export interface Peers {
  /** Whether we have ever talked with it, or tried to. */
  knows(server: ServerName): boolean;
  /** Until when it is not to be asked; nothing where it may be. */
  waitUntil(server: ServerName): number | undefined;
  /** It answered us. */
  succeeded(server: ServerName, tookMs: number): void;
  /** It did not, or only its proxy did. `retryAfterMs` is how long it wants to be left alone. */
  failed(server: ServerName, why: string, retryAfterMs?: number): void;
  /** It answers, but wants to be left alone for a while (429). */
  hold(server: ServerName, ms: number): void;
  /** It sent us a request that proves who it is: it is up, and is tried again at once, unless it asked us to wait. */
  heardFrom(server: ServerName): void;
  /** Forgets why it was not to be asked: a person wants to know, or it was us who were away. */
  forgive(server: ServerName): void;
  /** Tells of each server that is to be tried again before its time. */
  onAvailable(listener: (server: ServerName) => void): () => void;
  /** Whether it is time to ask what it runs. Says so once a day. */
  softwareIsDue(server: ServerName): boolean;
  /** As `/version` has it. */
  runs(server: ServerName, software: string): void;
  contact(server: ServerName): PeerContact;
  list(): readonly PeerContact[];
  /** Writes down what is not yet. */
  close(): void;
}

interface PeersOptions {
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly table: PeersTable;
  readonly inspector: Pick<Inspector, 'peerChanged'>;
  /** Whether the settings let us talk with it. */
  readonly mayFederate: (server: ServerName) => boolean;
}

interface Peer extends PeerRow {
  /** Asked for by 429. */
  readonly heldUntil: number | undefined;
  readonly latencies: readonly number[]; // the last ones, in ms
  readonly hours: readonly Hour[];
}

interface Hour {
  readonly hour: number; // since 1970
  readonly answered: number;
  readonly failed: number;
}

const minute = 60_000;
const hourMs = 60 * minute;
const writeAfterMs = minute;
const slowMs = 2000;
const samples = 15;
/** That long without an answer from anybody, it may be us who are offline. */
const outageMs = 30_000;
const mostPeers = 20_000;
const longestHoldMs = hourMs;

export function createPeers({ platform: { clock, random }, table, inspector, mayFederate }: PeersOptions): Peers {
  const peers = new Map<ServerName, Peer>(
    table.all().map((row) => [row.server, { ...row, heldUntil: undefined, latencies: [], hours: [] }]),
  );
  const listeners = new Set<(server: ServerName) => void>();
  const unwritten = new Set<ServerName>();
  let willWrite = false;
  const closing = new AbortController();

  /** When anybody last answered or wrote, and who has begun to fail since. */
  let lastContactTs = clock.now();
  const failingSinceThen = new Set<ServerName>();

  const get = (server: ServerName): Peer => peers.get(server) ?? stranger(server);

  const write = () => {
    const rows = [...unwritten].flatMap((server) => peers.get(server) ?? []);
    unwritten.clear();
    willWrite = false;
    if (rows.length > 0 && !closing.signal.aborted) table.put(rows);
  };

  /** Who does well is written down with others, within a minute; who fails, at once. */
  const change = (server: ServerName, changes: Partial<Peer>, why: string, atOnce = false) => {
    const before = get(server);
    const after = { ...before, ...changes };
    const [from, to] = [statusOf(before), statusOf(after)];
    peers.delete(server); // it goes to the end, as the one that was met last
    peers.set(server, after);
    unwritten.add(server);
    trim();
    if (atOnce || from === 'backingOff') write();
    else if (!willWrite) {
      willWrite = true;
      void clock.sleep(writeAfterMs, closing.signal).then(write, () => undefined); // closed, and written then
    }
    if (from !== to) inspector.peerChanged({ server, from, to, why });
  };

  const trim = () => {
    for (const oldest of peers.keys()) {
      if (peers.size <= mostPeers) break;
      peers.delete(oldest);
      unwritten.delete(oldest);
      table.remove(oldest);
    }
  };

  const statusOf = (peer: Peer): PeerStatus['status'] => {
    if (!mayFederate(peer.server)) return 'blocked';
    if (peer.failures > 0) return 'backingOff';
    if (peer.lastInTs === undefined && peer.lastOutTs === undefined) return 'neverTried';
    return (median(peer.latencies) ?? 0) > slowMs ? 'slow' : 'ok';
  };

  const counted = ({ hours }: Peer, what: 'answered' | 'failed'): readonly Hour[] => {
    const hour = Math.floor(clock.now() / hourMs);
    const recent = hours.filter((one) => one.hour > hour - 24);
    const now = recent.find((one) => one.hour === hour) ?? { hour, answered: 0, failed: 0 };
    return [...recent.filter((one) => one !== now), { ...now, [what]: now[what] + 1 }];
  };

  const restored = { failingSince: undefined, failures: 0, retryAt: undefined };
  const makeAvailable = (server: ServerName, changes: Partial<Peer>, why: string) => {
    const waited = later(get(server).retryAt, get(server).heldUntil, clock.now()) !== undefined;
    change(server, changes, why);
    if (waited) for (const listener of listeners) listener(server);
  };

  const forgive = (server: ServerName, why: string) =>
    makeAvailable(server, { retryAt: undefined, heldUntil: undefined }, why);

  /** The network is there: those who began to fail while it may not have been are tried again, once. */
  const metSomebody = (server: ServerName) => {
    failingSinceThen.delete(server);
    const wasOutage = clock.now() - lastContactTs >= outageMs;
    lastContactTs = clock.now();
    const others = [...failingSinceThen];
    failingSinceThen.clear();
    if (wasOutage) for (const other of others) forgive(other, 'it may have been us who were offline');
  };

  const contact = (peer: Peer): PeerContact => ({
    server: peer.server,
    status: statusOf(peer),
    lastInboundTs: peer.lastInTs,
    lastOutboundTs: peer.lastOutTs,
    latencyMs: median(peer.latencies),
    success24h: successOf(peer.hours, Math.floor(clock.now() / hourMs)),
    failingSince: peer.failingSince,
    retryAt: later(peer.retryAt, peer.heldUntil, clock.now()),
    failures: peer.failures,
    lastError: peer.lastError,
    software: peer.software,
  });

  return {
    knows: (server) => peers.has(server),
    waitUntil: (server) => later(get(server).retryAt, get(server).heldUntil, clock.now()),
    succeeded(server, tookMs) {
      const peer = get(server);
      const latencies = [...peer.latencies.slice(1 - samples), tookMs];
      const changes = { lastOutTs: clock.now(), latencies, hours: counted(peer, 'answered'), ...restored };
      if (peer.failures > 0) makeAvailable(server, changes, 'it answers again');
      else change(server, changes, 'it answers');
      metSomebody(server);
    },
    failed(server, why, retryAfterMs = 0) {
      const peer = get(server);
      const now = clock.now();
      const failures = peer.failures + 1;
      const failingSince = peer.failingSince ?? now;
      const chance = Buffer.from(random.bytes(4)).readUInt32BE() / 2 ** 32;
      const delay = retryDelay({ failures, failingForMs: now - failingSince }, chance);
      const retryAt = now + Math.max(delay, Math.min(retryAfterMs, longestHoldMs));
      const hours = counted(peer, 'failed');
      if (peer.failures === 0) failingSinceThen.add(server);
      change(server, { failures, failingSince, retryAt, lastError: why, hours }, why, true);
    },
    hold(server, ms) {
      change(server, { heldUntil: clock.now() + Math.min(ms, longestHoldMs) }, 'it asks us to slow down');
    },
    heardFrom(server) {
      makeAvailable(server, { lastInTs: clock.now(), ...restored }, 'it sent us a request');
      metSomebody(server);
    },
    forgive: (server) => forgive(server, 'it is to be tried again'),
    onAvailable(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    softwareIsDue(server) {
      const { softwareTs } = get(server);
      if (softwareTs !== undefined && clock.now() < softwareTs + 24 * hourMs) return false;
      change(server, { softwareTs: clock.now() }, 'it is asked what it runs');
      return true;
    },
    runs: (server, software) => change(server, { software: software.slice(0, 200) }, 'it says what it runs'),
    contact: (server) => contact(get(server)),
    list: () => [...peers.values()].map(contact),
    close() {
      write();
      closing.abort();
    },
  };
}

const stranger = (server: ServerName): Peer => ({
  server,
  lastInTs: undefined,
  lastOutTs: undefined,
  failingSince: undefined,
  failures: 0,
  retryAt: undefined,
  lastError: undefined,
  software: undefined,
  softwareTs: undefined,
  heldUntil: undefined,
  latencies: [],
  hours: [],
});

/** The later of the two, if it is still to come. */
function later(one: number | undefined, two: number | undefined, now: number): number | undefined {
  const time = Math.max(one ?? 0, two ?? 0);
  return time > now ? time : undefined;
}

function median(numbers: readonly number[]): number | undefined {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)];
}

function successOf(hours: readonly Hour[], now: number): number | undefined {
  let [answered, failed] = [0, 0];
  for (const hour of hours) {
    if (hour.hour <= now - 24) continue;
    answered += hour.answered;
    failed += hour.failed;
  }
  return answered + failed === 0 ? undefined : answered / (answered + failed);
}
