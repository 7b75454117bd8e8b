import type { OutcomeKind } from '../../shared/flow.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { Overview, PeerStatus } from '../../shared/views.ts';

/** One request that is over, as far as statistics care. */
export interface FinishedFlow {
  readonly inbound: boolean;
  /** An inbound one only if X-Matrix proved it. */
  readonly peer: ServerName | undefined;
  readonly startedAt: number;
  readonly tookMs: number | undefined;
  readonly status: number | undefined; // none: no reply
}

type PeerTraffic = Pick<PeerStatus, 'lastInboundTs' | 'lastOutboundTs' | 'latencyMs' | 'success24h'>;

/** The federation of the last day in numbers, counted as it happens: asking costs nothing. */
export interface Traffic {
  finished(flow: FinishedFlow): void;
  /** An event of another server. */
  judged(ts: number, outcome: OutcomeKind, count?: number): void;
  last24h(): Overview['federation24h'];
  ofPeer(server: ServerName): PeerTraffic | undefined;
}

const hourMs = 3_600_000;
const hours = 24;
const mostPeers = 5_000;
const lastLatencies = 20;

interface Hour {
  readonly start: number;
  inbound: number;
  outbound: number;
  failed: number;
  readonly took: Uint32Array;
  readonly outcomes: Map<OutcomeKind, number>;
}

interface Peer {
  lastInboundTs: number | undefined;
  lastOutboundTs: number | undefined;
  readonly latencies: number[]; // the last ones, a ring
  latencyCount: number;
  /** By hour of the day, `start` telling of which day. */
  readonly asked: { start: number; ok: number; all: number }[];
}

export function createTraffic(now: () => number): Traffic {
  const day = new Map<number, Hour>();
  const peers = new Map<ServerName, Peer>(); // least recently heard of first

  const startOf = (ts: number) => Math.floor(ts / hourMs) * hourMs;
  const firstStart = () => startOf(now()) - (hours - 1) * hourMs;
  const hourOf = (ts: number): Hour | undefined => {
    const start = startOf(ts);
    if (start < firstStart()) return undefined;
    const known = day.get(start);
    if (known !== undefined) return known;
    for (const old of day.keys()) if (old < firstStart()) day.delete(old);
    const hour = { start, inbound: 0, outbound: 0, failed: 0, took: new Uint32Array(buckets), outcomes: new Map() };
    day.set(start, hour);
    return hour;
  };
  const peerOf = (server: ServerName): Peer => {
    const peer = peers.get(server) ?? {
      lastInboundTs: undefined,
      lastOutboundTs: undefined,
      latencies: [],
      latencyCount: 0,
      asked: Array.from({ length: hours }, () => ({ start: 0, ok: 0, all: 0 })),
    };
    peers.delete(server);
    peers.set(server, peer);
    for (const [oldest] of peers) {
      if (peers.size <= mostPeers) break;
      peers.delete(oldest);
    }
    return peer;
  };

  const countPeer = (server: ServerName, { inbound, startedAt, tookMs, status }: FinishedFlow) => {
    const peer = peerOf(server);
    const isAlive = status !== undefined && status < 500;
    if (inbound) {
      peer.lastInboundTs = Math.max(peer.lastInboundTs ?? 0, startedAt);
      return;
    }
    const start = startOf(startedAt);
    const slot = peer.asked[(start / hourMs) % hours];
    if (slot !== undefined && slot.start <= start) {
      if (slot.start < start) Object.assign(slot, { start, ok: 0, all: 0 });
      slot.all++;
      if (isAlive) slot.ok++;
    }
    if (!isAlive) return;
    peer.lastOutboundTs = Math.max(peer.lastOutboundTs ?? 0, startedAt);
    if (tookMs !== undefined) peer.latencies[peer.latencyCount++ % lastLatencies] = tookMs;
  };

  return {
    finished(flow) {
      const hour = hourOf(flow.startedAt);
      if (hour !== undefined) {
        if (flow.inbound) hour.inbound++;
        else hour.outbound++;
        if (flow.status === undefined || flow.status >= 400) hour.failed++;
        else if (flow.tookMs !== undefined) countIn(hour.took, bucketOf(flow.tookMs));
      }
      if (flow.peer !== undefined) countPeer(flow.peer, flow);
    },
    judged(ts, outcome, count = 1) {
      const hour = hourOf(ts);
      hour?.outcomes.set(outcome, (hour.outcomes.get(outcome) ?? 0) + count);
    },

    last24h() {
      const starts = Array.from({ length: hours }, (_none, index) => firstStart() + index * hourMs);
      const counted = starts.flatMap((start) => day.get(start) ?? []);
      const sum = (of: (hour: Hour) => number) => counted.reduce((total, hour) => total + of(hour), 0);
      const took = counted.reduce((all, hour) => all.map((count, index) => count + (hour.took[index] ?? 0)), noneTook);
      const outcomes: Partial<Record<OutcomeKind, number>> = {};
      for (const [kind, count] of counted.flatMap((hour) => [...hour.outcomes])) {
        outcomes[kind] = (outcomes[kind] ?? 0) + count;
      }
      return {
        inbound: sum((hour) => hour.inbound),
        outbound: sum((hour) => hour.outbound),
        failed: sum((hour) => hour.failed),
        p50Ms: percentile(took, 0.5),
        p95Ms: percentile(took, 0.95),
        outcomes,
        perHour: starts.map((start) => {
          const { inbound = 0, outbound = 0, failed = 0 } = day.get(start) ?? {};
          return { start, requests: inbound + outbound, failed };
        }),
      };
    },

    ofPeer(server) {
      const peer = peers.get(server);
      if (peer === undefined) return undefined;
      const asked = peer.asked.filter(({ start }) => start >= firstStart());
      const all = asked.reduce((total, slot) => total + slot.all, 0);
      const ok = asked.reduce((total, slot) => total + slot.ok, 0);
      return {
        lastInboundTs: peer.lastInboundTs,
        lastOutboundTs: peer.lastOutboundTs,
        latencyMs: median(peer.latencies),
        success24h: all === 0 ? undefined : ok / all,
      };
    },
  };
}

// Durations are counted in buckets each 5 % wider than the one before: percentiles without keeping the durations.
const growth = Math.log(1.05);
const buckets = 320; // to well over an hour
const noneTook: Uint32Array = new Uint32Array(buckets);
const bucketOf = (ms: number) => (ms < 1 ? 0 : Math.min(buckets - 1, 1 + Math.floor(Math.log(ms) / growth)));
const middleOf = (bucket: number) => (bucket === 0 ? 0 : Math.round(Math.exp((bucket - 0.5) * growth)));

function countIn(took: Uint32Array, bucket: number): void {
  took[bucket] = (took[bucket] ?? 0) + 1;
}

function percentile(took: Uint32Array, share: number): number | undefined {
  const all = took.reduce((total, count) => total + count, 0);
  let left = all * share;
  const bucket = took.findIndex((count) => {
    left -= count;
    return count > 0 && left <= 0;
  });
  return bucket === -1 ? undefined : middleOf(bucket);
}

function median(values: readonly number[]): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)];
}
