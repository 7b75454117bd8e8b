import * as z from 'zod';
import { type AnyRoute, route } from '../route.ts';

/** What we are. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1version */
export const versionRoutes = ({ version }: { readonly version: string }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/version',
    auth: 'none',
    params: z.object({}),
    query: z.object({}),
    handle: () => ({ server: { name: 'Hearth', version } }),
  }),
];
