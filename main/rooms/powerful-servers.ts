import { parseUserId, type ServerName, serverNameOf } from '../../shared/ids.ts';
import { creatorsOf, objectAt } from '../protocol/power-levels.ts';
import type { RoomState } from './rooms.ts';

/** Rooms list thousands of users with levels of their own. */
const mostUsers = 50;

/**
 * Where the creators are and those with a level of their own, if they are joined in this state: they have been there for
 * long, and have a say. Found without reading tens of thousands of members.
 */
export function serversOfThePowerful(state: RoomState): readonly ServerName[] {
  const create = state.get('m.room.create', '');
  const creators = create === undefined ? [] : creatorsOf(create);
  const users = Object.keys(objectAt(state.get('m.room.power_levels', '')?.content ?? {}, 'users'));
  const joined = [...creators, ...users]
    .slice(0, mostUsers)
    .map((user) => parseUserId(user))
    .filter((user) => user !== undefined)
    .filter((user) => state.get('m.room.member', user)?.content['membership'] === 'join');
  return [...new Set(joined.map((user) => serverNameOf(user)))];
}
