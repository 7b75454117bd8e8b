import type { PduOutcome, PduSource, ReceiptStep } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject, JsonValue, Violation } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { AuthState, StateKey } from '../protocol/state-map.ts';

/** An event with what became of it here. */
export interface StoredEvent {
  readonly event: RoomEvent; // as it was received, unless `redactedBy`: then it is the redacted form
  readonly outcome: 'accepted' | 'softFailed' | 'rejected';
  readonly outlier: boolean; // known, but not part of the room's history: no state before it
  readonly source: PduSource;
  /** Our arrival order, one counter for all that `/sync` tells of; negative for history; none for outliers. */
  readonly position: number | undefined;
  /** Our own topological order: 1 + the highest of its prev events that we have. */
  readonly topological: number;
  readonly receivedTs: number;
  readonly redactedBy: EventId | undefined;
  readonly why:
    | {
        readonly step: ReceiptStep;
        readonly rule: string;
        readonly reason: string;
        readonly decidedBy: readonly EventId[];
      }
    | undefined;
}

/** A room as this server knows it. */
export interface RoomInfo {
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  /** Whether a local user is joined: what happens in it concerns us. */
  readonly resident: boolean;
  /** Whether prev events are missing that could not be fetched. */
  readonly gap: boolean;
}

/** The state at one point of a room, read as asked for. It does not change. */
export interface RoomState extends AuthState {
  readonly size: number;
  id(type: string, stateKey: string): EventId | undefined;
  ofType(type: string): readonly RoomEvent[];
  entries(): Iterable<readonly [StateKey, EventId]>;
  /** All of it: up to tens of thousands of events. */
  events(): readonly RoomEvent[];
}

/** A local event to be. The rest (room, prev and auth events, depth, hashes, signature) is filled in on its turn. */
export interface EventDraft {
  readonly type: string;
  readonly sender: UserId;
  readonly content: JsonObject;
  readonly stateKey?: string;
  readonly redacts?: EventId;
  /** Our name, for what is handed to other servers by itself: templates and invites have to have it. */
  readonly origin?: ServerName;
  /** Default: now. */
  readonly originServerTs?: number;
}

/** What has happened, told after the commit. Positions only grow. */
export interface Change {
  readonly position: number;
  readonly roomId?: RoomId;
  /** Local users whom it concerns besides the room's members: an invite, account data, to-device. */
  readonly users?: readonly UserId[];
}

export interface Changes {
  emit(change: Change): void;
  on(listener: (change: Change) => void): () => void;
}

/** The rooms of this server: what is in them, and the two ways in which that changes. `MatrixError` where a reply must be one. */
export interface Rooms {
  // -- reading: synchronous, from the database and its caches
  info(roomId: RoomId): RoomInfo | undefined;
  list(): readonly RoomInfo[];
  event(eventId: EventId): StoredEvent | undefined;
  /** Those that are there, in the order asked for. */
  events(eventIds: readonly EventId[]): readonly StoredEvent[];
  currentState(roomId: RoomId): RoomState;
  /** None for outliers and unknown events. */
  stateBefore(eventId: EventId): RoomState | undefined;
  stateAfter(eventId: EventId): RoomState | undefined;
  /** Servers with a joined member, ours included. Cached. */
  servers(roomId: RoomId): ReadonlySet<ServerName>;
  forwardExtremities(roomId: RoomId): readonly EventId[];
  /** Events that are cited as prev events and not here. With the events that cite them: where to backfill from. */
  backwardExtremities(roomId: RoomId): readonly { readonly missing: EventId; readonly citedBy: EventId }[];
  /** What the events cite as auth events, and what those cite; of themselves those that another one cites. The walk yields. */
  authChain(eventIds: readonly EventId[]): Promise<ReadonlySet<EventId>>;
  /** Events in arrival order with `after < position <= upTo`, the newest `limit` of them, oldest first. Accepted ones only. */
  arrived(
    roomId: RoomId,
    range: { readonly after: number; readonly upTo: number; readonly limit: number },
  ): { readonly events: readonly StoredEvent[]; readonly limited: boolean };
  /**
   * By (topological, position), from but without `from`; accepted ones only. `towards: 'start'` is newest first. With
   * `arrived` only of those that came with `after < position <= upTo`: late arrivals stand early in this order.
   */
  page(
    roomId: RoomId,
    query: {
      readonly from: TopologicalToken | undefined;
      readonly towards: 'start' | 'end';
      readonly limit: number;
      readonly arrived?: { readonly after?: number; readonly upTo?: number };
    },
  ): readonly StoredEvent[];
  /** Accepted events by what they claim as their time, the nearest first: `f` from `ts` on, `b` until then. */
  atTime(
    roomId: RoomId,
    query: { readonly ts: number; readonly dir: 'f' | 'b'; readonly skip: number; readonly limit: number },
  ): readonly StoredEvent[];
  /** Changes of current state with `after < position <= upTo`: the event that stands now for each key that changed. */
  stateChanges(
    roomId: RoomId,
    range: { readonly after: number; readonly upTo: number },
  ): readonly { readonly type: string; readonly stateKey: string; readonly eventId: EventId | undefined }[];
  /** Every room that a local user is or was in, with the member event that stands and the position at which it came to. */
  memberships(userId: UserId): readonly LocalMembership[];
  localMembers(roomId: RoomId): readonly UserId[]; // joined ones
  /** The newest position that is committed. */
  position(): number;
  readonly changes: Changes;

  // -- writing: each takes its turn in the room
  /** A new room from its first drafts, `m.room.create` first; the room ID is made here. All or none. */
  create(
    rules: RoomVersionRules,
    drafts: readonly EventDraft[],
  ): Promise<{ readonly roomId: RoomId; readonly events: readonly StoredEvent[] }>;
  /**
   * Local events in one turn, each judged by the state after the one before: all or none. Throws 403 `M_FORBIDDEN` with
   * the rule's reason. They are queued for the room's servers (and `alsoTo`).
   */
  append(
    roomId: RoomId,
    drafts: readonly EventDraft[] | ((state: RoomState) => readonly EventDraft[]),
    options?: AppendOptions,
  ): Promise<readonly StoredEvent[]>;
  /** A template for make_join and its like: what `append` would build, unsigned and without hashes. Throws 403. */
  template(roomId: RoomId, draft: EventDraft): JsonObject;
  /** PDUs as they came in: each gets its outcome, in order; none fails the others. */
  receive(
    pdus: readonly IncomingPdu[],
    from: { readonly origin: ServerName; readonly source: 'live' | 'backfill' },
  ): Promise<readonly PduOutcome[]>;
  /**
   * A member event by which another server changes a room that we are resident in (send_join, send_leave, send_knock).
   * Its signatures have been verified. Judged by its auth events, its state before and current state: throws 403. Stored,
   * and queued for the room's other servers. `state`: the state before it.
   */
  admit(event: RoomEvent): Promise<{ readonly stored: StoredEvent; readonly state: RoomState }>;
  /**
   * The answer of a resident server to our join. Signatures and hashes have been verified by the caller; auth rules are
   * judged here, in topological order, and all is written in chunks. Sets current state and extremities.
   */
  enter(entry: {
    readonly join: RoomEvent;
    readonly state: readonly RoomEvent[];
    readonly authChain: readonly RoomEvent[];
    readonly from: ServerName;
    readonly onProgress?: (done: number, total: number) => void;
  }): Promise<void>;
  /** An event that stands outside of any history of ours: an invite to a room that we are not in. */
  storeOutlier(event: RoomEvent, outcome: 'accepted' | 'rejected'): void;
  /**
   * An invite or knock of a local user to a room that we are not resident in, or its end: shown by `memberships`.
   * `strippedState` is what clients are shown.
   */
  setOutOfRoomMembership(membership: {
    readonly event: RoomEvent;
    readonly membership: 'invite' | 'knock' | 'leave';
    readonly userId: UserId;
    readonly strippedState: readonly JsonObject[];
  }): void;
  /** The user wants to hear no more of a room that they have left. False where there is nothing to forget. */
  forget(userId: UserId, roomId: RoomId): boolean;
  /** While a room is being joined, PDUs for it are parked: by event ID, if its version is known. */
  joining(roomId: RoomId, isJoining: boolean, rules?: RoomVersionRules): void;
  close(): Promise<void>;
}

export interface AppendOptions {
  /**
   * Adds the signatures of others (an invitee, an authorising server) to the finished event. They are waited for before
   * its turn in the room; what the room does not allow any more when it comes is refused.
   */
  readonly sign?: (event: RoomEvent) => Promise<JsonObject>;
  readonly alsoTo?: readonly ServerName[];
  /** Inside the transaction that stores them: what has to be on disk with them, or not at all. */
  readonly within?: (events: readonly StoredEvent[]) => void;
}

export interface TopologicalToken {
  readonly topological: number;
  readonly position: number;
}

export interface IncomingPdu {
  readonly pdu: JsonValue;
  readonly violations: readonly Violation[];
}

export interface LocalMembership {
  readonly roomId: RoomId;
  readonly membership: 'join' | 'invite' | 'knock' | 'leave' | 'ban';
  readonly eventId: EventId;
  readonly sender: UserId;
  readonly position: number;
  /** For invites and knocks from outside: what clients are shown. */
  readonly strippedState: readonly JsonObject[] | undefined;
  readonly forgotten: boolean;
}
