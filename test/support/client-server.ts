import inject from 'light-my-request';
import { expect } from 'vitest';
import { openAccounts } from '../../main/accounts/open-accounts.ts';
import type { RegistrationMode } from '../../main/accounts/registration.ts';
import type { EduDrop, KeyClaim } from '../../main/db/observations.ts';
import { byAccessToken } from '../../main/http/client/authenticate.ts';
import { clientRoutes } from '../../main/http/client/routes.ts';
import { userRoutes } from '../../main/http/federation/user.ts';
import { matrixApp } from '../../main/http/server.ts';
import { openMedia } from '../../main/media/media.ts';
import { RemoteError } from '../../main/network/remote-servers.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { roomCreation } from '../../main/rooms/create-room.ts';
import { inviter } from '../../main/rooms/invites.ts';
import { remoteJoiner } from '../../main/rooms/join-remote.ts';
import { remoteKnocker } from '../../main/rooms/knock-remote.ts';
import { remoteLeaver } from '../../main/rooms/leave-remote.ts';
import { memberships as createMemberships } from '../../main/rooms/membership.ts';
import { remoteRoomList } from '../../main/rooms/remote-room-list.ts';
import { identifyingState, stripped } from '../../main/rooms/stripped-state.ts';
import { roomUpgrader } from '../../main/rooms/upgrade-room.ts';
import { askRoutes } from './ask-routes.ts';
import { atEnd } from './at-end.ts';
import { problemsOf } from './check-replies.ts';
import { memoryInspector } from './memory-inspector.ts';
import { type MemoryServer, memoryNetwork } from './memory-servers.ts';
import { tempFolder } from './temp-folder.ts';

interface ClientServerOptions {
  readonly registration?: RegistrationMode;
  readonly sharedSecret?: string;
  readonly rateLimits?: boolean;
  readonly presence?: boolean;
  readonly defaultRoomVersion?: string;
  /** What files of other servers are, and other changes of the content repository. Default: nobody is there. */
  readonly media?: Partial<Parameters<typeof openMedia>[0]>;
  readonly unauthenticatedMedia?: boolean;
  /** A server of a network. Default: one that is alone. */
  readonly on?: MemoryServer;
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE';

/** The client-server API over the rooms of a server, without sockets. Each reply is held against its schema. */
export async function clientServer(options: ClientServerOptions = {}) {
  const server = options.on ?? (await memoryNetwork().server('hearth.test'));
  const { db, platform, log, rooms, remote, name: serverName, directory } = server;
  const edus: { readonly to: string; readonly edu: JsonObject }[] = [];
  const dropped: string[] = [];
  const claims: string[] = [];
  const inspector = {
    ...memoryInspector().inspector,
    eduDropped: ({ type, why }: EduDrop) => void dropped.push(`${type}: ${why}`),
    keyClaimed: ({ deviceId, served }: KeyClaim) => void claims.push(`${deviceId} ${served}`),
  };
  const services = openAccounts({
    ...{ db, platform, log, rooms, remote, serverName },
    registration: options.registration ?? 'open',
    sharedSecret: options.sharedSecret,
    rateLimits: options.rateLimits ?? false,
    presence: options.presence ?? false,
    passwordCost: 4,
    visible: server.visibility.toUser,
    strippedState: (state, invitee) => identifyingState(state, invitee).map(({ pdu }) => stripped(pdu)),
    fillBefore: server.history.fillBefore,
    sendEdu: {
      toRoom: (to, edu) => void edus.push({ to, edu }),
      toServers: (servers, edu) => {
        for (const to of servers) edus.push({ to, edu });
      },
    },
    inspector,
  });
  atEnd(() => services.close());
  const signer = { serverName, signingKey: () => server.key, platform };
  const memberships = createMemberships({
    ...{ rooms, directory, serverName },
    restricted: server.restricted,
    joiner: remoteJoiner({ rooms, remote, keyring: server.keyring, signer, joins: server.joins, log }),
    knockRemote: remoteKnocker({ rooms, remote, keyring: server.keyring, signer, log }),
    leaveRemote: remoteLeaver({ rooms, remote, signer, log }),
    inviteUser: inviter({
      ...{ rooms, remote, keyring: server.keyring, serverName },
      blocksInvites: services.accountData.blocksInvites,
    }),
    profile: services.profiles.ofMember,
    onJoin: services.carryOver,
  });
  const { roomList, spaces, atTime } = server;
  const defaultRoomVersion = options.defaultRoomVersion ?? '12';
  const createRoom = roomCreation({
    ...{ rooms, serverName, directory, roomList, memberships, log },
    defaultVersion: defaultRoomVersion,
    profileOf: services.profiles.ofMember,
  });
  const media = openMedia({
    ...{ db, platform, log, serverName },
    folder: tempFolder(),
    download: (to) => Promise.reject(new RemoteError(to, `${to} is away`, { stage: 'connect' })),
    follow: () => Promise.reject(new Error('this test has no network')),
    maxFileBytes: 50_000_000,
    maxFetchedBytes: 100_000_000,
    ...options.media,
  });
  const upgradeRoom = roomUpgrader({
    ...{ rooms, directory, roomList, log },
    profileOf: services.profiles.ofMember,
    onJoin: services.carryOver,
  });
  const app = matrixApp({
    routes: clientRoutes({
      ...services,
      ...{ media, log, memberships, directory, roomList, spaces, atTime, createRoom, upgradeRoom, defaultRoomVersion },
      unauthenticatedMedia: options.unauthenticatedMedia ?? false,
      remoteRoomList: remoteRoomList(remote),
      clientUrl: () => undefined,
      delegatedServer: () => undefined,
    }),
    authenticate: {
      none: () => undefined,
      server: () => {
        throw new Error('there is no federation here');
      },
      client: byAccessToken(services.sessions),
    },
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
    const problems = problemsOf({ method, uri: url, status: reply.statusCode, json });
    expect(problems, `${method} ${url} answered ${reply.payload}`).toEqual([]);
    return { status: reply.statusCode, headers: reply.headers, body: json };
  };

  /** One device of a user: the requests that tests tell stories in. */
  const clientOf = (userId: string, deviceId: string, token: string) => {
    const part = encodeURIComponent;
    let lastTxn = 0;
    const as = (method: Method, path: string, body?: unknown) => ask(method, path, body, token);
    /** The body of an answer that must be good. */
    const get = async (method: Method, path: string, body?: unknown) => {
      const reply = await as(method, path, body);
      expect(reply.status, `${method} ${path} answered ${JSON.stringify(reply.body)}`).toBe(200);
      return reply.body;
    };
    return {
      ...{ userId, deviceId, token, get },
      ask: as,
      createRoom: async (wishes: object = {}): Promise<string> => (await get('POST', '/createRoom', wishes)).room_id,
      send: async (roomId: string, body: string, txnId = `t${++lastTxn}`): Promise<string> => {
        const path = `/rooms/${part(roomId)}/send/m.room.message/${txnId}`;
        return (await get('PUT', path, { msgtype: 'm.text', body })).event_id;
      },
      setState: async (roomId: string, type: string, content: object, stateKey = ''): Promise<string> =>
        (await get('PUT', `/rooms/${part(roomId)}/state/${type}/${part(stateKey)}`, content)).event_id,
      act: (roomId: string, verb: string, body: object = {}) => get('POST', `/rooms/${part(roomId)}/${verb}`, body),
      room: (roomId: string, rest: string) => get('GET', `/rooms/${part(roomId)}/${rest}`),
      sync: (since?: string, query = '') => get('GET', `/sync?${since ? `since=${since}` : ''}${query}`),
    };
  };

  const signIn = async (username: string, deviceId?: string) => {
    server.user(username);
    const password = `pass-${username}`;
    const auth = { type: 'm.login.dummy' };
    const given = { auth, username, password, ...(deviceId && { device_id: deviceId }) };
    const first = await ask('POST', '/register', given);
    const identifier = { type: 'm.id.user', user: username };
    const { body } =
      first.status === 200
        ? first
        : await ask('POST', '/login', { type: 'm.login.password', identifier, password, device_id: deviceId });
    return clientOf(body.user_id, body.device_id, body.access_token);
  };
  const federation = askRoutes(userRoutes({ ...services, isActive: services.accounts.isActive }));
  return {
    ...services,
    ask,
    app,
    media,
    signIn,
    federation,
    platform,
    db,
    lines: server.lines,
    server,
    edus,
    dropped,
    claims,
  };
}
