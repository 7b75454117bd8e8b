import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import { forbidden } from '../../../shared/matrix-error.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomList, RoomListQuery } from '../../rooms/room-list.ts';
import { roomListInBody, roomListInQuery } from '../room-list-query.ts';
import { type AnyRoute, route } from '../route.ts';

interface Needs {
  readonly roomList: Pick<RoomList, 'page'>;
  /** Whether others may have the list at all: the setting `public-directory`. */
  readonly isPublic: boolean;
}

/** The rooms that this server publishes: https://spec.matrix.org/v1.19/server-server-api/#published-room-directory */
export const publicRoomsRoutes = ({ roomList, isPublic }: Needs): readonly AnyRoute[] => {
  const path = '/_matrix/federation/v1/publicRooms';
  const none = z.object({});
  const page = (origin: ServerName, query: RoomListQuery): JsonObject => {
    if (!isPublic) throw forbidden('This server does not tell others which rooms it publishes');
    return roomList.page(query, origin);
  };
  return [
    route({
      method: 'GET',
      path,
      auth: 'server',
      params: none,
      query: roomListInQuery,
      handle: ({ query, caller }) => page(caller.origin, query),
    }),
    route({
      method: 'POST',
      path,
      auth: 'server',
      params: none,
      query: none,
      body: roomListInBody,
      handle: ({ body, caller }) => page(caller.origin, body),
    }),
  ];
};
