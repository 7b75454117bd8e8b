import { aliasesTable } from '../../main/db/aliases.ts';
import type { Db } from '../../main/db/db.ts';
import { publishedRoomsTable } from '../../main/db/published-rooms.ts';
import { transactionsTable } from '../../main/db/transactions.ts';
import { backfillRoutes } from '../../main/http/federation/backfill.ts';
import { eventRoutes } from '../../main/http/federation/events.ts';
import { membershipRoutes } from '../../main/http/federation/membership.ts';
import { publicRoomsRoutes } from '../../main/http/federation/public-rooms.ts';
import { queryRoutes } from '../../main/http/federation/query.ts';
import { sendRoutes } from '../../main/http/federation/send.ts';
import { spaceRoutes } from '../../main/http/federation/spaces.ts';
import { stateRoutes } from '../../main/http/federation/state.ts';
import { versionRoutes } from '../../main/http/federation/version.ts';
import type { Log } from '../../main/log.ts';
import type { KeyHints, Keyring, SignatureVerdict } from '../../main/network/keyring.ts';
import { createRemoteServers } from '../../main/network/remote-calls.ts';
import {
  RemoteError,
  type RemoteReply,
  type RemoteRequest,
  type RemoteServers,
} from '../../main/network/remote-servers.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { eventMessage, requiredSigners } from '../../main/protocol/event-signing.ts';
import { isObject, type JsonObject } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { type SigningKey, signaturesBy, signingKeyFromSeed, verifySignature } from '../../main/protocol/signing.ts';
import { type Directory, directory } from '../../main/rooms/directory.ts';
import { type EventsAtTime, eventsAtTime } from '../../main/rooms/event-at-time.ts';
import { type History, history } from '../../main/rooms/history.ts';
import { inviter } from '../../main/rooms/invites.ts';
import { remoteJoiner } from '../../main/rooms/join-remote.ts';
import { type JoinBook, joinBook } from '../../main/rooms/joins.ts';
import { remoteKnocker } from '../../main/rooms/knock-remote.ts';
import { remoteLeaver } from '../../main/rooms/leave-remote.ts';
import { type Memberships, memberships } from '../../main/rooms/membership.ts';
import { inviteReceiver } from '../../main/rooms/receive-invite.ts';
import { type IncomingEdu, transactionReceiver } from '../../main/rooms/receive-transaction.ts';
import { remoteSpaces } from '../../main/rooms/remote-spaces.ts';
import { type RestrictedJoins, restrictedJoins } from '../../main/rooms/restricted-joins.ts';
import { roomAccess } from '../../main/rooms/room-access.ts';
import { createRooms } from '../../main/rooms/room-engine.ts';
import { type RoomList, roomList } from '../../main/rooms/room-list.ts';
import type { EventDraft, Rooms, StoredEvent } from '../../main/rooms/rooms.ts';
import { serveHistory } from '../../main/rooms/serve-history.ts';
import { serveMembership } from '../../main/rooms/serve-membership.ts';
import { serveSpaces } from '../../main/rooms/serve-spaces.ts';
import { serverAcls } from '../../main/rooms/server-acl.ts';
import { type Spaces, spaces } from '../../main/rooms/spaces.ts';
import { type Visibility, visibility } from '../../main/rooms/visibility.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type AskRoutes, askRoutes } from './ask-routes.ts';
import { atEnd } from './at-end.ts';
import { type FakePlatform, fakePlatform } from './fake-platform.ts';
import { memoryInspector } from './memory-inspector.ts';
import { memoryLog } from './memory-log.ts';
import { tempDb } from './temp-db.ts';

/** The rooms of one server and all that serves them, over a network that is function calls. */
export interface MemoryServer {
  readonly name: ServerName;
  readonly db: Db;
  readonly key: SigningKey;
  readonly rooms: Rooms;
  readonly platform: FakePlatform;
  readonly keyring: Keyring;
  readonly remote: RemoteServers;
  readonly memberships: Memberships;
  readonly directory: Directory;
  readonly roomList: RoomList;
  readonly spaces: Spaces;
  readonly atTime: EventsAtTime;
  /** Those who want no invites. */
  readonly uninvitable: Set<UserId>;
  readonly restricted: RestrictedJoins;
  readonly visibility: Visibility;
  readonly history: History;
  readonly joins: JoinBook;
  readonly edus: IncomingEdu[];
  readonly lines: readonly string[];
  readonly log: Log;
  /** As another server, whose X-Matrix is taken for granted. */
  readonly ask: AskRoutes;
  /** `@ann:a.test`; an account is made of it. */
  user(localpart: string): UserId;
  /** A room of this user, by the preset of public rooms and with these events besides. */
  room(
    creator: UserId,
    options?: { version?: string; joinRule?: JsonObject; creation?: JsonObject; more?: readonly EventDraft[] },
  ): Promise<RoomId>;
  send(roomId: RoomId, sender: UserId, body: string): Promise<StoredEvent>;
  setState(roomId: RoomId, sender: UserId, type: string, content: JsonObject, stateKey?: string): Promise<StoredEvent>;
  members(roomId: RoomId, membership?: string): readonly string[];
}

/** A request on its way, which a test may answer itself, spoil, or hold up. */
export interface Passing {
  readonly from: ServerName;
  readonly to: ServerName;
  readonly request: RemoteRequest;
}
export type Meddle = (passing: Passing, go: () => Promise<RemoteReply>) => Promise<RemoteReply>;

export interface MemoryNetwork {
  server(name: string, options?: { readonly publicDirectory?: boolean }): Promise<MemoryServer>;
  /** Delivers what lies in the outboxes, and what that brings about, until there is nothing more. */
  settle(): Promise<void>;
  /** Neither requests nor transactions go between them; what is sent is lost. */
  cut(one: MemoryServer, other: MemoryServer): void;
  heal(one: MemoryServer, other: MemoryServer): void;
  meddle(with_: Meddle): void;
  readonly asked: readonly string[]; // 'b.test a.test make_join'
  /** For the next test: all links whole, nobody meddles, nothing asked. */
  calm(): void;
}

export function memoryNetwork(): MemoryNetwork {
  const servers = new Map<ServerName, MemoryServer>();
  const outbox: { readonly from: ServerName; readonly to: ServerName; readonly event: RoomEvent }[] = [];
  const cuts = new Set<string>();
  const asked: string[] = [];
  let meddle: Meddle = (_passing, go) => go();
  let seed = 1;
  let transactions = 0;
  let ticks = 0; // no two events of one time: state resolution would decide between them by chance
  const link = (one: ServerName, other: ServerName) => [one, other].sort().join(' ');

  const requestFrom =
    (from: ServerName) =>
    async (to: ServerName, request: RemoteRequest): Promise<RemoteReply> => {
      asked.push(`${from} ${to} ${request.endpoint}`);
      return meddle({ from, to, request }, async () => {
        const server = servers.get(to);
        if (server === undefined || cuts.has(link(from, to))) {
          throw new RemoteError(to, `${to} does not answer`, { stage: 'connect' });
        }
        const { status, value, violations } = await server.ask(from, request.method, request.uri, request.body);
        if (status === 200) return { status, body: value, violations };
        const body = isObject(value) ? value : {};
        const text = (key: string) => (typeof body[key] === 'string' ? body[key] : undefined);
        throw new RemoteError(to, text('error') ?? `status ${status}`, {
          stage: 'reply',
          status,
          errcode: text('errcode'),
          body,
        });
      });
    };

  const keyOf = (name: ServerName) => servers.get(name)?.key;

  return {
    asked,
    cut: (one, other) => void cuts.add(link(one.name, other.name)),
    heal: (one, other) => void cuts.delete(link(one.name, other.name)),
    meddle: (with_) => {
      meddle = with_;
    },
    calm() {
      cuts.clear();
      asked.length = 0;
      outbox.length = 0;
      meddle = (_passing, go) => go();
    },
    async settle() {
      while (outbox.length > 0) {
        const { from, to, event } = outbox.shift() as (typeof outbox)[number];
        const body = { origin: from, origin_server_ts: 0, pdus: [event.pdu] };
        try {
          await servers.get(from)?.remote.sendTransaction(to, `t${++transactions}`, body, 1);
        } catch (error) {
          if (!(error instanceof RemoteError)) throw error;
        }
      }
    },
    async server(text, { publicDirectory = true } = {}) {
      const name = text as ServerName;
      const fake = fakePlatform({ seed: seed++ });
      const now = () => fake.clock.now() + ticks++;
      const platform = { ...fake, clock: { ...fake.clock, now } };
      const db = await tempDb();
      const { log, lines } = memoryLog();
      const key = signingKeyFromSeed('ed25519:test', platform.random.bytes(32));
      const signingKey = () => key;
      const keyring = memoryKeyring(keyOf);
      const remote = createRemoteServers({ request: requestFrom(name) });
      const rooms = createRooms({
        db,
        platform,
        log,
        serverName: name,
        signingKey,
        keyring,
        remote,
        inspector: memoryInspector().inspector,
        outbox: {
          enqueue(event, destinations) {
            for (const to of destinations) if (to !== name) outbox.push({ from: name, to, event });
          },
          wake: () => undefined,
          enqueueEdu: () => undefined,
        },
      });
      atEnd(() => rooms.close());
      const accounts = new Set<UserId>();
      const profile = (userId: UserId) =>
        accounts.has(userId) ? { displayname: userId.slice(1, userId.indexOf(':')) } : undefined;

      const acls = serverAcls(rooms);
      const sees = visibility(rooms);
      const restricted = restrictedJoins(rooms, name);
      const signer = { serverName: name, signingKey, platform };
      const aliases = directory({
        rooms,
        table: aliasesTable(db),
        remote,
        visibility: sees,
        serverName: name,
        clock: platform.clock,
      });
      const memberCount = (roomId: RoomId) =>
        rooms
          .currentState(roomId)
          .ofType('m.room.member')
          .filter(({ content }) => content['membership'] === 'join').length;
      const access = roomAccess({ rooms, acls });
      const listed = roomList({ rooms, table: publishedRoomsTable(db), acls, memberCount, clock: platform.clock });
      const joins = joinBook(platform.clock.now, log);
      const served = serveHistory({ rooms, acls, visibility: sees });
      const edus: IncomingEdu[] = [];
      const atTime = eventsAtTime({ rooms, acls, visibility: sees, remote, serverName: name, log });
      const needs = { history: served, atTime, serverName: name, clock: platform.clock };
      const uninvitable = new Set<UserId>();
      const blocksInvites = (userId: UserId) => uninvitable.has(userId);
      const isLocalUser = (userId: UserId) => accounts.has(userId);
      const routes = [
        ...sendRoutes({
          receive: transactionReceiver({
            rooms,
            acls,
            table: transactionsTable(db),
            log,
            inspector: memoryInspector().inspector,
            onEdu: (_origin, edu) => void edus.push(edu),
          }),
        }),
        ...eventRoutes(needs),
        ...stateRoutes(needs),
        ...backfillRoutes(needs),
        ...membershipRoutes({
          memberships: serveMembership({ rooms, acls, restricted, keyring, serverName: name, signingKey }),
          history: served,
          receiveInvite: inviteReceiver({
            rooms,
            acls,
            keyring,
            serverName: name,
            signingKey,
            log,
            isLocalUser,
            blocksInvites,
          }),
          serverName: name,
        }),
        ...queryRoutes({ directory: aliases, profile, serverName: name }),
        ...publicRoomsRoutes({ roomList: listed, isPublic: publicDirectory }),
        ...spaceRoutes({ servedSpaces: serveSpaces({ rooms, access, memberCount }) }),
        ...versionRoutes({ version: '1' }),
      ];

      const server: MemoryServer = {
        name,
        db,
        key,
        rooms,
        platform,
        keyring,
        remote,
        restricted,
        directory: aliases,
        roomList: listed,
        atTime,
        uninvitable,
        spaces: spaces({
          ...{ rooms, directory: aliases, access, memberCount, platform },
          remoteSpaces: remoteSpaces({ remote, serverName: name, clock: platform.clock, log }),
        }),
        visibility: sees,
        history: history({ rooms, remote, serverName: name, clock: platform.clock, log }),
        joins,
        edus,
        lines,
        log,
        ask: askRoutes(routes),
        memberships: memberships({
          rooms,
          directory: aliases,
          restricted,
          joiner: remoteJoiner({ rooms, remote, keyring, signer, joins, log }),
          knockRemote: remoteKnocker({ rooms, remote, keyring, signer, log }),
          leaveRemote: remoteLeaver({ rooms, remote, signer, log }),
          inviteUser: inviter({ rooms, remote, keyring, serverName: name, blocksInvites }),
          serverName: name,
          profile,
        }),
        user(localpart) {
          const userId = `@${localpart}:${name}` as UserId;
          accounts.add(userId);
          return userId;
        },
        async room(creator, { version = '11', joinRule = { join_rule: 'public' }, creation = {}, more = [] } = {}) {
          const rules = rulesOf(version);
          if (rules === undefined) throw new Error(`there is no room version ${version}`);
          const state = (type: string, content: JsonObject, stateKey = ''): EventDraft => ({
            type,
            sender: creator,
            content,
            stateKey,
          });
          const users = rules.privilegedCreators ? {} : { [creator]: 100 };
          const { roomId } = await rooms.create(rules, [
            state('m.room.create', creation),
            state('m.room.member', { membership: 'join' }, creator),
            state('m.room.power_levels', { users }),
            state('m.room.join_rules', joinRule),
            state('m.room.history_visibility', { history_visibility: 'shared' }),
            ...more,
          ]);
          return roomId;
        },
        async send(roomId, sender, body) {
          const content = { msgtype: 'm.text', body };
          const [sent] = await rooms.append(roomId, [{ type: 'm.room.message', sender, content }]);
          return sent as StoredEvent;
        },
        async setState(roomId, sender, type, content, stateKey = '') {
          const [sent] = await rooms.append(roomId, [{ type, sender, content, stateKey }]);
          return sent as StoredEvent;
        },
        members: (roomId, membership = 'join') =>
          rooms
            .currentState(roomId)
            .ofType('m.room.member')
            .filter(({ content }) => content['membership'] === membership)
            .map(({ stateKey }) => stateKey ?? '')
            .sort(),
      };
      servers.set(name, server);
      return server;
    },
  };
}

/** Knows every server's key, and verifies for real. */
function memoryKeyring(keyOf: (name: ServerName) => SigningKey | undefined): Keyring {
  const isSignedBy = (event: RoomEvent, server: ServerName) => {
    const key = keyOf(server);
    const signature = key && signaturesBy(event.pdu, server).get(key.keyId);
    return (
      key !== undefined &&
      signature !== undefined &&
      verifySignature(key.publicKey, eventMessage(event.pdu, event.rules), signature)
    );
  };
  const verdictOn = (event: RoomEvent): SignatureVerdict => {
    const { signatures } = event.pdu;
    const named = isObject(signatures) ? (Object.keys(signatures) as ServerName[]) : [];
    const verifiedBy = new Set(named.filter((server) => isSignedBy(event, server)));
    const missing = requiredSigners(event).filter((server) => !verifiedBy.has(server));
    const keyMissing = missing.some((server) => keyOf(server) === undefined);
    const why = missing.length === 0 ? undefined : `no signature of ${missing.join(', ')} by a known key`;
    return { ok: missing.length === 0, why, keyMissing, verifiedBy };
  };
  return {
    async verifyEvents(events: readonly RoomEvent[], _hints?: KeyHints) {
      const verdicts = new Map<EventId, SignatureVerdict>();
      for (const event of events) {
        verdicts.set(event.eventId, verdictOn(event));
        if (verdicts.size % 50 === 0) await new Promise(setImmediate); // as the real one, it holds nothing up
      }
      return verdicts;
    },
    verifyJson: async () => ({ ok: true }),
  };
}
