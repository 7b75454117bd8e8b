import type { RoomId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Rooms whose events we keep, by a number that other tables refer to.
  CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    room_id TEXT NOT NULL UNIQUE,
    version TEXT NOT NULL,
    state INTEGER NOT NULL DEFAULT 0, -- the current state, resolved over the forward extremities: a state node
    gap INTEGER NOT NULL DEFAULT 0,   -- whether prev events are missing that nobody could give us
    entered_depth INTEGER NOT NULL DEFAULT 0, -- of the join by which we came in: what is below was before us
    created_ts INTEGER NOT NULL) STRICT;`;

export interface RoomRow {
  readonly id: number;
  readonly roomId: RoomId;
  readonly version: string;
  readonly state: number;
  readonly gap: 0 | 1;
  readonly enteredDepth: number;
}

export function roomsTable(db: Db) {
  const columns = 'id, room_id AS roomId, version, state, gap, entered_depth AS enteredDepth';
  const select = db.prepare<[RoomId], RoomRow>(`SELECT ${columns} FROM rooms WHERE room_id = ?`);
  const selectAll = db.prepare<[], RoomRow>(`SELECT ${columns} FROM rooms ORDER BY id`);
  const insert = db.prepare<[roomId: RoomId, version: string, createdTs: number], RoomRow>(
    `INSERT INTO rooms (room_id, version, created_ts) VALUES (?, ?, ?) RETURNING ${columns}`,
  );
  const selectName = db.prepare<[id: number], { roomId: RoomId }>('SELECT room_id AS roomId FROM rooms WHERE id = ?');
  const updateVersion = db.prepare<[version: string, id: number]>('UPDATE rooms SET version = ? WHERE id = ?');
  const removeOutliers = db.prepare<[id: number], { id: number }>(
    'DELETE FROM events WHERE room = ? AND outlier = 1 RETURNING id',
  );
  const updateState = db.prepare<[state: number, id: number]>('UPDATE rooms SET state = ? WHERE id = ?');
  const updateEntered = db.prepare<[depth: number, id: number]>(
    'UPDATE rooms SET entered_depth = ?, gap = 0 WHERE id = ?',
  );
  const updateGap = db.prepare<[gap: number, id: number]>('UPDATE rooms SET gap = ? WHERE id = ?');
  return {
    get: (roomId: RoomId): RoomRow | undefined => select.get(roomId),
    nameOf: (id: number): RoomId | undefined => selectName.get(id)?.roomId,
    all: (): RoomRow[] => selectAll.all(),
    create(roomId: RoomId, version: string, createdTs: number): RoomRow {
      const row = insert.get(roomId, version, createdTs);
      if (row === undefined) throw new Error('the room was not stored');
      return row;
    },
    /**
     * Of a room that we were never in. What we have of it, invites and knocks, was read by the rules of the wrong version,
     * and is removed: numbers of events.
     */
    replaceVersion(id: number, version: string): number[] {
      updateVersion.run(version, id);
      return removeOutliers.all(id).map((row) => row.id);
    },
    setState: (id: number, state: number): void => updateState.run(state, id),
    /** We have come in anew: nothing is missing from here on. */
    entered: (id: number, depth: number): void => updateEntered.run(depth, id),
    setGap: (id: number, gap: boolean): void => updateGap.run(gap ? 1 : 0, id),
  };
}
