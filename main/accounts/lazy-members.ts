import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import type { Session } from './sessions.ts';

/**
 * Which member events a device has been told, so that lazy loading need not repeat them. What stands in a reply counts
 * once the device has come back with its token: a reply may be lost.
 * https://spec.matrix.org/v1.19/client-server-api/#lazy-loading-room-members
 */
export interface LazyMembers {
  /** For one sync, of a device that has come with this token. */
  begin(session: Session, since: string | undefined): LazyMembersOfSync;
}

export interface LazyMembersOfSync {
  knows(roomId: RoomId, userId: UserId, eventId: EventId): boolean;
  tell(roomId: RoomId, userId: UserId, eventId: EventId): void;
  /** The reply goes out, with this token in it. */
  finish(nextBatch: string): void;
}

interface Told {
  readonly token: string;
  readonly members: ReadonlyMap<string, EventId>;
}

const maxDevices = 100;
const maxMembers = 50_000;

export function createLazyMembers(): LazyMembers {
  const devices = new Map<string, Told>();
  return {
    begin({ userId, deviceId }, since) {
      const device = `${userId} ${deviceId}`;
      const told = devices.get(device);
      const isSame = told !== undefined && told.token === since && told.members.size < maxMembers;
      const before: ReadonlyMap<string, EventId> = isSame ? told.members : new Map();
      const now = new Map<string, EventId>();
      const keyOf = (roomId: RoomId, member: UserId) => `${roomId} ${member}`;
      return {
        knows: (roomId, member, eventId) => before.get(keyOf(roomId, member)) === eventId,
        tell: (roomId, member, eventId) => now.set(keyOf(roomId, member), eventId),
        finish(nextBatch) {
          devices.delete(device); // it goes to the end, as the youngest
          devices.set(device, { token: nextBatch, members: now.size === 0 ? before : new Map([...before, ...now]) });
          const [oldest] = devices.keys();
          if (devices.size > maxDevices && oldest !== undefined) devices.delete(oldest);
        },
      };
    },
  };
}
