import {
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { DeviceKeys } from './device-keys.ts';
import type { Receipts } from './receipts.ts';
import { membershipOf } from './room-view.ts';
import type { ToDevice } from './to-device.ts';
import type { Typing } from './typing.ts';

/** Takes what another server tells besides events. What it has no right to tell, or tells of nobody we know, is ignored. */
export type ReceiveEdu = (origin: ServerName, edu: { readonly type: string; readonly content: JsonObject }) => void;

interface ReceiveEduServices {
  readonly serverName: ServerName;
  readonly rooms: Pick<Rooms, 'info' | 'currentState'>;
  readonly typing: Typing;
  readonly receipts: Receipts;
  readonly toDevice: ToDevice;
  readonly deviceKeys: Pick<DeviceKeys, 'changed'>;
  /** Whether a user is in some room that we know: nobody else's devices concern us. */
  readonly isAround: (userId: UserId) => boolean;
  readonly log: Log;
}

const maxMessageId = 255;

/** https://spec.matrix.org/v1.19/server-server-api/#edus */
export function createReceiveEdu(services: ReceiveEduServices): ReceiveEdu {
  const { serverName, rooms, typing, receipts, toDevice, deviceKeys, isAround, log } = services;

  const isJoined = (roomId: RoomId, userId: UserId): boolean =>
    rooms.info(roomId) !== undefined &&
    membershipOf(rooms.currentState(roomId).get('m.room.member', userId)) === 'join';

  /** A user whom the origin may speak for. */
  const userOf = (origin: ServerName, value: JsonValue | undefined): UserId | undefined => {
    const userId = typeof value === 'string' ? parseUserId(value) : undefined;
    return userId !== undefined && serverNameOf(userId) === origin ? userId : undefined;
  };

  const receiveTyping = (
    origin: ServerName,
    { room_id: room, user_id: user, typing: isTyping }: JsonObject,
  ): boolean => {
    const roomId = typeof room === 'string' ? parseRoomId(room) : undefined;
    const userId = userOf(origin, user);
    if (roomId === undefined || userId === undefined || !isJoined(roomId, userId)) return false;
    typing.receive(roomId, userId, isTyping === true);
    return true;
  };

  const receiveReceipts = (origin: ServerName, content: JsonObject): boolean => {
    let all = true;
    for (const [room, byType] of Object.entries(content)) {
      const roomId = parseRoomId(room);
      const read = isObject(byType) ? byType['m.read'] : undefined; // private ones are nobody else's business
      for (const [user, receipt] of Object.entries(isObject(read) ? read : {})) {
        const userId = userOf(origin, user);
        const { event_ids: ids, data } = isObject(receipt) ? receipt : {};
        const [id] = Array.isArray(ids) ? ids : [];
        const eventId = typeof id === 'string' ? parseEventId(id) : undefined;
        const isGood =
          roomId !== undefined && userId !== undefined && eventId !== undefined && isJoined(roomId, userId);
        if (isGood) receipts.receive({ roomId, userId, eventId, data: receiptData(data) });
        else all = false;
      }
    }
    return all;
  };

  const receiveMessages = (origin: ServerName, content: JsonObject): boolean => {
    const { sender, type, message_id: messageId, messages } = content;
    const from = userOf(origin, sender);
    if (from === undefined || typeof type !== 'string' || typeof messageId !== 'string' || !isObject(messages))
      return false;
    if (messageId.length > maxMessageId) return false;
    const ours = new Map<UserId, ReadonlyMap<string, JsonObject>>();
    for (const [user, byDevice] of Object.entries(messages)) {
      const userId = userOf(serverName, user);
      if (userId === undefined || !isObject(byDevice)) continue;
      const good = Object.entries(byDevice).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
      ours.set(userId, new Map(good));
    }
    if (ours.size > 0) toDevice.receive(from, messageId, type, ours);
    return ours.size > 0;
  };

  /** Which device it was does not matter: clients ask for all of them again. */
  const receiveDevices = (origin: ServerName, { user_id: user }: JsonObject): boolean => {
    const userId = userOf(origin, user);
    if (userId === undefined || !isAround(userId)) return false;
    deviceKeys.changed(userId);
    return true;
  };

  const receive = (origin: ServerName, type: string, content: JsonObject): boolean => {
    switch (type) {
      case 'm.typing':
        return receiveTyping(origin, content);
      case 'm.receipt':
        return receiveReceipts(origin, content);
      case 'm.direct_to_device':
        return receiveMessages(origin, content);
      case 'm.device_list_update':
      case 'm.signing_key_update':
        return receiveDevices(origin, content);
      default:
        return false; // presence, and what is not known
    }
  };
  return (origin, { type, content }) => {
    if (!receive(origin, type, content)) log.debug('an EDU was ignored, or some of it', { origin, type });
  };
}

/** Times and threads only: it is handed on to clients. */
function receiptData(data: JsonValue | undefined): JsonObject {
  const { ts, thread_id: threadId } = isObject(data) ? data : {};
  return { ts: typeof ts === 'number' ? ts : 0, ...(typeof threadId === 'string' && { thread_id: threadId }) };
}
