import type { RoomId, ServerName } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { RoomRow } from '../db/rooms.ts';
import { type RoomVersionRules, rulesOf } from '../protocol/room-versions.ts';
import type { Tables } from './tables.ts';

/** Where a room stands now. A new object with each change. */
export interface RoomHead {
  readonly id: number;
  readonly roomId: RoomId;
  readonly rules: RoomVersionRules;
  readonly state: number; // current, resolved over the extremities
  readonly gap: boolean;
  /** Wire depth of the join by which we came in: events below it were before us, as far as depth is to be believed. */
  readonly enteredDepth: number;
  readonly extremities: readonly number[];
  /** Servers with a joined member, ours included. */
  readonly servers: ReadonlySet<ServerName>;
}

/** The heads of all rooms, read when first asked for. */
export interface RoomHeads {
  get(roomId: RoomId): RoomHead | undefined;
  at(id: number): RoomHead;
  all(): readonly RoomHead[];
  /** After the same was written to the tables. */
  update(roomId: RoomId, change: Partial<Omit<RoomHead, 'id' | 'roomId' | 'rules'>>): void;
  /** It has been changed in the tables: read it anew. */
  forget(roomId: RoomId): void;
}

export function createRoomHeads(db: Db, { rooms, edges, currentState }: Tables): RoomHeads {
  const byId = new Map<RoomId, RoomHead>();
  const byNumber = new Map<number, RoomId>();
  db.onRollback(() => {
    byId.clear();
    byNumber.clear();
  });

  const keep = ({ id, roomId, version, state, gap, enteredDepth }: RoomRow): RoomHead => {
    const rules = rulesOf(version);
    if (rules === undefined) throw new Error(`room ${roomId} has version ${version}, which is not known here`);
    const servers = new Set(currentState.servers(id));
    const head = { id, roomId, rules, state, gap: gap === 1, enteredDepth, extremities: edges.forward(id), servers };
    byId.set(roomId, head);
    byNumber.set(id, roomId);
    return head;
  };
  const get = (roomId: RoomId): RoomHead | undefined => {
    const known = byId.get(roomId);
    if (known !== undefined) return known;
    const row = rooms.get(roomId);
    return row && keep(row);
  };
  return {
    get,
    at(id) {
      const roomId = byNumber.get(id) ?? rooms.nameOf(id);
      const head = roomId && get(roomId);
      if (head === undefined) throw new Error(`no room has the number ${id}`);
      return head;
    },
    all: () => rooms.all().map((row) => byId.get(row.roomId) ?? keep(row)),
    update(roomId, change) {
      const head = get(roomId);
      if (head !== undefined) byId.set(roomId, { ...head, ...change });
    },
    forget: (roomId) => void byId.delete(roomId),
  };
}
