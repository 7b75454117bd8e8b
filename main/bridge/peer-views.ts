import type { ServerName } from '../../shared/ids.ts';
import type { Keys, PeerDetail, PeerStatus } from '../../shared/views.ts';
import { breathe } from '../inspector/breathe.ts';
import { oneLine } from './event-summary.ts';
import type { FederationSources, InspectorFacts, PeerContact } from './sources.ts';

const slice = 500;
const mostQueued = 200;

/** All servers that we share a room with, or have ever talked with. */
export async function peerList(
  sources: FederationSources,
  { traffic }: InspectorFacts,
): Promise<readonly PeerStatus[]> {
  const { peers, roomReads, queue, keys } = sources;
  const shared = roomReads.sharedRooms();
  const queued = queue.counts();
  const validUntil = newestKeys(keys.remote());
  const servers = new Set([...peers.list().map(({ server }) => server), ...shared.keys()]);
  servers.delete(keys.ownServer);
  const statuses: PeerStatus[] = [];
  for (const server of servers) {
    statuses.push({
      ...contactOf(peers.contact(server), traffic.ofPeer(server)),
      sharedRooms: shared.get(server) ?? 0,
      queuedPdus: queued.get(server)?.pdus ?? 0,
      queuedEdus: queued.get(server)?.edus ?? 0,
      keyValidUntil: validUntil.get(server),
    });
    if (statuses.length % slice === 0) await breathe();
  }
  return statuses;
}

/** A peer opened; nothing for a server that we never had to do with. */
export async function peerDetail(
  sources: FederationSources,
  { traffic, log }: InspectorFacts,
  server: ServerName,
): Promise<PeerDetail | undefined> {
  const { peers, rooms, roomReads, queue, keys } = sources;
  const shared = roomReads.roomsWith(server);
  const { discovery, transitions, recent } = await log.peer(server);
  const isKnown = peers.knows(server) || shared.length > 0 || recent.length > 0 || discovery !== undefined;
  if (!isKnown || server === keys.ownServer) return undefined;
  const { pdus = 0, edus = 0 } = queue.counts().get(server) ?? {};
  const ofServer = keys.of(server);
  return {
    ...contactOf(peers.contact(server), traffic.ofPeer(server)),
    sharedRooms: shared.length,
    queuedPdus: pdus,
    queuedEdus: edus,
    keyValidUntil: newestKeys(ofServer).get(server),
    discovery,
    keys: ofServer,
    rooms: shared.map((roomId) => {
      const name = rooms.currentState(roomId).get('m.room.name', '')?.content['name'];
      return { roomId, name: typeof name === 'string' && name !== '' ? oneLine(name) : undefined };
    }),
    queue: queue.items(server, mostQueued),
    transitions,
    recent,
  };
}

/** Our own keys, and those of others that we have. */
export function allKeys({ keys }: FederationSources): Keys {
  return { own: keys.own(), remote: keys.remote() };
}

type Measured = Pick<PeerStatus, 'lastInboundTs' | 'lastOutboundTs' | 'latencyMs' | 'success24h'>;

/** What the sending side does not know any more after a restart, the log may. */
const contactOf = (contact: PeerContact, measured: Measured | undefined): PeerContact => ({
  ...contact,
  lastInboundTs: contact.lastInboundTs ?? measured?.lastInboundTs,
  lastOutboundTs: contact.lastOutboundTs ?? measured?.lastOutboundTs,
  latencyMs: contact.latencyMs ?? measured?.latencyMs,
  success24h: contact.success24h ?? measured?.success24h,
});

/** Until when each server's newest key is valid. Keys that it has given up do not count. */
function newestKeys(keys: Keys['remote']): ReadonlyMap<ServerName, number> {
  const newest = new Map<ServerName, number>();
  for (const { server, expiredTs, validUntilTs } of keys) {
    if (expiredTs === undefined) newest.set(server, Math.max(newest.get(server) ?? 0, validUntilTs));
  }
  return newest;
}
