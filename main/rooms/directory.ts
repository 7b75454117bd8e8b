import type { RoomAlias, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { serverNameOf } from '../../shared/ids.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { aliasesTable } from '../db/aliases.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { Clock } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import { powerLevels } from '../protocol/power-levels.ts';
import { isRemoteError } from './remote-error.ts';
import type { RoomState, Rooms } from './rooms.ts';
import type { Visibility } from './visibility.ts';

export interface ResolvedAlias {
  readonly roomId: RoomId;
  /** Servers that may know the way in, the best first. */
  readonly servers: readonly ServerName[];
}

/** Room aliases: ours, and the way to others'. https://spec.matrix.org/v1.19/client-server-api/#room-aliases */
export interface Directory {
  /** Ours from the table, others' by asking. Throws 404 `M_NOT_FOUND`, 502 `M_UNKNOWN` where nobody answers. */
  resolve(alias: RoomAlias): Promise<ResolvedAlias>;
  /** Ours only, as other servers ask for them. Throws 404 `M_NOT_FOUND`. */
  resolveLocal(alias: RoomAlias): ResolvedAlias;
  isTaken(alias: RoomAlias): boolean;
  /** Throws 400 `M_INVALID_PARAM` for another server's alias, 403 for who is not in the room, 409 `M_UNKNOWN` if it is taken. */
  create(alias: RoomAlias, roomId: RoomId, userId: UserId): void;
  /**
   * By whoever made it, or may set the room's canonical alias; then it is taken out of that, too. Throws 403, 404.
   */
  delete(alias: RoomAlias, userId: UserId): Promise<void>;
  /** Our aliases of a room, for its members and, where it is world readable, for everybody. Throws 403. */
  ofRoom(roomId: RoomId, userId: UserId): readonly RoomAlias[];
  /** To the room that replaces it. */
  move(from: RoomId, to: RoomId): void;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'servers' | 'append'>;
  readonly table: ReturnType<typeof aliasesTable>;
  readonly remote: Pick<RemoteServers, 'queryDirectory'>;
  readonly visibility: Pick<Visibility, 'isWorldReadable'>;
  readonly serverName: ServerName;
  readonly clock: Clock;
}

/** Servers taken from another's answer. */
const mostServers = 100;

export function directory({ rooms, table, remote, visibility, serverName, clock }: Needs): Directory {
  const isOurs = (alias: RoomAlias) => serverNameOf(alias) === serverName;
  const isJoined = (roomId: RoomId, userId: UserId) =>
    rooms.currentState(roomId).get('m.room.member', userId)?.content['membership'] === 'join';
  const unknown = (alias: RoomAlias) => notFound(`There is no room alias ${alias}`);

  function resolveLocal(alias: RoomAlias): ResolvedAlias {
    const local = isOurs(alias) ? table.get(alias) : undefined;
    if (local === undefined) throw unknown(alias);
    const present = rooms.servers(local.roomId);
    const ours = present.has(serverName) ? [serverName] : []; // first, since we answer
    return { roomId: local.roomId, servers: [...new Set([...ours, ...present])] };
  }

  async function resolveRemote(alias: RoomAlias): Promise<ResolvedAlias> {
    const owner = serverNameOf(alias);
    try {
      const { roomId, servers } = await remote.queryDirectory(owner, alias);
      return { roomId, servers: [...new Set([...servers.slice(0, mostServers), owner])] };
    } catch (error) {
      if (!isRemoteError(error)) throw error;
      if (error.status === 404) throw unknown(alias);
      throw new MatrixError(502, 'M_UNKNOWN', `${owner} could not be asked about ${alias}: ${error.message}`, {
        cause: error,
      });
    }
  }

  function mayDelete(alias: RoomAlias, creator: UserId, roomId: RoomId, userId: UserId): void {
    const info = rooms.info(roomId);
    if (creator === userId) return;
    if (info !== undefined && isJoined(roomId, userId)) {
      const powers = powerLevels(rooms.currentState(roomId), info.rules);
      if (powers.userLevel(userId) >= powers.required('m.room.canonical_alias', true)) return;
    }
    throw forbidden(`${alias} is not of your making, and you may not set the aliases of its room`);
  }

  return {
    resolveLocal,
    resolve: async (alias) => (isOurs(alias) ? resolveLocal(alias) : resolveRemote(alias)),
    isTaken: (alias) => table.get(alias) !== undefined,

    create(alias, roomId, userId) {
      if (!isOurs(alias)) throw invalidParam(`${alias} would have to be made on ${serverNameOf(alias)}`);
      if (rooms.info(roomId)?.resident !== true || !isJoined(roomId, userId)) {
        throw forbidden(`You are not in ${roomId}`);
      }
      if (!table.create(alias, roomId, userId, clock.now())) {
        throw new MatrixError(409, 'M_UNKNOWN', `The room alias ${alias} is taken`);
      }
    },

    async delete(alias, userId) {
      const local = isOurs(alias) ? table.get(alias) : undefined;
      if (local === undefined) throw unknown(alias);
      mayDelete(alias, local.creator, local.roomId, userId);
      table.delete(alias);
      await forgetInRoom(rooms, local.roomId, alias, userId);
    },

    ofRoom(roomId, userId) {
      const isKnown = rooms.info(roomId) !== undefined;
      if (!isKnown || !(isJoined(roomId, userId) || visibility.isWorldReadable(roomId))) {
        throw forbidden(`You are not in ${roomId}`);
      }
      return table.ofRoom(roomId);
    },

    move: (from, to) => table.move(from, to),
  };
}

/**
 * "Servers may choose to update the `alt_aliases`", and are to succeed where the user may not:
 * https://spec.matrix.org/v1.19/client-server-api/#delete_matrixclientv3directoryroomroomalias
 */
async function forgetInRoom(
  rooms: Pick<Rooms, 'info' | 'append' | 'currentState'>,
  roomId: RoomId,
  alias: RoomAlias,
  userId: UserId,
): Promise<void> {
  if (rooms.info(roomId)?.resident !== true || without(rooms.currentState(roomId), alias) === undefined) return;
  const type = 'm.room.canonical_alias';
  try {
    await rooms.append(roomId, (state) => {
      const content = without(state, alias);
      return content === undefined ? [] : [{ type, stateKey: '', sender: userId, content }];
    });
  } catch (error) {
    if (!(error instanceof MatrixError && error.status === 403)) throw error;
  }
}

/** What the canonical alias event would be without this one; none where it does not have it. */
function without(state: RoomState, alias: RoomAlias): JsonObject | undefined {
  const content = state.get('m.room.canonical_alias', '')?.content;
  if (content === undefined) return undefined;
  const { alias: canonical, alt_aliases: alternatives, ...rest } = content;
  const others = Array.isArray(alternatives) ? alternatives.filter((other) => other !== alias) : undefined;
  const isThere = canonical === alias || (Array.isArray(alternatives) && others?.length !== alternatives.length);
  if (!isThere) return undefined;
  return {
    ...rest,
    ...(canonical !== undefined && canonical !== alias && { alias: canonical }),
    ...(others !== undefined && others.length > 0 && { alt_aliases: others }),
  };
}
