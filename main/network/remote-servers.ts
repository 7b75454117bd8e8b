import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { JsonObject, JsonValue, Violation } from '../protocol/json.ts';

/** Another server did not do as asked: with a status and Matrix error if it answered, with a stage if it did not. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly server: ServerName;
  readonly status: number | undefined;
  readonly errcode: string | undefined;
  /** The whole error body, for `M_INCOMPATIBLE_ROOM_VERSION` and its like. */
  readonly body: JsonObject;
  readonly stage: 'discovery' | 'connect' | 'tls' | 'timeout' | 'reply' | 'refused';
  readonly retryAfterMs: number | undefined;
  /** Its answer was longer than we take. */
  readonly isTooLong: boolean;

  constructor(
    server: ServerName,
    message: string,
    facts: {
      readonly stage: RemoteError['stage'];
      readonly status?: number | undefined;
      readonly errcode?: string | undefined;
      readonly body?: JsonObject | undefined;
      readonly retryAfterMs?: number | undefined;
      readonly isTooLong?: boolean | undefined;
      readonly cause?: unknown;
    },
  ) {
    super(message, { cause: facts.cause });
    this.server = server;
    this.stage = facts.stage;
    this.status = facts.status;
    this.errcode = facts.errcode;
    this.body = facts.body ?? {};
    this.retryAfterMs = facts.retryAfterMs;
    this.isTooLong = facts.isTooLong ?? false;
  }
}

export interface RemoteReply {
  readonly status: number;
  readonly body: JsonValue;
  /** What strict room versions forbid in the body, with paths: each PDU is judged by its own. */
  readonly violations: readonly Violation[];
}

export interface RemoteRequest {
  readonly method: 'GET' | 'PUT' | 'POST';
  /** Raw and percent-encoded, with the query: exactly what is signed and sent. */
  readonly uri: string;
  readonly body?: JsonObject;
  /** The inspector's name for it: 'make_join'. */
  readonly endpoint: string;
  readonly roomId?: RoomId;
  readonly timeoutMs?: number; // default 30 s
  readonly maxBytes?: number; // default 1 MB
  readonly accept?: string; // default application/json
  readonly attempt?: number;
  /** Ask even a server that is backing off: a person waits for the answer. Default: false fails at once with stage 'refused'. */
  readonly evenIfDown?: boolean;
  /** Not signed: `/_matrix/key/…` and `/version`. */
  readonly unsigned?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * What we ask of other servers. Each throws `RemoteError` where the answer is no answer; what comes back is JSON from a
 * stranger, of which only what its type says has been checked. Paths: https://spec.matrix.org/v1.19/server-server-api/
 */
export interface RemoteServers {
  /** Any request; status 200 only, else `RemoteError`. */
  request(server: ServerName, request: RemoteRequest): Promise<RemoteReply>;
  version(server: ServerName): Promise<{ readonly name: string | undefined; readonly version: string | undefined }>;
  sendTransaction(
    server: ServerName,
    txnId: string,
    body: JsonObject,
    attempt: number,
    options?: { readonly signal?: AbortSignal; readonly evenIfDown?: boolean },
  ): Promise<{ readonly pdus: JsonObject }>;
  event(server: ServerName, eventId: EventId): Promise<RemotePdus>;
  eventAuth(server: ServerName, roomId: RoomId, eventId: EventId): Promise<RemotePdus>;
  stateIds(
    server: ServerName,
    roomId: RoomId,
    eventId: EventId,
  ): Promise<{ readonly pduIds: readonly EventId[]; readonly authChainIds: readonly EventId[] }>;
  /** `pdus`: the state before the event; `authChain`: theirs. */
  state(server: ServerName, roomId: RoomId, eventId: EventId): Promise<RemotePdus & { readonly authChain: RemotePdus }>;
  backfill(server: ServerName, roomId: RoomId, from: readonly EventId[], limit: number): Promise<RemotePdus>;
  missingEvents(
    server: ServerName,
    roomId: RoomId,
    ask: {
      readonly earliest: readonly EventId[];
      readonly latest: readonly EventId[];
      readonly limit: number;
      readonly minDepth: number;
    },
  ): Promise<RemotePdus>;
  makeJoin(
    server: ServerName,
    roomId: RoomId,
    userId: UserId,
    versions: readonly string[],
  ): Promise<MembershipTemplate>;
  sendJoin(server: ServerName, roomId: RoomId, eventId: EventId, event: JsonObject): Promise<RemoteReply>;
  makeLeave(server: ServerName, roomId: RoomId, userId: UserId): Promise<MembershipTemplate>;
  sendLeave(server: ServerName, roomId: RoomId, eventId: EventId, event: JsonObject): Promise<void>;
  makeKnock(
    server: ServerName,
    roomId: RoomId,
    userId: UserId,
    versions: readonly string[],
  ): Promise<MembershipTemplate>;
  sendKnock(server: ServerName, roomId: RoomId, eventId: EventId, event: JsonObject): Promise<RemoteReply>;
  /** By v2, and by v1 where the spec lets us fall back. Returns the event with the invitee's signature. */
  invite(
    server: ServerName,
    ask: {
      readonly roomId: RoomId;
      readonly eventId: EventId;
      readonly roomVersion: string;
      readonly event: JsonObject;
      readonly inviteRoomState: readonly JsonObject[];
    },
  ): Promise<JsonObject>;
  queryDirectory(
    server: ServerName,
    alias: string,
  ): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] }>;
  queryProfile(server: ServerName, userId: UserId, field?: string): Promise<JsonObject>;
}

/** PDUs as they came, with what strict room versions would refuse in each. */
export interface RemotePdus {
  readonly pdus: readonly { readonly pdu: JsonValue; readonly violations: readonly Violation[] }[];
}

export interface MembershipTemplate {
  readonly event: JsonObject;
  readonly roomVersion: string; // "1" where the reply names none
}
