import { inject } from 'light-my-request';
import type { AnyRoute, Authenticators } from '../../main/http/route.ts';
import { matrixApp, type RecordRequest } from '../../main/http/server.ts';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { type JsonObject, type ParsedJson, parseJson } from '../../main/protocol/json.ts';
import type { ServerName } from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import { problemsOf } from './check-replies.ts';
import { memoryLog } from './memory-log.ts';

export interface AskedReply extends ParsedJson {
  readonly status: number;
  readonly body: JsonObject;
}

/** Asks routes of federation as this server, whose signature is taken for granted. Bodies are JSON, or text as it is. */
export type AskRoutes = (
  origin: ServerName,
  method: string,
  uri: string,
  body?: JsonObject | string,
) => Promise<AskedReply>;

/** Routes behind the real HTTP layer, without a socket and without X-Matrix. Replies are held against their schemas. */
export function askRoutes(routes: readonly AnyRoute[], record?: RecordRequest): AskRoutes {
  const authenticate: Authenticators = {
    none: () => undefined,
    server: ({ headers }) => ({ origin: headers['x-test-origin'] as ServerName }),
    client: () => {
      throw forbidden('there are no clients here');
    },
  };
  const app = matrixApp({ routes, authenticate, log: memoryLog().log, ...(record && { record }) });
  return async (origin, method, uri, body) => {
    const payload = typeof body === 'object' ? writeJson(body) : body;
    const reply = await inject(app as never, {
      method: method as 'GET',
      url: uri,
      headers: { 'x-test-origin': origin },
      ...(payload !== undefined && { payload }),
    });
    const parsed = parseJson(reply.rawPayload);
    const asked = { method, uri, status: reply.statusCode, json: JSON.parse(reply.payload) };
    const problems = problemsOf(asked);
    if (problems.length > 0)
      throw new Error(`${method} ${uri} is not as the specification has it: ${problems.join('; ')}`);
    return { status: reply.statusCode, body: parsed.value as JsonObject, ...parsed };
  };
}
