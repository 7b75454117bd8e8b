import * as z from 'zod';
import { notFound } from '../../../shared/matrix-error.ts';
import { type AnyRoute, route } from '../route.ts';

interface WellKnownOptions {
  /** Where clients reach this server: `https://matrix.example.org`. None: they have to be told otherwise. */
  readonly clientUrl: () => string | undefined;
  /** Where other servers reach it: `matrix.example.org:443`. None: at the server name. */
  readonly delegatedServer: () => string | undefined;
}

/**
 * What is asked for at the server name itself. Both are asked anew each time: a tunnel gives them, or takes them away.
 * https://spec.matrix.org/v1.19/client-server-api/#well-known-uris,
 * https://spec.matrix.org/v1.19/server-server-api/#getwell-knownmatrixserver
 */
export const wellKnownRoutes = ({ clientUrl, delegatedServer }: WellKnownOptions): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/.well-known/matrix/client',
    auth: 'none',
    params: z.object({}),
    query: z.object({}),
    handle: () => ({ 'm.homeserver': { base_url: given(clientUrl()) } }),
  }),
  route({
    method: 'GET',
    path: '/.well-known/matrix/server',
    auth: 'none',
    params: z.object({}),
    query: z.object({}),
    handle: () => ({ 'm.server': given(delegatedServer()) }),
  }),
];

function given(value: string | undefined): string {
  if (value === undefined) throw notFound('This server is not to be found elsewhere.');
  return value;
}
