import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { RoomList } from '../../rooms/room-list.ts';
import { type AnyRoute, route } from '../route.ts';
import { roomId, serverName, upTo } from '../schemas.ts';
import { none, orNull, roomAlias } from './fields.ts';

export interface DirectoryServices {
  readonly directory: Directory;
  readonly roomList: RoomList;
  readonly serverName: ServerName;
  /** The list of another server: its reply to `POST /publicRooms`. */
  readonly remoteRoomList: (server: ServerName, query: JsonObject) => Promise<JsonObject>;
}

const ofAlias = z.object({ alias: roomAlias });
const ofRoom = z.object({ roomId });
const limit = upTo(500, 100);

/** Aliases and the published rooms: https://spec.matrix.org/v1.19/client-server-api/#room-aliases */
export const directoryRoutes = (services: DirectoryServices): readonly AnyRoute[] => {
  const { directory, roomList, serverName: ours, remoteRoomList } = services;
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
      query: z.object({ limit, since: z.string().optional(), server: serverName.optional() }),
      handle({ query }) {
        const { limit: most, since, server } = query;
        if (server !== undefined && server !== ours) {
          return remoteRoomList(server, { limit: most, ...(since !== undefined && { since }) });
        }
        return roomList.page({ limit: most, since, term: undefined, types: undefined });
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/publicRooms',
      auth: 'client',
      params: none,
      query: z.object({ server: serverName.optional() }),
      body: z.object({
        limit: orNull(limit),
        since: orNull(z.string()),
        filter: orNull(
          z.object({
            generic_search_term: orNull(z.string()),
            room_types: orNull(z.array(z.string().nullable())),
          }),
        ),
      }),
      handle({ query: { server }, body }) {
        const { limit: most = 100, since, filter } = body;
        const { generic_search_term: term, room_types: types } = filter ?? {};
        if (server === undefined || server === ours) return roomList.page({ limit: most, since, term, types });
        return remoteRoomList(server, {
          limit: most,
          ...(since !== undefined && { since }),
          filter: {
            ...(term !== undefined && { generic_search_term: term }),
            ...(types !== undefined && { room_types: types }),
          },
        });
      },
    }),
  ];
};
