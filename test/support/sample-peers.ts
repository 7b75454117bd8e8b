import type { Keys, PeerDetail, PeerStatus, RemoteKeyStatus } from '../../shared/views.ts';
import { sampleFlow } from './sample-flows.ts';
import { choir, flow, orchard, server } from './sample-ids.ts';

const minute = 60_000;
const day = 86_400_000;

export function samplePeer(given: Partial<PeerStatus> & Pick<PeerStatus, 'server'>): PeerStatus {
  return {
    status: 'ok',
    sharedRooms: 1,
    lastInboundTs: 1_700_000_000_000,
    lastOutboundTs: 1_700_000_000_000,
    latencyMs: 61,
    success24h: 1,
    failingSince: undefined,
    retryAt: undefined,
    failures: 0,
    queuedPdus: 0,
    queuedEdus: 0,
    lastError: undefined,
    software: 'Synapse 1.163.2',
    keyValidUntil: 1_700_000_000_000,
    ...given,
  };
}

/** Peers in every state. */
export function samplePeers(now: number): readonly PeerStatus[] {
  const seen = { lastInboundTs: now - 8_000, lastOutboundTs: now - 9_000, keyValidUntil: now + 6 * day };
  return [
    samplePeer({ ...seen, server: server('matrix.org'), sharedRooms: 14, latencyMs: 171, success24h: 0.998 }),
    samplePeer({
      server: server('birch.example'),
      status: 'backingOff',
      sharedRooms: 4,
      latencyMs: undefined,
      success24h: 0.94,
      queuedPdus: 18,
      queuedEdus: 2,
      failures: 7,
      failingSince: now - 39 * minute,
      retryAt: now + 41 * minute,
      lastError: '502 Bad Gateway',
      lastInboundTs: now - 41 * minute,
      lastOutboundTs: now - 40 * minute,
      keyValidUntil: now + 42 * 3_600_000,
    }),
    samplePeer({
      server: server('pellet.example'),
      status: 'backingOff',
      latencyMs: undefined,
      success24h: 0,
      queuedPdus: 2,
      failures: 12,
      failingSince: now - 14 * day,
      retryAt: now + 6.1 * day,
      lastError: 'no such name (NXDOMAIN)',
      lastInboundTs: now - 14 * day,
      lastOutboundTs: undefined,
      software: undefined,
      keyValidUntil: now - 7 * day,
    }),
    samplePeer({
      ...seen,
      server: server('gnomon.example:8443'),
      status: 'slow',
      sharedRooms: 2,
      latencyMs: 1_900,
      success24h: 0.992,
      queuedPdus: 3,
      software: 'Dendrite 0.15.2',
    }),
    samplePeer({ ...seen, server: server('kolibri.example'), sharedRooms: 6 }),
    samplePeer({ ...seen, server: server('lumen.example'), sharedRooms: 5, latencyMs: 44, software: 'Hearth 0.1.0' }),
    samplePeer({ ...seen, server: server('osk.example'), sharedRooms: 5, latencyMs: 88, software: 'Tuwunel 1.9.0' }),
    samplePeer({ ...seen, server: server('uni-ostfeld.example'), sharedRooms: 3, latencyMs: 132, success24h: 0.9993 }),
    samplePeer({
      server: server('cheap-pills.example'),
      status: 'blocked',
      sharedRooms: 0,
      latencyMs: undefined,
      success24h: undefined,
      lastInboundTs: now - 15_000,
      lastOutboundTs: undefined,
      software: undefined,
      keyValidUntil: undefined,
    }),
    samplePeer({
      server: server('fjord.example'),
      status: 'neverTried',
      latencyMs: undefined,
      success24h: undefined,
      lastInboundTs: undefined,
      lastOutboundTs: undefined,
      software: undefined,
      keyValidUntil: undefined,
    }),
  ];
}

const publicKeys = [
  'OkvRV5wRm1TzXcN4bKqYh7sLpE2uGf9aJd3iVo8t1Nd0',
  '1TMKlYh01YEFb7ztc+mGjnIsKspew0RKgsR85iu0zSM',
  'XfUTzDIMvQw8rLk2nYb5cHs7pEo1uGt4aJd9fKi3bxg0',
];

export function sampleKeys(now: number): Keys {
  const key = (
    name: string,
    keyId: string,
    n: number,
    days: number,
    rest: Partial<RemoteKeyStatus> = {},
  ): RemoteKeyStatus => ({
    server: server(name),
    keyId,
    publicKey: publicKeys[n % 3] ?? '',
    validUntilTs: now + days * day,
    usableUntilTs: now + Math.min(days, 6.5) * day,
    fetchedTs: now - 12 * 3_600_000,
    expiredTs: undefined,
    source: 'direct',
    ...rest,
  });
  return {
    own: [
      {
        keyId: 'ed25519:20260911T081402',
        publicKey: '19Av2HtOoqZ4rLk2nYb5cHs7pEo1uGt4aJd9fNHXvto',
        createdAt: now - 70 * day,
        expiredTs: undefined,
        validUntilTs: now + 7 * day,
        storedIn: 'signing.key in the data folder, readable by you alone',
      },
      {
        keyId: 'ed25519:20260402T190011',
        publicKey: 'ilA1Wfm/5BZ4rLk2nYb5cHs7pEo1uGt4aJd9fdIQp0o',
        createdAt: now - 232 * day,
        expiredTs: now - 70 * day,
        validUntilTs: undefined,
        storedIn: 'signing.key in the data folder, readable by you alone',
      },
    ],
    remote: [
      key('lumen.example', 'ed25519:a_Xc4n', 0, 7),
      key('kolibri.example', 'ed25519:a_Wq7t', 1, 4),
      key('osk.example', 'ed25519:b6Rk0s', 2, 0.1, { fetchedTs: now - 6 * day }),
      key('gnomon.example:8443', 'ed25519:auto', 0, 5),
      key('uni-ostfeld.example', 'ed25519:a_pLzE', 1, 4),
      key('birch.example', 'ed25519:a_Hn2V', 2, 1.7),
      key('pellet.example', 'ed25519:a_Yt0e', 0, -7, { source: 'matrix.org' }),
      key('old-harbour.example', 'ed25519:a_ZzUq', 1, -800, { expiredTs: now - 1_200 * day, source: 'matrix.org' }),
      ...Array.from({ length: 60 }, (_, n) => key(`server${n}.example`, 'ed25519:auto', n, 1 + (n % 9))),
    ],
  };
}

/** A peer opened. */
export function samplePeerDetail(peer: PeerStatus, now: number): PeerDetail {
  const isAway = peer.status === 'backingOff';
  const name = peer.server;
  return {
    ...peer,
    discovery: {
      ts: now - 2 * 3_600_000,
      ok: true,
      steps: [
        { step: 'IP literal', input: name, answer: 'is a name', decided: false, tookMs: 0 },
        { step: 'explicit port', input: name, answer: 'has none', decided: false, tookMs: 0 },
        {
          step: '.well-known',
          input: `https://${name}/.well-known/matrix/server`,
          answer: `says matrix.${name}:443`,
          decided: true,
          cacheAgeMs: 3 * 3_600_000,
          tookMs: 210,
        },
        {
          step: 'delegated name with a port',
          input: `matrix.${name}:443`,
          answer: 'A 192.0.2.41, no AAAA',
          decided: true,
          tookMs: 21,
        },
      ],
      result: { address: '192.0.2.41', port: 443, hostHeader: `matrix.${name}:443`, certificateFor: `matrix.${name}` },
      expiresAt: now + 21 * 3_600_000,
      error: undefined,
    },
    keys: sampleKeys(now).remote.filter(({ server: of }) => of === name),
    rooms: [
      { roomId: orchard, name: 'Orchard co-op' },
      { roomId: choir, name: 'Choir logistics' },
    ],
    queue: isAway
      ? ['m.room.encrypted', 'm.room.encrypted', 'm.room.member', 'm.reaction', 'm.direct_to_device'].map(
          (what, n) => ({
            kind: n < 4 ? ('pdu' as const) : ('edu' as const),
            what,
            roomId: n < 4 ? orchard : undefined,
            queuedTs: now - (38 - n * 7) * minute,
          }),
        )
      : [],
    transitions: isAway
      ? [
          { ts: now - 39 * minute, from: 'ok', to: 'backing off', why: '502 Bad Gateway' },
          { ts: now - 9 * day, from: 'backing off', to: 'ok', why: 'it sent us a transaction' },
          { ts: now - 9.2 * day, from: 'ok', to: 'backing off', why: 'connect ETIMEDOUT 192.0.2.41:443' },
        ]
      : [],
    recent: Array.from({ length: 8 }, (_, n) =>
      sampleFlow({
        id: flow(5_000 - n),
        peer: name,
        direction: n % 2 === 0 ? 'outbound' : 'inbound',
        startedAt: now - 12_000 - n * 45_000,
        ...(isAway && n % 2 === 0 ? { status: 502, attempt: 7 - n / 2, tookMs: 319 } : { outcomes: { accepted: 2 } }),
      }),
    ),
  };
}
