import type { ServerName, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- The servers that are told of a local user's devices, and the last update that each was told of.
  CREATE TABLE device_list_audience (
    user_id TEXT NOT NULL, server TEXT NOT NULL,
    stream_id INTEGER NOT NULL, -- 0: there was nothing to tell yet
    PRIMARY KEY (user_id, server)) STRICT, WITHOUT ROWID;`;

export function deviceListAudienceTable(db: Db) {
  const select = db.prepare<[UserId, ServerName], { stream_id: number }>(
    'SELECT stream_id FROM device_list_audience WHERE user_id = ? AND server = ?',
  );
  const ofUser = db.prepare<[UserId], { server: ServerName; stream_id: number }>(
    'SELECT server, stream_id FROM device_list_audience WHERE user_id = ?',
  );
  const put = db.prepare<[UserId, streamId: number, servers: string]>(
    'INSERT OR REPLACE INTO device_list_audience SELECT ?, value, ? FROM json_each(?)',
  );
  const remove = db.prepare<[UserId, servers: string]>(
    'DELETE FROM device_list_audience WHERE user_id = ? AND server IN (SELECT value FROM json_each(?))',
  );
  const strangers = db.prepare<[servers: string, UserId], { server: ServerName }>(
    `SELECT value AS server FROM json_each(?)
     WHERE value NOT IN (SELECT server FROM device_list_audience WHERE user_id = ?)`,
  );
  return {
    /** Those of the servers that are told nothing yet. */
    strangers: (userId: UserId, servers: readonly ServerName[]): readonly ServerName[] =>
      servers.length === 0 ? [] : strangers.all(JSON.stringify(servers), userId).map(({ server }) => server),
    streamId: (userId: UserId, server: ServerName): number | undefined => select.get(userId, server)?.stream_id,
    of: (userId: UserId): ReadonlyMap<ServerName, number> =>
      new Map(ofUser.all(userId).map(({ server, stream_id }) => [server, stream_id])),
    put: (userId: UserId, servers: readonly ServerName[], streamId: number): void =>
      put.run(userId, streamId, JSON.stringify(servers)),
    remove: (userId: UserId, servers: readonly ServerName[]): void => remove.run(userId, JSON.stringify(servers)),
  };
}
