import { parseRoomId, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import { powerLevels } from '../protocol/power-levels.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { RoomState, Rooms } from './rooms.ts';

/** Rooms that let in the members of other rooms. https://spec.matrix.org/v1.19/server-server-api/#restricted-rooms */
export interface RestrictedJoins {
  /**
   * Which user of ours lets this one in; nobody where the room asks for none, be it open, closed, or had they been invited.
   * Throws 403 `M_FORBIDDEN` where the conditions are not met, 400 `M_UNABLE_TO_AUTHORISE_JOIN` where we cannot judge them,
   * and 400 `M_UNABLE_TO_GRANT_JOIN` where they are met and none of our users may invite.
   */
  authoriser(roomId: RoomId, userId: UserId): UserId | undefined;
  /** The same for somebody whom the joining server has named already. */
  checkAuthoriser(roomId: RoomId, userId: UserId, via: UserId): void;
}

type Reads = Pick<Rooms, 'info' | 'currentState' | 'localMembers'>;

export function restrictedJoins(rooms: Reads, serverName: ServerName): RestrictedJoins {
  const isJoined = (state: RoomState, userId: UserId) =>
    state.get('m.room.member', userId)?.content['membership'] === 'join';

  /** Whether the conditions apply to them at all; throws unless they are met. */
  function isLetIn(roomId: RoomId, userId: UserId): boolean {
    const rules = rooms.info(roomId)?.rules;
    const state = rooms.currentState(roomId);
    if (rules === undefined || !isRestricted(state, rules)) return false;
    const membership = state.get('m.room.member', userId)?.content['membership'];
    if (membership === 'join' || membership === 'invite' || membership === 'ban') return false; // the auth rules see to them

    const others = allowedRooms(state);
    const known = others.filter((other) => rooms.info(other)?.resident);
    if (known.some((other) => isJoined(rooms.currentState(other), userId))) return true;
    if (known.length === others.length) {
      throw forbidden(`${userId} is in none of the rooms whose members may join ${roomId}`);
    }
    const unknown = others.filter((other) => !known.includes(other)).join(', ');
    throw new MatrixError(400, 'M_UNABLE_TO_AUTHORISE_JOIN', `This server does not know who is in ${unknown}`);
  }

  /** The most powerful of those who may invite: their word holds longest. */
  function inviterAmong(roomId: RoomId, users: readonly UserId[]): UserId | undefined {
    const rules = rooms.info(roomId)?.rules;
    const state = rooms.currentState(roomId);
    if (rules === undefined) return undefined;
    const powers = powerLevels(state, rules);
    const may = users.filter((user) => powers.userLevel(user) >= powers.invite && isJoined(state, user));
    const stronger = (one: UserId, other: UserId) => (powers.userLevel(other) > powers.userLevel(one) ? other : one);
    return may.length === 0 ? undefined : may.reduce(stronger);
  }

  const unableToGrant = (roomId: RoomId) =>
    new MatrixError(
      400,
      'M_UNABLE_TO_GRANT_JOIN',
      `No user of ${serverName} may invite to ${roomId}: ask another server`,
    );

  return {
    authoriser(roomId, userId) {
      if (!isLetIn(roomId, userId)) return undefined;
      const authoriser = inviterAmong(roomId, rooms.localMembers(roomId));
      if (authoriser === undefined) throw unableToGrant(roomId);
      return authoriser;
    },

    checkAuthoriser(roomId, userId, via) {
      if (!isLetIn(roomId, userId)) return;
      if (serverNameOf(via) !== serverName || inviterAmong(roomId, [via]) === undefined) throw unableToGrant(roomId);
    },
  };
}

/** Whether the room lets in by conditions, as its version knows them. */
export function isRestricted(state: RoomState, rules: RoomVersionRules): boolean {
  const rule = state.get('m.room.join_rules', '')?.content['join_rule'];
  return (rules.restricted && rule === 'restricted') || (rules.knockRestricted && rule === 'knock_restricted');
}

/** There is one kind of condition. What is of another kind, or misshapen, admits nobody. */
export function allowedRooms(state: RoomState): readonly RoomId[] {
  const allow = state.get('m.room.join_rules', '')?.content['allow'];
  if (!Array.isArray(allow)) return [];
  return allow.map(roomOf).filter((roomId) => roomId !== undefined);
}

function roomOf(condition: JsonValue): RoomId | undefined {
  if (!isObject(condition) || condition['type'] !== 'm.room_membership') return undefined;
  const { room_id: roomId } = condition;
  return typeof roomId === 'string' ? parseRoomId(roomId) : undefined;
}
