import type { RoomId, UserId } from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { RoomState, Rooms } from '../rooms/rooms.ts';

/** A room as one user may look at it: as it is now, or as it was when they left. */
export interface RoomView {
  readonly state: RoomState;
  /** The arrival position up to which they see it; none for those who are in it. */
  readonly upTo: number | undefined;
}

type Reads = Pick<Rooms, 'info' | 'event' | 'currentState' | 'stateBefore' | 'stateAfter' | 'memberships'>;

/** Member events looked at on the way back to a join. */
const longestWayBack = 50;

export const membershipOf = (member: RoomEvent | undefined): string | undefined => {
  const membership = member?.content['membership'];
  return typeof membership === 'string' ? membership : undefined;
};

/**
 * "If the user has left the room then the state is taken from the state of the room when they left."
 * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidstate
 *
 * @throws MatrixError 403 for who is not in the room, and never was; or has forgotten it
 */
export function roomView(rooms: Reads, userId: UserId, roomId: RoomId): RoomView {
  const refused = () => forbidden('You are not a member of this room, and never were.');
  if (rooms.info(roomId) === undefined) throw refused();
  const state = rooms.currentState(roomId);
  const member = state.get('m.room.member', userId);
  if (membershipOf(member) === 'join') return { state, upTo: undefined };
  if (state.get('m.room.history_visibility', '')?.content['history_visibility'] === 'world_readable') {
    return { state, upTo: undefined };
  }
  const isForgotten = rooms.memberships(userId).some((each) => each.roomId === roomId && each.forgotten);
  const left = isForgotten ? undefined : lastDeparture(rooms, userId, member);
  const then = left && rooms.stateAfter(left.eventId);
  if (left === undefined || then === undefined) throw refused();
  return { state: then, upTo: rooms.event(left.eventId)?.position };
}

/** The event by which somebody who had been joined was so no more. An invite or a ban later than that changes nothing. */
export function lastDeparture(
  rooms: Pick<Rooms, 'stateBefore'>,
  userId: UserId,
  member: RoomEvent | undefined,
): RoomEvent | undefined {
  let at = member;
  for (let step = 0; at !== undefined && step < longestWayBack; step++) {
    const before = rooms.stateBefore(at.eventId)?.get('m.room.member', userId);
    if (membershipOf(before) === 'join') return at;
    at = before;
  }
  return undefined;
}
