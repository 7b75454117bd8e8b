import type { ServerName, UserId } from '../../shared/ids.ts';
import type { Rooms } from '../rooms/rooms.ts';

/** The other servers in the rooms of a user. */
export function sharingServers(
  rooms: Pick<Rooms, 'memberships' | 'servers'>,
  us: ServerName,
  userId: UserId,
): ReadonlySet<ServerName> {
  const servers = new Set<ServerName>();
  for (const { roomId, membership } of rooms.memberships(userId)) {
    if (membership === 'join') for (const server of rooms.servers(roomId)) servers.add(server);
  }
  servers.delete(us);
  return servers;
}
