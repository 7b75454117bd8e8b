import { MatrixError } from '../../../shared/matrix-error.ts';
import type { Sessions } from '../../accounts/sessions.ts';
import type { Authenticators, IncomingRequest } from '../route.ts';

/**
 * Who calls, by the access token. In the query, too, where old clients put it.
 * https://spec.matrix.org/v1.19/client-server-api/#using-access-tokens
 *
 * @throws MatrixError 401 M_MISSING_TOKEN, M_UNKNOWN_TOKEN
 */
export const byAccessToken =
  (sessions: Pick<Sessions, 'byToken' | 'seen'>): Authenticators['client'] =>
  (request) => {
    const token = inHeader(request) ?? inQuery(request);
    if (token === undefined || token === '') {
      throw new MatrixError(401, 'M_MISSING_TOKEN', 'This needs an access token: sign in first.');
    }
    const session = sessions.byToken(token);
    sessions.seen(session, request.address);
    return session;
  };

const inHeader = ({ headers }: IncomingRequest): string | undefined =>
  /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1];

function inQuery({ uri }: IncomingRequest): string | undefined {
  const mark = uri.indexOf('?');
  return mark === -1 ? undefined : (new URLSearchParams(uri.slice(mark)).get('access_token') ?? undefined);
}
