import type { RoomId, UserId } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { AccountData } from './account-data.ts';
import type { PushRules } from './push-rules.ts';

interface CarryOverServices {
  readonly rooms: Pick<Rooms, 'info' | 'currentState'>;
  readonly accountData: Pick<AccountData, 'get' | 'keep' | 'tags' | 'setTag'>;
  readonly pushRules: Pick<PushRules, 'ruleset' | 'put' | 'setEnabled'>;
}

/**
 * Somebody has joined a room. If it replaces another one, of which its tombstone must say the same, their notification
 * settings and tags hold for it, too, and it is as direct as the other.
 * https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 */
export function createCarryOver({ rooms, accountData, pushRules }: CarryOverServices) {
  const predecessorOf = (roomId: RoomId): RoomId | undefined => {
    const predecessor = rooms.currentState(roomId).get('m.room.create', '')?.content['predecessor'];
    const from = predecessor !== undefined && isObject(predecessor) ? predecessor['room_id'] : undefined;
    if (typeof from !== 'string' || rooms.info(from as RoomId) === undefined) return undefined;
    const tombstone = rooms.currentState(from as RoomId).get('m.room.tombstone', '');
    return tombstone?.content['replacement_room'] === roomId ? (from as RoomId) : undefined;
  };

  const carryRules = (userId: UserId, from: RoomId, to: RoomId) => {
    const { room, override } = pushRules.ruleset(userId);
    const add = (kind: 'room' | 'override', ruleId: string, body: JsonObject, enabled: boolean) => {
      pushRules.put(userId, kind, ruleId, body, {});
      pushRules.setEnabled(userId, kind, ruleId, enabled);
    };
    for (const { rule_id: id, actions, enabled } of room) if (id === from) add('room', to, { actions }, enabled);
    for (const { rule_id: id, actions, conditions = [], enabled, default: isServers } of override) {
      if (isServers || !conditions.some((condition) => isAbout(condition, from))) continue;
      const moved = conditions.map((condition) =>
        isAbout(condition, from) ? { ...(condition as JsonObject), pattern: to } : condition,
      );
      const ruleId = id.includes(from) ? id.replaceAll(from, to) : `${id} ${to}`;
      add('override', ruleId, { actions, conditions: moved }, enabled);
    }
  };

  const carryDirect = (userId: UserId, from: RoomId, to: RoomId) => {
    const direct = accountData.get(userId, undefined, 'm.direct') ?? {};
    const moved = Object.entries(direct).map(([user, rooms]): [string, JsonValue] =>
      Array.isArray(rooms) && rooms.includes(from) && !rooms.includes(to) ? [user, [...rooms, to]] : [user, rooms],
    );
    if (moved.some(([user, rooms]) => direct[user] !== rooms)) {
      accountData.keep(userId, undefined, 'm.direct', Object.fromEntries(moved));
    }
  };

  return (userId: UserId, roomId: RoomId): void => {
    const from = predecessorOf(roomId);
    if (from === undefined) return;
    carryRules(userId, from, roomId);
    carryDirect(userId, from, roomId);
    for (const [tag, content] of Object.entries(accountData.tags(userId, from))) {
      accountData.setTag(userId, roomId, tag, isObject(content) ? content : {});
    }
  };
}

const isAbout = (condition: JsonValue, roomId: RoomId): boolean =>
  isObject(condition) &&
  condition['kind'] === 'event_match' &&
  condition['key'] === 'room_id' &&
  condition['pattern'] === roomId;
