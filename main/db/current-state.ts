import type { ServerName } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- The current state of each room, for questions over rooms; within one room the trie at rooms.state answers faster.
  CREATE TABLE current_state (
    room INTEGER NOT NULL,
    state_key INTEGER NOT NULL,
    event INTEGER NOT NULL,
    membership TEXT, -- of member events
    PRIMARY KEY (room, state_key)) STRICT, WITHOUT ROWID;
  CREATE INDEX current_state_by_key ON current_state (state_key, membership);
  -- How it came to be: resolution can change state without an event in the timeline, and /sync must tell.
  CREATE TABLE current_state_changes (
    room INTEGER NOT NULL,
    position INTEGER NOT NULL,
    state_key INTEGER NOT NULL,
    before INTEGER,
    after INTEGER,
    PRIMARY KEY (room, position, state_key)) STRICT, WITHOUT ROWID;
  -- How many joined members each server has in a room.
  CREATE TABLE joined_servers (
    room INTEGER NOT NULL,
    server TEXT NOT NULL,
    members INTEGER NOT NULL,
    PRIMARY KEY (room, server)) STRICT, WITHOUT ROWID;
  CREATE INDEX joined_servers_by_server ON joined_servers (server);`;

export function currentStateTable(db: Db) {
  const put = db.prepare<[room: number, key: number, event: number, membership: string | null]>(
    'INSERT OR REPLACE INTO current_state VALUES (?, ?, ?, ?)',
  );
  const remove = db.prepare<[room: number, key: number]>('DELETE FROM current_state WHERE room = ? AND state_key = ?');
  const ofType = db.prepare<[room: number, type: string], { event: number }>(
    `SELECT event FROM current_state JOIN state_keys ON id = current_state.state_key
     WHERE room = ? AND type = ? ORDER BY state_keys.state_key`,
  );
  const addChange = db.prepare<
    [room: number, position: number, key: number, before: number | null, after: number | null]
  >('INSERT OR REPLACE INTO current_state_changes VALUES (?, ?, ?, ?, ?)');
  // With max() SQLite takes the other columns from the row that has the maximum.
  const changes = db.prepare<[room: number, after: number, upTo: number], { key: number; event: number | null }>(
    `SELECT state_key AS key, after AS event, max(position) FROM current_state_changes
     WHERE room = ? AND position > ? AND position <= ? GROUP BY state_key`,
  );
  const servers = db.prepare<[room: number], { server: ServerName }>(
    'SELECT server FROM joined_servers WHERE room = ?',
  );
  const addMembers = db.prepare<[room: number, server: ServerName, by: number], { members: number }>(
    `INSERT INTO joined_servers VALUES (?, ?, ?)
     ON CONFLICT (room, server) DO UPDATE SET members = members + excluded.members RETURNING members`,
  );
  const removeServer = db.prepare<[room: number, server: ServerName]>(
    'DELETE FROM joined_servers WHERE room = ? AND server = ?',
  );
  return {
    put: (room: number, key: number, event: number, membership: string | null): void =>
      put.run(room, key, event, membership),
    remove: (room: number, key: number): void => remove.run(room, key),
    /** Numbers of the current state events of a type. */
    ofType: (room: number, type: string): number[] => ofType.all(room, type).map(({ event }) => event),
    addChange: (room: number, position: number, key: number, before: number | undefined, after: number | undefined) =>
      addChange.run(room, position, key, before ?? null, after ?? null),
    /** The keys that changed with `after < position <= upTo`, and what stood for them at the end. */
    changes: (room: number, after: number, upTo: number) => changes.all(room, after, upTo),
    servers: (room: number): ServerName[] => servers.all(room).map(({ server }) => server),
    /** One joined member more or less. Returns whether the server has any. */
    countMember(room: number, server: ServerName, by: 1 | -1): boolean {
      const members = addMembers.get(room, server, by)?.members ?? 0;
      if (members <= 0) removeServer.run(room, server);
      return members > 0;
    },
  };
}
