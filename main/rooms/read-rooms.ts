import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { notFound } from '../../shared/matrix-error.ts';
import type { JsonObject } from '../protocol/json.ts';
import { splitStateKey } from '../protocol/state-map.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import type { Changes, RoomInfo, Rooms, StoredEvent, TopologicalToken } from './rooms.ts';

type Reading = Pick<
  Rooms,
  | 'info'
  | 'list'
  | 'event'
  | 'events'
  | 'currentState'
  | 'stateBefore'
  | 'stateAfter'
  | 'servers'
  | 'forwardExtremities'
  | 'backwardExtremities'
  | 'authChain'
  | 'arrived'
  | 'page'
  | 'atTime'
  | 'stateChanges'
  | 'memberships'
  | 'localMembers'
  | 'position'
  | 'changes'
>;

/** The side of `Rooms` that changes nothing. */
export function createReading(core: RoomCore, serverName: ServerName, changes: Changes): Reading {
  const { tables, heads, store, reader, graph } = core;
  const { events, edges, eventIds, stateKeys, currentState, memberships, positions } = tables;

  const headOf = (roomId: RoomId): RoomHead => {
    const head = heads.get(roomId);
    if (head === undefined) throw notFound(`This server does not know the room ${roomId}.`);
    return head;
  };
  const infoOf = ({ roomId, rules, gap, servers }: RoomHead): RoomInfo => ({
    roomId,
    rules,
    gap,
    resident: servers.has(serverName),
  });
  const shownAt = (ids: readonly number[]): StoredEvent[] =>
    ids
      .map((id) => store.at(id))
      .filter((record) => record !== undefined)
      .map((record) => store.shown(record));
  const eventOf = (eventId: EventId): StoredEvent | undefined => {
    const record = store.find(eventId);
    return record && store.shown(record);
  };
  const firstToken: TopologicalToken = { topological: Number.MIN_SAFE_INTEGER, position: 0 };
  const lastToken: TopologicalToken = { topological: Number.MAX_SAFE_INTEGER, position: 0 };

  return {
    changes,
    info(roomId) {
      const head = heads.get(roomId);
      return head && infoOf(head);
    },
    list: () => heads.all().map(infoOf),
    event: eventOf,
    events: (ids) => ids.map(eventOf).filter((event) => event !== undefined),
    currentState: (roomId) => reader.shown(headOf(roomId).state),
    stateBefore(eventId) {
      const state = store.find(eventId)?.stateBefore ?? undefined;
      return state === undefined ? undefined : reader.shown(state);
    },
    stateAfter(eventId) {
      const state = store.find(eventId)?.stateAfter ?? undefined;
      return state === undefined ? undefined : reader.shown(state);
    },
    servers: (roomId) => heads.get(roomId)?.servers ?? new Set(),
    forwardExtremities: (roomId) => headOf(roomId).extremities.map((id) => eventIds.name(id)),
    backwardExtremities: (roomId) =>
      edges.backward(headOf(roomId).id).map(({ missing, citedBy }) => ({
        missing: eventIds.name(missing),
        citedBy: eventIds.name(citedBy),
      })),
    async authChain(ids) {
      const numbers = ids.map((id) => eventIds.find(id)).filter((id) => id !== undefined);
      return new Set([...(await graph.chain(numbers))].map((id) => eventIds.name(id)));
    },
    arrived(roomId, { after, upTo, limit }) {
      const found = events.arrived(headOf(roomId).id, after, upTo, limit + 1);
      return { events: shownAt(found.slice(0, limit).reverse()), limited: found.length > limit };
    },
    page(roomId, { from, towards, limit, arrived = {} }) {
      const { topological, position } = from ?? (towards === 'start' ? lastToken : firstToken);
      const { after = Number.MIN_SAFE_INTEGER, upTo = Number.MAX_SAFE_INTEGER } = arrived;
      return shownAt(events.page(headOf(roomId).id, [topological, position], [after, upTo], towards, limit));
    },
    atTime: (roomId, { ts, dir, skip, limit }) => shownAt(events.atTime(headOf(roomId).id, ts, dir, limit, skip)),
    stateChanges: (roomId, { after, upTo }) =>
      currentState.changes(headOf(roomId).id, after, upTo).map(({ key, event }) => {
        const [type, stateKey] = splitStateKey(stateKeys.name(key));
        return { type, stateKey, eventId: event === null ? undefined : eventIds.name(event) };
      }),
    memberships: (userId) =>
      memberships.of(userId).map(({ event, strippedState, forgotten, ...row }) => ({
        ...row,
        eventId: eventIds.name(event),
        strippedState: strippedState === null ? undefined : (JSON.parse(strippedState) as JsonObject[]),
        forgotten: forgotten === 1,
      })),
    localMembers(roomId) {
      const head = heads.get(roomId);
      return head === undefined ? [] : memberships.joined(head.id);
    },
    position: () => positions.newest(),
  };
}
