import type { ServerName } from '../../../shared/ids.ts';
import type { OpenId } from '../../accounts/openid.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject } from '../schemas.ts';
import { mustBe, none, ofUser } from './fields.ts';

interface OpenIdServices {
  readonly openId: OpenId;
  readonly serverName: ServerName;
}

/** https://spec.matrix.org/v1.19/client-server-api/#openid */
export const openIdRoutes = ({ openId, serverName }: OpenIdServices): readonly AnyRoute[] => [
  route({
    method: 'POST',
    path: '/_matrix/client/v3/user/:userId/openid/request_token',
    auth: 'client',
    params: ofUser,
    query: none,
    body: jsonObject,
    optionalBody: true,
    handle({ params, caller }) {
      mustBe(caller, params.userId);
      const { token, expiresInMs } = openId.newToken(caller.userId);
      return {
        access_token: token,
        token_type: 'Bearer',
        matrix_server_name: serverName,
        expires_in: expiresInMs / 1000,
      };
    },
  }),
];
