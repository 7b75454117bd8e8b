import type { Flow, FlowSummary, PduOutcome } from '../../shared/flow.ts';
import {
  choir,
  eventNumber,
  flow as flowId,
  orchard,
  powerLevels,
  rejectedTopic,
  server,
  tidepool,
} from './sample-ids.ts';

/** A request that went well. */
export function sampleFlow(given: Partial<FlowSummary> & { readonly id: FlowSummary['id'] }): FlowSummary {
  return {
    traceId: `t${given.id}`,
    parentId: undefined,
    direction: 'inbound',
    peer: server('matrix.org'),
    method: 'PUT',
    uri: `/_matrix/federation/v1/send/1795181540118-${given.id}`,
    endpoint: 'send',
    roomId: undefined,
    startedAt: 1_700_000_000_000,
    tookMs: 38,
    status: 200,
    errcode: undefined,
    error: undefined,
    auth: {
      verified: true,
      origin: given.peer ?? server('matrix.org'),
      destination: 'juniper.example',
      keyId: 'ed25519:a_Wq7t',
    },
    attempt: 1,
    requestBytes: 7_900,
    responseBytes: 241,
    phases: { body: 3, processing: 35 },
    outcomes: {},
    edus: 0,
    ...given,
  };
}

type Kind = Omit<Partial<FlowSummary>, 'id'>;

const signedByUs = { verified: true, origin: server('juniper.example'), keyId: 'ed25519:20260911T081402' } as const;
const get = (endpoint: string, rest = ''): Kind => ({
  method: 'GET',
  endpoint,
  uri: `/_matrix/federation/v1/${endpoint}${rest}`,
  requestBytes: 0,
});

/** One of each kind of thing that happens, newest first. */
const kinds: readonly Kind[] = [
  {
    direction: 'outbound',
    peer: server('uni-ostfeld.example'),
    method: 'POST',
    endpoint: 'get_missing_events',
    roomId: tidepool,
    uri: `/_matrix/federation/v1/get_missing_events/${tidepool}`,
    tookMs: undefined,
    status: undefined,
    phases: { connect: 40 },
    auth: signedByUs,
    requestBytes: 400,
    responseBytes: 0,
  },
  {
    peer: server('uni-ostfeld.example'),
    roomId: tidepool,
    tookMs: undefined,
    status: undefined,
    phases: { body: 4 },
    requestBytes: 1_100,
    responseBytes: 0,
  },
  { outcomes: { accepted: 6 }, roomId: undefined },
  {
    direction: 'outbound',
    peer: server('kolibri.example'),
    method: 'POST',
    endpoint: 'get_missing_events',
    roomId: tidepool,
    uri: `/_matrix/federation/v1/get_missing_events/${tidepool}`,
    tookMs: 142,
    phases: { wait: 120, body: 18 },
    auth: signedByUs,
    requestBytes: 400,
    responseBytes: 1_400,
    outcomes: { accepted: 1 },
  },
  {
    peer: server('kolibri.example'),
    tookMs: 214,
    phases: { body: 3, queue: 8, wait: 142, processing: 57 },
    edus: 2,
    requestBytes: 3_200,
    outcomes: { rejected: 1, accepted: 3 },
    traceId: '7f3c19aa',
    roomId: tidepool,
  },
  {
    direction: 'outbound',
    peer: server('birch.example'),
    tookMs: 319,
    status: 502,
    attempt: 7,
    roomId: orchard,
    auth: signedByUs,
    phases: { discovery: 12, connect: 130, wait: 170 },
    requestBytes: 2_600,
    responseBytes: 157,
  },
  {
    ...get('query/profile', '?user_id=%40mika%3Ajuniper.example'),
    peer: server('osk.example'),
    tookMs: 4,
    phases: { processing: 4 },
  },
  {
    direction: 'outbound',
    peer: server('osk.example'),
    method: 'GET',
    endpoint: 'key/v2/server',
    uri: '/_matrix/key/v2/server',
    tookMs: 611,
    phases: { discovery: 90, connect: 260, wait: 240, body: 21 },
    auth: undefined,
    requestBytes: 0,
    responseBytes: 900,
  },
  {
    method: 'POST',
    endpoint: 'user/keys/claim',
    uri: '/_matrix/federation/v1/user/keys/claim',
    tookMs: 9,
    phases: { body: 2, processing: 7 },
    requestBytes: 300,
  },
  {
    ...get('make_join', `/${orchard}/@mika:juniper.example?ver=12&ver=11`),
    direction: 'outbound',
    peer: server('northwind.example'),
    roomId: orchard,
    tookMs: 188,
    status: undefined,
    error: { stage: 'tls', message: 'certificate has expired' },
    phases: { discovery: 30, connect: 150 },
    auth: signedByUs,
    responseBytes: 0,
  },
  { peer: server('lumen.example'), outcomes: { accepted: 2 }, roomId: tidepool, tookMs: 27 },
  {
    peer: server('gnomon.example:8443'),
    outcomes: { softFailed: 1 },
    roomId: tidepool,
    tookMs: 31,
    requestBytes: 1_200,
  },
  {
    direction: 'outbound',
    roomId: tidepool,
    tookMs: 171,
    outcomes: { accepted: 1 },
    edus: 2,
    phases: { connect: 0, wait: 150, body: 21 },
    auth: signedByUs,
  },
  {
    ...get('publicRooms'),
    peer: server('cheap-pills.example'),
    status: 403,
    errcode: 'M_FORBIDDEN',
    tookMs: 1,
    phases: { processing: 1 },
  },
  {
    ...get('state_ids', `/${tidepool}?event_id=${eventNumber(3)}`),
    peer: server('lumen.example'),
    roomId: tidepool,
    tookMs: 12,
    responseBytes: 14_200,
  },
  { ...get('media/download', '/abcDEF'), tookMs: 96, responseBytes: 284_000, phases: { processing: 20, body: 76 } },
  {
    ...get('backfill', `/${tidepool}?v=${eventNumber(4)}&limit=50`),
    direction: 'outbound',
    peer: server('lumen.example'),
    roomId: tidepool,
    tookMs: 403,
    outcomes: { accepted: 50 },
    phases: { wait: 240, body: 48, processing: 110 },
    auth: signedByUs,
    responseBytes: 71_000,
  },
  {
    peer: server('vex.example'),
    status: 401,
    errcode: 'M_UNAUTHORIZED',
    tookMs: 6,
    auth: {
      verified: false,
      why: 'The signature does not match the request.',
      origin: 'vex.example',
      destination: 'juniper.example',
      keyId: 'ed25519:1',
    },
  },
  {
    direction: 'outbound',
    peer: server('pellet.example'),
    status: undefined,
    error: { stage: 'discovery', message: 'pellet.example: no such name (NXDOMAIN)' },
    tookMs: 44,
    phases: { discovery: 44 },
    attempt: 12,
    auth: signedByUs,
    responseBytes: 0,
  },
  {
    peer: server('osk.example'),
    outcomes: { parked: 1, accepted: 1 },
    roomId: choir,
    tookMs: 1_240,
    phases: { body: 3, wait: 1_100, processing: 130 },
  },
];

/** As many requests as one likes, newest first, the last one a moment before `now`. */
export function sampleFlows(now: number, many = 600): readonly FlowSummary[] {
  return Array.from({ length: many }, (_, index) => {
    const kind = kinds[index % kinds.length] ?? {};
    const startedAt = now - 900 - index * 310 - ((index * 7_907) % 280);
    const isOld = index >= kinds.length;
    const pending = kind.status === undefined && kind.error === undefined;
    const closed: Kind = isOld && pending ? { status: 200, tookMs: 88 } : {};
    return sampleFlow({ ...kind, ...closed, id: flowId(100_000 - index), startedAt });
  });
}

/** What became of the events of a transaction one of which was rejected. */
const samplePdus: readonly PduOutcome[] = [
  {
    eventId: eventNumber(11),
    roomId: tidepool,
    type: 'm.room.message',
    sender: '@rook:kolibri.example',
    source: 'live',
    outcome: 'accepted',
    step: undefined,
    rule: undefined,
    reason: undefined,
    decidedBy: [],
    missing: [],
  },
  {
    eventId: rejectedTopic,
    roomId: tidepool,
    type: 'm.room.topic',
    sender: '@rook:kolibri.example',
    source: 'live',
    outcome: 'rejected',
    step: 'stateBefore',
    rule: 'required power level',
    reason: '@rook:kolibri.example has power level 0, and m.room.topic needs 50',
    decidedBy: [powerLevels],
    missing: [],
  },
  {
    eventId: eventNumber(12),
    roomId: choir,
    type: 'm.room.encrypted',
    sender: '@pia:kolibri.example',
    source: 'live',
    outcome: 'accepted',
    step: undefined,
    rule: undefined,
    reason: undefined,
    decidedBy: [],
    missing: [],
  },
  {
    eventId: eventNumber(13),
    roomId: choir,
    type: 'm.room.member',
    sender: '@pia:kolibri.example',
    source: 'live',
    outcome: 'accepted',
    step: undefined,
    rule: undefined,
    reason: undefined,
    decidedBy: [],
    missing: [],
  },
];

const body = JSON.stringify({
  origin: 'kolibri.example',
  origin_server_ts: 1_795_181_547_410,
  edus: [{ edu_type: 'm.typing', content: { room_id: tidepool, user_id: '@rook:kolibri.example', typing: false } }],
  pdus: [
    {
      type: 'm.room.topic',
      room_id: tidepool,
      sender: '@rook:kolibri.example',
      state_key: '',
      depth: 1847,
      content: { topic: 'Sunday survey: meet 06:15 at the slipway' },
      auth_events: ['$yjXq2LBxiFJBIbZ8bnDIbMgVjkbtWdoAO6Ct_aE5CXY'],
      prev_events: [eventNumber(20)],
    },
  ],
});

/** A request opened: the sample's summary with all that the list leaves out. */
export function openFlow(summary: FlowSummary, all: readonly FlowSummary[] = []): Flow {
  const isSend = summary.endpoint === 'send' && summary.direction === 'inbound';
  const child = (id: number, given: Partial<FlowSummary>) =>
    sampleFlow({ ...given, id: flowId(id), traceId: summary.traceId, auth: signedByUs, direction: 'outbound' });
  const related =
    summary.traceId === '7f3c19aa'
      ? [
          child(99_990, {
            parentId: summary.id,
            peer: server('kolibri.example'),
            method: 'POST',
            endpoint: 'get_missing_events',
            uri: `/_matrix/federation/v1/get_missing_events/${tidepool}`,
            startedAt: summary.startedAt + 12,
            tookMs: 142,
            phases: { wait: 131, body: 8, processing: 3 },
          }),
          child(99_989, {
            parentId: flowId(99_990),
            peer: server('lumen.example'),
            method: 'GET',
            endpoint: 'key/v2/server',
            uri: '/_matrix/key/v2/server',
            startedAt: summary.startedAt + 40,
            tookMs: 88,
            phases: { connect: 30, wait: 52, body: 6 },
          }),
        ]
      : all.filter(({ traceId, id }) => traceId === summary.traceId && id !== summary.id);
  return {
    ...summary,
    requestHeaders: {
      Host: summary.peer ?? 'juniper.example',
      'Content-Type': 'application/json',
      'User-Agent': 'Synapse/1.163.2',
      Authorization:
        'X-Matrix origin="kolibri.example",destination="juniper.example",key="ed25519:a_Wq7t",sig="c2VjcmV0"',
    },
    responseHeaders: { 'Content-Type': 'application/json' },
    requestBody: summary.requestBytes > 0 ? body : undefined,
    responseBody:
      summary.status === undefined
        ? undefined
        : isSend
          ? `{"pdus":{"${rejectedTopic}":{"error":"power level 0 is below 50"},"${eventNumber(11)}":{}}}`
          : '{"ok":true,"n":1.0,"list":[1,2,[]]}',
    address: summary.direction === 'inbound' ? '198.51.100.77:51544' : '192.0.2.41:8448',
    pdus: isSend && Object.keys(summary.outcomes).length > 0 ? samplePdus : [],
    discovery:
      summary.direction === 'outbound'
        ? [
            { step: 'IP literal', input: summary.peer ?? '', answer: 'is a name', decided: false, tookMs: 0 },
            { step: 'explicit port', input: summary.peer ?? '', answer: 'has none', decided: false, tookMs: 0 },
            {
              step: '.well-known',
              input: `https://${summary.peer}/.well-known/matrix/server`,
              answer: `says matrix.${summary.peer}:443`,
              decided: true,
              cacheAgeMs: 3 * 3_600_000,
              tookMs: 12,
            },
          ]
        : [],
    related,
  };
}
