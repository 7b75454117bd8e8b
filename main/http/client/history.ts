import * as z from 'zod';
import { parseRoomEventFilter } from '../../accounts/event-filter.ts';
import type { RoomHistory } from '../../accounts/room-history.ts';
import type { EventsAtTime } from '../../rooms/event-at-time.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, pointInTime, roomId, upTo } from '../schemas.ts';
import { jsonInQuery, none } from './fields.ts';

export interface HistoryServices {
  readonly history: RoomHistory;
  readonly atTime: Pick<EventsAtTime, 'forUser'>;
}

/** What has been said in a room: https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room */
export const historyRoutes = ({ history, atTime }: HistoryServices): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/messages',
    auth: 'client',
    params: z.object({ roomId }),
    query: z.object({
      from: z.string().optional(),
      to: z.string().optional(),
      dir: z.enum(['b', 'f']),
      limit: upTo(1000, 10),
      filter: jsonInQuery,
    }),
    handle: ({ params, query: { from, to, dir, limit, filter }, caller: viewer }) =>
      history.messages({ viewer, ...params, from, to, dir, limit, filter: parseRoomEventFilter(filter) }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/context/:eventId',
    auth: 'client',
    params: z.object({ roomId, eventId }),
    query: z.object({ limit: upTo(100, 10), filter: jsonInQuery }),
    handle: ({ params, query: { limit, filter }, caller: viewer }) =>
      history.context({ viewer, ...params, limit, filter: parseRoomEventFilter(filter) }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/rooms/:roomId/event/:eventId',
    auth: 'client',
    params: z.object({ roomId, eventId }),
    query: none,
    handle: ({ params, caller }) => history.event(caller, params.roomId, params.eventId),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/timestamp_to_event',
    auth: 'client',
    params: z.object({ roomId }),
    query: pointInTime,
    async handle({ params, query, caller: { userId } }) {
      history.check(userId, params.roomId);
      return { ...(await atTime.forUser(userId, { ...params, ...query })) };
    },
  }),
];
