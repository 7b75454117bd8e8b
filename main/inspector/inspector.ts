import type { DiscoveryTraceStep, FlowAuth, FlowSummary, PduOutcome, Phase } from '../../shared/flow.ts';
import type { FlowId, RoomId, ServerName } from '../../shared/ids.ts';
import type { DiscoveryRun } from '../../shared/views.ts';
import type { EduDrop, KeyClaim, KeyObservation, PeerTransition, StateChange } from '../db/observations.ts';

/** What is known of a request when it begins. */
export interface FlowOpening {
  readonly direction: 'inbound' | 'outbound';
  readonly peer?: ServerName;
  readonly method: string;
  readonly uri: string; // as on the wire
  readonly endpoint: string; // 'send', 'key/v2/server'
  readonly roomId?: RoomId;
  readonly address?: string;
  readonly attempt?: number; // default 1
}

/** A request that is being recorded. Everything secret is struck out here, on entry. */
export interface OpenFlow {
  readonly id: FlowId;
  readonly traceId: string;
  /** Headers and body as on the wire; the body is cut at 64 KiB. */
  request(headers: Readonly<Record<string, string | string[] | undefined>>, body: Uint8Array | undefined): void;
  auth(auth: FlowAuth): void;
  room(roomId: RoomId): void;
  phase(phase: Phase, ms: number): void;
  discovery(steps: readonly DiscoveryTraceStep[]): void;
  address(address: string): void;
  pdus(outcomes: readonly PduOutcome[]): void;
  edus(count: number): void;
  /** A reply was made or came. Once only. */
  close(reply: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string | string[] | undefined>>;
    readonly body: Uint8Array;
    /** In bytes, where it is more than `body`. */
    readonly size?: number;
    readonly errcode?: string;
  }): void;
  /** No reply was made or came. Once only. */
  fail(error: NonNullable<FlowSummary['error']>): void;
}

/** Records federation as it happens. Nothing here throws into its caller: a full inspector costs rows, never messages. */
export interface Inspector {
  open(opening: FlowOpening): OpenFlow;
  /** Flows opened by `work`, however deep, belong to the trace of `flow`. */
  within<T>(flow: OpenFlow, work: () => T): T;
  /** The flow in whose name we are working, if any. */
  current(): OpenFlow | undefined;
  /** Flows opened by `work` are one trace, though none of them caused the others: a join that a client asked for. */
  trace<T>(work: () => T): T;
  /** Flows opened by `work` are nobody's: a loop that lives on after the flow that woke it. */
  apart<T>(work: () => T): T;
  /** PDUs that came otherwise than in the body of an inbound request, or were judged later: missing events, backfill, joins, our own. */
  pdus(outcomes: readonly PduOutcome[]): void;
  discovered(server: ServerName, run: DiscoveryRun): void;
  keyObserved(seen: KeyObservation): void;
  peerChanged(change: PeerTransition): void;
  stateChanged(change: StateChange): void;
  /** An EDU that was ignored: its user is not of its origin, the server is denied. */
  eduDropped(drop: EduDrop): void;
  /** Another server asked for a key of a device of ours. */
  keyClaimed(claim: KeyClaim): void;
  /** This computer was asleep, or the server not running. */
  slept(interval: { readonly from: number; readonly to: number }): void;
}
