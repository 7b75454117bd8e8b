import { parseRoomAlias, type RoomAlias, type RoomId, type ServerName, type UserId } from '../../shared/ids.ts';
import { invalidParam, MatrixError } from '../../shared/matrix-error.ts';
import type { Log } from '../log.ts';
import type { JsonObject } from '../protocol/json.ts';
import { rulesOf } from '../protocol/room-versions.ts';
import type { Directory } from './directory.ts';
import { firstEvents, type RoomWishes } from './first-events.ts';
import type { Memberships } from './membership.ts';
import type { RoomList } from './room-list.ts';
import type { Rooms } from './rooms.ts';

export interface NewRoom extends Omit<RoomWishes, 'creatorProfile' | 'alias'> {
  readonly version: string | undefined;
  readonly aliasLocalpart: string | undefined;
  readonly isDirect: boolean;
  readonly published: boolean;
}

interface CreateRoomServices {
  readonly rooms: Rooms;
  readonly serverName: ServerName;
  readonly defaultVersion: string;
  readonly profileOf: (userId: UserId) => JsonObject;
  readonly directory: Pick<Directory, 'isTaken' | 'create'>;
  readonly roomList: Pick<RoomList, 'publish'>;
  readonly memberships: Pick<Memberships, 'invite'>;
  readonly log: Log;
}

export type CreateRoom = (wished: NewRoom) => Promise<RoomId>;

/**
 * Makes rooms. https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 *
 * @throws MatrixError 400 M_UNSUPPORTED_ROOM_VERSION, M_ROOM_IN_USE, M_INVALID_ROOM_STATE; 403 M_INVITE_BLOCKED
 */
export function roomCreation(services: CreateRoomServices): CreateRoom {
  const { rooms, serverName, defaultVersion, profileOf, directory, roomList, memberships, log } = services;
  /** Aliases of rooms that are being made: two at once must not get the same one. */
  const claimed = new Set<RoomAlias>();

  const inviteAll = async (wished: NewRoom, roomId: RoomId): Promise<void> => {
    const { creator: userId, isDirect } = wished;
    for (const target of new Set(wished.invite)) {
      try {
        await memberships.invite({ userId, roomId, target, isDirect });
      } catch (error) {
        if (error instanceof MatrixError && mustBeTold.includes(error.errcode)) throw error;
        log.warn('an invite to a new room failed', { roomId, target, error }); // the room is there; it can be sent again
      }
    }
  };

  return async (wished) => {
    const version = wished.version ?? defaultVersion;
    const rules = rulesOf(version);
    if (rules === undefined) {
      throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `This server knows no room version ${version}.`);
    }
    const alias = wished.aliasLocalpart === undefined ? undefined : newAlias(wished.aliasLocalpart, serverName);
    if (alias !== undefined && (claimed.has(alias) || directory.isTaken(alias))) {
      throw new MatrixError(400, 'M_ROOM_IN_USE', `${alias} is taken.`);
    }
    if (alias !== undefined) claimed.add(alias);
    try {
      const drafts = firstEvents({ ...wished, alias, creatorProfile: profileOf(wished.creator) }, rules);
      const { roomId } = await rooms.create(rules, drafts).catch(asInvalidState);
      if (alias !== undefined) directory.create(alias, roomId, wished.creator);
      if (wished.published) roomList.publish(roomId);
      await inviteAll(wished, roomId);
      return roomId;
    } finally {
      if (alias !== undefined) claimed.delete(alias);
    }
  };
}

/** What the creator has to know even though the room is there. */
const mustBeTold: readonly string[] = ['M_INVITE_BLOCKED', 'M_UNSUPPORTED_ROOM_VERSION'];

function newAlias(localpart: string, serverName: ServerName): RoomAlias {
  const alias = localpart === '' || localpart.includes(':') ? undefined : parseRoomAlias(`#${localpart}:${serverName}`);
  if (alias === undefined) throw invalidParam('room_alias_name cannot be the first part of an alias');
  return alias;
}

/** What the auth rules forbid was asked for by the request. */
function asInvalidState(error: unknown): never {
  if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error;
  throw new MatrixError(400, 'M_INVALID_ROOM_STATE', error.message, { cause: error });
}
