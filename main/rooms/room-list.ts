import type { RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { forbidden, invalidParam, notFound } from '../../shared/matrix-error.ts';
import type { publishedRoomsTable } from '../db/published-rooms.ts';
import type { Clock } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import { powerLevels } from '../protocol/power-levels.ts';
import { cardOf, type RoomCard } from './room-card.ts';
import type { Rooms } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';

export interface RoomListQuery {
  readonly limit: number | undefined;
  /** `next_batch` or `prev_batch` of another page. */
  readonly since: string | undefined;
  /** Part of the name, the topic or the alias. */
  readonly term: string | undefined;
  /** `null` is for rooms without a type. None: all. */
  readonly types: readonly (string | null)[] | undefined;
  /** One network of those that are bridged here: there are none, and so no rooms in them. */
  readonly network: string | undefined;
  readonly allNetworks: boolean;
}

/** The rooms that this server publishes: https://spec.matrix.org/v1.19/client-server-api/#published-room-directory */
export interface RoomList {
  /** Throws 404 for a room that we do not know. */
  isPublished(roomId: RoomId): boolean;
  /** By a member who may set the canonical alias. Throws 403, 404. */
  setPublished(roomId: RoomId, userId: UserId, isPublished: boolean): void;
  /** One that a local user has just made. */
  publish(roomId: RoomId): void;
  /** To the room that replaces it. */
  move(from: RoomId, to: RoomId): void;
  /**
   * A page of them, the rooms with the most members first. To another server only those that it may enter. Throws 400
   * `M_INVALID_PARAM` for a token that is none of ours.
   */
  page(query: RoomListQuery, toServer?: ServerName): JsonObject;
}

interface RoomListServices {
  readonly rooms: Pick<Rooms, 'info' | 'currentState'>;
  readonly table: ReturnType<typeof publishedRoomsTable>;
  readonly acls: Pick<ServerAcls, 'allows'>;
  readonly memberCount: (roomId: RoomId) => number;
  readonly clock: Clock;
}

const maxLimit = 500;

export function roomList({ rooms, table, acls, memberCount, clock }: RoomListServices): RoomList {
  const known = (roomId: RoomId) => {
    const info = rooms.info(roomId);
    if (info === undefined) throw notFound('This server does not know the room.');
    return info;
  };

  const mayEnter = (server: ServerName, roomId: RoomId) =>
    rooms.currentState(roomId).get('m.room.create', '')?.content['m.federate'] !== false && acls.allows(roomId, server);

  const entries = ({ term, types, network }: RoomListQuery, toServer?: ServerName): readonly RoomCard[] =>
    (network === undefined ? table.all() : [])
      .filter((roomId) => rooms.info(roomId)?.resident === true)
      .filter((roomId) => toServer === undefined || mayEnter(toServer, roomId))
      .map((roomId) => cardOf(roomId, rooms.currentState(roomId), memberCount(roomId)))
      .filter((room) => types === undefined || types.includes(room.room_type ?? null))
      .filter((room) => term === undefined || isFound(room, term.toLowerCase()))
      .sort((a, b) => b.num_joined_members - a.num_joined_members || (a.room_id < b.room_id ? -1 : 1));

  return {
    isPublished: (roomId) => table.has(known(roomId).roomId),
    setPublished(roomId, userId, isPublished) {
      const { rules } = known(roomId);
      const state = rooms.currentState(roomId);
      const powers = powerLevels(state, rules);
      const isJoined = state.get('m.room.member', userId)?.content['membership'] === 'join';
      if (!isJoined || powers.userLevel(userId) < powers.required('m.room.canonical_alias', true)) {
        throw forbidden('Only who may set the aliases of the room decides whether it is published.');
      }
      if (isPublished) table.add(roomId, clock.now());
      else table.remove(roomId);
    },
    publish: (roomId) => table.add(roomId, clock.now()),
    move(from, to) {
      if (!table.has(from)) return;
      table.add(to, clock.now());
      table.remove(from);
    },
    page(query, toServer) {
      const all = entries(query, toServer);
      const start = query.since === undefined ? 0 : offsetIn(query.since);
      const size = Math.min(query.limit ?? maxLimit, maxLimit);
      const end = start + size;
      return {
        chunk: all.slice(start, end).map((room) => ({ ...room })),
        ...(end < all.length && size > 0 && { next_batch: `p1_${end}` }),
        ...(start > 0 && { prev_batch: `p1_${Math.max(0, start - size)}` }),
        total_room_count_estimate: all.length,
      };
    },
  };
}

const isFound = (room: RoomCard, term: string): boolean =>
  [room['name'], room['topic'], room['canonical_alias']].some(
    (text) => typeof text === 'string' && text.toLowerCase().includes(term),
  );

function offsetIn(token: string): number {
  const [, offset] = /^p1_(\d{1,9})$/.exec(token) ?? [];
  if (offset === undefined) throw invalidParam('This is no token of this server.');
  return Number(offset);
}
