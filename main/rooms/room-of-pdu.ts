import { parseRoomId, type RoomId } from '../../shared/ids.ts';
import { BadEvent, parseEvent } from '../protocol/event.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import { rulesOf } from '../protocol/room-versions.ts';

/**
 * The room that a PDU is of, by its own word. A create event of version 12 has no `room_id`: its ID names the room.
 * https://spec.matrix.org/v1.19/rooms/v12/#room-ids-as-hashes-of-the-create-event
 */
export function roomOfPdu(pdu: JsonValue): RoomId | undefined {
  if (!isObject(pdu)) return undefined;
  const { room_id: roomId, type, content } = pdu;
  if (roomId !== undefined) return typeof roomId === 'string' ? parseRoomId(roomId) : undefined;
  if (type !== 'm.room.create' || !isObject(content)) return undefined;
  const version = content['room_version'];
  const rules = typeof version === 'string' ? rulesOf(version) : undefined;
  if (rules === undefined || !rules.roomIdIsCreateHash) return undefined;
  try {
    return parseEvent(pdu, rules).roomId;
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}
