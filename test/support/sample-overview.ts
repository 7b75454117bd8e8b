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
