import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import { missingParam } from '../../../shared/matrix-error.ts';
import type { Clock } from '../../platform.ts';
import type { ServedHistory } from '../../rooms/serve-history.ts';
import { type AnyRoute, route } from '../route.ts';
import { eventId, repeated, roomId, upTo } from '../schemas.ts';

/** The most events of one answer, as other servers have it. */
const most = 100;

interface Needs {
  readonly history: ServedHistory;
  readonly serverName: ServerName;
  readonly clock: Clock;
}

/** https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events */
export const backfillRoutes = ({ history, serverName, clock }: Needs): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/federation/v1/backfill/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: z.object({ v: repeated(eventId), limit: upTo(most, most) }),
    async handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      if (query.v.length === 0) throw missingParam('v: which events to go back from');
      const pdus = await history.backfill(caller.origin, params.roomId, query.v, query.limit);
      return { origin: serverName, origin_server_ts: clock.now(), pdus };
    },
  }),
  route({
    method: 'POST',
    path: '/_matrix/federation/v1/get_missing_events/:roomId',
    auth: 'server',
    params: z.object({ roomId }),
    query: z.object({}),
    body: z.object({
      earliest_events: z.array(eventId),
      latest_events: z.array(eventId),
      limit: upTo(most, 10),
      min_depth: z.number().int().default(0),
    }),
    async handle({ params, body, caller, flow }) {
      flow?.room(params.roomId);
      const events = await history.missingEvents(caller.origin, params.roomId, {
        earliest: body.earliest_events,
        latest: body.latest_events,
        limit: body.limit,
        minDepth: body.min_depth,
      });
      return { events };
    },
  }),
];
