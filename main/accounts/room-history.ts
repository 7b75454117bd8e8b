import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import { notFound } from '../../shared/matrix-error.ts';
import type { JsonObject } from '../protocol/json.ts';
import { splitStateKey } from '../protocol/state-map.ts';
import type { RoomState, Rooms, StoredEvent } from '../rooms/rooms.ts';
import type { ClientEvents } from './client-events.ts';
import { passesInRoom, type RoomEventFilter } from './event-filter.ts';
import { placeAt, placeBackFrom } from './room-place.ts';
import { roomView } from './room-view.ts';
import type { Session } from './sessions.ts';
import {
  firstPlace,
  type HistoryPlace,
  placeAfter,
  placeBefore,
  readHistoryToken,
  writeHistoryToken,
  writeSyncToken,
} from './sync-token.ts';

/** What has been said in rooms. Throws 403 for who has no business there, 404 for events that they cannot see. */
export interface RoomHistory {
  /** `GET /messages`: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3roomsroomidmessages */
  messages(ask: {
    readonly viewer: Session;
    readonly roomId: RoomId;
    readonly from: string | undefined;
    readonly to: string | undefined;
    readonly dir: 'b' | 'f';
    readonly limit: number;
    readonly filter: RoomEventFilter;
  }): Promise<JsonObject>;
  /** `GET /context`: `limit` counts both sides together. */
  context(ask: {
    readonly viewer: Session;
    readonly roomId: RoomId;
    readonly eventId: EventId;
    readonly limit: number;
    readonly filter: RoomEventFilter;
  }): JsonObject;
  event(viewer: Session, roomId: RoomId, eventId: EventId): JsonObject;
  /** Throws 403 for who has no business in the room. */
  check(userId: UserId, roomId: RoomId): void;
}

interface RoomHistoryServices {
  readonly rooms: Rooms;
  readonly clientEvents: ClientEvents;
  readonly visible: (userId: UserId, events: readonly StoredEvent[]) => ReadonlySet<EventId>;
  /** Fetches what is missing from the newest event, or from `from`, back. Whether there is anything new. */
  readonly fillBefore: (roomId: RoomId, from: HistoryPlace | undefined) => Promise<boolean>;
}

/** Looks so often for more where filters and visibility leave little. */
const maxRounds = 10;
const leastPerRound = 20;

/** Where to stop: at a place, or at what had arrived by a sync. */
interface End {
  readonly to?: HistoryPlace;
  readonly after?: number;
}

interface Page {
  readonly events: readonly StoredEvent[];
  /** Where the next page begins. */
  readonly next: HistoryPlace | undefined;
  readonly isEnd: boolean;
}

export function createRoomHistory(services: RoomHistoryServices): RoomHistory {
  const { rooms, clientEvents, visible, fillBefore } = services;

  const seenBy = (viewer: Session, roomId: RoomId, filter: RoomEventFilter, events: readonly StoredEvent[]) => {
    const seen = visible(viewer.userId, events);
    return events.filter(({ event }) => seen.has(event.eventId) && passesInRoom(filter, roomId, event));
  };

  /** Pages on until there are enough that the viewer may see and wants. */
  const pages = async (
    roomId: RoomId,
    towards: 'start' | 'end',
    from: HistoryPlace | undefined,
    { to, after }: End,
    limit: number,
    keep: (events: readonly StoredEvent[]) => readonly StoredEvent[],
  ): Promise<Page> => {
    const within = (event: StoredEvent): HistoryPlace => ({
      ...placeBeyond(event, towards),
      ...(from?.upTo !== undefined && { upTo: from.upTo }),
    });
    const kept: StoredEvent[] = [];
    let at = from;
    const arrived = { ...(from?.upTo !== undefined && { upTo: from.upTo }), ...(after !== undefined && { after }) };
    for (let round = 0; round < maxRounds; round++) {
      const size = Math.max(limit - kept.length, leastPerRound);
      const ask = { from: at, towards, limit: size, arrived };
      let found = rooms.page(roomId, ask);
      if (towards === 'start' && (await fillGaps(roomId, found, size))) found = rooms.page(roomId, ask);
      const inRange = to === undefined ? found : found.filter((event) => isBefore(event, to, towards));
      for (const event of keep(inRange)) {
        kept.push(event);
        if (kept.length === limit) return { events: kept, next: within(event), isEnd: false };
      }
      const last = inRange.at(-1);
      if (last !== undefined) at = within(last);
      if (found.length < size || inRange.length < found.length) return { events: kept, next: at, isEnd: true };
      await new Promise(setImmediate);
    }
    return { events: kept, next: at, isEnd: false };
  };

  const endOf = (roomId: RoomId, to: string | undefined, dir: 'b' | 'f'): End => {
    if (to === undefined) return {};
    const place = readHistoryToken(to);
    if (typeof place !== 'number') return { to: place };
    return dir === 'b' ? { after: place } : { to: placeAt(rooms, roomId, to) };
  };

  /** Where a page runs into what is missing here, other servers are asked for it. */
  const fillGaps = async (roomId: RoomId, found: readonly StoredEvent[], size: number): Promise<boolean> => {
    const missing = rooms.backwardExtremities(roomId);
    const last = found.at(-1);
    if (missing.length === 0) return false;
    if (last === undefined || found.length < size) return fillBefore(roomId, undefined);
    const onPage = new Set(found.map(({ event }) => event.eventId));
    return missing.some(({ citedBy }) => onPage.has(citedBy)) && fillBefore(roomId, placeBefore(last));
  };

  /** The member events of those who wrote, as of the last of the events. */
  const membersOf = (events: readonly StoredEvent[], state: RoomState | undefined): readonly StoredEvent[] => {
    const senders = new Set(events.map(({ event }) => event.sender));
    return rooms.events([...senders].flatMap((sender) => state?.id('m.room.member', sender) ?? []));
  };

  const visibleEvent = (viewer: Session, roomId: RoomId, eventId: EventId): StoredEvent => {
    const stored = rooms.event(eventId);
    if (stored?.event.roomId !== roomId || !visible(viewer.userId, [stored]).has(eventId)) {
      throw notFound('There is no such event, or you may not see it.');
    }
    return stored;
  };

  return {
    async messages({ viewer, roomId, from, to, dir, limit, filter }) {
      const { upTo } = roomView(rooms, viewer.userId, roomId);
      const towards = dir === 'b' ? 'start' : 'end';
      const start = from ?? (dir === 'b' ? newestToken(upTo ?? rooms.position()) : writeHistoryToken(firstPlace));
      const page = await pages(
        roomId,
        towards,
        dir === 'b' ? placeBackFrom(start) : placeAt(rooms, roomId, start),
        endOf(roomId, to, dir),
        Math.min(filter.limit ?? limit, limit),
        (events) => seenBy(viewer, roomId, filter, events),
      );
      const last = page.events.at(-1);
      const isAllThere = dir === 'b' && rooms.backwardExtremities(roomId).length === 0;
      const isOver = page.isEnd && (page.events.length === 0 || isAllThere);
      const state = filter.lazyLoadMembers && last ? membersOf(page.events, rooms.stateAfter(last.event.eventId)) : [];
      return {
        start,
        ...(page.next !== undefined && !isOver && { end: writeHistoryToken(page.next) }),
        chunk: clientEvents.render(page.events, viewer),
        ...(state.length > 0 && { state: clientEvents.render(state, viewer, { asState: true }) }),
      };
    },

    context({ viewer, roomId, eventId, limit, filter }) {
      roomView(rooms, viewer.userId, roomId);
      const stored = visibleEvent(viewer, roomId, eventId);
      const half = Math.floor(limit / 2);
      const beside = (towards: 'start' | 'end', size: number) => {
        const from = placeBeyond(stored, towards);
        const found = size === 0 ? [] : rooms.page(roomId, { from, towards, limit: size });
        return { found, seen: seenBy(viewer, roomId, filter, found) };
      };
      const before = beside('start', half);
      const after = beside('end', limit - half);
      const shown = [stored, ...before.seen, ...after.seen];
      const state = rooms.stateAfter((after.seen.at(-1) ?? stored).event.eventId);
      return {
        start: writeHistoryToken(placeBefore(before.found.at(-1) ?? stored)),
        end: writeHistoryToken(placeAfter(after.found.at(-1) ?? stored)),
        event: clientEvents.render([stored], viewer)[0] ?? {},
        events_before: clientEvents.render(before.seen, viewer),
        events_after: clientEvents.render(after.seen, viewer),
        state: clientEvents.render(stateFor(state, shown), viewer, { asState: true }),
      };

      function stateFor(at: RoomState | undefined, events: readonly StoredEvent[]): readonly StoredEvent[] {
        const others = [...(at?.entries() ?? [])].filter(
          ([key]) => !filter.lazyLoadMembers || splitStateKey(key)[0] !== 'm.room.member',
        );
        const members = filter.lazyLoadMembers ? membersOf(events, at) : [];
        const all = [...rooms.events(others.map(([, id]) => id)), ...members];
        return all.filter(({ event }) => passesInRoom(filter, roomId, event));
      }
    },

    check: (userId, roomId) => void roomView(rooms, userId, roomId),
    event(viewer, roomId, eventId) {
      return clientEvents.render([visibleEvent(viewer, roomId, eventId)], viewer)[0] ?? {};
    },
  };
}

const newestToken = (position: number): string => writeSyncToken({ position, toDevice: 0, typing: 0 });

const placeBeyond = (event: StoredEvent, towards: 'start' | 'end'): HistoryPlace =>
  towards === 'start' ? placeBefore(event) : placeAfter(event);

/** Whether an event comes before a place, in the direction that we go. */
function isBefore({ topological, position = 0 }: StoredEvent, to: HistoryPlace, towards: 'start' | 'end'): boolean {
  const difference = topological - to.topological || position - to.position;
  return towards === 'start' ? difference > 0 : difference < 0;
}
