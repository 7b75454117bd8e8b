import type { RoomId, ServerName } from '../../shared/ids.ts';
import { notFound } from '../../shared/matrix-error.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { RoomAccess } from './room-access.ts';
import { fullCardOf } from './room-card.ts';
import type { RoomInfo, Rooms } from './rooms.ts';
import { childrenOf } from './space-children.ts';

/** One space and its rooms, as far as another server may know of them. Throws 404 `M_NOT_FOUND` where it may not. */
export type ServedSpaces = (origin: ServerName, roomId: RoomId, suggestedOnly: boolean) => Promise<JsonObject>;

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'currentState'>;
  readonly access: Pick<RoomAccess, 'ofServer'>;
  readonly memberCount: (roomId: RoomId) => number;
}

/** Rooms of one answer that are told of. */
const mostRooms = 500;

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid */
export function serveSpaces({ rooms, access, memberCount }: Needs): ServedSpaces {
  const cardOf = ({ roomId, rules }: RoomInfo) =>
    fullCardOf(roomId, rooms.currentState(roomId), rules, memberCount(roomId));

  return async (origin, roomId, suggestedOnly) => {
    const room = rooms.info(roomId);
    if (room?.resident !== true || !access.ofServer(room, origin)) throw notFound(`${roomId} is not to be seen here`);
    const wanted = childrenOf(rooms.currentState(roomId)).filter(({ suggested }) => suggested || !suggestedOnly);
    const children: JsonObject[] = [];
    const inaccessible: RoomId[] = [];
    for (const child of wanted) {
      const info = rooms.info(child.roomId);
      if (info?.resident !== true) continue; // others know, where `via` leads
      if (!access.ofServer(info, origin)) inaccessible.push(child.roomId);
      else if (children.length < mostRooms) children.push(cardOf(info));
      await new Promise(setImmediate); // each may have to be looked for among many members
    }
    return {
      room: { ...cardOf(room), children_state: wanted.map(({ event }) => event) },
      children,
      inaccessible_children: inaccessible,
    };
  };
}
