import * as z from 'zod';
import type { ServedHistory } from '../../rooms/serve-history.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, roomId } from '../schemas.ts';
import { jsonReply, jsonWithPdus } from './json-with-pdus.ts';

/** The room's state just before an event. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1stateroomid */
export const stateRoutes = ({ history }: { readonly history: ServedHistory }): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/state/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: z.object({ event_id: eventId }),
    async handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      const { state, authChain } = await history.stateIds(caller.origin, params.roomId, query.event_id);
      return jsonReply(await jsonWithPdus({ auth_chain: history.pdus(authChain), pdus: history.pdus(state) }));
    },
  }),
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/state_ids/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: z.object({ event_id: eventId }),
    async handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      const { state, authChain } = await history.stateIds(caller.origin, params.roomId, query.event_id);
      return { auth_chain_ids: authChain, pdu_ids: state };
    },
  }),
];
