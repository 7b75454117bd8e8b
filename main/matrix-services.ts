import type { RoomId, ServerName, UserId } from '../shared/ids.ts';
import { openAccounts } from './accounts/open-accounts.ts';
import type { Config } from './config.ts';
import { aliasesTable } from './db/aliases.ts';
import type { Db } from './db/db.ts';
import { outboxTable } from './db/outbox.ts';
import { publishedRoomsTable } from './db/published-rooms.ts';
import { transactionsTable } from './db/transactions.ts';
import { openFederation } from './federation-services.ts';
import type { Inspector } from './inspector/inspector.ts';
import type { Log } from './log.ts';
import { openMedia } from './media/media.ts';
import type { Platform } from './platform.ts';
import type { JsonObject } from './protocol/json.ts';
import { defaultRoomVersion } from './protocol/room-versions.ts';
import { roomCreation } from './rooms/create-room.ts';
import { directory as openDirectory } from './rooms/directory.ts';
import { eventsAtTime } from './rooms/event-at-time.ts';
import { history as openHistory } from './rooms/history.ts';
import { inviter } from './rooms/invites.ts';
import { remoteJoiner } from './rooms/join-remote.ts';
import { joinBook } from './rooms/joins.ts';
import { remoteKnocker } from './rooms/knock-remote.ts';
import { remoteLeaver } from './rooms/leave-remote.ts';
import { memberships as openMemberships } from './rooms/membership.ts';
import { inviteReceiver } from './rooms/receive-invite.ts';
import { transactionReceiver } from './rooms/receive-transaction.ts';
import { remoteRoomList } from './rooms/remote-room-list.ts';
import { remoteSpaces } from './rooms/remote-spaces.ts';
import { restrictedJoins } from './rooms/restricted-joins.ts';
import { roomAccess } from './rooms/room-access.ts';
import { createRooms } from './rooms/room-engine.ts';
import { roomList } from './rooms/room-list.ts';
import type { Rooms } from './rooms/rooms.ts';
import { serveHistory } from './rooms/serve-history.ts';
import { serveMembership } from './rooms/serve-membership.ts';
import { serveSpaces } from './rooms/serve-spaces.ts';
import { serverAcls } from './rooms/server-acl.ts';
import { spaces } from './rooms/spaces.ts';
import { identifyingState, stripped } from './rooms/stripped-state.ts';
import { roomUpgrader } from './rooms/upgrade-room.ts';
import { visibility as openVisibility } from './rooms/visibility.ts';
import { createSender } from './sending/sender.ts';
import { watchForJumps } from './sending/wake-up.ts';
import { signingKeyFile } from './signing-key-file.ts';
import { topic } from './topic.ts';

interface ServicesOptions {
  readonly config: Config;
  readonly platform: Platform;
  readonly log: Log;
  readonly db: Db;
  readonly inspector: Inspector;
  readonly serverName: ServerName;
  readonly folder: string;
}

export type MatrixServices = ReturnType<typeof openServices>;

/** All that the routes and the console are made of, from the database up. Nothing is sent or served before `start`. */
export function openServices({ config, platform, log, db, inspector, serverName, folder }: ServicesOptions) {
  const { clock } = platform;
  const mode = config['federation-mode'] ?? 'open';
  const keyFile = signingKeyFile(folder);
  const federation = openFederation({ config, mode, platform, log, db, inspector, serverName, keyFile });
  const { remote, keyring, ownKeys, peers, mayFederate } = federation;
  const signingKey = ownKeys.current;
  const signer = { serverName, signingKey, platform };

  /** The sender reads events of the rooms, whose events it sends: each is asked for only once both are there. */
  let rooms: Rooms;
  const queues = topic<ServerName>();
  const sender = createSender({
    us: serverName,
    db,
    table: outboxTable(db),
    remote,
    peers,
    platform,
    log,
    mayFederate,
    pduOf: (eventId) => rooms.event(eventId)?.event.pdu,
    isInRoom: (server, roomId: RoomId) => rooms.servers(roomId).has(server),
    sharingServers: () => sharing(rooms, serverName),
    apart: inspector.apart,
    onQueue: (servers) => {
      for (const server of servers) queues.tell(server);
    },
  });
  rooms = createRooms({ db, platform, log, serverName, signingKey, keyring, remote, outbox: sender, inspector });
  const visibility = openVisibility(rooms);
  const history = openHistory({ rooms, remote, serverName, clock, log });
  const send = (edu: JsonObject, servers: Iterable<ServerName>, mustArrive: boolean) => {
    const others = [...servers].filter((server) => server !== serverName);
    sender.enqueueEdu(edu, others, mustArrive);
    sender.wake(others);
  };
  const accounts = openAccounts({
    db,
    platform,
    log,
    serverName,
    registration: config.registration,
    sharedSecret: config['registration-shared-secret'],
    rateLimits: config['rate-limits'],
    presence: config.presence,
    rooms,
    remote,
    visible: visibility.toUser,
    strippedState: (state, inviter) => identifyingState(state, inviter).map(({ pdu }) => stripped(pdu)),
    fillBefore: history.fillBefore,
    sendEdu: {
      toRoom: (roomId, edu) => send(edu, rooms.servers(roomId), false),
      toServers: (servers, edu, mustArrive) => send(edu, servers, mustArrive),
    },
    inspector,
  });
  const acls = serverAcls(rooms);
  const directory = openDirectory({ rooms, table: aliasesTable(db), remote, visibility, serverName, clock });
  const { memberCount } = accounts;
  const { blocksInvites } = accounts.accountData;
  const access = roomAccess({ rooms, acls });
  const restricted = restrictedJoins(rooms, serverName);
  const joins = joinBook(clock.now, log);
  const profile = (userId: UserId) => (accounts.accounts.isActive(userId) ? accounts.profiles.get(userId) : undefined);
  const membership = openMemberships({
    rooms,
    directory,
    restricted,
    joiner: remoteJoiner({ rooms, remote, keyring, signer, joins, log }),
    knockRemote: remoteKnocker({ rooms, remote, keyring, signer, log }),
    leaveRemote: remoteLeaver({ rooms, remote, signer, log }),
    inviteUser: inviter({ rooms, remote, keyring, serverName, blocksInvites }),
    serverName,
    profile: accounts.profiles.ofMember,
    onJoin: accounts.carryOver,
  });
  const listed = roomList({ rooms, table: publishedRoomsTable(db), acls, memberCount, clock });
  const defaultVersion = config['default-room-version'] ?? defaultRoomVersion;
  const createRoom = roomCreation({
    rooms,
    serverName,
    defaultVersion,
    profileOf: accounts.profiles.ofMember,
    directory,
    roomList: listed,
    memberships: membership,
    log,
  });
  const media = openMedia({
    ...{ db, folder, platform, log, serverName },
    download: federation.download,
    follow: federation.follow,
    maxFileBytes: config['max-upload-mb'] * 1_000_000,
    maxFetchedBytes: config['media-cache-max-mb'] * 1_000_000,
  });
  const closing = new AbortController();
  const wakeUp = () => {
    sender.wakeUp().catch((error: unknown) => log.error('peers were not told that we are up', { error }));
  };
  return {
    mode,
    serverName,
    federation,
    sender,
    /** Servers for which something waits, or does no longer. */
    queues,
    rooms,
    accounts,
    visibility,
    directory,
    joins,
    membership,
    profile,
    history,
    createRoom,
    upgradeRoom: roomUpgrader({
      ...{ rooms, directory, log },
      roomList: listed,
      profileOf: accounts.profiles.ofMember,
      onJoin: accounts.carryOver,
    }),
    media,
    roomList: listed,
    publicDirectory: config['public-directory'],
    remoteRoomList: remoteRoomList(remote),
    spaces: spaces({
      ...{ rooms, directory, access, memberCount, platform },
      remoteSpaces: remoteSpaces({ remote, serverName, clock, log }),
    }),
    atTime: eventsAtTime({ rooms, acls, visibility, remote, serverName, log }),
    servedSpaces: serveSpaces({ rooms, access, memberCount }),
    defaultVersion,
    served: serveHistory({ rooms, acls, visibility }),
    servedMembership: serveMembership({ rooms, acls, restricted, keyring, serverName, signingKey }),
    receiveInvite: inviteReceiver({
      rooms,
      acls,
      keyring,
      serverName,
      signingKey,
      log,
      isLocalUser: accounts.accounts.isActive,
      blocksInvites,
    }),
    receiveTransaction: transactionReceiver({
      rooms,
      acls,
      table: transactionsTable(db),
      log,
      inspector,
      onEdu: accounts.receiveEdu,
    }),
    start() {
      sender.start();
      accounts.start();
      wakeUp();
      void watchForJumps(clock, closing.signal, wakeUp);
    },
    wakeUp,
    async close() {
      closing.abort();
      await sender.close();
      accounts.close();
      federation.close(); // what rooms are waiting for from others ends by that, and is done after the next start
      await rooms.close();
    },
  };
}

/** Every other server that we share a room with. */
function sharing(rooms: Rooms, own: ServerName): ReadonlySet<ServerName> {
  const servers = new Set<ServerName>();
  for (const { roomId, resident } of rooms.list()) {
    if (resident) for (const server of rooms.servers(roomId)) servers.add(server);
  }
  servers.delete(own);
  return servers;
}
