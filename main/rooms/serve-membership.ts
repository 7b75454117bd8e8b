import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { parseEvent } from '../protocol/event.ts';
import { cosignEvent } from '../protocol/event-signing.ts';
import type { JsonObject, JsonValue, Violation } from '../protocol/json.ts';
import type { SigningKey } from '../protocol/signing.ts';
import { checkMemberEvent } from './check-member-event.ts';
import type { RestrictedJoins } from './restricted-joins.ts';
import type { RoomInfo, RoomState, Rooms } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';
import { identifyingState } from './stripped-state.ts';

export type ServedMembership = 'join' | 'leave' | 'knock';

export interface Template {
  readonly room_version: string;
  readonly event: JsonObject;
}

/** A signed member event as it was handed in, under the IDs of the path. */
export interface HandedIn {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly pdu: JsonValue;
  readonly violations: readonly Violation[];
}

/** What somebody who has joined is given. The lists are IDs: they can be tens of thousands of events. */
export interface JoinedRoom {
  readonly event: JsonObject; // with our signature where it was asked for
  readonly state: readonly EventId[]; // before the join
  readonly authChain: readonly EventId[];
  readonly membersOmitted: boolean;
  readonly serversInRoom: readonly ServerName[]; // before the join
}

/**
 * The way of other servers' users into and out of the rooms that we are in. All throw 404 `M_NOT_FOUND` for rooms that we
 * are not in, and 403 `M_FORBIDDEN` for what the server ACL or the auth rules forbid.
 */
export interface MembershipServer {
  /**
   * An event to be filled in and signed. 400 `M_INCOMPATIBLE_ROOM_VERSION` unless `versions` has the room's.
   * https://spec.matrix.org/v1.19/server-server-api/#joining-rooms
   */
  make(
    membership: ServedMembership,
    origin: ServerName,
    roomId: RoomId,
    userId: UserId,
    versions?: readonly string[],
  ): Template;
  /** Throws 400 `M_INVALID_PARAM` for an event that is not one of this user's server to join this room. */
  sendJoin(origin: ServerName, handedIn: HandedIn, options: { readonly omitMembers: boolean }): Promise<JoinedRoom>;
  /** https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites */
  sendLeave(origin: ServerName, handedIn: HandedIn): Promise<void>;
  /** Whole events by which the room can be known. https://spec.matrix.org/v1.19/server-server-api/#knocking-rooms */
  sendKnock(origin: ServerName, handedIn: HandedIn): Promise<readonly JsonObject[]>;
}

interface Needs {
  readonly rooms: Pick<
    Rooms,
    'info' | 'event' | 'events' | 'servers' | 'template' | 'admit' | 'stateBefore' | 'authChain'
  >;
  readonly acls: ServerAcls;
  readonly restricted: RestrictedJoins;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly serverName: ServerName;
  readonly signingKey: () => SigningKey;
}

export function serveMembership(needs: Needs): MembershipServer {
  const { rooms, acls, restricted, keyring, serverName, signingKey } = needs;

  function enter(origin: ServerName, roomId: RoomId): RoomInfo {
    const info = rooms.info(roomId);
    if (info === undefined || !info.resident) throw notFound(`This server is not in ${roomId}`);
    acls.check(roomId, origin);
    return info;
  }

  async function handed(membership: ServedMembership, origin: ServerName, handedIn: HandedIn): Promise<RoomEvent> {
    const { rules } = enter(origin, handedIn.roomId);
    return checkMemberEvent({ ...handedIn, origin, rules, membership }, keyring);
  }

  /** Our word for a restricted join, judged anew: much may have happened since make_join. */
  function authorised(event: RoomEvent): RoomEvent {
    const named = event.rules.restricted ? event.content['join_authorised_via_users_server'] : undefined;
    if (named === undefined) return event;
    const via = typeof named === 'string' ? parseUserId(named) : undefined;
    if (via === undefined || serverNameOf(via) !== serverName) {
      throw invalidParam('join_authorised_via_users_server is no user of this server, which cannot speak for them');
    }
    restricted.checkAuthoriser(event.roomId, event.sender, via);
    return parseEvent(cosignEvent(event.pdu, event.rules, serverName, signingKey()), event.rules);
  }

  /** Once only: who lost our reply may ask again. */
  async function admitted(event: RoomEvent): Promise<{ readonly event: RoomEvent; readonly state: RoomState }> {
    const known = rooms.event(event.eventId);
    const stateThen = known?.outcome === 'accepted' ? rooms.stateBefore(event.eventId) : undefined;
    if (known !== undefined && stateThen !== undefined) return { event: known.event, state: stateThen };
    const { stored, state } = await rooms.admit(event);
    return { event: stored.event, state };
  }

  return {
    make(membership, origin, roomId, userId, versions) {
      const { rules } = enter(origin, roomId);
      if (serverNameOf(userId) !== origin) throw forbidden(`${userId} is not a user of ${origin}`);
      if (versions !== undefined && !versions.includes(rules.version)) {
        throw new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', `${roomId} has version ${rules.version}`, {
          fields: { room_version: rules.version },
        });
      }
      const via = membership === 'join' ? restricted.authoriser(roomId, userId) : undefined;
      const content = { membership, ...(via !== undefined && { join_authorised_via_users_server: via }) };
      const draft = { type: 'm.room.member', sender: userId, stateKey: userId, content, origin: serverName };
      return { room_version: rules.version, event: rooms.template(roomId, draft) };
    },

    async sendJoin(origin, handedIn, { omitMembers }) {
      const handedEvent = await handed('join', origin, handedIn);
      const serversInRoom = [...rooms.servers(handedIn.roomId)];
      const { event, state } = await admitted(authorised(handedEvent));
      const all = [...state.entries()];
      const heroes = omitMembers ? heroesOf(state, event.sender, rooms) : new Set<EventId>();
      const kept = omitMembers
        ? all.filter(([key, eventId]) => !key.startsWith('m.room.member\0') || heroes.has(eventId))
        : all;
      const stateIds = kept.map(([, eventId]) => eventId);
      const chain = await rooms.authChain([...stateIds, event.eventId]);
      const isInState = omitMembers ? new Set(stateIds) : new Set<EventId>();
      return {
        event: event.pdu,
        state: stateIds,
        authChain: [...chain].filter((eventId) => !isInState.has(eventId)),
        membersOmitted: omitMembers,
        serversInRoom,
      };
    },

    async sendLeave(origin, handedIn) {
      await admitted(await handed('leave', origin, handedIn));
    },

    async sendKnock(origin, handedIn) {
      const { state } = await admitted(await handed('knock', origin, handedIn));
      return identifyingState(state).map(({ pdu }) => pdu);
    },
  };
}

/** Members looked at in the search for heroes. */
const mostCandidates = 100;

/**
 * The members after whom a room without name and alias is called: the first five, others than the joiner.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
function heroesOf(state: RoomState, joiner: UserId, rooms: Pick<Rooms, 'events'>): ReadonlySet<EventId> {
  const name = state.get('m.room.name', '')?.content['name'];
  const alias = state.get('m.room.canonical_alias', '')?.content['alias'];
  if (name || alias) return new Set();
  const candidates: EventId[] = [];
  for (const [key, eventId] of state.entries()) {
    if (candidates.length === mostCandidates) break;
    if (key.startsWith('m.room.member\0')) candidates.push(eventId);
  }
  const others = rooms.events(candidates).filter(({ event }) => event.stateKey !== joiner);
  const isIn = (membership: unknown) => membership === 'join' || membership === 'invite';
  const present = others.filter(({ event }) => isIn(event.content['membership']));
  return new Set(
    [...(present.length > 0 ? present : others)]
      .sort((one, other) => (one.position ?? 0) - (other.position ?? 0))
      .slice(0, 5)
      .map(({ event }) => event.eventId),
  );
}
