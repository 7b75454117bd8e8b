import inject from 'light-my-request';
import { expect } from 'vitest';
import { openAccounts } from '../../main/accounts/open-accounts.ts';
import type { RegistrationMode } from '../../main/accounts/registration.ts';
import { byAccessToken } from '../../main/http/client/authenticate.ts';
import { clientRoutes } from '../../main/http/client/routes.ts';
import { matrixApp } from '../../main/http/server.ts';
import type { ServerName } from '../../shared/ids.ts';
import { fakePlatform } from './fake-platform.ts';
import { memoryLog } from './memory-log.ts';
import { problemsWith } from './openapi.ts';
import { tempDb } from './temp-db.ts';

interface ClientServerOptions {
  readonly registration?: RegistrationMode;
  readonly sharedSecret?: string;
  readonly rateLimits?: boolean;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

/** The client-server API on a database of its own, without sockets. Each reply is held against its schema. */
export async function clientServer(options: ClientServerOptions = {}) {
  const db = await tempDb();
  const platform = fakePlatform();
  const serverName = 'hearth.test' as ServerName;
  const services = openAccounts({
    db,
    platform,
    serverName,
    registration: options.registration ?? 'open',
    sharedSecret: options.sharedSecret,
    rateLimits: options.rateLimits ?? false,
    passwordCost: 4,
  });
  const { log, lines } = memoryLog();
  const nobody = () => {
    throw new Error('there is no federation here');
  };
  const app = matrixApp({
    routes: clientRoutes({ ...services, clientUrl: () => undefined, delegatedServer: () => undefined }),
    authenticate: { none: () => undefined, server: nobody, client: byAccessToken(services.sessions) },
    log,
  });

  /** Sends a string as it is, anything else as JSON. `path` without `/_matrix/client/v3` is below it. */
  const ask = async (method: Method, path: string, body?: unknown, token?: string) => {
    const url = path.startsWith('/_') || path.startsWith('/.') ? path : `/_matrix/client/v3${path}`;
    const reply = await inject(app, {
      method,
      url,
      headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const json = reply.payload === '' ? undefined : JSON.parse(reply.payload);
    const problems = problemsWith('client-server', method, url, reply.statusCode, json);
    expect(problems, `${method} ${url} answered ${reply.payload}`).toEqual([]);
    return { status: reply.statusCode, headers: reply.headers, body: json };
  };

  const signIn = async (username: string) => {
    const auth = { type: 'm.login.dummy' };
    const { body } = await ask('POST', '/register', { auth, username, password: `pass-${username}` });
    const token: string = body.access_token;
    return {
      userId: body.user_id as string,
      deviceId: body.device_id as string,
      token,
      ask: (method: Method, path: string, given?: unknown) => ask(method, path, given, token),
    };
  };
  return { ...services, ask, signIn, platform, db, lines };
}
