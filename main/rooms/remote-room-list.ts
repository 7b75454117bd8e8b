import type { ServerName } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { isRemoteError } from './remote-error.ts';
import { cardFrom } from './room-card.ts';
import type { RoomListQuery } from './room-list.ts';

/** Rooms of one page. More than we would give ourselves is not asked for. */
const mostRooms = 500;

/**
 * The rooms that another server publishes, as it lists them. What is no room in its answer is left out.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms
 *
 * @throws MatrixError 403 where it tells nobody, 400 for a wrong token, 502 where it has no answer
 */
export const remoteRoomList =
  (remote: Pick<RemoteServers, 'request'>) =>
  async (server: ServerName, query: RoomListQuery): Promise<JsonObject> => {
    try {
      const { body } = await remote.request(server, { ...asRequest(query), endpoint: 'publicRooms', evenIfDown: true });
      if (isObject(body) && Array.isArray(body['chunk'])) return page(body, body['chunk']);
    } catch (error) {
      if (!isRemoteError(error)) throw error;
      const status = error.status === 403 || error.status === 400 ? error.status : 502;
      const errcode = { 403: 'M_FORBIDDEN', 400: 'M_INVALID_PARAM', 502: 'M_UNKNOWN' } as const;
      const sentence = `${server} does not list its rooms: ${error.message}`;
      throw new MatrixError(status, errcode[status], sentence, { cause: error });
    }
    throw new MatrixError(502, 'M_UNKNOWN', `${server} has not answered with a list of rooms.`);
  };

/** By GET, unless there is something to look for. */
function asRequest({ limit = 100, since, term, types, network, allNetworks }: RoomListQuery) {
  const uri = '/_matrix/federation/v1/publicRooms';
  const fields = {
    limit: Math.min(limit, mostRooms),
    ...(since !== undefined && { since }),
    ...(network !== undefined && { third_party_instance_id: network }),
    ...(allNetworks && { include_all_networks: true }),
  };
  if (term === undefined && types === undefined) {
    const pairs = Object.entries(fields).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return { method: 'GET', uri: `${uri}?${pairs.join('&')}` } as const;
  }
  const filter = {
    ...(term !== undefined && { generic_search_term: term }),
    ...(types !== undefined && { room_types: types }),
  };
  return { method: 'POST', uri, body: { ...fields, filter } } as const;
}

function page(body: JsonObject, chunk: readonly JsonValue[]): JsonObject {
  const { next_batch: next, prev_batch: previous, total_room_count_estimate: total } = body;
  return {
    chunk: chunk
      .slice(0, mostRooms)
      .map(cardFrom)
      .filter((card) => card !== undefined),
    ...(typeof next === 'string' && { next_batch: next }),
    ...(typeof previous === 'string' && { prev_batch: previous }),
    ...(Number.isSafeInteger(total) && { total_room_count_estimate: total as number }),
  };
}
