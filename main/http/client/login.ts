import * as z from 'zod';
import { forbidden, MatrixError, missingParam } from '../../../shared/matrix-error.ts';
import type { Accounts } from '../../accounts/accounts.ts';
import { identifiedUser } from '../../accounts/identified-user.ts';
import type { RateLimit } from '../../accounts/rate-limit.ts';
import type { Sessions, SignedIn } from '../../accounts/sessions.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject } from '../schemas.ts';
import { none, orNull } from './fields.ts';

interface LoginServices {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  /** Counts passwords that were wrong. */
  readonly limit: RateLimit;
}

/** https://spec.matrix.org/v1.19/client-server-api/#legacy-login */
export const loginRoutes = ({ accounts, sessions, limit }: LoginServices): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    params: none,
    query: none,
    handle: () => ({ flows: [{ type: 'm.login.password' }] }),
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/login',
    auth: 'none',
    params: none,
    query: none,
    body: z.object({
      type: z.string(),
      identifier: orNull(jsonObject),
      user: orNull(z.string()),
      password: orNull(z.string()),
      device_id: orNull(z.string()),
      initial_device_display_name: orNull(z.string()),
      refresh_token: orNull(z.boolean()),
    }),
    async handle({ body, address }) {
      if (body.type !== 'm.login.password') {
        throw new MatrixError(400, 'M_UNKNOWN', 'Sign in with m.login.password: there is no other way here.');
      }
      if (body.password === undefined) throw missingParam('password is missing');
      if (body.identifier === undefined && body.user === undefined) throw missingParam('identifier is missing');
      const userId = identifiedUser(body, accounts.serverName);
      const attempts = [address, userId ?? 'nobody'];
      for (const key of attempts) limit.check(key);
      const isRight = userId !== undefined && (await accounts.verifyPassword(userId, body.password));
      if (!isRight) {
        for (const key of attempts) limit.count(key);
        if (userId !== undefined && accounts.get(userId)?.deactivated) {
          throw new MatrixError(403, 'M_USER_DEACTIVATED', 'This account has been deactivated.');
        }
        throw forbidden('The user name or the password is wrong.');
      }
      return signedIn(
        sessions.signIn({
          userId,
          deviceId: body.device_id,
          displayName: body.initial_device_display_name,
          refreshable: body.refresh_token,
        }),
      );
    },
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/refresh',
    auth: 'none',
    params: none,
    query: none,
    body: z.object({ refresh_token: z.string() }),
    handle: ({ body }) => tokensOf(sessions.refresh(body.refresh_token)),
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/logout',
    auth: 'client',
    params: none,
    query: none,
    handle({ caller }) {
      sessions.remove(caller.userId, [caller.deviceId]);
      return {};
    },
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/logout/all',
    auth: 'client',
    params: none,
    query: none,
    handle({ caller: { userId } }) {
      sessions.remove(
        userId,
        sessions.devices(userId).map(({ deviceId }) => deviceId),
      );
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/account/whoami',
    auth: 'client',
    params: none,
    query: none,
    handle: ({ caller }) => ({ user_id: caller.userId, device_id: caller.deviceId, is_guest: false }),
  }),
];

const tokensOf = ({ accessToken, refreshToken, expiresInMs }: SignedIn) => ({
  access_token: accessToken,
  refresh_token: refreshToken,
  expires_in_ms: expiresInMs,
});

/** The answer to a login. `home_server` is for old clients. */
export const signedIn = (session: SignedIn) => ({
  user_id: session.userId,
  device_id: session.deviceId,
  home_server: session.userId.slice(session.userId.indexOf(':') + 1),
  ...tokensOf(session),
});
