import { type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { splitStateKey } from '../protocol/state-map.ts';
import { allowedRooms, isRestricted } from './restricted-joins.ts';
import type { RoomCard } from './room-card.ts';
import type { LocalMembership, RoomInfo, RoomState, Rooms } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';

/** Who may know of a room that they are not in: whoever could look into it, come in, or ask to. */
export interface RoomAccess {
  /** A room that we are in. */
  ofUser(room: RoomInfo, userId: UserId): boolean;
  /** Whether any user of that server could. */
  ofServer(room: RoomInfo, server: ServerName): boolean;
  /** A room of which another server told us, and what the user has to do with it already. */
  toCard(card: RoomCard, userId: UserId, standing: LocalMembership['membership'] | undefined): boolean;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'servers'>;
  readonly acls: Pick<ServerAcls, 'allows'>;
}

/** Members looked at in the search for an invite to a server. */
const mostMembers = 10_000;

/** https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy */
export function roomAccess({ rooms, acls }: Needs): RoomAccess {
  const membershipIn = (state: RoomState, userId: UserId) => state.get('m.room.member', userId)?.content['membership'];

  /** In one of these rooms: only of those that we are in ourselves we know. */
  const isInOneOf = (allowed: readonly RoomId[], isIn: (roomId: RoomId) => boolean) =>
    allowed.some((roomId) => rooms.info(roomId)?.resident === true && isIn(roomId));

  const isMemberOfOneOf = (allowed: readonly RoomId[], userId: UserId) =>
    isInOneOf(allowed, (roomId) => membershipIn(rooms.currentState(roomId), userId) === 'join');

  const isInvited = (state: RoomState, server: ServerName): boolean => {
    let looked = 0;
    for (const [key] of state.entries()) {
      const [type, user] = splitStateKey(key);
      if (type !== 'm.room.member') continue;
      if (++looked > mostMembers) return false;
      if (user.endsWith(`:${server}`) && membershipIn(state, user as UserId) === 'invite') return true;
    }
    return false;
  };

  return {
    ofUser({ roomId, rules }, userId) {
      const state = rooms.currentState(roomId);
      const membership = membershipIn(state, userId);
      if (membership === 'join' || membership === 'invite') return true;
      if (isOpen(state, rules)) return membership !== 'ban' || isWorldReadable(state);
      return membership !== 'ban' && isRestricted(state, rules) && isMemberOfOneOf(allowedRooms(state), userId);
    },

    ofServer({ roomId, rules }, server) {
      if (rooms.servers(roomId).has(server)) return true;
      const state = rooms.currentState(roomId);
      if (state.get('m.room.create', '')?.content['m.federate'] === false || !acls.allows(roomId, server)) return false;
      if (isOpen(state, rules)) return true;
      if (isRestricted(state, rules) && isInOneOf(allowedRooms(state), (other) => rooms.servers(other).has(server))) {
        return true;
      }
      return isInvited(state, server);
    },

    toCard(card, userId, standing) {
      const { join_rule: rule = 'public', allowed_room_ids: allowed } = card;
      if (standing === 'join' || standing === 'invite' || card.world_readable) return true;
      if (standing === 'ban') return false;
      if (openRules.includes(rule)) return true;
      return rule === 'restricted' && isMemberOfOneOf((allowed ?? []) as RoomId[], userId);
    },
  };
}

/** Everybody may come in, or ask to. */
const openRules = ['public', 'knock', 'knock_restricted'];

const isWorldReadable = (state: RoomState) =>
  state.get('m.room.history_visibility', '')?.content['history_visibility'] === 'world_readable';

function isOpen(state: RoomState, rules: RoomVersionRules): boolean {
  if (isWorldReadable(state)) return true;
  const rule = state.get('m.room.join_rules', '')?.content['join_rule'];
  if (rule === 'public') return true;
  return (rule === 'knock' && rules.knock) || (rule === 'knock_restricted' && rules.knockRestricted);
}

/** Whose room it is by its ID, if that has a server's name. */
export const serverOfRoom = (roomId: RoomId): readonly ServerName[] => {
  const server = serverNameOf(roomId);
  return server === undefined ? [] : [server];
};
