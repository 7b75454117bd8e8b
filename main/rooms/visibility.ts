import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { splitStateKey } from '../protocol/state-map.ts';
import type { RoomState, Rooms, StoredEvent } from './rooms.ts';

type HistoryVisibility = 'world_readable' | 'shared' | 'invited' | 'joined';

/** Who may see which events of a room: https://spec.matrix.org/v1.19/client-server-api/#room-history-visibility */
export interface Visibility {
  /**
   * Those that this user may see. Outliers are not among them, for their state is not known, nor is what was rejected or
   * soft-failed: clients are never shown it.
   */
  toUser(userId: UserId, events: readonly StoredEvent[]): ReadonlySet<EventId>;
  /**
   * Those that any user of this server may see, whatever became of the event. Outliers are not among them. Yields to the
   * loop: a server may have thousands of users, and each event its own state.
   */
  toServer(server: ServerName, events: readonly StoredEvent[]): Promise<ReadonlySet<EventId>>;
  /** Whether anyone at all may read the room as it is now. */
  isWorldReadable(roomId: RoomId): boolean;
}

/** Member events looked at on the way back to somebody's last join. Who came and went more often has joined never. */
const longestWayBack = 50;
/** Users of a server that are asked about. One who sees is enough; of a larger server, some events go out redacted. */
const mostUsers = 2_000;
/** Of a server that has left the room, how many of its users' comings and goings are followed back. */
const mostFormerMembers = 50;

type Reads = Pick<Rooms, 'event' | 'stateBefore' | 'currentState' | 'servers'>;

export function visibility(rooms: Reads): Visibility {
  /** The arrival position of the last event by which they were joined: everything older is from before they joined. */
  function lastJoin(roomId: RoomId, userId: UserId): number {
    let member = rooms.currentState(roomId).get('m.room.member', userId);
    if (membershipOf(member) === 'join') return Number.POSITIVE_INFINITY;
    for (let step = 0; member !== undefined && step < longestWayBack; step++) {
      if (membershipOf(member) === 'join') return rooms.event(member.eventId)?.position ?? Number.NEGATIVE_INFINITY;
      member = rooms.stateBefore(member.eventId)?.get('m.room.member', userId);
    }
    return Number.NEGATIVE_INFINITY;
  }

  /** One verdict after the other, so that whoever asks for many can yield between them. */
  function* seen(
    events: readonly StoredEvent[],
    watchersOf: (roomId: RoomId) => Watchers,
  ): Iterable<EventId | undefined> {
    const byRoom = new Map<RoomId, Watchers>();
    for (const stored of events) {
      const { eventId, roomId } = stored.event;
      const watchers = byRoom.get(roomId) ?? watchersOf(roomId);
      byRoom.set(roomId, watchers);
      const state = stored.outlier ? undefined : rooms.stateBefore(eventId);
      yield state !== undefined && isSeen(stored, state, watchers) ? eventId : undefined;
    }
  }

  return {
    toUser(userId, events) {
      const accepted = events.filter(({ outcome }) => outcome === 'accepted');
      const watchers = (roomId: RoomId) => ({ users: () => [userId], lastJoin: once(() => lastJoin(roomId, userId)) });
      return new Set([...seen(accepted, watchers)].filter((eventId) => eventId !== undefined));
    },

    async toServer(server, events) {
      const watchers = (roomId: RoomId): Watchers => {
        const users = once(() => usersOf(rooms.currentState(roomId), server));
        const joins = () =>
          users()
            .slice(0, mostFormerMembers)
            .map((user) => lastJoin(roomId, user));
        const isThere = () => rooms.servers(roomId).has(server);
        return {
          users,
          lastJoin: once(() => (isThere() ? Number.POSITIVE_INFINITY : Math.max(Number.NEGATIVE_INFINITY, ...joins()))),
        };
      };
      const found = new Set<EventId>();
      for (const eventId of seen(events, watchers)) {
        if (eventId !== undefined) found.add(eventId);
        await new Promise(setImmediate);
      }
      return found;
    },

    isWorldReadable: (roomId) => visibilityIn(rooms.currentState(roomId)) === 'world_readable',
  };
}

/** Those for whom we ask: one user, or all of a server who ever were members. Found out only when it matters. */
interface Watchers {
  users(): readonly UserId[];
  lastJoin(): number;
}

/** The two exceptions, where before *or* after counts: the setting itself, and somebody's own membership. */
function isSeen({ event, position }: StoredEvent, state: RoomState, watchers: Watchers): boolean {
  const before = visibilityIn(state);
  const visibilities = event.type === 'm.room.history_visibility' ? [before, settingOf(event)] : [before];
  const joinedLater = () => (position ?? Number.MAX_VALUE) < watchers.lastJoin(); // what was refused has no position
  return visibilities.some((visibility) => {
    if (maySee(visibility, undefined, joinedLater)) return true;
    return watchers.users().some((user) => {
      const ownChange = event.type === 'm.room.member' && event.stateKey === user;
      if (ownChange && maySee(visibility, membershipOf(event), () => false)) return true;
      return maySee(visibility, membershipOf(state.get('m.room.member', user)), () => false);
    });
  });
}

/**
 * The rules, in the order of the specification.
 * `joinedLater`: whether they joined at any point after the event was sent.
 */
function maySee(visibility: HistoryVisibility, membership: string | undefined, joinedLater: () => boolean): boolean {
  if (visibility === 'world_readable') return true;
  if (membership === 'join') return true;
  if (visibility === 'shared' && joinedLater()) return true;
  return membership === 'invite' && visibility === 'invited';
}

const visibilityIn = (state: RoomState): HistoryVisibility => settingOf(state.get('m.room.history_visibility', ''));

/** What is not set, or not understood, is `shared`. */
function settingOf(event: RoomEvent | undefined): HistoryVisibility {
  const setting = event?.content['history_visibility'];
  return setting === 'world_readable' || setting === 'invited' || setting === 'joined' ? setting : 'shared';
}

function membershipOf(member: RoomEvent | undefined): string | undefined {
  const membership = member?.content['membership'];
  return typeof membership === 'string' ? membership : undefined;
}

/** State forgets nobody: who ever was a member has an event in it. */
function usersOf(state: RoomState, server: ServerName): readonly UserId[] {
  const users: UserId[] = [];
  for (const [key] of state.entries()) {
    if (users.length === mostUsers) break;
    if (!key.startsWith('m.room.member\0') || !key.endsWith(`:${server}`)) continue;
    const user = parseUserId(splitStateKey(key)[1]);
    if (user !== undefined && serverNameOf(user) === server) users.push(user);
  }
  return users;
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
