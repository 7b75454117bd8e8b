import { parseRoomAlias, type RoomId } from '../../../shared/ids.ts';
import { invalidParam, MatrixError } from '../../../shared/matrix-error.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Directory } from '../../rooms/directory.ts';
import type { Rooms } from '../../rooms/rooms.ts';

/**
 * Aliases that are new in `m.room.canonical_alias` must lead to the room. What has been there before is not asked about.
 * https://spec.matrix.org/v1.19/client-server-api/#put_matrixclientv3roomsroomidstateeventtypestatekey
 *
 * @throws MatrixError 400 M_INVALID_PARAM, M_BAD_ALIAS
 */
export async function checkAliases(
  rooms: Pick<Rooms, 'currentState'>,
  directory: Pick<Directory, 'resolve'>,
  roomId: RoomId,
  content: JsonObject,
): Promise<void> {
  const before = new Set(aliasesIn(rooms.currentState(roomId).get('m.room.canonical_alias', '')?.content ?? {}));
  for (const text of aliasesIn(content).filter((alias) => !before.has(alias))) {
    const alias = typeof text === 'string' ? parseRoomAlias(text) : undefined;
    if (alias === undefined) throw invalidParam(`${String(text)} is not a room alias`);
    const leadsHere = await directory.resolve(alias).then(
      (resolved) => resolved.roomId === roomId,
      () => false, // that it leads nowhere is all that matters
    );
    if (!leadsHere) throw new MatrixError(400, 'M_BAD_ALIAS', `${alias} does not lead to this room.`);
  }
}

function aliasesIn({ alias, alt_aliases: others }: JsonObject): readonly unknown[] {
  const all: readonly unknown[] = [alias, ...(Array.isArray(others) ? others : [])];
  return all.filter((each) => each !== undefined && each !== null && each !== '');
}
