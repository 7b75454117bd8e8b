import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { accountDataTable, filtersTable } from '../db/account-data.ts';
import { accountsTable, registrationTokensTable } from '../db/accounts.ts';
import { clientTransactionsTable } from '../db/client-transactions.ts';
import { crossSigningTable } from '../db/cross-signing.ts';
import type { Db } from '../db/db.ts';
import { deviceKeysTable, oneTimeKeysTable } from '../db/device-keys.ts';
import { deviceListAudienceTable } from '../db/device-list-audience.ts';
import { devicesTable, tokensTable } from '../db/devices.ts';
import { openIdTokensTable } from '../db/openid-tokens.ts';
import { positionsTable } from '../db/positions.ts';
import { profilesTable } from '../db/profiles.ts';
import { pushRulesTable } from '../db/push-rules.ts';
import { receiptsTable } from '../db/receipts.ts';
import { remoteDeviceListsTable } from '../db/remote-device-lists.ts';
import { roomMembersTable } from '../db/room-members.ts';
import { toDeviceTable } from '../db/to-device.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { Platform } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { RoomState, Rooms, StoredEvent, TopologicalToken } from '../rooms/rooms.ts';
import { createAccountData, createFilters } from './account-data.ts';
import { createAccounts } from './accounts.ts';
import { createCarryOver } from './carry-over.ts';
import { createClientEvents } from './client-events.ts';
import { createClientTransactions } from './client-transactions.ts';
import { createCrossSigning } from './cross-signing.ts';
import { createDeviceKeys } from './device-keys.ts';
import { createDeviceLists } from './device-lists.ts';
import { createDeviceUpdates } from './device-updates.ts';
import { createInteractiveAuth } from './interactive-auth.ts';
import { createKeyDirectory } from './key-directory.ts';
import { createLazyMembers } from './lazy-members.ts';
import { createMoments } from './moments.ts';
import { createOpenId } from './openid.ts';
import { createPasswords } from './passwords.ts';
import { createPresence, noPresence } from './presence.ts';
import { profileLookup } from './profile-lookup.ts';
import { createProfiles } from './profiles.ts';
import { createPushRules } from './push-rules.ts';
import { createRateLimit, noRateLimit } from './rate-limit.ts';
import { createReceipts } from './receipts.ts';
import { createReceiveEdu } from './receive-edu.ts';
import { createRegistration, type RegistrationMode } from './registration.ts';
import { createRemoteDeviceLists } from './remote-device-lists.ts';
import { remoteKeys } from './remote-keys.ts';
import { createResyncDevices } from './resync-devices.ts';
import { createRoomChanges } from './room-changes.ts';
import { createRoomHistory } from './room-history.ts';
import { createRoomSummaries } from './room-summary.ts';
import { createSessions } from './sessions.ts';
import { sharingServers } from './sharing-servers.ts';
import { createStream } from './stream.ts';
import { createSync } from './sync.ts';
import { createToDevice } from './to-device.ts';
import { createTyping } from './typing.ts';
import { createUnread } from './unread.ts';

interface OpenAccountsOptions {
  readonly db: Db;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly log: Log;
  readonly serverName: ServerName;
  readonly registration: RegistrationMode;
  readonly sharedSecret: string | undefined;
  readonly rateLimits: boolean;
  /** Whether it is told who is online. */
  readonly presence: boolean;
  /** The exponent of scrypt's `N`. Default: 15; less is for tests. */
  readonly passwordCost?: number;
  /** User IDs that an application service has to itself. */
  readonly isExclusive?: (userId: UserId) => boolean;
  readonly rooms: Rooms;
  readonly remote: RemoteServers;
  /** The events that a user may see: `Visibility.toUser`. */
  readonly visible: (userId: UserId, events: readonly StoredEvent[]) => ReadonlySet<EventId>;
  /** What those are shown of a room who are not in it. */
  readonly strippedState: (state: RoomState, inviter: UserId) => readonly JsonObject[];
  /** `History.fillBefore` */
  readonly fillBefore: (roomId: RoomId, from: TopologicalToken | undefined) => Promise<boolean>;
  readonly sendEdu: {
    /** To the other servers in a room; it may be lost. */
    readonly toRoom: (roomId: RoomId, edu: JsonObject) => void;
    /** It must arrive, unless it may be lost. Inside a transaction it is one with that. */
    readonly toServers: (servers: readonly ServerName[], edu: JsonObject, mustArrive: boolean) => void;
  };
  readonly inspector: Pick<Inspector, 'eduDropped' | 'keyClaimed' | 'apart'>;
}

/** All that this server keeps for its users. */
export type AccountServices = ReturnType<typeof openAccounts>;

export function openAccounts(options: OpenAccountsOptions) {
  const { db, platform, log, serverName, rooms, remote, visible, strippedState, fillBefore, sendEdu, inspector } =
    options;
  const { clock, random } = platform;
  const stream = createStream(db, positionsTable(db), rooms.changes);
  const members = roomMembersTable(db);

  const accounts = createAccounts({
    db,
    accounts: accountsTable(db),
    tokens: registrationTokensTable(db),
    passwords: createPasswords(random, options.passwordCost),
    serverName,
    clock,
    ...(options.isExclusive && { isExclusive: options.isExclusive }),
  });
  const activeUsers = () =>
    accounts
      .all()
      .filter(({ deactivated }) => !deactivated)
      .map(({ userId }) => userId);
  /** Guesses at passwords and tokens: ten at once, then one every ten seconds. */
  const limit = options.rateLimits ? createRateLimit({ clock, burst: 10, everyMs: 10_000 }) : noRateLimit;

  const moments = createMoments(clock);
  const mayKnow = (viewer: UserId, userId: UserId) => viewer === userId || members.shareRoom(viewer, userId);
  const presence = options.presence
    ? createPresence({
        ...{ clock, moments, mayKnow },
        tell: (userId) => stream.tell({ users: activeUsers().filter((viewer) => mayKnow(viewer, userId)) }),
        servers: (userId) => sharingServers(rooms, serverName, userId),
        sendEdu: (servers, edu) => sendEdu.toServers([...servers], edu, false),
      })
    : noPresence;

  const transactionsOnDisk = clientTransactionsTable(db);
  const devices = devicesTable(db);
  const devicesOf = (userId: UserId) => devices.ofUser(userId).map(({ deviceId }) => deviceId);
  const keysOnDisk = deviceKeysTable(db);
  const deviceUpdates = createDeviceUpdates({
    ...{ serverName, stream, rooms },
    table: deviceListAudienceTable(db),
    devices: (userId) => keyDirectory.devices(userId, undefined),
    device: devices.get,
    crossSigningKey: (userId, usage) => crossSigning.key(userId, usage, undefined),
    sendEdu: (servers, edu) => sendEdu.toServers(servers, edu, true),
    onNewServers: (userId, servers) => presence.introduce(userId, servers),
  });
  const deviceKeys = createDeviceKeys({
    devices: keysOnDisk,
    oneTime: oneTimeKeysTable(db),
    stream,
    announce: deviceUpdates.announce,
  });
  const crossSigning = createCrossSigning({
    table: crossSigningTable(db),
    stream,
    deviceKeys: (userId, deviceId) => deviceKeys.ofUser(userId).find((device) => device.deviceId === deviceId)?.keys,
    devicesOf,
    changed: deviceKeys.changed,
  });
  const toDevice = createToDevice({
    table: toDeviceTable(db),
    stream,
    serverName,
    platform,
    devicesOf,
    sendEdu: (server, edu) => sendEdu.toServers([server], edu, true),
  });
  const sessions = createSessions({
    db,
    devices,
    tokens: tokensTable(db),
    platform,
    onRenamed: (userId, deviceId) => deviceKeys.changed(userId, [deviceId]),
    onRemoved(userId, deviceIds) {
      deviceKeys.forget(userId, deviceIds);
      crossSigning.forgetDevices(userId, deviceIds);
      toDevice.forget(userId, deviceIds);
      for (const deviceId of deviceIds) transactionsOnDisk.removeAll(userId, deviceId);
    },
  });

  const accountData = createAccountData(accountDataTable(db), stream);
  const profiles = createProfiles({ table: profilesTable(db), rooms, users: activeUsers, log });
  const pushRules = createPushRules(pushRulesTable(db), stream);
  const receipts = createReceipts({
    ...{ stream, clock, rooms, onActive: presence.active },
    table: receiptsTable(db),
    atOnce: db.transaction,
    sendEdu: sendEdu.toRoom,
  });
  const typing = createTyping({ stream, clock, moments, onActive: presence.active, sendEdu: sendEdu.toRoom });

  const transactions = createClientTransactions(transactionsOnDisk, clock);
  const maySee = ({ userId }: { readonly userId: UserId }, event: StoredEvent) =>
    visible(userId, [event]).has(event.event.eventId);
  const clientEvents = createClientEvents({ rooms, transactions, clock, maySee });
  const changes = createRoomChanges(rooms);
  const summaries = createRoomSummaries({ rooms, members });
  const unread = createUnread({ rooms, receipts, pushRules, memberCount: summaries.joinedMembers });
  const deviceLists = createDeviceLists({ rooms, deviceKeys, members, mayHaveChanged: changes.mayHaveChanged });

  const askRemote = remoteKeys(remote);
  const sharesRoom = (userId: UserId) => members.sharesRoomWith(userId, serverName);
  const remoteLists = createRemoteDeviceLists({
    ...{ serverName, db, rooms, sharesRoom },
    table: remoteDeviceListsTable(db),
    onStale: (server) => resync.wake(server),
  });
  const { changed } = deviceKeys;
  const resync = createResyncDevices({ lists: remoteLists, remote: askRemote, platform, inspector, changed, log });
  const keyDirectory = createKeyDirectory({
    ...{ serverName, db, deviceKeys, crossSigning, remoteLists, inspector },
    remote: askRemote,
    streamId: deviceUpdates.streamId,
  });

  return {
    serverName,
    rooms,
    accounts,
    sessions,
    limit,
    interactiveAuth: createInteractiveAuth({ accounts, limit, platform }),
    registration: createRegistration({ mode: options.registration, sharedSecret: options.sharedSecret, platform }),
    newLocalpart: () => Buffer.from(random.bytes(8)).toString('hex'),
    profiles,
    profileOf: profileLookup({ serverName, accounts, profiles, remote }),
    accountData,
    filters: createFilters(filtersTable(db)),
    pushRules,
    receipts,
    typing,
    presence,
    toDevice,
    transactions,
    deviceKeys,
    deviceLists,
    crossSigning,
    keyDirectory,
    openId: createOpenId({ table: openIdTokensTable(db), platform, isActive: accounts.isActive }),
    receiveEdu: createReceiveEdu({
      ...{ serverName, rooms, typing, receipts, toDevice, deviceKeys, remoteLists, inspector, sharesRoom },
      presence: options.presence ? presence : undefined,
    }),
    clientEvents,
    memberCount: summaries.joinedMembers,
    carryOver: createCarryOver({ rooms, accountData, pushRules }),
    history: createRoomHistory({ rooms, clientEvents, visible, fillBefore }),
    sync: createSync({
      ...{
        rooms,
        changes,
        clock,
        visible,
        strippedState,
        clientEvents,
        accountData,
        pushRules,
        receipts,
        typing,
        presence,
      },
      ...{ toDevice, deviceKeys, deviceLists, summaries, unread },
      lazyMembers: createLazyMembers(),
    }),
    /** Says to other servers, and asks them, what the last run has left undone. */
    start() {
      deviceUpdates.start();
      resync.start();
    },
    close() {
      changes.close();
      deviceUpdates.close();
      remoteLists.close();
      resync.close();
      typing.close();
      presence.close();
    },
  };
}
