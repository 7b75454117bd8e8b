import * as z from 'zod';
import type { UserId } from '../../../shared/ids.ts';
import { invalidParam, notFound } from '../../../shared/matrix-error.ts';
import type { Filters } from '../../accounts/account-data.ts';
import { parseSyncFilter, type SyncFilter } from '../../accounts/event-filter.ts';
import { type Presence, presenceStates } from '../../accounts/presence.ts';
import type { Sync } from '../../accounts/sync.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, upTo } from '../schemas.ts';
import { flag, mustBe, none, objectIn, ofUser } from './fields.ts';

interface SyncServices {
  readonly sync: Sync;
  readonly filters: Filters;
  readonly presence: Presence;
}

/** https://spec.matrix.org/v1.19/client-server-api/#syncing and #filtering */
export const syncRoutes = ({ sync, filters, presence }: SyncServices): readonly AnyRoute[] => {
  /** By its ID, or the filter itself: that begins with a brace. */
  const filterFor = (user: UserId, text: string | undefined): SyncFilter => {
    if (text === undefined) return parseSyncFilter({});
    const filter = text.startsWith('{') ? objectIn(text) : filters.get(user, text);
    if (filter === undefined) throw invalidParam('There is no such filter.');
    return parseSyncFilter(filter);
  };

  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v3/sync',
      auth: 'client',
      params: none,
      query: z.object({
        filter: z.string().optional(),
        since: z.string().optional(),
        full_state: flag,
        set_presence: z.enum(presenceStates).default('online'),
        timeout: upTo(10 * 60_000, 0),
        use_state_after: flag,
        'org.matrix.msc4222.use_state_after': flag, // its name before v1.16, by which clients still ask
      }),
      handle({ query, caller, signal }) {
        const isUnstable = query['org.matrix.msc4222.use_state_after'];
        const unstable = isUnstable ? 'org.matrix.msc4222.state_after' : undefined;
        presence.syncing(caller.userId, query.set_presence, query.timeout);
        return sync({
          viewer: caller,
          since: query.since === '' ? undefined : query.since,
          filter: filterFor(caller.userId, query.filter),
          fullState: query.full_state,
          stateAfter: query.use_state_after ? 'state_after' : unstable,
          timeoutMs: query.timeout,
          signal,
        });
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/user/:userId/filter',
      auth: 'client',
      params: ofUser,
      query: none,
      body: jsonObject,
      handle({ params, body, caller }) {
        mustBe(caller, params.userId);
        parseSyncFilter(body); // throws for what is no filter
        return { filter_id: filters.add(caller.userId, body) };
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/:userId/filter/:filterId',
      auth: 'client',
      params: ofUser.extend({ filterId: z.string() }),
      query: none,
      handle({ params, caller }) {
        mustBe(caller, params.userId);
        const filter = filters.get(caller.userId, params.filterId);
        if (filter === undefined) throw notFound('There is no such filter.');
        return filter;
      },
    }),
  ];
};
