import type { SetUp } from '../../shared/bridge.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type {
  ListenerStatus,
  Overview,
  OwnKeyStatus,
  PeerDetail,
  PeerStatus,
  RemoteKeyStatus,
  RoomSummary,
} from '../../shared/views.ts';
import type { FlowLog } from '../inspector/flow-log.ts';
import type { Traffic } from '../inspector/traffic.ts';
import type { Rooms } from '../rooms/rooms.ts';

// What the console shows comes from here: the read sides of the server, each no wider than a screen needs.

export interface Sources {
  readonly now: () => number;
  readonly server: () => ServerFacts;
  readonly inspector: InspectorFacts;
  /** What there is once the server has a name. */
  readonly federation: () => FederationSources | undefined;
  /** Chooses the name for ever and makes the owner's account. `why` is a sentence for the owner. */
  readonly finishSetUp: (
    choice: SetUp,
  ) => Promise<{ readonly ok: true } | { readonly ok: false; readonly why: string }>;
}

/** What the composition root knows. */
export interface ServerFacts
  extends Pick<
    Overview,
    | 'serverName'
    | 'version'
    | 'startedAt'
    | 'federationMode'
    | 'defaultRoomVersion'
    | 'tunnel'
    | 'signingKey'
    | 'eventLoop'
  > {
  readonly listeners: readonly ListenerStatus[];
  /** Of the federation listener, where there is one. */
  readonly certificate: { readonly validUntilTs: number; readonly names: readonly string[] } | undefined;
  readonly hearthBytes: number;
  readonly accounts: number;
}

export interface InspectorFacts {
  readonly log: FlowLog;
  readonly traffic: Traffic;
  bytes(): number;
  readonly maxBytes: number;
}

export interface FederationSources {
  readonly rooms: RoomsRead;
  readonly roomReads: RoomReads;
  readonly joins: JoinFacts;
  readonly peers: PeerFacts;
  readonly queue: QueueFacts;
  readonly keys: KeyFacts;
}

export type RoomsRead = Pick<
  Rooms,
  | 'info'
  | 'list'
  | 'event'
  | 'events'
  | 'currentState'
  | 'stateBefore'
  | 'forwardExtremities'
  | 'backwardExtremities'
  | 'localMembers'
>;

/** Questions about rooms that only the console asks; answered in SQL (main/db/room-reads.ts). */
export interface RoomReads {
  facts(roomId: RoomId): RoomFacts | undefined;
  /** Event IDs of a page of the timeline, newest first: at most `limit`. */
  timeline(query: TimelinePage): readonly EventId[];
  /** Members in no particular order, `limit` of them after the one that the last page ended with. */
  members(roomId: RoomId, after: number, limit: number): readonly MemberFacts[];
  /** Servers with joined members, ours included. */
  servers(roomId: RoomId): readonly { readonly server: ServerName; readonly members: number }[];
  /** With how many of the rooms that we are in each server shares. */
  sharedRooms(): ReadonlyMap<ServerName, number>;
  roomsWith(server: ServerName): readonly RoomId[];
  /** PDUs that wait for what they lack, newest first. */
  parked(roomId: RoomId, limit: number): readonly ParkedFacts[];
  parkedEvent(eventId: EventId): ParkedFacts | undefined;
  /** How many events have numbers from `from` on and below `before`, and which is the highest number of all. */
  countEvents(from: number, before: number): number;
  lastEvent(): number;
}

/** What a room is like in numbers. */
export interface RoomFacts {
  /** How our server stands in it: the best that one of its users has. */
  readonly membership: RoomSummary['membership'];
  /** Whose event made it so, and when that came. */
  readonly membershipBy: UserId;
  readonly membershipTs: number;
  readonly localMembers: number;
  readonly joinedMembers: number;
  readonly servers: number;
  readonly forwardExtremities: number;
  readonly backwardExtremities: number;
  readonly refused: number;
  readonly lastEventTs: number | undefined;
  /** Among the last thousand. */
  readonly lastRemoteEventTs: number | undefined;
  /** For rooms that we are not in: what the invite or knock said of it. JSON from strangers. */
  readonly strippedState: string | undefined;
}

export interface TimelinePage {
  readonly roomId: RoomId;
  readonly order: 'stream' | 'topological';
  readonly before: number | undefined;
  readonly limit: number;
  readonly refused: boolean;
  readonly outliers: boolean;
}

export interface MemberFacts {
  readonly key: number; // for the next page
  readonly userId: UserId;
  readonly membership: string;
  readonly displayName: string | undefined;
}

export interface ParkedFacts {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly pdu: string; // JSON
  readonly reason: string;
  readonly source: 'live' | 'backfill';
}

/** Joins that are under way. */
export type JoinFacts = () => ReadonlyMap<RoomId, NonNullable<RoomSummary['progress']>>;

/** How it goes with a peer, as far as talking with it goes. */
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

export interface PeerFacts {
  list(): readonly PeerContact[];
  /** Of a server that we never met, too. */
  contact(server: ServerName): PeerContact;
  /** Whether we have ever talked with it, or tried to. */
  knows(server: ServerName): boolean;
  /** Is to be tried again now. */
  retry(server: ServerName): void;
}

/** What waits to be sent. */
export interface QueueFacts {
  counts(): ReadonlyMap<ServerName, { readonly pdus: number; readonly edus: number }>;
  /** The oldest, at most so many. */
  items(server: ServerName, limit: number): PeerDetail['queue'];
}

export interface KeyFacts {
  readonly ownServer: ServerName;
  own(): readonly OwnKeyStatus[];
  remote(): readonly RemoteKeyStatus[];
  of(server: ServerName): readonly RemoteKeyStatus[];
}
