import * as z from 'zod';
import type { ServedSpaces } from '../../rooms/serve-spaces.ts';
import { type AnyRoute, route } from '../route.ts';
import { roomId } from '../schemas.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#spaces */
export const spaceRoutes = ({ servedSpaces }: { readonly servedSpaces: ServedSpaces }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/hierarchy/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: z.object({ suggested_only: z.enum(['true', 'false']).default('false') }),
    handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      return servedSpaces(caller.origin, params.roomId, query.suggested_only === 'true');
    },
  }),
];
