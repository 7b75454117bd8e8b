import * as z from 'zod';
import { type Presence, presenceStates } from '../../accounts/presence.ts';
import { type AnyRoute, route } from '../route.ts';
import { mustBe, none, ofUser, orNull } from './fields.ts';

const maxStatus = 1000;

/** https://spec.matrix.org/v1.19/client-server-api/#presence */
export const presenceRoutes = ({ presence }: { readonly presence: Presence }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/client/v3/presence/:userId/status',
    auth: 'client',
    params: ofUser,
    query: none,
    handle: ({ params, caller }) => presence.get(caller.userId, params.userId),
  }),
  route({
    method: 'PUT',
    path: '/_matrix/client/v3/presence/:userId/status',
    auth: 'client',
    params: ofUser,
    query: none,
    body: z.object({ presence: z.enum(presenceStates), status_msg: orNull(z.string().max(maxStatus)) }),
    handle({ params, body, caller }) {
      mustBe(caller, params.userId);
      presence.set(caller.userId, body.presence, body.status_msg);
      return {};
    },
  }),
];
