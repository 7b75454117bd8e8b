import type { ServerName } from '../shared/ids.ts';
import type { Config } from './config.ts';
import type { Db } from './db/db.ts';
import { discoveryCache } from './db/discovery-cache.ts';
import { ownKeysTable } from './db/own-keys.ts';
import { peersTable } from './db/peers.ts';
import { serverKeysTable } from './db/server-keys.ts';
import type { Inspector } from './inspector/inspector.ts';
import type { Log } from './log.ts';
import { addressGuard } from './network/address-guard.ts';
import { createKeyring } from './network/create-keyring.ts';
import { createDiscovery } from './network/discovery.ts';
import { createFederationClient } from './network/federation-client.ts';
import { followRedirects } from './network/follow-redirects.ts';
import { createKeyFetcher } from './network/key-fetcher.ts';
import { createKeyServer } from './network/notary.ts';
import { createOwnKeys, type SigningKeyFile } from './network/own-keys.ts';
import { createPeers } from './network/peers.ts';
import { createRemoteServers } from './network/remote-calls.ts';
import type { Platform } from './platform.ts';

interface FederationOptions {
  readonly config: Config;
  readonly mode: 'closed' | 'allowlist' | 'open';
  readonly platform: Platform;
  readonly log: Log;
  readonly db: Db;
  readonly inspector: Inspector;
  readonly serverName: ServerName;
  readonly keyFile: SigningKeyFile;
}

/** This server towards others: who they are, where they are, how it goes with them, and what they are asked. */
export function openFederation({ config, mode, platform, log, db, inspector, serverName, keyFile }: FederationOptions) {
  const { clock } = platform;
  const allowed = new Set<ServerName>(config['allow-server']);
  const mayFederate = (server: ServerName) => mode === 'open' || (mode === 'allowlist' && allowed.has(server));

  const ownKeys = createOwnKeys({ us: serverName, table: ownKeysTable(db), file: keyFile, platform, log });
  const guard = addressGuard(config['allow-address-range']);
  const discovery = createDiscovery({ platform, cache: discoveryCache(db), guard, inspector });
  const peers = createPeers({ platform, table: peersTable(db), inspector, mayFederate });
  const client = createFederationClient({
    us: serverName,
    key: ownKeys.current,
    platform,
    discovery,
    peers,
    inspector,
    mayFederate,
  });
  const remote = createRemoteServers(client);
  const keys = serverKeysTable(db);
  const fetcher = createKeyFetcher({
    us: serverName,
    remote,
    table: keys,
    clock,
    inspector,
    log,
    trustedNotaries: config['trusted-key-server'],
  });
  const keyring = createKeyring({ us: serverName, ownKeys, table: keys, fetcher, clock });
  const keyServer = createKeyServer({ us: serverName, ownKeys, table: keys, fetcher, clock });
  return {
    mayFederate,
    ownKeys,
    discovery,
    peers,
    remote,
    /** For what is no JSON: files. */
    download: client.download,
    /** What is at a URL that another server named. */
    follow: followRedirects({ net: platform.net, addressesOf: discovery.addressesOf }),
    keyring,
    keyServer,
    close() {
      client.close();
      peers.close();
    },
  };
}
