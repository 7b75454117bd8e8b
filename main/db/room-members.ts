import type { RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

/** Questions about who is in which room, answered from the engine's table of current state. It has no table of its own. */
export function roomMembersTable(db: Db) {
  const inRoom = 'room = (SELECT id FROM rooms WHERE room_id = ?)';
  const keyOf = "(SELECT id FROM state_keys WHERE type = 'm.room.member' AND state_key = ?)";
  const counts = db.prepare<[RoomId], { membership: string; members: number }>(
    `SELECT membership, count(*) AS members FROM current_state
     WHERE ${inRoom} AND membership IN ('join', 'invite') GROUP BY membership`,
  );
  const withMembership = (list: string) =>
    db.prepare<[RoomId, not: UserId, limit: number], { user: UserId }>(
      `SELECT state_keys.state_key AS user FROM current_state JOIN state_keys ON state_keys.id = current_state.state_key
       WHERE ${inRoom} AND membership IN (${list}) AND user <> ? ORDER BY event LIMIT ?`,
    );
  const present = withMembership("'join', 'invite'");
  const absent = withMembership("'leave', 'ban', 'knock'");
  const joined = withMembership("'join'");
  const shared = db.prepare<[UserId, UserId], { room: number }>(
    `SELECT mine.room FROM current_state AS mine JOIN current_state AS theirs ON theirs.room = mine.room
     WHERE mine.state_key = ${keyOf} AND mine.membership = 'join'
       AND theirs.state_key = ${keyOf} AND theirs.membership = 'join' LIMIT 1`,
  );
  const withServer = db.prepare<[UserId, ServerName], { room: number }>(
    `SELECT room FROM current_state JOIN joined_servers USING (room)
     WHERE state_key = ${keyOf} AND membership = 'join' AND server = ? LIMIT 1`,
  );
  const users = (rows: readonly { readonly user: UserId }[]): readonly UserId[] => rows.map(({ user }) => user);
  return {
    counts(roomId: RoomId): { readonly joined: number; readonly invited: number } {
      const found = new Map(counts.all(roomId).map(({ membership, members }) => [membership, members]));
      return { joined: found.get('join') ?? 0, invited: found.get('invite') ?? 0 };
    },
    /** Joined or invited ones, the first to come first; where there are none, who has been there. */
    heroes(roomId: RoomId, not: UserId, limit: number): readonly UserId[] {
      const here = users(present.all(roomId, not, limit));
      return here.length > 0 ? here : users(absent.all(roomId, not, limit));
    },
    joined: (roomId: RoomId, not: UserId): readonly UserId[] => users(joined.all(roomId, not, Number.MAX_SAFE_INTEGER)),
    /** Whether somebody is in a room that users of this server are in. */
    sharesRoomWith: (userId: UserId, server: ServerName): boolean => withServer.get(userId, server) !== undefined,
    /** Whether both are joined to some room. */
    shareRoom: (one: UserId, other: UserId): boolean => shared.get(one, other) !== undefined,
  };
}
