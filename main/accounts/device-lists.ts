import type { RoomId, UserId } from '../../shared/ids.ts';
import type { LocalMembership, RoomState, Rooms } from '../rooms/rooms.ts';
import type { DeviceKeys } from './device-keys.ts';
import { membershipOf } from './room-view.ts';

export interface DeviceListChanges {
  readonly changed: readonly UserId[];
  readonly left: readonly UserId[];
}

/** Whose device lists a client must ask for again, or no more. https://spec.matrix.org/v1.19/client-server-api/#tracking-the-device-list-for-a-user */
export interface DeviceLists {
  /** `memberships`: where this user stands, in all rooms. */
  between(userId: UserId, memberships: readonly LocalMembership[], after: number, upTo: number): DeviceListChanges;
}

interface DeviceListsOptions {
  readonly rooms: Pick<Rooms, 'currentState' | 'stateBefore' | 'stateChanges' | 'event'>;
  readonly deviceKeys: Pick<DeviceKeys, 'changedBetween'>;
  readonly members: {
    joined(roomId: RoomId, not: UserId): readonly UserId[];
    shareRoom(one: UserId, other: UserId): boolean;
  };
  readonly mayHaveChanged: (roomId: RoomId, after: number) => boolean;
}

export function createDeviceLists({ rooms, deviceKeys, members, mayHaveChanged }: DeviceListsOptions): DeviceLists {
  const isEncrypted = (state: RoomState) => state.id('m.room.encryption', '') !== undefined;

  /** The members of one encrypted room who have come or gone, or all where we have, or where encryption is new. */
  function* touched(roomId: RoomId, userId: UserId, after: number, upTo: number): Iterable<UserId> {
    const state = rooms.currentState(roomId);
    if (!isEncrypted(state)) return;
    for (const { type, stateKey, eventId } of rooms.stateChanges(roomId, { after, upTo })) {
      const concernsAll = type === 'm.room.encryption' || (type === 'm.room.member' && stateKey === userId);
      if (concernsAll && !isSameMembership(eventId, stateKey)) yield* members.joined(roomId, userId);
      else if (type === 'm.room.member' && !isSameMembership(eventId, stateKey)) yield stateKey as UserId;
    }
  }

  /** A new name or picture brings nobody into a room. */
  const isSameMembership = (eventId: Parameters<typeof rooms.event>[0] | undefined, stateKey: string): boolean => {
    const event = eventId && rooms.event(eventId)?.event;
    if (event === undefined || event.type !== 'm.room.member') return false;
    const before = rooms.stateBefore(event.eventId)?.get('m.room.member', stateKey);
    return before !== undefined && membershipOf(before) === membershipOf(event);
  };

  return {
    between(userId, memberships, after, upTo) {
      const suspects = new Set<UserId>();
      for (const { roomId, membership, position } of memberships) {
        const hasGone = membership !== 'join' && position > after;
        const wasIn = membership === 'join' || (hasGone && (membership === 'leave' || membership === 'ban'));
        if (wasIn && mayHaveChanged(roomId, after)) {
          for (const user of touched(roomId, userId, after, upTo)) suspects.add(user);
        }
      }
      const changed = new Set<UserId>();
      const left: UserId[] = [];
      for (const user of suspects) {
        if (user === userId) continue;
        if (members.shareRoom(userId, user)) changed.add(user);
        else left.push(user);
      }
      for (const user of deviceKeys.changedBetween(after, upTo)) {
        if (user === userId || members.shareRoom(userId, user)) changed.add(user);
      }
      return { changed: [...changed], left };
    },
  };
}
