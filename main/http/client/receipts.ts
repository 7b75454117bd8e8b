import * as z from 'zod';
import type { EventId, RoomId, UserId } from '../../../shared/ids.ts';
import { forbidden, invalidParam, notFound } from '../../../shared/matrix-error.ts';
import type { AccountData } from '../../accounts/account-data.ts';
import type { Receipts } from '../../accounts/receipts.ts';
import { membershipOf } from '../../accounts/room-view.ts';
import type { Typing } from '../../accounts/typing.ts';
import type { Rooms } from '../../rooms/rooms.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, roomId, userId } from '../schemas.ts';
import { mustBe, none, orNull } from './fields.ts';

interface ReceiptServices {
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'event'>;
  readonly receipts: Receipts;
  readonly accountData: AccountData;
  readonly typing: Typing;
}

/** https://spec.matrix.org/v1.19/client-server-api/#receipts, #fully-read-markers, #typing-notifications */
export const receiptRoutes = ({ rooms, receipts, accountData, typing }: ReceiptServices): readonly AnyRoute[] => {
  const mustBeJoined = (user: UserId, room: RoomId): void => {
    const member = rooms.info(room) && rooms.currentState(room).get('m.room.member', user);
    if (membershipOf(member) !== 'join') throw forbidden('You are not in this room.');
  };
  const setFullyRead = (user: UserId, room: RoomId, id: EventId): void => {
    if (rooms.event(id)?.event.roomId !== room) throw notFound('There is no such event in this room.');
    accountData.keep(user, room, 'm.fully_read', { event_id: id });
  };
  return [
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/receipt/:type/:eventId',
      auth: 'client',
      params: z.object({ roomId, type: z.enum(['m.read', 'm.read.private', 'm.fully_read']), eventId }),
      query: none,
      body: z.object({ thread_id: orNull(z.unknown()) }),
      optionalBody: true,
      handle({ params: { roomId: room, type, eventId: id }, body, caller }) {
        mustBeJoined(caller.userId, room);
        const { thread_id: threadId } = body;
        if (threadId !== undefined && typeof threadId !== 'string') throw invalidParam('thread_id must be a string');
        if (type !== 'm.fully_read') {
          receipts.read({ roomId: room, userId: caller.userId, type, eventId: id, threadId });
        } else if (threadId !== undefined) {
          throw invalidParam('The fully read marker belongs to no thread.');
        } else {
          setFullyRead(caller.userId, room, id);
        }
        return {};
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/read_markers',
      auth: 'client',
      params: z.object({ roomId }),
      query: none,
      body: z.object({
        'm.fully_read': orNull(eventId),
        'm.read': orNull(eventId),
        'm.read.private': orNull(eventId),
      }),
      handle({ params: { roomId: room }, body, caller }) {
        mustBeJoined(caller.userId, room);
        const { 'm.fully_read': fullyRead } = body;
        if (fullyRead !== undefined) setFullyRead(caller.userId, room, fullyRead);
        for (const type of ['m.read', 'm.read.private'] as const) {
          const id = body[type];
          if (id !== undefined) receipts.read({ roomId: room, userId: caller.userId, type, eventId: id });
        }
        return {};
      },
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/rooms/:roomId/typing/:userId',
      auth: 'client',
      params: z.object({ roomId, userId }),
      query: none,
      body: z.object({ typing: z.boolean(), timeout: orNull(z.number().min(0)) }),
      handle({ params, body, caller }) {
        mustBe(caller, params.userId);
        mustBeJoined(caller.userId, params.roomId);
        typing.set(params.roomId, caller.userId, body.typing ? (body.timeout ?? 30_000) : undefined);
        return {};
      },
    }),
  ];
};
