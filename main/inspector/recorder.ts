import type { FlowSummary, PduOutcome } from '../../shared/flow.ts';
import type { FlowId, ServerName } from '../../shared/ids.ts';
import { type InspectorDb, isDamage } from '../db/inspector-db.ts';
import type { Occasion } from '../db/observations.ts';
import type { Log } from '../log.ts';
import type { Platform } from '../platform.ts';
import { batches } from './batches.ts';
import { boundedKey, boundedOutcome, boundedRun, integer, name, sentence } from './bounds.ts';
import type { CaptureLevel } from './capture.ts';
import { createFlowLog, type FlowLog } from './flow-log.ts';
import type { Inspector } from './inspector.ts';
import { type InspectorFileOptions, openInspectorFile } from './inspector-file.ts';
import { type FlowObserver, type ObservedFlow, openFlow } from './open-flow.ts';
import { type Caps, createPruner } from './prune.ts';
import { traceContext } from './trace-context.ts';
import { createTraffic, type Traffic } from './traffic.ts';
import { warmUp } from './warm-up.ts';
import { writeBuffer } from './write-buffer.ts';

/** The inspector at work: it records, and tells what it has. */
export interface RunningInspector extends Inspector {
  readonly log: FlowLog;
  readonly traffic: Traffic;
  /** Flows that are new or have changed, each once, oldest first; at most ten times a second. */
  onFlows(listener: (flows: readonly FlowSummary[]) => void): () => void;
  /** A peer's status has changed. */
  onPeer(listener: (server: ServerName) => void): () => void;
  /** A key of another server was seen. */
  onKey(listener: () => void): () => void;
  /** Of the file. */
  bytes(): number;
  close(): Promise<void>;
}

interface InspectorOptions extends Partial<Caps>, InspectorFileOptions {
  readonly platform: Platform;
  readonly log: Log;
  readonly level?: CaptureLevel;
}

const defaults = { maxBytes: 200_000_000, maxAgeMs: 14 * 86_400_000, level: 'json' } as const;
const dayMs = 86_400_000;
const liveEveryMs = 100;
/** What a row holds in memory until it is written, besides its texts. */
const rowBytes = 500;

/**
 * Starts to record into inspector.db at `path`. Nothing here throws into those who record, nor fails to start: a disk
 * that cannot be written to costs rows and a line in the log.
 */
export async function createInspector(options: InspectorOptions): Promise<RunningInspector> {
  const { platform, log, level = defaults.level, maxBytes = defaults.maxBytes, maxAgeMs = defaults.maxAgeMs } = options;
  const { clock } = platform;
  const file = await openInspectorFile(options, log);
  const onError = (error: unknown) => {
    log.error('the inspector failed', { error });
    if (isDamage(error)) file.replace(error);
  };
  const safely = (work: () => void) => {
    try {
      work();
    } catch (error) {
      onError(error);
    }
  };
  const pruner = createPruner({ db: file.db, clock, onError, maxBytes, maxAgeMs });
  const writes = writeBuffer({ db: file.db, clock, log, onDamage: file.replace, onWritten: pruner.check });
  const context = traceContext(clock.now);
  const traffic = createTraffic(clock.now);
  const warm = warmUp(file.db, traffic, clock.now() - dayMs).catch(onError);
  let lastId = file.db()?.flows.lastId() ?? 0;

  const flowListeners = listeners<readonly FlowSummary[]>(safely);
  const peerListeners = listeners<ServerName>(safely);
  const keyListeners = listeners<void>(safely);
  const live = batches<FlowId, ObservedFlow>(clock, liveEveryMs, (changed) =>
    flowListeners.tell([...changed.values()].map(summaryOf).sort((a, b) => Number(a.id) - Number(b.id))),
  );

  const recordOutcomes = (outcomes: readonly PduOutcome[], flowId: FlowId | undefined) => {
    const ts = clock.now();
    for (const outcome of outcomes) {
      if (outcome.source !== 'local') traffic.judged(ts, outcome.outcome);
      writes.put(outcome, ({ pdus }) => pdus.insert({ ...outcome, ts, flowId }), rowBytes);
    }
  };
  const observer: FlowObserver = {
    now: clock.now,
    level,
    safely,
    changed(flow) {
      if (flowListeners.areThere()) live.put(flow.id, flow);
      writes.put(flow, ({ flows }) => flows.put(flow.record), rowBytes + flow.record.uri.length);
    },
    closed(flow) {
      const { direction, peer, auth, startedAt, tookMs, status } = flow.record;
      const inbound = direction === 'inbound';
      const proven = inbound && auth?.verified !== true ? undefined : peer;
      traffic.finished({ inbound, peer: proven, startedAt, tookMs, status });
    },
    judged: (flow, outcomes) => recordOutcomes(outcomes, flow.id),
    message({ id }, side, message) {
      const table = side === 'request' ? 'requests' : 'replies';
      writes.put(message, ({ flows }) => flows[table].put(id, message), rowBytes + (message.body?.length ?? 0));
    },
  };
  const observe = (write: (to: InspectorDb['observations'], occasion: Occasion) => void) =>
    safely(() => {
      const occasion = { ts: clock.now(), flowId: context.current()?.id };
      writes.put({}, ({ observations }) => write(observations, occasion), rowBytes);
    });

  return {
    open(opening) {
      const id = String(++lastId) as FlowId;
      const flow = openFlow(context.place(id), opening, observer);
      safely(() => observer.changed(flow));
      return flow;
    },
    within: context.within,
    trace: context.trace,
    apart: context.apart,
    current: context.current,
    pdus: (outcomes) => safely(() => recordOutcomes(outcomes.map(boundedOutcome), context.current()?.id)),
    discovered: (server, run) => observe((to, occasion) => to.discovered(server, boundedRun(run), occasion)),
    keyObserved(seen) {
      observe((to, occasion) => to.keyObserved(boundedKey(seen), occasion));
      keyListeners.tell();
    },
    peerChanged(change) {
      observe((to, occasion) => to.peerChanged({ ...change, why: sentence(change.why) }, occasion));
      peerListeners.tell(change.server);
    },
    stateChanged: (change) => observe((to, occasion) => to.stateChanged(change, occasion)),
    eduDropped: ({ type, why }) =>
      observe((to, occasion) => to.eduDropped({ type: name(type), why: sentence(why) }, occasion)),
    keyClaimed: ({ userId, deviceId, served }) =>
      observe((to, occasion) => to.keyClaimed({ userId: name(userId), deviceId: name(deviceId), served }, occasion)),
    slept: ({ from, to: until }) => observe((to) => to.slept(integer(from), integer(until))),

    log: createFlowLog({ db: file.db, flush: writes.flush, nextId: () => lastId + 1, onError }),
    traffic,
    onFlows: flowListeners.add,
    onPeer: peerListeners.add,
    onKey: keyListeners.add,
    bytes: () => file.db()?.bytes().file ?? 0,
    async close() {
      live.stop();
      await writes.close();
      await Promise.all([pruner.done(), warm]);
      await file.close();
    },
  };
}

function summaryOf(flow: ObservedFlow): FlowSummary {
  const { address: _address, discovery: _discovery, ...summary } = flow.record;
  return { ...summary, phases: { ...summary.phases }, outcomes: { ...summary.outcomes } };
}

/** Those who want to be told. What one of them throws meets neither the others nor the one who tells. */
function listeners<T>(safely: (work: () => void) => void) {
  const all = new Set<(value: T) => void>();
  return {
    areThere: () => all.size > 0,
    tell: (value: T) => {
      for (const listener of all) safely(() => listener(value));
    },
    add: (listener: (value: T) => void) => {
      all.add(listener);
      return () => void all.delete(listener);
    },
  };
}
