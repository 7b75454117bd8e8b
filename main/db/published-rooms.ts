import type { RoomId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Rooms in the directory that this server publishes.
  CREATE TABLE published_rooms (
    room_id TEXT PRIMARY KEY,
    published_ts INTEGER NOT NULL) STRICT, WITHOUT ROWID;`;

export function publishedRoomsTable(db: Db) {
  const select = db.prepare<[RoomId], { room_id: RoomId }>('SELECT room_id FROM published_rooms WHERE room_id = ?');
  const selectAll = db.prepare<[], { room_id: RoomId }>('SELECT room_id FROM published_rooms ORDER BY published_ts');
  const insert = db.prepare<[RoomId, ts: number]>(
    'INSERT OR IGNORE INTO published_rooms (room_id, published_ts) VALUES (?, ?)',
  );
  const remove = db.prepare<[RoomId]>('DELETE FROM published_rooms WHERE room_id = ?');
  return {
    has: (roomId: RoomId): boolean => select.get(roomId) !== undefined,
    all: (): readonly RoomId[] => selectAll.all().map(({ room_id }) => room_id),
    add: (roomId: RoomId, ts: number): void => insert.run(roomId, ts),
    remove: (roomId: RoomId): void => remove.run(roomId),
  };
}
