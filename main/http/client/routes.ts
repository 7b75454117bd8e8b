import { deactivation } from '../../accounts/deactivate.ts';
import type { AccountServices } from '../../accounts/open-accounts.ts';
import type { Log } from '../../log.ts';
import type { Media } from '../../media/media.ts';
import type { CreateRoom } from '../../rooms/create-room.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { RoomList } from '../../rooms/room-list.ts';
import type { Spaces } from '../../rooms/spaces.ts';
import type { UpgradeRoom } from '../../rooms/upgrade-room.ts';
import type { AnyRoute } from '../route.ts';
import { accountRoutes } from './account.ts';
import { accountDataRoutes } from './account-data.ts';
import { capabilityRoutes } from './capabilities.ts';
import { createRoomRoutes } from './create-room.ts';
import { deviceRoutes } from './devices.ts';
import { type DirectoryServices, directoryRoutes } from './directory.ts';
import { type HistoryServices, historyRoutes } from './history.ts';
import { keyRoutes } from './keys.ts';
import { loginRoutes } from './login.ts';
import { mediaRoutes } from './media.ts';
import { type MembershipServices, membershipRoutes } from './membership.ts';
import { openIdRoutes } from './openid.ts';
import { withOldPaths } from './paths.ts';
import { presenceRoutes } from './presence.ts';
import { profileRoutes } from './profile.ts';
import { pushRulesRoutes } from './push-rules.ts';
import { receiptRoutes } from './receipts.ts';
import { registerRoutes } from './register.ts';
import { sendRoutes } from './send.ts';
import { spaceRoutes } from './spaces.ts';
import { stateRoutes } from './state.ts';
import { syncRoutes } from './sync.ts';
import { toDeviceRoutes } from './to-device.ts';
import { versions } from './versions.ts';
import { wellKnownRoutes } from './well-known.ts';

export interface ClientRoutesOptions extends AccountServices {
  readonly log: Log;
  readonly memberships: MembershipServices['memberships'];
  readonly directory: Directory;
  readonly roomList: RoomList;
  readonly remoteRoomList: DirectoryServices['remoteRoomList'];
  readonly spaces: Spaces;
  readonly atTime: HistoryServices['atTime'];
  readonly createRoom: CreateRoom;
  readonly upgradeRoom: UpgradeRoom;
  readonly media: Media;
  readonly unauthenticatedMedia: boolean;
  readonly defaultRoomVersion: string;
  readonly clientUrl: () => string | undefined;
  readonly delegatedServer: () => string | undefined;
}

/** The client-server API. */
export function clientRoutes(services: ClientRoutesOptions): readonly AnyRoute[] {
  const { memberships, profiles } = services;
  const deactivate = deactivation({
    ...services,
    leave: (userId, roomId) => memberships.leave({ userId, roomId }),
  });
  return withOldPaths([
    versions,
    ...wellKnownRoutes(services),
    ...capabilityRoutes(services),
    ...loginRoutes(services),
    ...registerRoutes({
      ...services,
      setDisplayName: (userId, displayName) => profiles.set(userId, 'displayname', displayName),
    }),
    ...accountRoutes({ ...services, deactivate }),
    ...deviceRoutes(services),
    ...createRoomRoutes(services),
    ...membershipRoutes(services),
    ...sendRoutes(services),
    ...stateRoutes(services),
    ...historyRoutes(services),
    ...syncRoutes(services),
    ...directoryRoutes(services),
    ...spaceRoutes(services),
    ...profileRoutes(services),
    ...accountDataRoutes(services),
    ...pushRulesRoutes(services),
    ...receiptRoutes(services),
    ...keyRoutes(services),
    ...mediaRoutes(services),
    ...toDeviceRoutes(services),
    ...openIdRoutes(services),
    ...presenceRoutes(services),
  ]);
}
