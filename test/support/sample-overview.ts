import type { ServerName } from '../../shared/ids.ts';
import type { Overview } from '../../shared/views.ts';

/** An overview of a server that is well, for tests of what shows or carries one. */
export const sampleOverview: Overview = {
  serverName: 'hearth.test' as ServerName,
  version: '0.1.0',
  startedAt: 1_700_000_000_000,
  now: 1_700_000_065_000,
  federationMode: 'open',
  defaultRoomVersion: '12',
  listeners: [{ kind: 'client', address: 'http://127.0.0.1:8008' }],
  tunnel: undefined,
  verdict: { kind: 'ok', sentence: 'Federating with 3 servers.' },
  attention: [],
  signingKey: { keyId: 'ed25519:a_1', createdAt: 1_700_000_000_000 },
  federation24h: { inbound: 0, outbound: 0, failed: 0, p50Ms: undefined, p95Ms: undefined, outcomes: {}, perHour: [] },
  storage: { hearthBytes: 0, inspectorBytes: 0, inspectorCapBytes: 200_000_000 },
  counts: { rooms: 0, peers: 0, users: 0, events: 0 },
  eventLoop: { p99Ms: 1, maxMs: 2 },
};

const hour = 3_600_000;

/** An overview of a server in use, one of whose peers is away. */
export function busyOverview(now: number): Overview {
  return {
    ...sampleOverview,
    serverName: 'juniper.example' as ServerName,
    now,
    startedAt: now - 8 * hour - 61_000,
    listeners: [
      { kind: 'client', address: 'http://127.0.0.1:8008' },
      { kind: 'federation', address: 'https://0.0.0.0:8448' },
      { kind: 'console', address: 'http://127.0.0.1:41733' },
    ],
    tunnel: { state: 'connected', url: 'https://juniper.loca.example', since: now - 2 * hour },
    verdict: { kind: 'warn', sentence: 'Federating with 12 servers. 2 of them do not answer.' },
    attention: [
      {
        severity: 'bad',
        what: 'birch.example does not answer',
        why: '502 Bad Gateway from its proxy, 7 times. 18 events wait for it; nothing is lost.',
        since: now - 39 * 60_000,
        href: '/peers/birch.example',
      },
      {
        severity: 'warn',
        what: '1 event was rejected in Tidepool field notes',
        why: '@rook:kolibri.example set the topic without the power to do so.',
        since: now - 4_000,
        href: '/log?q=outcome:rejected',
      },
      {
        severity: 'info',
        what: 'No backup of the signing key is known',
        why: 'Whoever loses the key loses the name. Copy signing.key from the data folder to a safe place.',
        since: undefined,
        href: '/keys',
      },
    ],
    signingKey: { keyId: 'ed25519:20260911T081402', createdAt: now - 70 * 24 * hour },
    federation24h: {
      inbound: 7_214,
      outbound: 2_980,
      failed: 92,
      p50Ms: 164,
      p95Ms: 912,
      outcomes: { accepted: 3_391, duplicate: 7, redacted: 1, parked: 1, softFailed: 5, rejected: 2, dropped: 3 },
      perHour: Array.from({ length: 24 }, (_, index) => {
        const requests = Math.round(260 + 190 * Math.sin(index / 3.1) + ((index * 7919) % 97));
        return { start: now - (24 - index) * hour, requests, failed: index % 5 === 2 ? Math.round(requests / 14) : 0 };
      }),
    },
    storage: { hearthBytes: 1_912_345_678, inspectorBytes: 61_300_000, inspectorCapBytes: 200_000_000 },
    counts: { rooms: 23, peers: 14, users: 2, events: 318_204 },
    eventLoop: { p99Ms: 11, maxMs: 84 },
  };
}
