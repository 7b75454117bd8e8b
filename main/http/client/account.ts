import * as z from 'zod';
import type { UserId } from '../../../shared/ids.ts';
import { forbidden } from '../../../shared/matrix-error.ts';
import type { Accounts } from '../../accounts/accounts.ts';
import type { InteractiveAuth } from '../../accounts/interactive-auth.ts';
import type { Sessions } from '../../accounts/sessions.ts';
import { type AnyRoute, route } from '../route.ts';
import { none, orNull } from './fields.ts';
import { authField, onceProved } from './interactive.ts';

interface AccountServicesForRoutes {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly interactiveAuth: InteractiveAuth;
  /** Leaves all rooms, signs out and forgets; with `erase` also what is not in rooms. */
  readonly deactivate: (userId: UserId, erase: boolean) => Promise<void>;
}

/** https://spec.matrix.org/v1.19/client-server-api/#legacy-account-management */
export const accountRoutes = (services: AccountServicesForRoutes): readonly AnyRoute[] => {
  const { accounts, sessions, interactiveAuth, deactivate } = services;
  return [
    route({
      method: 'POST',
      path: '/_matrix/client/v3/account/password',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({ ...authField, new_password: z.string(), logout_devices: z.boolean().default(true) }),
      handle({ body, caller: { userId, deviceId } }) {
        const operation = `password of ${userId}`;
        const step = interactiveAuth.step({ auth: body.auth, operation, flows: [['m.login.password']], userId });
        return onceProved(step, async () => {
          await accounts.setPassword(userId, body.new_password);
          const others = sessions.devices(userId).filter((device) => device.deviceId !== deviceId);
          if (body.logout_devices) {
            sessions.remove(
              userId,
              others.map((device) => device.deviceId),
            );
          }
          return {};
        });
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/account/deactivate',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({ ...authField, erase: orNull(z.boolean()) }),
      handle({ body, caller: { userId } }) {
        const operation = `deactivation of ${userId}`;
        const step = interactiveAuth.step({ auth: body.auth, operation, flows: [['m.login.password']], userId });
        return onceProved(step, async () => {
          await deactivate(userId, body.erase ?? false);
          return { id_server_unbind_result: 'success' }; // there was nothing to unbind
        });
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/account/3pid',
      auth: 'client',
      params: none,
      query: none,
      handle: () => ({ threepids: [] }),
    }),
    // What Matrix's admin tools know: https://element-hq.github.io/synapse/latest/usage/administration/admin_api/registration_tokens.html
    route({
      method: 'POST',
      path: '/_synapse/admin/v1/registration_tokens/new',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({
        token: z.string().regex(/^[A-Za-z0-9._~-]{1,64}$/),
        uses_allowed: orNull(z.int().min(0)),
        expiry_time: orNull(z.int()),
      }),
      handle({ body, caller: { userId } }) {
        if (accounts.owner() !== userId && accounts.get(userId)?.isAdmin !== true) {
          throw forbidden('This is for the owner and for admins.');
        }
        accounts.addToken(body.token, body.uses_allowed, body.expiry_time);
        const { token, uses_allowed = null, expiry_time = null } = body;
        return { token, uses_allowed, pending: 0, completed: 0, expiry_time };
      },
    }),
  ];
};
