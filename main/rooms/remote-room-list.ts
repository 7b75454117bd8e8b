import type { ServerName } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import { isObject, type JsonObject } from '../protocol/json.ts';
import { isRemoteError } from './remote-error.ts';

/**
 * The rooms that another server publishes, as it lists them.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms
 *
 * @throws MatrixError 502 where it does not
 */
export const remoteRoomList =
  (remote: Pick<RemoteServers, 'request'>) =>
  async (server: ServerName, query: JsonObject): Promise<JsonObject> => {
    try {
      const uri = '/_matrix/federation/v1/publicRooms';
      const { body } = await remote.request(server, { method: 'POST', uri, body: query, endpoint: 'publicRooms' });
      if (isObject(body) && Array.isArray(body['chunk'])) return body;
      throw new MatrixError(502, 'M_UNKNOWN', `${server} has not answered with a list of rooms.`);
    } catch (error) {
      if (!isRemoteError(error)) throw error;
      throw new MatrixError(502, 'M_UNKNOWN', `${server} does not list its rooms: ${error.message}`, { cause: error });
    }
  };
