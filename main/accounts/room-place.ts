import type { RoomId } from '../../shared/ids.ts';
import type { Rooms } from '../rooms/rooms.ts';
import { firstPlace, type HistoryPlace, lastPlace, placeAfter, readHistoryToken } from './sync-token.ts';

/**
 * The place in a room's history that a token means. That of a sync token is behind the event that was the newest then.
 *
 * @throws MatrixError 400 M_INVALID_PARAM
 */
export function placeAt(rooms: Pick<Rooms, 'arrived'>, roomId: RoomId, token: string): HistoryPlace {
  const place = readHistoryToken(token);
  if (typeof place !== 'number') return place;
  const [newest] = rooms.arrived(roomId, { after: 0, upTo: place, limit: 1 }).events;
  return newest === undefined ? firstPlace : placeAfter(newest);
}

/**
 * Where to read back from: all that had arrived by a sync, in the order of the history. Its newest event is not the last one
 * of that order where servers could not reach each other for a while.
 *
 * @throws MatrixError 400 M_INVALID_PARAM
 */
export function placeBackFrom(token: string): HistoryPlace {
  const place = readHistoryToken(token);
  return typeof place === 'number' ? lastPlace(place) : place;
}
