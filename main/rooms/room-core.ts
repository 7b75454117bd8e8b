import type { ServerName } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Platform, Random } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { Outbox } from '../sending/outbox.ts';
import { type AuthGraph, createAuthGraph } from './auth-graph.ts';
import { createSetCurrentState, type SetCurrentState } from './current-state.ts';
import { type Commit, createCommit } from './effects.ts';
import { createEventStore, type EventStore } from './event-store.ts';
import { createFollowExtremities } from './extremities.ts';
import { createJudge, type Judge } from './judge-event.ts';
import { createApplyRedactions } from './redactions.ts';
import { createResolveAhead, type ResolveAhead } from './resolve-ahead.ts';
import { createResolveRoom, type ResolveRoom } from './resolve-room.ts';
import { createRoomHeads, type RoomHead, type RoomHeads } from './room-heads.ts';
import { createStateReader, type StateReader } from './room-state.ts';
import type { Changes } from './rooms.ts';
import { openTables, type Tables } from './tables.ts';
import { createWriteEvent, type WriteEvent } from './write-event.ts';

/** What every way into a room needs: to read it, to judge an event, to write it. Nothing here awaits but walks. */
export interface RoomCore {
  readonly db: Db;
  readonly random: Random;
  readonly tables: Tables;
  readonly heads: RoomHeads;
  readonly store: EventStore;
  readonly reader: StateReader;
  readonly graph: AuthGraph;
  readonly resolve: ResolveRoom;
  readonly resolveAhead: ResolveAhead;
  readonly judge: Judge;
  readonly setCurrentState: SetCurrentState;
  readonly write: WriteEvent;
  readonly commit: Commit;
}

interface RoomCoreDeps {
  readonly db: Db;
  readonly platform: Platform;
  readonly serverName: ServerName;
  readonly changes: Changes;
  readonly inspector: Inspector;
  readonly outbox: Outbox;
  readonly cacheBytes: number;
}

export function openRoomCore(deps: RoomCoreDeps): RoomCore {
  const { db, platform, serverName, changes, inspector, outbox, cacheBytes } = deps;
  const tables = openTables(db);
  const heads = createRoomHeads(db, tables);
  const store = createEventStore(db, tables, heads, cacheBytes);
  const reader = createStateReader(tables, store);
  const graph = createAuthGraph(db, tables);
  const resolve = createResolveRoom(db, tables, store, graph);
  const setCurrentState = createSetCurrentState(serverName, tables, store, heads);
  const applyRedactions = createApplyRedactions(tables, store, reader);
  const followExtremities = createFollowExtremities(tables, store);
  const headOf = ({ roomId }: RoomEvent): RoomHead => {
    const head = heads.get(roomId);
    if (head === undefined) throw new Error(`room ${roomId} is not here`);
    return head;
  };
  const { now } = platform.clock;
  return {
    db,
    random: platform.random,
    tables,
    heads,
    store,
    reader,
    graph,
    resolve,
    resolveAhead: createResolveAhead({ tables, store, resolve, followExtremities, headOf }),
    judge: createJudge(store, reader),
    setCurrentState,
    write: createWriteEvent({
      now,
      tables,
      headOf,
      heads,
      store,
      followExtremities,
      resolve,
      setCurrentState,
      applyRedactions,
    }),
    commit: createCommit(db, changes, inspector, outbox),
  };
}
