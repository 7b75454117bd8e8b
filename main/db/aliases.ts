import type { RoomAlias, RoomId, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Room aliases of this server. Rooms may be ones that it is not in any more: the alias stays until somebody deletes it.
  CREATE TABLE aliases (
    alias TEXT PRIMARY KEY,
    room_id TEXT NOT NULL,
    creator TEXT NOT NULL, -- may delete it, whatever their power in the room
    created_ts INTEGER NOT NULL) STRICT;
  CREATE INDEX aliases_by_room ON aliases (room_id);`;

export interface LocalAlias {
  readonly roomId: RoomId;
  readonly creator: UserId;
}

export function aliasesTable(db: Db) {
  const select = db.prepare<[RoomAlias], LocalAlias>('SELECT room_id AS roomId, creator FROM aliases WHERE alias = ?');
  const ofRoom = db.prepare<[RoomId], { alias: RoomAlias }>(
    'SELECT alias FROM aliases WHERE room_id = ? ORDER BY alias',
  );
  const insert = db.prepare<[RoomAlias, RoomId, UserId, createdTs: number], { alias: RoomAlias }>(
    'INSERT INTO aliases VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING alias',
  );
  const remove = db.prepare<[RoomAlias]>('DELETE FROM aliases WHERE alias = ?');
  const move = db.prepare<[to: RoomId, from: RoomId]>('UPDATE aliases SET room_id = ? WHERE room_id = ?');
  return {
    get: (alias: RoomAlias): LocalAlias | undefined => select.get(alias),
    ofRoom: (roomId: RoomId): readonly RoomAlias[] => ofRoom.all(roomId).map(({ alias }) => alias),
    /** False: it is taken. */
    create: (alias: RoomAlias, roomId: RoomId, creator: UserId, createdTs: number): boolean =>
      insert.get(alias, roomId, creator, createdTs) !== undefined,
    delete: (alias: RoomAlias): void => remove.run(alias),
    /** To the room that replaces it: an upgrade. */
    move: (from: RoomId, to: RoomId): void => move.run(to, from),
  };
}
