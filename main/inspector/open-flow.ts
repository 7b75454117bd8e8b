import type { FlowAuth, FlowSummary, OutcomeKind, PduOutcome, Phase } from '../../shared/flow.ts';
import { type FlowId, parseServerName } from '../../shared/ids.ts';
import type { FlowRecord, Message } from '../db/flows.ts';
import { boundedAuth, boundedOutcome, boundedSteps, integer, name, sentence } from './bounds.ts';
import { type CaptureLevel, captureBody, captureHeaders, cut, type WireHeaders } from './capture.ts';
import type { FlowOpening, OpenFlow } from './inspector.ts';
import { strikeUri } from './strike-out.ts';

const longestUri = 8 * 1024;
/** Error bodies are short; what is longer is not searched for its errcode. */
const longestError = 16 * 1024;

/** Where a flow stands among the others. */
export interface Place {
  readonly id: FlowId;
  readonly traceId: string;
  readonly parentId: FlowId | undefined;
}

/** Whom a flow tells what has become of it. */
export interface FlowObserver {
  readonly now: () => number;
  readonly level: CaptureLevel;
  changed(flow: ObservedFlow): void;
  /** Once, after the last `changed` of its own. */
  closed(flow: ObservedFlow): void;
  judged(flow: ObservedFlow, outcomes: readonly PduOutcome[]): void;
  message(flow: ObservedFlow, side: 'request' | 'reply', message: Message): void;
  /** Does `work`, which is ours, so that nothing it throws meets our caller. */
  safely(work: () => void): void;
}

/** A flow as the recorder has it, from its opening until it is closed and written. */
export interface ObservedFlow extends OpenFlow {
  /** As it is now. */
  record(): FlowRecord;
  readonly closedAt: number | undefined;
}

type Later = Pick<
  FlowRecord,
  'peer' | 'roomId' | 'tookMs' | 'status' | 'errcode' | 'error' | 'auth' | 'address' | 'discovery' | 'edus'
> & { readonly requestBytes: number; readonly responseBytes: number };

/** Begins to record a request. All that is secret or too long is left out before it is kept anywhere. */
export function openFlow({ id, traceId, parentId }: Place, opening: FlowOpening, observer: FlowObserver): ObservedFlow {
  const { now, level, safely } = observer;
  const first = {
    id,
    traceId,
    parentId,
    direction: opening.direction,
    method: name(opening.method),
    uri: cut(strikeUri(opening.uri), longestUri),
    endpoint: name(opening.endpoint),
    startedAt: now(),
    attempt: integer(opening.attempt ?? 1),
  };
  let later: Later = {
    peer: opening.peer,
    roomId: opening.roomId,
    tookMs: undefined,
    status: undefined,
    errcode: undefined,
    error: undefined,
    auth: undefined,
    address: opening.address,
    discovery: [],
    requestBytes: 0,
    responseBytes: 0,
    edus: 0,
  };
  const phases: Partial<Record<Phase, number>> = {};
  const outcomes: Partial<Record<OutcomeKind, number>> = {};
  let closedAt: number | undefined;

  const set = (change: Partial<Later>) => {
    later = { ...later, ...change };
    observer.changed(flow);
  };
  const end = (change: Partial<Later>) => {
    if (closedAt !== undefined) return; // once only
    closedAt = now();
    set({ ...change, tookMs: Math.max(0, closedAt - first.startedAt) });
    observer.closed(flow);
  };
  const keep = (side: 'request' | 'reply', headers: WireHeaders, body: Uint8Array) => {
    if (level === 'metadata') return;
    observer.message(flow, side, { headers: captureHeaders(headers), body: captureBody(level, headers, body) });
  };

  const flow: ObservedFlow = {
    id,
    traceId,
    record: () => ({ ...first, ...later, phases: { ...phases }, outcomes: { ...outcomes } }),
    get closedAt() {
      return closedAt;
    },
    request: (headers, body = new Uint8Array()) =>
      safely(() => {
        keep('request', headers, body);
        set({ requestBytes: body.length });
      }),
    auth: (auth) => safely(() => set({ auth: boundedAuth(auth), peer: later.peer ?? claimedBy(auth) })),
    room: (roomId) => safely(() => set({ roomId })),
    phase: (phase, ms) =>
      safely(() => {
        phases[phase] = (phases[phase] ?? 0) + integer(ms);
        set({});
      }),
    discovery: (steps) => safely(() => set({ discovery: boundedSteps(steps) })),
    address: (address) => safely(() => set({ address: name(address) })),
    pdus: (judged) =>
      safely(() => {
        for (const { outcome } of judged) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        observer.judged(flow, judged.map(boundedOutcome));
        set({});
      }),
    edus: (count) => safely(() => set({ edus: integer(count) })),
    close: ({ status, headers, body, errcode }) =>
      safely(() => {
        if (closedAt !== undefined) return;
        keep('reply', headers, body);
        const stated = errcode ?? (status >= 400 ? errcodeIn(body) : undefined);
        end({ status: integer(status), errcode: stated && name(stated), responseBytes: body.length });
      }),
    fail: ({ stage, message }) => safely(() => end({ error: { stage, message: sentence(message) } })),
  };
  return flow;
}

/** Who a request says it is from, proven or not: the list shows it beside the verdict. */
const claimedBy = (auth: FlowAuth): FlowSummary['peer'] =>
  auth.origin === undefined ? undefined : parseServerName(auth.origin);

function errcodeIn(body: Uint8Array): string | undefined {
  if (body.length > longestError) return undefined;
  try {
    const { errcode } = JSON.parse(Buffer.from(body).toString()) as { errcode?: unknown };
    return typeof errcode === 'string' ? errcode : undefined;
  } catch {
    return undefined; // an error need not be Matrix's: proxies send pages
  }
}
