import type { RoomId, UserId } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { Rooms } from '../rooms/rooms.ts';
import type { AccountData } from './account-data.ts';
import type { Accounts } from './accounts.ts';
import type { Profiles } from './profiles.ts';
import type { Sessions } from './sessions.ts';

interface DeactivateServices {
  readonly accounts: Accounts;
  readonly sessions: Sessions;
  readonly profiles: Profiles;
  readonly accountData: AccountData;
  readonly rooms: Pick<Rooms, 'memberships'>;
  readonly leave: (userId: UserId, roomId: RoomId) => Promise<void>;
  readonly log: Log;
}

/**
 * Ends an account: nobody signs in with it any more, and it is in no room. What it has said stays; `erase` takes away what
 * is kept besides. https://spec.matrix.org/v1.19/client-server-api/#account-deactivation
 */
export const deactivation =
  ({ accounts, sessions, profiles, accountData, rooms, leave, log }: DeactivateServices) =>
  async (userId: UserId, erase: boolean): Promise<void> => {
    accounts.deactivate(userId);
    sessions.remove(
      userId,
      sessions.devices(userId).map(({ deviceId }) => deviceId),
    );
    if (erase) {
      profiles.erase(userId);
      accountData.erase(userId);
    }
    for (const { roomId, membership } of rooms.memberships(userId)) {
      if (membership === 'leave' || membership === 'ban') continue;
      try {
        await leave(userId, roomId);
      } catch (error) {
        log.warn('a deactivated user did not leave a room', { userId, roomId, error });
      }
    }
  };
