import {
  parseEventId,
  parseRoomId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import type { Inspector } from '../inspector/inspector.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { DeviceKeys } from './device-keys.ts';
import { type Presence, presenceStates } from './presence.ts';
import type { Receipts, RemoteReceipt } from './receipts.ts';
import type { RemoteDeviceLists } from './remote-device-lists.ts';
import { membershipOf } from './room-view.ts';
import type { ToDevice } from './to-device.ts';
import type { Typing } from './typing.ts';

/**
 * Takes what another server tells besides events. What it has no right to tell is ignored, and the inspector told why;
 * types that are not known are ignored.
 */
export type ReceiveEdu = (origin: ServerName, edu: { readonly type: string; readonly content: JsonObject }) => void;

interface ReceiveEduServices {
  readonly serverName: ServerName;
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'event'>;
  readonly typing: Pick<Typing, 'receive'>;
  readonly receipts: Pick<Receipts, 'receive'>;
  readonly toDevice: Pick<ToDevice, 'receive'>;
  readonly deviceKeys: Pick<DeviceKeys, 'changed'>;
  /** None where presence is off. */
  readonly presence: Pick<Presence, 'receive'> | undefined;
  readonly remoteLists: Pick<RemoteDeviceLists, 'update' | 'updateSigningKeys'>;
  /** Whether one of us is in a room with them: nobody else's devices concern us. */
  readonly sharesRoom: (userId: UserId) => boolean;
  readonly inspector: Pick<Inspector, 'eduDropped'>;
}

/** The specification says 32 code points. */
const maxMessageId = 255;
const maxType = 255;
const maxMessage = 64 * 1024;
/** In one EDU: other servers send a receipt, or a message for each of a user's devices. */
const maxReceipts = 500;
const maxMessages = 2000;
const maxPushes = 1000;
const maxStatus = 1000;

/** Takes the content of one type of EDU. Returns why it was ignored, if it was, be it in part. */
type Receiver = (origin: ServerName, content: JsonObject) => string | undefined;

/** https://spec.matrix.org/v1.19/server-server-api/#edus */
export function createReceiveEdu(services: ReceiveEduServices): ReceiveEdu {
  const { serverName, rooms, typing, receipts, toDevice, deviceKeys, presence, remoteLists, sharesRoom, inspector } =
    services;

  const isJoined = (roomId: RoomId, userId: UserId): boolean =>
    rooms.info(roomId)?.resident === true &&
    membershipOf(rooms.currentState(roomId).get('m.room.member', userId)) === 'join';

  const receiveTyping: Receiver = (origin, { room_id: room, user_id: user, typing: isTyping }) => {
    const roomId = typeof room === 'string' ? parseRoomId(room) : undefined;
    const userId = userOf(origin, user);
    if (roomId === undefined || typeof isTyping !== 'boolean') return malformed;
    if (userId === undefined) return `${shown(user)} is no user of ${origin}`;
    if (!isJoined(roomId, userId)) return `${userId} is not in ${roomId}`;
    typing.receive(roomId, userId, isTyping);
    return undefined;
  };

  /** One receipt, or why it is none. */
  const receiptOf = (origin: ServerName, room: string, user: string, receipt: JsonValue): RemoteReceipt | string => {
    const roomId = parseRoomId(room);
    const { event_ids: ids, data } = isObject(receipt) ? receipt : {};
    const [id] = Array.isArray(ids) ? ids : [];
    const eventId = typeof id === 'string' ? parseEventId(id) : undefined;
    const { ts, thread_id: threadId } = isObject(data) ? data : {};
    if (roomId === undefined || eventId === undefined) return malformed;
    const userId = userOf(origin, user);
    if (userId === undefined) return `${shown(user)} is no user of ${origin}`;
    if (!isJoined(roomId, userId)) return `${userId} is not in ${roomId}`;
    // Of what has not come yet nothing is known; a thread has to be: there could be any number of them.
    if ((rooms.event(eventId)?.event.roomId ?? roomId) !== roomId) return `${eventId} is not in ${roomId}`;
    if (threadId !== undefined && threadId !== 'main') {
      const root = typeof threadId === 'string' ? parseEventId(threadId) : undefined;
      if (root === undefined || rooms.event(root)?.event.roomId !== roomId) return `a thread is not known in ${roomId}`;
    }
    // Times and threads only: it is handed on to clients.
    const thread = typeof threadId === 'string' ? { thread_id: threadId } : {};
    return { roomId, userId, eventId, data: { ts: typeof ts === 'number' ? ts : 0, ...thread } };
  };

  const receiveReceipts: Receiver = (origin, content) => {
    const found: (RemoteReceipt | string)[] = [];
    for (const [room, byType] of Object.entries(content)) {
      const read = isObject(byType) ? byType['m.read'] : undefined; // private ones are nobody else's business
      for (const [user, receipt] of Object.entries(isObject(read) ? read : {})) {
        if (found.length >= maxReceipts) return `more than ${maxReceipts} receipts`;
        found.push(receiptOf(origin, room, user, receipt));
      }
    }
    const good = found.filter((receipt) => typeof receipt !== 'string');
    if (good.length > 0) receipts.receive(good);
    return found.find((receipt) => typeof receipt === 'string');
  };

  const receiveMessages: Receiver = (origin, { sender, type, message_id: messageId, messages }) => {
    if (typeof type !== 'string' || typeof messageId !== 'string' || !isObject(messages)) return malformed;
    if (messageId.length > maxMessageId || type.length > maxType) return 'its message_id or type is too long';
    const from = userOf(origin, sender);
    if (from === undefined) return `${shown(sender)} is no user of ${origin}`;
    const ours = new Map<UserId, ReadonlyMap<string, JsonObject>>();
    let count = 0;
    let why: string | undefined;
    for (const [user, byDevice] of Object.entries(messages)) {
      const userId = userOf(serverName, user);
      if (userId === undefined || !isObject(byDevice)) {
        why = userId === undefined ? `${shown(user)} is no user of this server` : malformed;
        continue;
      }
      const good = Object.entries(byDevice).filter((entry): entry is [string, JsonObject] => isObject(entry[1]));
      count += good.length;
      if (count > maxMessages) return `more than ${maxMessages} messages`;
      if (good.some(([, message]) => writeJson(message).length > maxMessage)) return 'a message is too long';
      ours.set(userId, new Map(good));
    }
    return (ours.size === 0 ? undefined : toDevice.receive(from, messageId, type, ours)) ?? why;
  };

  /** Clients ask for all devices again, which are here, or are asked for then. */
  const receiveDevices =
    (update: (userId: UserId, content: JsonObject) => void): Receiver =>
    (origin, content) => {
      const { user_id: user } = content;
      const userId = userOf(origin, user);
      if (userId === undefined) return `${shown(user)} is no user of ${origin}`;
      if (!sharesRoom(userId)) return `nobody here shares a room with ${userId}`;
      update(userId, content);
      deviceKeys.changed(userId);
      return undefined;
    };

  /** One push, or why it is none. */
  const receivePush = (origin: ServerName, push: JsonValue): string | undefined => {
    const { user_id: user, presence: given, last_active_ago: ago, status_msg: statusMsg } = isObject(push) ? push : {};
    const state = presenceStates.find((each) => each === given);
    if (state === undefined) return malformed;
    const userId = userOf(origin, user);
    if (userId === undefined) return `${shown(user)} is no user of ${origin}`;
    if (!sharesRoom(userId)) return `nobody here shares a room with ${userId}`;
    presence?.receive(userId, {
      state,
      lastActiveAgo: typeof ago === 'number' ? Math.max(0, ago) : 0,
      statusMsg: typeof statusMsg === 'string' ? statusMsg.slice(0, maxStatus) : undefined,
    });
    return undefined;
  };
  const receivePresence: Receiver = (origin, { push }) => {
    if (presence === undefined) return undefined; // we did not ask
    if (!Array.isArray(push)) return malformed;
    const whys = push.slice(0, maxPushes).map((each: JsonValue) => receivePush(origin, each));
    return push.length > maxPushes ? `more than ${maxPushes} users` : whys.find((why) => why !== undefined);
  };

  const receivers = new Map<string, Receiver>([
    ['m.typing', receiveTyping],
    ['m.receipt', receiveReceipts],
    ['m.direct_to_device', receiveMessages],
    ['m.presence', receivePresence],
    ['m.device_list_update', receiveDevices(remoteLists.update)],
    ['m.signing_key_update', receiveDevices(remoteLists.updateSigningKeys)],
  ]);
  return (origin, { type, content }) => {
    const why = receivers.get(type)?.(origin, content);
    if (why !== undefined) inspector.eduDropped({ type, why });
  };
}

const malformed = 'it is not in the shape of its type';

/** A user whom a server may speak for. */
function userOf(server: ServerName, value: JsonValue | undefined): UserId | undefined {
  const userId = typeof value === 'string' ? parseUserId(value) : undefined;
  return userId !== undefined && serverNameOf(userId) === server ? userId : undefined;
}

const shown = (value: JsonValue | undefined): string => (typeof value === 'string' ? value.slice(0, 255) : 'nobody');
