import { type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError, notFound } from '../../shared/matrix-error.ts';
import { RemoteError, type RemoteServers } from '../network/remote-servers.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Accounts } from './accounts.ts';
import type { Profiles } from './profiles.ts';

interface ProfileLookupServices {
  readonly serverName: ServerName;
  readonly accounts: Pick<Accounts, 'isActive'>;
  readonly profiles: Pick<Profiles, 'get'>;
  readonly remote: Pick<RemoteServers, 'queryProfile'>;
}

/** Anyone's profile, or one field of it: of another server's user that server is asked. Throws 403, 404, 502. */
export const profileLookup =
  ({ serverName, accounts, profiles, remote }: ProfileLookupServices) =>
  async (userId: UserId, field?: string): Promise<JsonObject> => {
    const server = serverNameOf(userId);
    if (server === serverName) {
      if (!accounts.isActive(userId)) throw notFound('There is no such user.');
      return profiles.get(userId);
    }
    try {
      return await remote.queryProfile(server, userId, field);
    } catch (error) {
      if (!(error instanceof RemoteError)) throw error;
      if (error.status === 404) throw notFound(`${server} knows no such profile.`);
      if (error.status === 403) throw forbidden(`${server} does not show this profile.`);
      throw new MatrixError(502, 'M_UNKNOWN', `${server} could not be asked: ${error.message}`, { cause: error });
    }
  };
