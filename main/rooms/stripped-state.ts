import type { UserId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { RoomState } from './rooms.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#stripped-state. The create event is what must not be missing. */
const types = [
  'm.room.create',
  'm.room.join_rules',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.canonical_alias',
  'm.room.encryption',
] as const;

/** What helps somebody who is not in the room to know it. Who invites is in it, so that they have a name and a face. */
export function identifyingState(state: RoomState, inviter?: UserId): readonly RoomEvent[] {
  const events = types.map((type) => state.get(type, ''));
  if (inviter !== undefined) events.push(state.get('m.room.member', inviter));
  return events.filter((event) => event !== undefined);
}

/** An event as clients see it that are not in its room, whether it came whole or stripped already. */
export const stripped = (pdu: JsonObject): JsonObject => ({
  type: pdu['type'] ?? '',
  state_key: pdu['state_key'] ?? '',
  sender: pdu['sender'] ?? '',
  content: pdu['content'] ?? {},
});
