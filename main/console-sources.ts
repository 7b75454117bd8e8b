import { X509Certificate } from 'node:crypto';
import type { ServerName } from '../shared/ids.ts';
import type { FederationSources } from './bridge/sources.ts';
import type { Db } from './db/db.ts';
import { roomReads } from './db/room-reads.ts';
import type { MatrixServices } from './matrix-services.ts';

/** What the console shows of the Matrix side. */
export function federationSources(services: MatrixServices, db: Db): FederationSources {
  const { rooms, federation, joins, sender, serverName } = services;
  const { peers, keyring, ownKeys } = federation;
  return {
    rooms,
    roomReads: roomReads(db),
    joins: () =>
      new Map(joins.list().map(({ roomId, phase, done, total }) => [roomId, { phase, done, total }] as const)),
    peers: {
      list: peers.list,
      contact: peers.contact,
      knows: peers.knows,
      retry: (server) => sender.retryNow(server),
    },
    queue: {
      counts: sender.counts,
      items: (server, limit) => sender.queue(server).slice(0, limit),
    },
    keys: {
      ownServer: serverName,
      own: ownKeys.list,
      remote: () => keyring.remoteKeys(),
      of: (server: ServerName) => keyring.remoteKeysOf(server),
    },
  };
}

/** Until when a certificate is valid, and for whom; nothing for what is none. */
export function certificateFacts(pem: string): { validUntilTs: number; names: readonly string[] } | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const names = (certificate.subjectAltName ?? '').split(', ').map((name) => name.replace(/^(DNS|IP Address):/, ''));
    return { validUntilTs: Date.parse(certificate.validTo), names: names.filter((name) => name !== '') };
  } catch {
    return undefined; // the listener itself says what is wrong with it
  }
}
