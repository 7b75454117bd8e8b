import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import { invalidParam, notFound } from '../../shared/matrix-error.ts';
import type { Receipt, receiptsTable } from '../db/receipts.ts';
import type { Clock } from '../platform.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Rooms } from '../rooms/rooms.ts';
import { storedObject } from './stored-json.ts';
import type { Stream } from './stream.ts';

export type ReceiptType = 'm.read' | 'm.read.private';

export interface RemoteReceipt {
  readonly roomId: RoomId;
  readonly userId: UserId;
  readonly eventId: EventId;
  /** `ts`, and `thread_id` where it is of a thread. */
  readonly data: JsonObject;
}

/** How far users have read. https://spec.matrix.org/v1.19/client-server-api/#receipts */
export interface Receipts {
  /** Throws 404 for an event that is not in the room, 400 for a thread that cannot be one. */
  read(ask: {
    readonly roomId: RoomId;
    readonly userId: UserId;
    readonly type: ReceiptType;
    readonly eventId: EventId;
    readonly threadId?: string | undefined;
  }): void;
  /** What another server says of its users, who are in these rooms. */
  receive(receipts: readonly RemoteReceipt[]): void;
  /**
   * The content of `m.receipt` as this user may see it: nobody else's private receipts. Of what came with
   * `after < position <= upTo`; `undefined` for nothing.
   */
  content(roomId: RoomId, viewer: UserId, after: number, upTo: number): JsonObject | undefined;
  /** The event up to which a user has read, publicly or not, in the main timeline. */
  readUpTo(roomId: RoomId, userId: UserId): readonly EventId[];
  roomsBetween(after: number, upTo: number): readonly RoomId[];
}

interface ReceiptsOptions {
  readonly table: ReturnType<typeof receiptsTable>;
  /** One commit for all. */
  readonly atOnce: (work: () => void) => void;
  readonly stream: Stream;
  readonly clock: Clock;
  /** A user of ours has done something. */
  readonly onActive: (userId: UserId) => void;
  readonly rooms: Pick<Rooms, 'event'>;
  /** For the servers in the room; it may be lost. */
  readonly sendEdu: (roomId: RoomId, edu: JsonObject) => void;
}

export function createReceipts({ table, atOnce, stream, clock, onActive, rooms, sendEdu }: ReceiptsOptions): Receipts {
  const positionOf = (eventId: EventId) => rooms.event(eventId)?.position;

  /** Whether it was taken: a receipt never goes back. */
  const put = (receipt: Receipt): boolean => {
    const { roomId, type, userId, threadId, eventId } = receipt;
    const before = table.get(roomId, type, userId, threadId);
    if (before?.eventId === eventId) return false;
    const [was, is] = [before && positionOf(before.eventId), positionOf(eventId)];
    if (was !== undefined && is !== undefined && is < was) return false;
    const users = type === 'm.read.private' ? { users: [userId] } : {};
    stream.write({ roomId, ...users }, (next) => table.put(receipt, next()));
    return true;
  };

  return {
    read({ roomId, userId, type, eventId, threadId }) {
      onActive(userId);
      if (rooms.event(eventId)?.event.roomId !== roomId) throw notFound('There is no such event in this room.');
      if (threadId === '' || (threadId !== undefined && threadId !== 'main' && !threadId.startsWith('$'))) {
        throw invalidParam('thread_id is the ID of the event that a thread begins with, or main');
      }
      const data = { ts: clock.now(), ...(threadId !== undefined && { thread_id: threadId }) };
      const taken = put({ roomId, type, userId, threadId: threadId ?? '', eventId, data: writeJson(data) });
      if (!taken || type === 'm.read.private') return; // those are nobody else's business
      const content = { [roomId]: { 'm.read': { [userId]: { data, event_ids: [eventId] } } } };
      sendEdu(roomId, { edu_type: 'm.receipt', content });
    },
    receive(receipts) {
      atOnce(() => {
        for (const { roomId, userId, eventId, data } of receipts) {
          const threadId = typeof data['thread_id'] === 'string' ? data['thread_id'] : '';
          put({ roomId, type: 'm.read', userId, threadId, eventId, data: writeJson(data) });
        }
      });
    },
    content(roomId, viewer, after, upTo) {
      const byEvent = new Map<EventId, Map<string, Record<UserId, JsonObject>>>();
      for (const { type, userId, eventId, data } of table.between(roomId, after, upTo)) {
        if (type === 'm.read.private' && userId !== viewer) continue;
        const byType = byEvent.get(eventId) ?? new Map<string, Record<UserId, JsonObject>>();
        byType.set(type, Object.assign(byType.get(type) ?? {}, { [userId]: storedObject(data) }));
        byEvent.set(eventId, byType);
      }
      const content = [...byEvent].map(([eventId, byType]) => [eventId, Object.fromEntries(byType)] as const);
      return content.length === 0 ? undefined : Object.fromEntries(content);
    },
    readUpTo: (roomId, userId) =>
      (['m.read', 'm.read.private'] as const).flatMap((type) =>
        ['', 'main'].flatMap((threadId) => table.get(roomId, type, userId, threadId)?.eventId ?? []),
      ),
    roomsBetween: table.roomsBetween,
  };
}
