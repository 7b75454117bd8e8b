import type { ServerName } from '../../shared/ids.ts';
import { forbidden, unauthorized } from '../../shared/matrix-error.ts';
import { verifyRequest } from '../network/x-matrix.ts';
import type { Authenticators } from './route.ts';

interface Needs {
  readonly us: ServerName;
  readonly keyring: Parameters<typeof verifyRequest>[1]['keyring'];
  /** Whether the settings let us talk with a server. */
  readonly mayFederate: (server: ServerName) => boolean;
  /** A server has proven that it is up. */
  readonly heardFrom: (server: ServerName) => void;
}

/**
 * Which server asks, by X-Matrix over the request as it was on the wire; the verdict goes into the request's record.
 * https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 *
 * @throws MatrixError 401 M_UNAUTHORIZED; 403 M_FORBIDDEN for servers that the settings keep out
 */
export const byXMatrix =
  ({ us, keyring, mayFederate, heardFrom }: Needs): Authenticators['server'] =>
  async ({ method, uri, authorization, body, flow }) => {
    const auth = await verifyRequest({ method, rawUri: uri, headers: { authorization }, body }, { us, keyring });
    flow?.auth(auth);
    if (!auth.verified) throw unauthorized(`This request is not authenticated: ${auth.why}.`);
    if (!mayFederate(auth.origin)) throw forbidden(`This server does not federate with ${auth.origin}.`);
    heardFrom(auth.origin);
    return { origin: auth.origin };
  };
