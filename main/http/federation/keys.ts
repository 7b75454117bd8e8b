import * as z from 'zod';
import { parseServerName, type ServerName } from '../../../shared/ids.ts';
import { badJson } from '../../../shared/matrix-error.ts';
import type { KeyQuery, KeyServer } from '../../network/keyring.ts';
import { isObject, type JsonObject } from '../../protocol/json.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, serverName } from '../schemas.ts';

const minimumValidity = z.object({ minimum_valid_until_ts: z.coerce.number().int().nonnegative().optional() });

/** More servers than anybody asks for at once. Of these many the key server answers as it can. */
const mostServers = 5000;

/** Our keys, and those of others through us. https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys */
export const keyRoutes = ({ keys }: { readonly keys: KeyServer }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/key/v2/server',
    auth: 'none',
    params: z.object({}),
    query: z.object({}),
    handle: () => keys.published(),
  }),
  route({
    method: 'GET',
    path: '/_matrix/key/v2/server/:keyId', // of old: all keys are told, whichever is asked for
    auth: 'none',
    params: z.object({ keyId: z.string() }),
    query: z.object({}),
    handle: () => keys.published(),
  }),
  route({
    method: 'GET',
    path: '/_matrix/key/v2/query/:serverName',
    auth: 'none',
    params: z.object({ serverName }),
    query: minimumValidity,
    handle: ({ params, query }) => answer(keys, params.serverName, [], query.minimum_valid_until_ts),
  }),
  route({
    method: 'GET',
    path: '/_matrix/key/v2/query/:serverName/:keyId', // of old
    auth: 'none',
    params: z.object({ serverName, keyId: z.string() }),
    query: minimumValidity,
    handle: ({ params, query }) => answer(keys, params.serverName, [params.keyId], query.minimum_valid_until_ts),
  }),
  route({
    method: 'POST',
    path: '/_matrix/key/v2/query',
    auth: 'none',
    params: z.object({}),
    query: z.object({}),
    body: z.object({ server_keys: jsonObject }),
    handle: async ({ body }) => ({ server_keys: await keys.query(queryOf(body.server_keys)) }),
  }),
];

async function answer(keys: KeyServer, server: ServerName, keyIds: readonly string[], minimumTs: number | undefined) {
  const asked = { keyIds, ...(minimumTs !== undefined && { minimumTs }) };
  return { server_keys: await keys.query(new Map([[server, asked]])) };
}

function queryOf(serverKeys: JsonObject): KeyQuery {
  const asked = Object.entries(serverKeys);
  if (asked.length > mostServers) throw badJson(`keys of more than ${mostServers} servers are asked for`);
  return new Map(
    asked.flatMap(([name, criteria]) => {
      const server = parseServerName(name);
      return server === undefined || !isObject(criteria) ? [] : [[server, criteriaOf(criteria)] as const];
    }),
  );
}

/** All the keys of a server come in one reply: the latest of their times counts for it. */
function criteriaOf(criteria: JsonObject) {
  const times = Object.values(criteria).map((one) => (isObject(one) ? one['minimum_valid_until_ts'] : undefined));
  const given = times.filter((ts): ts is number => typeof ts === 'number');
  return { keyIds: Object.keys(criteria), ...(given.length > 0 && { minimumTs: Math.max(...given) }) };
}
