import { backfillRoutes } from './http/federation/backfill.ts';
import { eventRoutes } from './http/federation/events.ts';
import { keyRoutes } from './http/federation/keys.ts';
import { mediaRoutes } from './http/federation/media.ts';
import { membershipRoutes } from './http/federation/membership.ts';
import { publicRoomsRoutes } from './http/federation/public-rooms.ts';
import { queryRoutes } from './http/federation/query.ts';
import { sendRoutes } from './http/federation/send.ts';
import { spaceRoutes } from './http/federation/spaces.ts';
import { stateRoutes } from './http/federation/state.ts';
import { userRoutes } from './http/federation/user.ts';
import { versionRoutes } from './http/federation/version.ts';
import type { AnyRoute } from './http/route.ts';
import type { MatrixServices } from './matrix-services.ts';
import type { Platform } from './platform.ts';
import { version } from './version.ts';

/** What other servers ask. A closed server has none of it: it answers as if there were no federation. */
export function federationRoutes(services: MatrixServices, { clock, random }: Platform): readonly AnyRoute[] {
  const { serverName, served: history, directory, profile } = services;
  return [
    ...versionRoutes({ version }),
    ...keyRoutes({ keys: services.federation.keyServer }),
    ...sendRoutes({ receive: services.receiveTransaction }),
    ...eventRoutes({ history, atTime: services.atTime, serverName, clock }),
    ...stateRoutes({ history }),
    ...backfillRoutes({ history, serverName, clock }),
    ...membershipRoutes({
      memberships: services.servedMembership,
      history,
      receiveInvite: services.receiveInvite,
      serverName,
    }),
    ...mediaRoutes({ media: services.media, serverName, random }),
    ...queryRoutes({ directory, profile, serverName }),
    ...publicRoomsRoutes({ roomList: services.roomList, isPublic: services.publicDirectory }),
    ...spaceRoutes(services),
    ...userRoutes({ ...services.accounts, isActive: services.accounts.accounts.isActive }),
  ];
}
