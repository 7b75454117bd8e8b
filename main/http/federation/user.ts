import * as z from 'zod';
import { parseUserId, type ServerName, serverNameOf, type UserId } from '../../../shared/ids.ts';
import { invalidParam, notFound } from '../../../shared/matrix-error.ts';
import type { KeyDirectory } from '../../accounts/key-directory.ts';
import type { OpenId } from '../../accounts/openid.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, userId } from '../schemas.ts';

interface Needs {
  readonly serverName: ServerName;
  readonly isActive: (userId: UserId) => boolean;
  readonly keyDirectory: Pick<KeyDirectory, 'devicesFor' | 'keysFor' | 'claimFor'>;
  readonly openId: OpenId;
}

const none = z.object({});

/**
 * What other servers ask about our users: https://spec.matrix.org/v1.19/server-server-api/#device-management,
 * #end-to-end-encryption and #openid. Of others' users, and those who are not there, nothing is said.
 */
export const userRoutes = ({ serverName, isActive, keyDirectory, openId }: Needs): readonly AnyRoute[] => {
  const isOurs = (user: UserId) => serverNameOf(user) === serverName && isActive(user);
  const ours = <T>(map: Readonly<Record<string, T>>): ReadonlyMap<UserId, T> =>
    new Map(
      Object.entries(map).flatMap(([user, value]): [UserId, T][] => {
        const known = parseUserId(user);
        return known !== undefined && isOurs(known) ? [[known, value]] : [];
      }),
    );
  return [
    route({
      method: 'GET',
      path: '/_matrix/federation/v1/user/devices/:userId',
      auth: 'server',
      params: z.object({ userId }),
      query: none,
      handle({ params: { userId: user }, caller }) {
        if (serverNameOf(user) !== serverName) throw invalidParam(`${user} is not a user of this server`);
        if (!isActive(user)) throw notFound(`There is no user ${user} here`);
        return keyDirectory.devicesFor(caller.origin, user);
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/query',
      auth: 'server',
      params: none,
      query: none,
      body: z.object({ device_keys: z.record(z.string(), z.array(z.string()).nullable()) }),
      handle: ({ body }) => keyDirectory.keysFor(ours(body.device_keys)),
    }),
    route({
      method: 'POST',
      path: '/_matrix/federation/v1/user/keys/claim',
      auth: 'server',
      params: none,
      query: none,
      body: z.object({ one_time_keys: z.record(z.string(), jsonObject) }),
      handle: ({ body }) => keyDirectory.claimFor(ours(body.one_time_keys)),
    }),
    route({
      method: 'GET',
      path: '/_matrix/federation/v1/openid/userinfo',
      auth: 'none', // by the user's token: third parties have no signing key
      params: none,
      query: z.object({ access_token: z.string() }),
      handle: ({ query }) => ({ sub: openId.userOf(query.access_token) }),
    }),
  ];
};
