import { discoveryCache } from '../../main/db/discovery-cache.ts';
import { peersTable } from '../../main/db/peers.ts';
import { addressGuard } from '../../main/network/address-guard.ts';
import { createDiscovery } from '../../main/network/discovery.ts';
import { createFederationClient } from '../../main/network/federation-client.ts';
import { createPeers } from '../../main/network/peers.ts';
import { createRemoteServers } from '../../main/network/remote-calls.ts';
import type { Net } from '../../main/platform.ts';
import { signingKeyFromSeed } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';
import { fakePlatform } from './fake-platform.ts';
import { memoryInspector } from './memory-inspector.ts';
import { tempDb } from './temp-db.ts';

export const us = 'us.test' as ServerName;
export const ourKey = signingKeyFromSeed('ed25519:ours', new Uint8Array(32).fill(1));

/** The client of us.test over a network, with everything that it stands on. */
export async function clientOver(
  net: Partial<Net>,
  { blocked = [] as readonly string[], allowed = [] as string[] } = {},
) {
  const platform = fakePlatform({ net });
  const told = memoryInspector();
  const { inspector } = told;
  const db = await tempDb();
  const mayFederate = (server: ServerName) => !blocked.includes(server);
  const peers = createPeers({ platform, table: peersTable(db), inspector, mayFederate });
  const discovery = createDiscovery({ platform, cache: discoveryCache(db), guard: addressGuard(allowed), inspector });
  const client = createFederationClient({
    us,
    key: () => ourKey,
    platform,
    discovery,
    peers,
    inspector,
    mayFederate,
  });
  return { ...told, platform, db, peers, discovery, client, remote: createRemoteServers(client) };
}
