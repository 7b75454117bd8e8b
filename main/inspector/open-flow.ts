import type { FlowAuth, FlowSummary, OutcomeKind, PduOutcome, Phase } from '../../shared/flow.ts';
import { type FlowId, parseServerName, type RoomId } from '../../shared/ids.ts';
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
  /** In whose name it is. */
  readonly parent: ObservedFlow | undefined;
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
  /** As it is now: it goes on changing. */
  readonly record: FlowRecord;
  readonly closedAt: number | undefined;
  /** A request that it caused begins (1), or is over (-1). */
  asks(change: 1 | -1): void;
}

type Changing<T> = { -readonly [K in keyof T]: T[K] };

/** Begins to record a request. All that is secret or too long is left out before it is kept anywhere. */
export function openFlow(place: Place, opening: FlowOpening, observer: FlowObserver): ObservedFlow {
  const { id, traceId, parent } = place;
  const { now, level, safely } = observer;
  const phases: Partial<Record<Phase, number>> = {};
  const inbound = opening.direction === 'inbound' ? inboundPhases(phases, now) : undefined;
  const outcomes: Partial<Record<OutcomeKind, number>> = {};
  // One object, changed in place: a copy for each of some ten calls would cost more than all the rest.
  const record: Changing<FlowRecord> = {
    id,
    traceId,
    parentId: parent?.id,
    direction: opening.direction,
    peer: opening.peer,
    method: name(opening.method),
    uri: cut(strikeUri(opening.uri), longestUri),
    endpoint: name(opening.endpoint),
    roomId: opening.roomId,
    startedAt: now(),
    tookMs: undefined,
    status: undefined,
    errcode: undefined,
    error: undefined,
    auth: undefined,
    attempt: integer(opening.attempt ?? 1),
    requestBytes: 0,
    responseBytes: 0,
    phases,
    outcomes,
    edus: 0,
    address: opening.address,
    discovery: [],
  };
  let closedAt: number | undefined;

  const change = (work: () => void) =>
    safely(() => {
      work();
      observer.changed(flow);
    });
  const end = (work: () => void) => {
    if (closedAt !== undefined) return; // once only
    closedAt = now();
    record.tookMs = Math.max(0, closedAt - record.startedAt);
    inbound?.answered(record.tookMs);
    change(work);
    parent?.asks(-1);
    safely(() => observer.closed(flow));
  };
  const keep = (side: 'request' | 'reply', headers: WireHeaders, body: Uint8Array) => {
    if (level === 'metadata') return;
    observer.message(flow, side, { headers: captureHeaders(headers), body: captureBody(level, headers, body) });
  };

  const flow: ObservedFlow = {
    id,
    traceId,
    record,
    get closedAt() {
      return closedAt;
    },
    asks: (by) => inbound?.asks(by),
    request: (headers, body = nothing) =>
      change(() => {
        inbound?.read(now() - record.startedAt);
        record.requestBytes = body.length;
        keep('request', headers, body);
      }),
    auth: (auth) =>
      change(() => {
        record.auth = boundedAuth(auth);
        record.peer ??= claimedBy(auth);
      }),
    room: (roomId) =>
      change(() => {
        record.roomId = roomId;
      }),
    phase: (phase, ms) =>
      change(() => {
        phases[phase] = (phases[phase] ?? 0) + integer(ms);
      }),
    discovery: (steps) =>
      change(() => {
        record.discovery = boundedSteps(steps);
      }),
    address: (address) =>
      change(() => {
        record.address = name(address);
      }),
    pdus: (judged) =>
      change(() => {
        for (const { outcome } of judged) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
        record.roomId ??= oneRoomOf(judged);
        observer.judged(flow, judged.map(boundedOutcome));
      }),
    edus: (count) =>
      change(() => {
        record.edus = integer(count);
      }),
    close: ({ status, headers, body, size = body.length, errcode }) =>
      end(() => {
        const stated = errcode ?? (status >= 400 ? errcodeIn(body) : undefined);
        record.status = integer(status);
        record.errcode = stated && name(stated);
        record.responseBytes = size;
        keep('reply', headers, body);
      }),
    fail: ({ stage, message }) =>
      end(() => {
        record.error = { stage, message: sentence(message) };
      }),
  };
  parent?.asks(1);
  return flow;
}

/** Where the time of a request to us goes: reading it, waiting for what others are asked in its name, and our own work. */
function inboundPhases(phases: Partial<Record<Phase, number>>, now: () => number) {
  let asked = 0;
  let since = 0;
  let isOver = false;
  const waited = () => {
    phases.wait = (phases.wait ?? 0) + now() - since;
  };
  return {
    read(ms: number) {
      phases.body = ms;
    },
    asks(by: 1 | -1) {
      if (isOver) return; // what goes on afterwards holds nobody up
      asked += by;
      if (by === 1 && asked === 1) since = now();
      if (asked === 0) waited();
    },
    answered(tookMs: number) {
      if (asked > 0) waited();
      isOver = true;
      const told = Object.values(phases).reduce((sum, ms) => sum + ms, 0);
      phases.processing ??= Math.max(0, tookMs - told);
    },
  };
}

/** The room that all of them are in, as a rule: a transaction may bring events of several. */
function oneRoomOf([first, ...others]: readonly PduOutcome[]): RoomId | undefined {
  return others.every(({ roomId }) => roomId === first?.roomId) ? first?.roomId : undefined;
}

const nothing = new Uint8Array();

/** Who a request says it is from, proven or not: the list shows it beside the verdict. */
function claimedBy(auth: FlowAuth): FlowSummary['peer'] {
  if (auth.verified) return auth.origin;
  return auth.origin === undefined ? undefined : parseServerName(auth.origin);
}

function errcodeIn(body: Uint8Array): string | undefined {
  if (body.length > longestError) return undefined;
  try {
    const { errcode } = JSON.parse(Buffer.from(body).toString()) as { errcode?: unknown };
    return typeof errcode === 'string' ? errcode : undefined;
  } catch {
    return undefined; // an error need not be Matrix's: proxies send pages
  }
}
