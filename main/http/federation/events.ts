import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import type { Clock } from '../../platform.ts';
import type { EventsAtTime } from '../../rooms/event-at-time.ts';
import type { ServedHistory } from '../../rooms/serve-history.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, pointInTime, roomId } from '../schemas.ts';
import { jsonReply, jsonWithPdus } from './json-with-pdus.ts';

interface Needs {
  readonly history: ServedHistory;
  readonly atTime: Pick<EventsAtTime, 'forServer'>;
  readonly serverName: ServerName;
  readonly clock: Clock;
}

/** Single events and what authorises them. https://spec.matrix.org/v1.19/server-server-api/#retrieving-events */
export const eventRoutes = ({ history, atTime, serverName, clock }: Needs): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/event/:eventId',
    auth: 'server',
    params: z.object({ eventId }),
    query: z.object({}),
    async handle({ params, caller }) {
      const pdu = await history.event(caller.origin, params.eventId);
      return { origin: serverName, origin_server_ts: clock.now(), pdus: [pdu] };
    },
  }),
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/event_auth/:roomId/:eventId',
    auth: 'server',
    params: z.object({ roomId, eventId }),
    query: z.object({}),
    async handle({ params, caller, flow }) {
      flow?.room(params.roomId);
      const chain = await history.authChainIds(caller.origin, params.roomId, params.eventId);
      return jsonReply(await jsonWithPdus({ auth_chain: history.pdus(chain) }));
    },
  }),
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/timestamp_to_event/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: pointInTime,
    async handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      return { ...(await atTime.forServer(caller.origin, { ...params, ...query })) };
    },
  }),
];
