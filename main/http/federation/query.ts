import * as z from 'zod';
import { parseRoomAlias, type ServerName, serverNameOf, type UserId } from '../../../shared/ids.ts';
import { invalidParam, notFound } from '../../../shared/matrix-error.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Directory } from '../../rooms/directory.ts';
import { type AnyRoute, route } from '../route.ts';
import { userId } from '../schemas.ts';

interface Needs {
  readonly directory: Pick<Directory, 'resolveLocal'>;
  /** What everybody may know of a local user; none where there is no such account. */
  readonly profile: (userId: UserId) => JsonObject | undefined;
  readonly serverName: ServerName;
}

/** Those that every profile may have: asked for and not set, they are left out of the answer. */
const definedFields = ['displayname', 'avatar_url', 'm.tz'];

/** https://spec.matrix.org/v1.19/server-server-api/#querying-for-information */
export const queryRoutes = ({ directory, profile, serverName }: Needs): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/query/directory',
    auth: 'server',
    params: z.object({}),
    query: z.object({ room_alias: z.string() }),
    handle({ query }) {
      const alias = parseRoomAlias(query.room_alias);
      if (alias === undefined) throw invalidParam('room_alias is not a room alias');
      const { roomId, servers } = directory.resolveLocal(alias);
      return { room_id: roomId, servers };
    },
  }),
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/query/profile',
    auth: 'server',
    params: z.object({}),
    query: z.object({ user_id: userId, field: z.string().optional() }),
    handle({ query: { user_id: user, field } }) {
      if (serverNameOf(user) !== serverName) throw invalidParam(`${user} is not a user of this server`);
      const whole = profile(user);
      if (whole === undefined) throw notFound(`There is no user ${user} here`);
      if (field === undefined) return whole;
      const value = Object.hasOwn(whole, field) ? whole[field] : undefined;
      if (value === undefined && !definedFields.includes(field)) throw notFound(`${user} has no ${field}`);
      return value === undefined ? {} : { [field]: value };
    },
  }),
];
