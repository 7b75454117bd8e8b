import type { RemoteRequest, RemoteServers } from '../network/remote-servers.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { RemoteKeys } from './key-directory.ts';

/**
 * Asks other servers for their users' keys.
 * https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1userkeysquery
 */
export function remoteKeys(remote: Pick<RemoteServers, 'request'>): RemoteKeys {
  const post = (endpoint: string, body: JsonObject, timeoutMs: number): RemoteRequest => ({
    method: 'POST',
    uri: `/_matrix/federation/v1/${endpoint}`,
    endpoint,
    body,
    timeoutMs,
    maxBytes: 10_000_000, // rooms have thousands of devices
  });
  return {
    devices: async (server, userId, timeoutMs) => {
      const uri = `/_matrix/federation/v1/user/devices/${encodeURIComponent(userId)}`;
      const request = { method: 'GET', uri, endpoint: 'user/devices', timeoutMs, maxBytes: 10_000_000 } as const;
      return asObject((await remote.request(server, request)).body);
    },
    query: async (server, deviceKeys, timeoutMs) =>
      asObject((await remote.request(server, post('user/keys/query', { device_keys: deviceKeys }, timeoutMs))).body),
    claim: async (server, oneTimeKeys, timeoutMs) =>
      asObject((await remote.request(server, post('user/keys/claim', { one_time_keys: oneTimeKeys }, timeoutMs))).body),
  };
}

function asObject(body: JsonValue): JsonObject {
  if (isObject(body)) return body;
  throw new TypeError('the reply is no object');
}
