import type { FederationSources, PeerContact, ServerFacts, Sources } from '../../main/bridge/sources.ts';
import { roomReads } from '../../main/db/room-reads.ts';
import type { RunningInspector } from '../../main/inspector/recorder.ts';
import type { ServerName } from '../../shared/ids.ts';
import type { OwnKeyStatus, PeerDetail, RemoteKeyStatus, RoomSummary } from '../../shared/views.ts';
import type { RoomServer } from './room-server.ts';

/** What a test may say of the world around the rooms. */
export interface ConsoleWorld {
  server: ServerFacts;
  contacts: PeerContact[];
  queued: Map<ServerName, PeerDetail['queue']>;
  remoteKeys: RemoteKeyStatus[];
  joins: Map<RoomSummary['roomId'], NonNullable<RoomSummary['progress']>>;
  readonly retried: ServerName[];
}

export const neverTried = (server: ServerName): PeerContact => ({
  server,
  status: 'neverTried',
  lastInboundTs: undefined,
  lastOutboundTs: undefined,
  latencyMs: undefined,
  success24h: undefined,
  failingSince: undefined,
  retryAt: undefined,
  failures: 0,
  lastError: undefined,
  software: undefined,
});

const ownKey: OwnKeyStatus = {
  keyId: 'ed25519:a',
  publicKey: 'own',
  createdAt: 0,
  expiredTs: undefined,
  validUntilTs: undefined,
  storedIn: 'a test',
};

export const listening: ServerFacts = {
  serverName: 'a.test' as ServerName,
  version: '0.1.0',
  startedAt: 0,
  federationMode: 'open',
  defaultRoomVersion: '12',
  listeners: [
    { kind: 'client', address: 'http://127.0.0.1:8008' },
    { kind: 'federation', address: 'https://0.0.0.0:8448' },
  ],
  certificate: undefined,
  tunnel: undefined,
  signingKey: { keyId: 'ed25519:a', createdAt: 0 },
  eventLoop: { p99Ms: 1, maxMs: 2 },
  hearthBytes: 1,
  accounts: 1,
};

/** The console's sources over real rooms and a real inspector; `world` is what the test makes it. */
export function consoleSources(
  { rooms, db, serverName, platform }: RoomServer,
  inspector: RunningInspector,
): { readonly sources: Sources; readonly federation: FederationSources; readonly world: ConsoleWorld } {
  const world: ConsoleWorld = {
    server: { ...listening, serverName },
    contacts: [],
    queued: new Map(),
    remoteKeys: [],
    joins: new Map(),
    retried: [],
  };
  const federation: FederationSources = {
    rooms,
    roomReads: roomReads(db),
    joins: () => world.joins,
    peers: {
      list: () => world.contacts,
      contact: (server) => world.contacts.find((contact) => contact.server === server) ?? neverTried(server),
      knows: (server) => world.contacts.some((contact) => contact.server === server),
      retry: (server) => void world.retried.push(server),
    },
    queue: {
      counts: () =>
        new Map(
          [...world.queued].map(([server, items]) => {
            const pdus = items.filter(({ kind }) => kind === 'pdu').length;
            return [server, { pdus, edus: items.length - pdus }];
          }),
        ),
      items: (server, limit) => (world.queued.get(server) ?? []).slice(0, limit),
    },
    keys: {
      ownServer: serverName,
      own: () => [ownKey],
      remote: () => world.remoteKeys,
      of: (server) => world.remoteKeys.filter((key) => key.server === server),
    },
  };
  const sources: Sources = {
    now: platform.clock.now,
    server: () => world.server,
    inspector: { log: inspector.log, traffic: inspector.traffic, bytes: inspector.bytes, maxBytes: 200_000_000 },
    federation: () => federation,
    finishSetUp: async () => ({ ok: false, why: 'this server has a name' }),
  };
  return { sources, federation, world };
}
