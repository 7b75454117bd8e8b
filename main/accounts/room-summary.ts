import type { RoomId, UserId } from '../../shared/ids.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { RoomState, Rooms } from '../rooms/rooms.ts';

/** How a room is called that has no name, and how many are in it. */
export interface RoomSummaries {
  /** The users by whom a room without a name is known: none where it has one. */
  heroes(roomId: RoomId, state: RoomState, viewer: UserId): readonly UserId[];
  /** `summary` of a joined room in `/sync`. */
  summary(roomId: RoomId, heroes: readonly UserId[] | undefined): JsonObject;
  joinedMembers(roomId: RoomId): number;
  /** Whether the summary may have changed since: members came, left or have another name, or the room has one. */
  mayHaveChanged(roomId: RoomId, after: number, upTo: number): boolean;
}

interface RoomSummariesOptions {
  readonly rooms: Pick<Rooms, 'stateChanges' | 'position'>;
  readonly members: {
    counts(roomId: RoomId): { readonly joined: number; readonly invited: number };
    heroes(roomId: RoomId, not: UserId, limit: number): readonly UserId[];
  };
}

interface Counted {
  readonly upTo: number;
  readonly joined: number;
  readonly invited: number;
}

const heroesShown = 5;
const maxCached = 2000;
const naming: readonly string[] = ['m.room.member', 'm.room.name', 'm.room.canonical_alias'];

export function createRoomSummaries({ rooms, members }: RoomSummariesOptions): RoomSummaries {
  const cache = new Map<RoomId, Counted>();

  const mayHaveChanged: RoomSummaries['mayHaveChanged'] = (roomId, after, upTo) =>
    rooms.stateChanges(roomId, { after, upTo }).some(({ type }) => naming.includes(type));

  /** Counting is a walk over all members: done again only after one of them has changed. */
  const counts = (roomId: RoomId): Counted => {
    const upTo = rooms.position();
    const known = cache.get(roomId);
    const isRight = known !== undefined && !mayHaveChanged(roomId, known.upTo, upTo);
    const counted = { ...(isRight ? known : members.counts(roomId)), upTo };
    if (cache.size >= maxCached) cache.clear();
    cache.set(roomId, counted);
    return counted;
  };

  return {
    mayHaveChanged,
    joinedMembers: (roomId) => counts(roomId).joined,
    heroes(roomId, state, viewer) {
      const hasText = (type: string, key: string) => {
        const text = state.get(type, '')?.content[key];
        return typeof text === 'string' && text !== '';
      };
      const isNamed = hasText('m.room.name', 'name') || hasText('m.room.canonical_alias', 'alias');
      return isNamed ? [] : members.heroes(roomId, viewer, heroesShown);
    },
    summary(roomId, heroes) {
      const { joined, invited } = counts(roomId);
      return {
        ...(heroes !== undefined && heroes.length > 0 && { 'm.heroes': heroes }),
        'm.joined_member_count': joined,
        'm.invited_member_count': invited,
      };
    },
  };
}
