import { currentStateTable } from '../db/current-state.ts';
import type { Db } from '../db/db.ts';
import { eventEdgesTable } from '../db/event-edges.ts';
import { eventIdsTable } from '../db/event-ids.ts';
import { eventsTable } from '../db/events.ts';
import { membershipsTable } from '../db/memberships.ts';
import { positionsTable } from '../db/positions.ts';
import { relationsTable } from '../db/relations.ts';
import { roomsTable } from '../db/rooms.ts';
import { stagingTable } from '../db/staging.ts';
import { stateKeysTable } from '../db/state-keys.ts';
import { stateNodesTable } from '../db/state-nodes.ts';

/** The tables that rooms are kept in. Nobody but the room engine writes them. */
export type Tables = ReturnType<typeof openTables>;

export function openTables(db: Db) {
  return {
    positions: positionsTable(db),
    rooms: roomsTable(db),
    eventIds: eventIdsTable(db),
    stateKeys: stateKeysTable(db),
    events: eventsTable(db),
    edges: eventEdgesTable(db),
    relations: relationsTable(db),
    stateNodes: stateNodesTable(db),
    currentState: currentStateTable(db),
    memberships: membershipsTable(db),
    staging: stagingTable(db),
  };
}
