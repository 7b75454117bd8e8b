import * as z from 'zod';
import type { Spaces } from '../../rooms/spaces.ts';
import { type AnyRoute, route } from '../route.ts';
import { repeated, roomId, serverName } from '../schemas.ts';
import { flag, roomIdOrAlias } from './fields.ts';

const mostRooms = 50;

/** Rooms that one may not be in yet: https://spec.matrix.org/v1.19/client-server-api/#spaces */
export const spaceRoutes = ({ spaces }: { readonly spaces: Spaces }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/client/v1/rooms/:roomId/hierarchy',
    auth: 'client',
    params: z.object({ roomId }),
    query: z.object({
      suggested_only: flag,
      limit: z.coerce.number().int().min(1).default(mostRooms),
      max_depth: z.coerce.number().int().min(0).optional(),
      from: z.string().optional(),
    }),
    handle: ({ params, query, caller: { userId } }) =>
      spaces.hierarchy({
        ...{ ...params, userId, suggestedOnly: query.suggested_only, maxDepth: query.max_depth, from: query.from },
        limit: Math.min(query.limit, mostRooms),
      }),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v1/room_summary/:room',
    auth: 'client',
    params: z.object({ room: roomIdOrAlias }),
    query: z.object({ via: repeated(serverName) }),
    handle: ({ params, query, caller: { userId } }) => spaces.summary({ userId, room: params.room, via: query.via }),
  }),
];
