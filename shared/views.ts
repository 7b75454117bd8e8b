import type { DiscoveryTraceStep, FlowSummary, OutcomeKind, PduSource, ReceiptStep } from './flow.ts';
import type { EventId, RoomId, ServerName, UserId } from './ids.ts';

export interface ListenerStatus {
  readonly kind: 'client' | 'federation' | 'console';
  readonly address: string; // 'http://127.0.0.1:8008'
}

export type TunnelStatus =
  | {
      readonly state: 'connecting' | 'connected' | 'reconnecting';
      readonly url: string | undefined;
      readonly since: number;
    }
  | { readonly state: 'failed'; readonly url: undefined; readonly since: number; readonly why: string };

/** Something that its owner should look at. */
export interface Attention {
  readonly severity: 'bad' | 'warn' | 'info';
  readonly what: string; // 'birch.example does not answer'
  readonly why: string; // a sentence
  readonly since: number | undefined;
  /** The screen that helps, as the fragment of its address: '/peers/birch.example'. */
  readonly href: string | undefined;
}

export interface Overview {
  readonly serverName: ServerName | undefined; // none until the owner has chosen one
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly federationMode: 'closed' | 'allowlist' | 'open';
  readonly defaultRoomVersion: string;
  readonly listeners: readonly ListenerStatus[];
  readonly tunnel: TunnelStatus | undefined;
  /** 'Federating with 3 servers. 1 of them does not answer.' */
  readonly verdict: { readonly kind: 'ok' | 'warn' | 'bad' | 'info'; readonly sentence: string };
  readonly attention: readonly Attention[];
  readonly signingKey: { readonly keyId: string; readonly createdAt: number } | undefined;
  readonly federation24h: {
    readonly inbound: number;
    readonly outbound: number;
    readonly failed: number;
    readonly p50Ms: number | undefined;
    readonly p95Ms: number | undefined;
    readonly outcomes: Readonly<Partial<Record<OutcomeKind, number>>>;
    /** Requests per bucket, oldest first, all of one length. */
    readonly perHour: readonly { readonly start: number; readonly requests: number; readonly failed: number }[];
  };
  readonly storage: {
    readonly hearthBytes: number;
    readonly inspectorBytes: number;
    readonly inspectorCapBytes: number;
  };
  readonly counts: { readonly rooms: number; readonly peers: number; readonly users: number; readonly events: number };
  readonly eventLoop: { readonly p99Ms: number; readonly maxMs: number };
}

export interface RoomSummary {
  readonly roomId: RoomId;
  readonly name: string | undefined;
  readonly canonicalAlias: string | undefined;
  readonly version: string;
  /** How our server stands in it. */
  readonly membership: 'join' | 'invite' | 'knock' | 'leave';
  readonly encrypted: boolean;
  readonly joinRule: string;
  readonly localMembers: number;
  readonly joinedMembers: number;
  readonly servers: number;
  readonly forwardExtremities: number;
  readonly refused: number; // rejected and soft-failed events on record
  readonly lastEventTs: number | undefined;
  readonly lastRemoteEventTs: number | undefined;
  readonly state: 'ok' | 'gap' | 'joining';
  /** While a join is under way. */
  readonly progress: { readonly phase: string; readonly done: number; readonly total: number | undefined } | undefined;
}

export interface RoomDetail extends RoomSummary {
  /** While we are invited, or knock: whose doing it is. */
  readonly pending: { readonly by: UserId; readonly since: number } | undefined;
  readonly topic: string | undefined;
  readonly creators: readonly UserId[];
  readonly createdTs: number | undefined;
  readonly historyVisibility: string;
  readonly extremities: readonly EventId[];
  readonly backwardExtremities: number;
}

/** A row of a room's timeline, whatever became of the event. */
export interface TimelineRow {
  readonly eventId: EventId;
  readonly type: string;
  readonly stateKey: string | undefined;
  readonly sender: UserId;
  readonly originServerTs: number;
  readonly receivedTs: number;
  readonly position: number | undefined; // our arrival order; none for outliers, negative for backfilled ones
  readonly depth: number;
  readonly source: PduSource;
  readonly outcome: Exclude<OutcomeKind, 'duplicate' | 'dropped'>;
  readonly step: ReceiptStep | undefined;
  readonly rule: string | undefined;
  readonly reason: string | undefined;
  readonly decidedBy: readonly EventId[];
  readonly outlier: boolean;
  /** What it says, in a line: a message's body, 'joined', 'set the topic to …'. */
  readonly summary: string;
}

export interface StateRow {
  readonly type: string;
  readonly stateKey: string;
  readonly eventId: EventId;
  readonly sender: UserId;
  readonly originServerTs: number;
  readonly content: string; // JSON
}

export interface MemberRow {
  readonly userId: UserId;
  readonly displayName: string | undefined;
  readonly membership: string;
  /** Creators of version 12 rooms outrank every number. */
  readonly powerLevel: number | 'creator';
  readonly server: ServerName;
}

export interface RoomServerRow {
  readonly server: ServerName;
  readonly joinedMembers: number;
  readonly status: PeerStatus['status'] | 'own'; // this server itself
}

/** One event opened. */
export interface EventDetail extends TimelineRow {
  readonly roomId: RoomId;
  readonly json: string; // the PDU, as stored
  readonly canonical: string;
  readonly prevEvents: readonly EventId[];
  readonly authEvents: readonly EventId[];
  readonly contentHash: { readonly stated: string | undefined; readonly computed: string };
  readonly computedEventId: string;
  readonly signatures: readonly {
    readonly server: string;
    readonly keyId: string;
    readonly key: 'known' | 'unknown' | 'expired';
  }[];
  readonly redactedBy: EventId | undefined;
}

export interface PeerStatus {
  readonly server: ServerName;
  readonly status: 'ok' | 'slow' | 'backingOff' | 'neverTried' | 'blocked';
  readonly sharedRooms: number;
  readonly lastInboundTs: number | undefined;
  readonly lastOutboundTs: number | undefined; // the last that succeeded
  readonly latencyMs: number | undefined; // median of the last ones
  readonly success24h: number | undefined; // 0–1
  readonly failingSince: number | undefined;
  readonly retryAt: number | undefined;
  readonly failures: number;
  readonly queuedPdus: number;
  readonly queuedEdus: number;
  readonly lastError: string | undefined;
  readonly software: string | undefined; // 'Synapse 1.163.2', from /version
  readonly keyValidUntil: number | undefined;
}

export interface DiscoveryRun {
  readonly ts: number;
  readonly ok: boolean;
  readonly steps: readonly DiscoveryTraceStep[];
  readonly result:
    | { readonly address: string; readonly port: number; readonly hostHeader: string; readonly certificateFor: string }
    | undefined;
  readonly expiresAt: number | undefined;
  readonly error: string | undefined;
}

export interface PeerDetail extends PeerStatus {
  readonly discovery: DiscoveryRun | undefined;
  readonly keys: readonly RemoteKeyStatus[];
  readonly rooms: readonly { readonly roomId: RoomId; readonly name: string | undefined }[];
  readonly queue: readonly {
    readonly kind: 'pdu' | 'edu';
    readonly what: string;
    readonly roomId: RoomId | undefined;
    readonly queuedTs: number;
  }[];
  readonly transitions: readonly {
    readonly ts: number;
    readonly from: string;
    readonly to: string;
    readonly why: string;
  }[];
  readonly recent: readonly FlowSummary[];
}

export interface OwnKeyStatus {
  readonly keyId: string;
  readonly publicKey: string;
  readonly createdAt: number;
  readonly expiredTs: number | undefined; // none: this one signs
  readonly validUntilTs: number | undefined;
  readonly storedIn: string; // 'signing.key in the data folder, readable by you alone'
}

export interface RemoteKeyStatus {
  readonly server: ServerName;
  readonly keyId: string;
  readonly publicKey: string;
  readonly validUntilTs: number;
  readonly usableUntilTs: number; // the earlier of valid_until_ts and fetched + 7 days
  readonly fetchedTs: number;
  readonly expiredTs: number | undefined;
  readonly source: string; // 'direct', or the notary's name
}

export interface Keys {
  readonly own: readonly OwnKeyStatus[];
  readonly remote: readonly RemoteKeyStatus[];
}
