import * as z from 'zod';
import type { UserId } from '../../../shared/ids.ts';
import { forbidden, missingParam } from '../../../shared/matrix-error.ts';
import type { Accounts } from '../../accounts/accounts.ts';
import type { InteractiveAuth } from '../../accounts/interactive-auth.ts';
import type { RateLimit } from '../../accounts/rate-limit.ts';
import type { Registration } from '../../accounts/registration.ts';
import type { Sessions } from '../../accounts/sessions.ts';
import { type AnyRoute, route } from '../route.ts';
import { none, orNull } from './fields.ts';
import { authField, onceProved } from './interactive.ts';
import { signedIn } from './login.ts';

interface RegisterServices {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly registration: Registration;
  readonly interactiveAuth: InteractiveAuth;
  /** A localpart for who does not choose one. */
  readonly newLocalpart: () => string;
  readonly setDisplayName: (userId: UserId, displayName: string) => Promise<void>;
  /** Counts registrations and guesses at tokens. */
  readonly limit: RateLimit;
}

/** https://spec.matrix.org/v1.19/client-server-api/#legacy-account-registration */
export const registerRoutes = (services: RegisterServices): readonly AnyRoute[] => {
  const { accounts, sessions, registration, interactiveAuth, newLocalpart, setDisplayName, limit } = services;
  return [
    route({
      method: 'POST',
      path: '/_matrix/client/v3/register',
      auth: 'none',
      params: none,
      query: z.object({ kind: z.enum(['user', 'guest']).default('user') }),
      body: z.object({
        ...authField,
        username: orNull(z.string()),
        password: orNull(z.string()),
        device_id: orNull(z.string()),
        initial_device_display_name: orNull(z.string()),
        inhibit_login: orNull(z.boolean()),
        refresh_token: orNull(z.boolean()),
      }),
      handle({ query, body, address }) {
        if (query.kind === 'guest') throw forbidden('There are no guests on this server.');
        const flows = registration.flows();
        if (body.username !== undefined) accounts.available(body.username);
        const operation = `register ${body.username ?? ''}`;
        const step = interactiveAuth.step({ auth: body.auth, operation, flows });
        return onceProved(step, async ({ registrationToken }) => {
          if (body.password === undefined) throw missingParam('password is missing');
          const key = `registration from ${address}`;
          limit.check(key);
          limit.count(key);
          const localpart = body.username ?? newLocalpart();
          const userId = await accounts.create({ localpart, password: body.password, registrationToken });
          if (body.inhibit_login) return { user_id: userId };
          return signedIn(
            sessions.signIn({
              userId,
              deviceId: body.device_id,
              displayName: body.initial_device_display_name,
              refreshable: body.refresh_token,
            }),
          );
        });
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/register/available',
      auth: 'none',
      params: none,
      query: z.object({ username: z.string() }),
      handle({ query }) {
        registration.flows();
        accounts.available(query.username);
        return { available: true };
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v1/register/m.login.registration_token/validity',
      auth: 'none',
      params: none,
      query: z.object({ token: z.string() }),
      handle({ query, address }) {
        registration.flows();
        const key = `token guesses from ${address}`;
        limit.check(key);
        const valid = accounts.isGoodToken(query.token);
        if (!valid) limit.count(key);
        return { valid };
      },
    }),
    // What Matrix's admin tools know: https://element-hq.github.io/synapse/latest/admin_api/register_api.html
    route({
      method: 'GET',
      path: '/_synapse/admin/v1/register',
      auth: 'none',
      params: none,
      query: none,
      handle: () => ({ nonce: registration.nonce() }),
    }),
    route({
      method: 'POST',
      path: '/_synapse/admin/v1/register',
      auth: 'none',
      params: none,
      query: none,
      body: z.object({
        nonce: z.string(),
        username: z.string(),
        password: z.string(),
        mac: z.string(),
        admin: z.boolean().default(false),
        displayname: orNull(z.string()),
        user_type: orNull(z.string()),
        inhibit_login: orNull(z.boolean()),
      }),
      async handle({ body: { nonce, username, password, admin, mac, ...body } }) {
        registration.checkSigned({ nonce, username, password, admin, userType: body.user_type, mac });
        const userId = await accounts.create({
          localpart: username,
          password,
          isAdmin: admin,
          userType: body.user_type,
        });
        if (body.displayname !== undefined) await setDisplayName(userId, body.displayname);
        return body.inhibit_login ? { user_id: userId } : signedIn(sessions.signIn({ userId }));
      },
    }),
  ];
};
