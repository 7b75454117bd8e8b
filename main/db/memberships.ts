import type { RoomId, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Where our own users stand: in rooms that we are in, by their current state; elsewhere by the invite or knock.
  CREATE TABLE local_memberships (
    user_id TEXT NOT NULL,
    room INTEGER NOT NULL,
    membership TEXT NOT NULL,
    event INTEGER NOT NULL,
    sender TEXT NOT NULL,
    position INTEGER NOT NULL, -- at which it came to be so
    stripped_state TEXT,       -- JSON; for invites and knocks from outside
    forgotten INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (user_id, room)) STRICT, WITHOUT ROWID;
  CREATE INDEX local_memberships_by_room ON local_memberships (room, membership);`;

export interface MembershipRow {
  readonly roomId: RoomId;
  readonly membership: 'join' | 'invite' | 'knock' | 'leave' | 'ban';
  readonly event: number;
  readonly sender: UserId;
  readonly position: number;
  readonly strippedState: string | null;
  readonly forgotten: 0 | 1;
}

export function membershipsTable(db: Db) {
  const put = db.prepare<
    [UserId, room: number, membership: string, event: number, UserId, position: number, strippedState: string | null]
  >('INSERT OR REPLACE INTO local_memberships VALUES (?, ?, ?, ?, ?, ?, ?, 0)');
  const select = db.prepare<[UserId], MembershipRow>(
    `SELECT room_id AS roomId, membership, event, sender, position, stripped_state AS strippedState, forgotten
     FROM local_memberships JOIN rooms ON id = room WHERE user_id = ? ORDER BY position`,
  );
  const joined = db.prepare<[room: number], { userId: UserId }>(
    `SELECT user_id AS userId FROM local_memberships WHERE room = ? AND membership = 'join' ORDER BY user_id`,
  );
  const forget = db.prepare<[UserId, room: number], { room: number }>(
    `UPDATE local_memberships SET forgotten = 1
     WHERE user_id = ? AND room = ? AND membership IN ('leave', 'ban') RETURNING room`,
  );
  const remove = db.prepare<[UserId, room: number]>('DELETE FROM local_memberships WHERE user_id = ? AND room = ?');
  return {
    put(userId: UserId, room: number, row: Omit<MembershipRow, 'roomId' | 'forgotten'>): void {
      put.run(userId, room, row.membership, row.event, row.sender, row.position, row.strippedState);
    },
    of: (userId: UserId): MembershipRow[] => select.all(userId),
    joined: (room: number): UserId[] => joined.all(room).map(({ userId }) => userId),
    /** Whether there was something to forget: one must have left. */
    forget: (userId: UserId, room: number): boolean => forget.all(userId, room).length > 0,
    remove: (userId: UserId, room: number): void => remove.run(userId, room),
  };
}
