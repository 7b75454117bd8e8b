import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';
import { timelineReads } from './timeline-reads.ts';

export const schema = `
  -- For the console: what was refused, and what is outside of the history. Accepted events of it cost nothing here.
  CREATE INDEX events_refused ON events (room) WHERE outcome <> 'accepted';
  CREATE INDEX outliers_by_arrival ON events (room, received_ts) WHERE position IS NULL;
  CREATE INDEX outliers_by_depth ON events (room, depth) WHERE position IS NULL;`;

interface FactsRow {
  readonly membership: 'join' | 'invite' | 'knock' | 'leave';
  readonly membershipBy: UserId;
  readonly membershipTs: number;
  readonly localMembers: number;
  readonly joinedMembers: number;
  readonly servers: number;
  readonly forwardExtremities: number;
  readonly backwardExtremities: number;
  readonly refused: number;
  readonly lastEventTs: number | null;
  readonly lastRemoteEventTs: number | null;
  readonly strippedState: string | null;
}

/** Questions about rooms that only the console asks. */
export function roomReads(db: Db) {
  const facts = db.prepare<[RoomId], FactsRow>(
    `SELECT CASE WHEN ours.membership = 'ban' THEN 'leave' ELSE ours.membership END AS membership,
      ours.sender AS membershipBy,
      (SELECT received_ts FROM events WHERE id = ours.event) AS membershipTs,
      (SELECT count(*) FROM local_memberships WHERE room = rooms.id AND membership = 'join') AS localMembers,
      (SELECT ifnull(sum(members), 0) FROM joined_servers WHERE room = rooms.id) AS joinedMembers,
      (SELECT count(*) FROM joined_servers WHERE room = rooms.id) AS servers,
      (SELECT count(*) FROM forward_extremities WHERE room = rooms.id) AS forwardExtremities,
      (SELECT count(DISTINCT missing) FROM backward_extremities WHERE room = rooms.id) AS backwardExtremities,
      (SELECT count(*) FROM events WHERE room = rooms.id AND outcome <> 'accepted') AS refused,
      (SELECT received_ts FROM events WHERE room = rooms.id AND position IS NOT NULL
        ORDER BY position DESC LIMIT 1) AS lastEventTs,
      (SELECT received_ts FROM (SELECT received_ts, source FROM events WHERE room = rooms.id AND position IS NOT NULL
        ORDER BY position DESC LIMIT 1000) WHERE source <> 'local' LIMIT 1) AS lastRemoteEventTs,
      (SELECT stripped_state FROM local_memberships WHERE room = rooms.id AND stripped_state IS NOT NULL
        LIMIT 1) AS strippedState
    FROM rooms JOIN local_memberships AS ours ON ours.room = rooms.id
      AND ours.user_id = (SELECT user_id FROM local_memberships WHERE room = rooms.id
        ORDER BY membership = 'join' DESC, membership = 'invite' DESC, membership = 'knock' DESC LIMIT 1)
    WHERE room_id = ?`,
  );
  // Names in member events are whatever their senders put there; redaction takes them away.
  const members = db.prepare<[RoomId, after: number, limit: number], MemberRow>(
    `SELECT keys.id AS key, keys.state_key AS userId, current.membership AS membership,
      CASE WHEN redacted_by IS NULL AND json_type(json, '$.content.displayname') = 'text'
        THEN json ->> '$.content.displayname' END AS displayName
    FROM current_state AS current
      JOIN state_keys AS keys ON keys.id = current.state_key
      JOIN events ON events.id = current.event
    WHERE current.room = (SELECT id FROM rooms WHERE room_id = ?) AND current.state_key > ?
      AND keys.type = 'm.room.member'
    ORDER BY current.state_key LIMIT ?`,
  );
  const servers = db.prepare<[RoomId], { server: ServerName; members: number }>(
    `SELECT server, members FROM joined_servers WHERE room = (SELECT id FROM rooms WHERE room_id = ?)
    ORDER BY members DESC, server`,
  );
  const shared = db.prepare<[], { server: ServerName; rooms: number }>(
    'SELECT server, count(*) AS rooms FROM joined_servers GROUP BY server',
  );
  const roomsWith = db.prepare<[ServerName], { roomId: RoomId }>(
    'SELECT room_id AS roomId FROM joined_servers JOIN rooms ON rooms.id = room WHERE server = ? ORDER BY rooms.id',
  );
  const parkedColumns = 'room_id AS roomId, event_id AS eventId, pdu, reason, source';
  const parked = db.prepare<[RoomId, limit: number], ParkedRow>(
    `SELECT ${parkedColumns} FROM staged_pdus
      WHERE id IN (SELECT id FROM staged_pdus WHERE room_id = ? ORDER BY id DESC LIMIT ?) ORDER BY id DESC`,
  );
  const parkedEvent = db.prepare<[EventId], ParkedRow>(
    `SELECT ${parkedColumns} FROM staged_pdus WHERE event_id = ? LIMIT 1`,
  );
  const countEvents = db.prepare<[from: number, before: number], { count: number }>(
    'SELECT count(*) AS count FROM events WHERE id >= ? AND id < ?',
  );
  const lastEvent = db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM events');

  return {
    timeline: timelineReads(db),
    /** Nothing for a room that no user of ours ever had to do with. */
    facts(roomId: RoomId) {
      const row = facts.get(roomId);
      return (
        row && {
          ...row,
          lastEventTs: row.lastEventTs ?? undefined,
          lastRemoteEventTs: row.lastRemoteEventTs ?? undefined,
          strippedState: row.strippedState ?? undefined,
        }
      );
    },
    /** `limit` members after the one with the key `after`, or from the first on after 0. */
    members: (roomId: RoomId, after: number, limit: number) =>
      members.all(roomId, after, limit).map(({ membership, displayName, ...row }) => ({
        ...row,
        membership: membership ?? 'leave',
        displayName: displayName ?? undefined,
      })),
    /** Servers with joined members, ours included: those with most of them first. */
    servers: (roomId: RoomId) => servers.all(roomId),
    /** With how many rooms each server shares with us. */
    sharedRooms: (): ReadonlyMap<ServerName, number> =>
      new Map(shared.all().map(({ server, rooms }) => [server, rooms] as const)),
    roomsWith: (server: ServerName) => roomsWith.all(server).map(({ roomId }) => roomId),
    /** PDUs that wait for what they lack, newest first. */
    parked: (roomId: RoomId, limit: number) => parked.all(roomId, limit),
    parkedEvent: (eventId: EventId) => parkedEvent.get(eventId),
    /** Those with `from <= number < before`. */
    countEvents: (from: number, before: number): number => countEvents.get(from, before)?.count ?? 0,
    lastEvent: (): number => lastEvent.get()?.id ?? 0,
  };
}

interface ParkedRow {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly pdu: string; // JSON
  readonly reason: string;
  readonly source: 'live' | 'backfill';
}

interface MemberRow {
  readonly key: number;
  readonly userId: UserId;
  readonly membership: string | null;
  readonly displayName: string | null;
}
