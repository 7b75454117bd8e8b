import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { RoomList, RoomListQuery } from '../../rooms/room-list.ts';
import { roomListInBody, roomListInQuery } from '../room-list-query.ts';
import { type AnyRoute, route } from '../route.ts';
import { roomId, serverName } from '../schemas.ts';
import { none, roomAlias } from './fields.ts';

export interface DirectoryServices {
  readonly directory: Directory;
  readonly roomList: RoomList;
  readonly serverName: ServerName;
  /** The list of another server. */
  readonly remoteRoomList: (server: ServerName, query: RoomListQuery) => Promise<JsonObject>;
}

const ofAlias = z.object({ alias: roomAlias });
const ofRoom = z.object({ roomId });
const ofServer = z.object({ server: serverName.optional() });
const defaultLimit = 100;

/** Aliases and the published rooms: https://spec.matrix.org/v1.19/client-server-api/#room-aliases */
export const directoryRoutes = (services: DirectoryServices): readonly AnyRoute[] => {
  const { directory, roomList, serverName: ours, remoteRoomList } = services;
  const page = (server: ServerName | undefined, query: RoomListQuery) => {
    const bounded = { ...query, limit: query.limit ?? defaultLimit };
    return server === undefined || server === ours ? roomList.page(bounded) : remoteRoomList(server, bounded);
  };
  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v3/directory/room/:alias',
      auth: 'none',
      params: ofAlias,
      query: none,
      async handle({ params }) {
        const { roomId: room, servers } = await directory.resolve(params.alias);
        return { room_id: room, servers };
      },
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/directory/room/:alias',
      auth: 'client',
      params: ofAlias,
      query: none,
      body: z.object({ room_id: roomId }),
      handle({ params, body, caller }) {
        directory.create(params.alias, body.room_id, caller.userId);
        return {};
      },
    }),
    route({
      method: 'DELETE',
      path: '/_matrix/client/v3/directory/room/:alias',
      auth: 'client',
      params: ofAlias,
      query: none,
      async handle({ params, caller }) {
        await directory.delete(params.alias, caller.userId);
        return {};
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/:roomId/aliases',
      auth: 'client',
      params: ofRoom,
      query: none,
      handle: ({ params, caller }) => ({ aliases: directory.ofRoom(params.roomId, caller.userId) }),
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/directory/list/room/:roomId',
      auth: 'none',
      params: ofRoom,
      query: none,
      handle: ({ params }) => ({ visibility: roomList.isPublished(params.roomId) ? 'public' : 'private' }),
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/directory/list/room/:roomId',
      auth: 'client',
      params: ofRoom,
      query: none,
      body: z.object({ visibility: z.enum(['public', 'private']).default('public') }),
      handle({ params, body, caller }) {
        roomList.setPublished(params.roomId, caller.userId, body.visibility === 'public');
        return {};
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/publicRooms',
      auth: 'none',
      params: none,
      query: z.intersection(ofServer, roomListInQuery),
      handle: ({ query: { server, ...asked } }) => page(server, asked),
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/publicRooms',
      auth: 'client',
      params: none,
      query: ofServer,
      body: roomListInBody,
      handle: ({ query: { server }, body }) => page(server, body),
    }),
  ];
};
