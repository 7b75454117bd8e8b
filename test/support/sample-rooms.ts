import type {
  EventDetail,
  MemberRow,
  RoomDetail,
  RoomServerRow,
  RoomSummary,
  StateRow,
  TimelineRow,
} from '../../shared/views.ts';
import {
  ban,
  choir,
  eventNumber,
  oldPowerLevels,
  orchard,
  powerLevels,
  rejectedTopic,
  room,
  server,
  tidepool,
  user,
} from './sample-ids.ts';

function sampleRoom(given: Partial<RoomSummary> & Pick<RoomSummary, 'roomId'>): RoomSummary {
  return {
    name: undefined,
    canonicalAlias: undefined,
    version: '12',
    membership: 'join',
    encrypted: false,
    joinRule: 'public',
    localMembers: 1,
    joinedMembers: 5,
    servers: 5,
    forwardExtremities: 1,
    refused: 0,
    lastEventTs: 1_700_000_000_000,
    lastRemoteEventTs: 1_700_000_000_000,
    state: 'ok',
    progress: undefined,
    ...given,
  };
}

/** Rooms of every kind. */
export function sampleRooms(now: number): readonly RoomSummary[] {
  const named: readonly RoomSummary[] = [
    sampleRoom({
      roomId: tidepool,
      name: 'Tidepool field notes',
      canonicalAlias: '#tidepool:lumen.example',
      forwardExtremities: 2,
      refused: 2,
      lastEventTs: now - 2_000,
      lastRemoteEventTs: now - 2_000,
    }),
    sampleRoom({
      roomId: choir,
      name: 'Choir logistics',
      version: '11',
      encrypted: true,
      joinRule: 'invite',
      joinedMembers: 31,
      servers: 6,
      lastEventTs: now - 240_000,
      lastRemoteEventTs: now - 300_000,
    }),
    sampleRoom({
      roomId: orchard,
      name: 'Orchard co-op',
      encrypted: true,
      joinRule: 'restricted',
      joinedMembers: 12,
      servers: 3,
      state: 'gap',
      lastEventTs: now - 3_600_000,
      lastRemoteEventTs: now - 9_000_000,
    }),
    sampleRoom({
      roomId: room('!matrixhq:matrix.org'),
      name: 'Matrix HQ',
      canonicalAlias: '#matrix:matrix.org',
      version: '9',
      joinedMembers: 38_412,
      servers: 5_120,
      forwardExtremities: 14,
      refused: 81,
      state: 'joining',
      progress: { phase: 'checking', done: 12_400, total: 30_000 },
      lastEventTs: now - 60_000,
      lastRemoteEventTs: now - 60_000,
    }),
    sampleRoom({
      roomId: room('!old:birch.example'),
      version: '6',
      membership: 'leave',
      localMembers: 0,
      joinedMembers: 2,
      lastEventTs: now - 90 * 86_400_000,
      lastRemoteEventTs: undefined,
    }),
    sampleRoom({
      roomId: room('!inv:osk.example'),
      name: 'Board game night',
      membership: 'invite',
      localMembers: 0,
      joinedMembers: 0,
      servers: 0,
      lastEventTs: undefined,
      lastRemoteEventTs: undefined,
    }),
  ];
  const others = Array.from({ length: 40 }, (_, index) =>
    sampleRoom({
      roomId: room(`!project${index}:osk.example`),
      name: `Project ${index + 1}`,
      joinedMembers: 3 + ((index * 37) % 90),
      servers: 1 + (index % 7),
      lastEventTs: now - index * 4_000_000 - 500_000,
      lastRemoteEventTs: now - index * 5_000_000 - 600_000,
    }),
  );
  return [...named, ...others];
}

export function sampleRoomDetail(summary: RoomSummary): RoomDetail {
  return {
    ...summary,
    pending: undefined,
    topic: 'What lives between the tides, and when to go and look',
    creators: [user('@ines:lumen.example')],
    createdTs: 1_780_000_000_000,
    historyVisibility: 'shared',
    extremities: [eventNumber(1), eventNumber(2)],
    backwardExtremities: 1,
  };
}

export function sampleEvent(given: Partial<TimelineRow> & Pick<TimelineRow, 'eventId'>): TimelineRow {
  return {
    type: 'm.room.message',
    stateKey: undefined,
    sender: user('@ines:lumen.example'),
    originServerTs: 1_700_000_000_000,
    receivedTs: 1_700_000_000_240,
    position: 1,
    depth: 1,
    source: 'live',
    outcome: 'accepted',
    step: undefined,
    rule: undefined,
    reason: undefined,
    decidedBy: [],
    outlier: false,
    summary: 'Low water is at 06:41 on Sunday.',
    ...given,
  };
}

const says = [
  ['@rook:kolibri.example', 'Updated the topic for Sunday.'],
  ['@tam:osk.example', 'Bringing coffee.'],
  ['@ines:lumen.example', 'See you at the slipway, 06:15.'],
  ['@olu:uni-ostfeld.example', 'Found one in the drawer.'],
  ['@mika:juniper.example', 'Thanks, Inés.'],
  ['@tam:osk.example', 'Count me in for transect B.'],
] as const;

/** A timeline with one of each outcome, newest first. */
export function sampleTimeline(now: number, many = 80): readonly TimelineRow[] {
  const special: Readonly<Record<number, Partial<TimelineRow>>> = {
    0: {
      outcome: 'parked',
      position: undefined,
      step: 'authEvents',
      rule: 'auth events are known',
      reason: 'waits for 1 missing event',
      sender: user('@olu:uni-ostfeld.example'),
      summary: 'Probe reads 31.4 PSU.',
    },
    2: {
      eventId: rejectedTopic,
      type: 'm.room.topic',
      stateKey: '',
      outcome: 'rejected',
      position: undefined,
      step: 'stateBefore',
      rule: 'required power level',
      reason: '@rook:kolibri.example has power level 0, and m.room.topic needs 50',
      decidedBy: [powerLevels],
      sender: user('@rook:kolibri.example'),
      summary: 'set the topic to “Sunday survey: meet 06:15 at the slipway”',
    },
    6: {
      outcome: 'softFailed',
      step: 'currentState',
      rule: 'sender is banned',
      reason: '@vex:gnomon.example:8443 is banned in the current state',
      decidedBy: [ban],
      sender: user('@vex:gnomon.example:8443'),
      summary: 'cheap moon rocks, act now',
    },
    9: {
      eventId: ban,
      type: 'm.room.member',
      stateKey: '@vex:gnomon.example:8443',
      summary: 'banned @vex:gnomon.example:8443: spam',
    },
    12: { eventId: powerLevels, type: 'm.room.power_levels', stateKey: '', summary: '@rook:kolibri.example: 50 → 0' },
    14: {
      outcome: 'redacted',
      step: 'hash',
      rule: 'content hash',
      reason: 'the content is not what was hashed',
      sender: user('@tam:osk.example'),
      summary: 'content removed',
    },
    17: { source: 'backfill', position: -31, receivedTs: now },
    20: {
      outlier: true,
      position: undefined,
      source: 'outlier',
      type: 'm.room.member',
      stateKey: '@pia:kolibri.example',
      summary: 'joined',
    },
  };
  return Array.from({ length: many }, (_, index) => {
    const [sender, summary] = says[index % says.length] ?? ['@a:b', ''];
    const ts = now - 2_000 - index * 94_000;
    return sampleEvent({
      eventId: eventNumber(1_000 - index),
      sender: user(sender),
      summary,
      source: sender.endsWith(':juniper.example') ? 'local' : 'live',
      originServerTs: ts,
      receivedTs: ts + 200 + ((index * 137) % 900),
      position: 48_213 - index * 3,
      depth: 1_849 - index,
      ...special[index],
    });
  });
}

export function sampleState(now: number): readonly StateRow[] {
  const row = (type: string, stateKey: string, content: unknown, n: number, days: number): StateRow => ({
    type,
    stateKey,
    content: JSON.stringify(content),
    eventId: n === 0 ? powerLevels : eventNumber(300 + n),
    sender: user('@ines:lumen.example'),
    originServerTs: now - days * 86_400_000,
  });
  return [
    row('m.room.create', '', { room_version: '12' }, 1, 190),
    row('m.room.join_rules', '', { join_rule: 'public' }, 2, 190),
    row('m.room.power_levels', '', { users: { '@rook:kolibri.example': 0 }, state_default: 50 }, 0, 1),
    row('m.room.history_visibility', '', { history_visibility: 'shared' }, 3, 190),
    row('m.room.name', '', { name: 'Tidepool field notes' }, 4, 12),
    ...Array.from({ length: 200 }, (_, n) =>
      row('m.room.member', `@member${n}:osk.example`, { membership: 'join', displayname: `Member ${n}` }, 10 + n, n),
    ),
  ];
}

export function sampleMembers(): {
  readonly members: readonly MemberRow[];
  readonly servers: readonly RoomServerRow[];
} {
  const member = (
    id: string,
    displayName: string | undefined,
    powerLevel: MemberRow['powerLevel'],
    membership = 'join',
  ): MemberRow => ({
    userId: user(id),
    displayName,
    membership,
    powerLevel,
    server: server(id.slice(id.indexOf(':') + 1)),
  });
  return {
    members: [
      member('@ines:lumen.example', 'Inés', 'creator'),
      member('@mika:juniper.example', 'Mika', 50),
      member('@rook:kolibri.example', 'rook', 0),
      member('@vex:gnomon.example:8443', undefined, 0, 'ban'),
      ...Array.from({ length: 120 }, (_, n) => member(`@member${n}:osk.example`, `Member ${n}`, 0)),
    ],
    servers: [
      { server: server('osk.example'), joinedMembers: 121, status: 'ok' },
      { server: server('lumen.example'), joinedMembers: 1, status: 'ok' },
      { server: server('kolibri.example'), joinedMembers: 1, status: 'slow' },
      { server: server('birch.example'), joinedMembers: 2, status: 'backingOff' },
      { server: server('juniper.example'), joinedMembers: 1, status: 'ok' },
    ],
  };
}

/** An event opened, whatever became of it. */
export function sampleEventDetail(row: TimelineRow): EventDetail {
  const pdu = {
    auth_events: [oldPowerLevels, eventNumber(7)],
    content:
      row.type === 'm.room.topic'
        ? { topic: 'Sunday survey: meet 06:15 at the slipway' }
        : { body: row.summary, msgtype: 'm.text' },
    depth: row.depth,
    hashes: { sha256: 'vNoATugy76B88vgwqQJvzNlQOBZ8GEQ4ooAvpKRM35U' },
    origin_server_ts: row.originServerTs,
    prev_events: [eventNumber(8)],
    room_id: tidepool,
    sender: row.sender,
    signatures: {
      'kolibri.example': {
        'ed25519:a_Wq7t': 'udfg05h1a9AXD+SZNzgU9GFP5HZigEiROvhSceNl/QBiXuNBeilYxeagvM87YW+aBz0s+wtx8q2DA0I0tBLyAQ',
      },
    },
    type: row.type,
  };
  const json = JSON.stringify(pdu);
  const isHashed = row.outcome !== 'redacted';
  return {
    ...row,
    roomId: tidepool,
    json,
    canonical: json,
    prevEvents: [eventNumber(8)],
    authEvents: [oldPowerLevels, eventNumber(7)],
    contentHash: {
      stated: pdu.hashes.sha256,
      computed: isHashed ? pdu.hashes.sha256 : 'Jk2c8xWq5T0rZb1yLm4nUo7pVs9dGf3hAiEeKtYwRgQ',
    },
    computedEventId: row.eventId,
    signatures: [
      { server: 'kolibri.example', keyId: 'ed25519:a_Wq7t', key: 'known' },
      { server: 'lumen.example', keyId: 'ed25519:a_Xc4n', key: 'expired' },
    ],
    redactedBy: undefined,
  };
}
