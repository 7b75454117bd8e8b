import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import type { JsonObject } from '../protocol/json.ts';
import { type StateKey, splitStateKey, stateKeyOf } from '../protocol/state-map.ts';
import type { RoomState, Rooms, StoredEvent } from '../rooms/rooms.ts';
import type { ClientEvents } from './client-events.ts';
import { passesInRoom, type SyncFilter } from './event-filter.ts';
import type { LazyMembersOfSync } from './lazy-members.ts';
import { recentEvents, type Timeline } from './room-timeline.ts';
import type { Session } from './sessions.ts';
import { writeSyncToken } from './sync-token.ts';

/** `use_state_after`, by the name that the client knows it by. */
export type StateAfter = 'state_after' | 'org.matrix.msc4222.state_after';

/** What one sync is about. */
export interface SyncScope {
  readonly viewer: Session;
  /** None: from the beginning. */
  readonly since: number | undefined;
  readonly upTo: number;
  readonly filter: SyncFilter;
  readonly fullState: boolean;
  /** Under which name state is told as of the end of the timeline; none: `state`, as of its start. */
  readonly stateAfter: StateAfter | undefined;
  readonly ignored: ReadonlySet<string>;
  readonly blocksInvites: boolean;
  readonly lazyMembers: LazyMembersOfSync;
}

/** What one room is told as of. */
export interface RoomScope {
  readonly roomId: RoomId;
  /** The state at the end: the current one, or that in which the viewer left. */
  readonly state: RoomState;
  readonly upTo: number;
  /** Everything is new: the first sync, or the viewer has joined since the last. */
  readonly whole: boolean;
  readonly heroes: readonly UserId[];
}

export interface SyncedRoom {
  readonly timeline: Timeline;
  /** `state` or `state_after`, and `timeline`. */
  readonly parts: JsonObject & { readonly timeline: JsonObject & { readonly events: readonly JsonObject[] } };
  readonly isEmpty: boolean;
}

export interface SyncRoomServices {
  readonly rooms: Pick<Rooms, 'arrived' | 'event' | 'events' | 'stateBefore' | 'stateChanges'>;
  readonly clientEvents: ClientEvents;
  readonly visible: (userId: UserId, events: readonly StoredEvent[]) => ReadonlySet<EventId>;
}

const defaultLimit = 10;
const maxLimit = 100;

/** The timeline and the state of a room in a sync. https://spec.matrix.org/v1.19/client-server-api/#syncing */
export function syncRoom(services: SyncRoomServices, scope: SyncScope, room: RoomScope): SyncedRoom {
  const { rooms, clientEvents, visible } = services;
  const { viewer, since = 0, filter } = scope;
  const { roomId, upTo, whole } = room;

  const keep = (events: readonly StoredEvent[]): readonly StoredEvent[] => {
    const seen = visible(viewer.userId, events);
    return events.filter(({ event }) => {
      if (!seen.has(event.eventId) || !passesInRoom(filter.timeline, roomId, event)) return false;
      return event.stateKey !== undefined || !scope.ignored.has(event.sender);
    });
  };
  const limit = Math.min(filter.timeline.limit ?? defaultLimit, maxLimit);
  const range = { after: whole ? 0 : since, upTo, limit };
  const timeline = recentEvents(rooms, roomId, range, keep);

  const ids = stateIds(rooms, scope, room, timeline);
  const state = rooms.events([...ids]).filter(({ event }) => passesInRoom(filter.state, roomId, event));
  const options = { withoutRoomId: true, format: filter.format };
  const start = timeline.start;
  const isFromTheBeginning = start?.event.type === 'm.room.create';
  return {
    timeline,
    parts: {
      [scope.stateAfter ?? 'state']: {
        events: clientEvents.render(state, viewer, { ...options, asState: true }),
      },
      timeline: {
        events: clientEvents.render(timeline.events, viewer, options),
        limited: whole ? timeline.limited || !isFromTheBeginning : timeline.limited,
        ...(!isFromTheBeginning && { prev_batch: beginning(start, range.after) }),
      },
    },
    isEmpty: timeline.events.length === 0 && state.length === 0 && !timeline.limited,
  };
}

function beginning(start: StoredEvent | undefined, after: number): string {
  const position = start?.position === undefined ? after : start.position - 1;
  return writeSyncToken({ position, toDevice: 0, typing: 0 });
}

/** The events that a client needs to know the state by. */
function stateIds(
  rooms: SyncRoomServices['rooms'],
  scope: SyncScope,
  room: RoomScope,
  timeline: Timeline,
): ReadonlySet<EventId> {
  const { since = 0, stateAfter, fullState } = scope;
  const [first] = timeline.events;
  const atStart = first && rooms.stateBefore(first.event.eventId);
  const inTimeline = stateInTimeline(timeline.events);

  /**
   * What stands for a key where the client is told it: at the end, or at the start of the timeline. Keys that the timeline
   * does not touch are told as they are at the end, since forks and state resolution change them without an event there.
   */
  const told = (key: StateKey, atEnd: EventId | undefined): EventId | undefined =>
    stateAfter !== undefined || !inTimeline.has(key) ? atEnd : atStart?.id(...splitStateKey(key));

  const ids = new Set<EventId>();
  const add = (id: EventId | undefined) => {
    if (id !== undefined) ids.add(id);
  };
  if (room.whole || fullState) {
    const lazy = scope.filter.state.lazyLoadMembers;
    for (const [key, id] of room.state.entries()) {
      if (!lazy || !key.startsWith('m.room.member\0')) add(told(key, id));
    }
  } else {
    for (const { type, stateKey, eventId } of rooms.stateChanges(room.roomId, { after: since, upTo: room.upTo })) {
      const id = told(stateKeyOf(type, stateKey), eventId);
      // What the timeline changes was told before it, unless it changed in the gap before, too.
      const isOld = id !== eventId && (id === undefined || (rooms.event(id)?.position ?? 0) <= since);
      if (!isOld) add(id);
    }
  }
  for (const [userId, id] of lazyMembers(scope, room, timeline, told)) {
    ids.add(id);
    scope.lazyMembers.tell(room.roomId, userId, id);
  }
  for (const { event } of stateAfter === undefined ? timeline.events : []) ids.delete(event.eventId);
  return ids;
}

/** Who wrote in the timeline, and whoever else clients show: as far as they have not been told. */
function lazyMembers(
  { viewer, filter, fullState, lazyMembers: known }: SyncScope,
  { roomId, state, whole, heroes }: RoomScope,
  timeline: Timeline,
  told: (key: StateKey, atEnd: EventId | undefined) => EventId | undefined,
): readonly (readonly [UserId, EventId])[] {
  if (!filter.state.lazyLoadMembers) return [];
  const wanted = new Set<UserId>(timeline.events.map(({ event }) => event.sender));
  for (const userId of heroes) wanted.add(userId);
  if (whole || fullState) wanted.add(viewer.userId);
  return [...wanted].flatMap((userId) => {
    const id = told(stateKeyOf('m.room.member', userId), state.id('m.room.member', userId));
    if (id === undefined) return [];
    const isRepetition =
      !whole && !fullState && !filter.state.includeRedundantMembers && known.knows(roomId, userId, id);
    return isRepetition ? [] : [[userId, id] as const];
  });
}

function stateInTimeline(events: readonly StoredEvent[]): ReadonlySet<StateKey> {
  const keys = new Set<StateKey>();
  for (const { event } of events) {
    if (event.stateKey !== undefined) keys.add(stateKeyOf(event.type, event.stateKey));
  }
  return keys;
}
