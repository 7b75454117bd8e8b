import type { RoomId, UserId } from '../../shared/ids.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { LocalMembership, RoomState, Rooms } from '../rooms/rooms.ts';
import type { AccountData, AccountDataEvent } from './account-data.ts';
import { passesInRoom } from './event-filter.ts';
import type { Receipts } from './receipts.ts';
import type { RoomChanges } from './room-changes.ts';
import type { RoomSummaries } from './room-summary.ts';
import { lastDeparture, membershipOf } from './room-view.ts';
import { type RoomScope, type SyncRoomServices, type SyncScope, syncRoom } from './sync-room.ts';
import type { Typing } from './typing.ts';
import type { Unread } from './unread.ts';

export interface SyncRoomsServices extends SyncRoomServices {
  readonly rooms: Rooms;
  readonly changes: RoomChanges;
  /** What those are shown of a room who are not in it. */
  readonly strippedState: (state: RoomState, inviter: UserId) => readonly JsonObject[];
  readonly accountData: Pick<AccountData, 'ofRoom'>;
  readonly receipts: Pick<Receipts, 'content'>;
  readonly typing: Pick<Typing, 'users'>;
  readonly summaries: RoomSummaries;
  readonly unread: Unread;
}

/** Where the viewer stands, and what has changed besides events. */
export interface RoomNews {
  readonly memberships: readonly LocalMembership[];
  readonly accountData: readonly AccountDataEvent[];
  readonly typing: ReadonlySet<RoomId>;
}

type Section = 'join' | 'invite' | 'knock' | 'leave';

/** `rooms` of a sync; nothing if nothing has happened in any. */
export async function syncRooms(
  services: SyncRoomsServices,
  scope: SyncScope,
  news: RoomNews,
): Promise<JsonObject | undefined> {
  const { since, filter } = scope;
  const sections = new Map<Section, Record<RoomId, JsonObject>>();
  for (const member of news.memberships) {
    const { roomId } = member;
    if (member.forgotten || filter.notRooms.has(roomId) || filter.rooms?.has(roomId) === false) continue;
    const [section, room] = roomIn(services, scope, news, member) ?? [];
    if (section !== undefined && room !== undefined) {
      sections.set(section, Object.assign(sections.get(section) ?? {}, { [roomId]: room }));
    }
    if (since === undefined) await new Promise(setImmediate); // a first sync tells all rooms: others get their turn
  }
  return sections.size === 0 ? undefined : Object.fromEntries(sections);
}

function roomIn(
  services: SyncRoomsServices,
  scope: SyncScope,
  news: RoomNews,
  member: LocalMembership,
): readonly [Section, JsonObject | undefined] | undefined {
  const { viewer, since, filter } = scope;
  const { roomId, membership, position } = member;
  const isNew = since === undefined || position > since;
  switch (membership) {
    case 'join': {
      const isTouched = isNew || scope.fullState || news.typing.has(roomId);
      if (!isTouched && !services.changes.mayHaveChanged(roomId, since)) return undefined;
      return ['join', joinedRoom(services, scope, news, member)];
    }
    case 'invite':
      if (!isNew || scope.blocksInvites || scope.ignored.has(member.sender)) return undefined;
      return ['invite', { invite_state: { events: outsideState(services, viewer.userId, member) } }];
    case 'knock':
      return isNew ? ['knock', { knock_state: { events: outsideState(services, viewer.userId, member) } }] : undefined;
    case 'leave':
    case 'ban': {
      const isWanted = since === undefined ? filter.includeLeave : isNew;
      return isWanted ? ['leave', leftRoom(services, scope, member)] : undefined;
    }
  }
}

function joinedRoom(
  services: SyncRoomsServices,
  scope: SyncScope,
  news: RoomNews,
  member: LocalMembership,
): JsonObject | undefined {
  const { rooms, accountData, summaries, unread } = services;
  const { viewer, since, upTo, filter } = scope;
  const { roomId } = member;
  const whole = since === undefined || !wasJoined(rooms, viewer.userId, member, since);
  const state = rooms.currentState(roomId);
  const hasNewSummary = whole || summaries.mayHaveChanged(roomId, since, upTo);
  const heroes = hasNewSummary ? summaries.heroes(roomId, state, viewer.userId) : [];
  const { parts, isEmpty } = syncRoom(services, scope, { roomId, state, upTo, whole, heroes });
  const ephemeral = ephemeralEvents(services, scope, roomId, whole ? 0 : since, news.typing);
  const data = (whole ? accountData.ofRoom(viewer.userId, roomId) : news.accountData)
    .filter((event) => event.roomId === roomId && passesInRoom(filter.roomAccountData, roomId, event))
    .map(({ type, content }) => ({ type, content }));
  if (!whole && !scope.fullState && isEmpty && ephemeral.length === 0 && data.length === 0) return undefined;
  const { notifications, highlights } = unread.count(viewer.userId, roomId, upTo);
  return {
    ...parts,
    ...(hasNewSummary && { summary: summaries.summary(roomId, heroes) }),
    ephemeral: { events: ephemeral },
    account_data: { events: data },
    unread_notifications: { notification_count: notifications, highlight_count: highlights },
  };
}

function ephemeralEvents(
  { receipts, typing }: SyncRoomsServices,
  { viewer, since, upTo, ignored, filter }: SyncScope,
  roomId: RoomId,
  after: number,
  typingChanged: ReadonlySet<RoomId>,
): readonly JsonObject[] {
  const read = receipts.content(roomId, viewer.userId, after, upTo);
  const users = typing.users(roomId).filter((userId) => !ignored.has(userId));
  const isTyping = typingChanged.has(roomId) && (since !== undefined || users.length > 0);
  return [
    ...(isTyping ? [{ type: 'm.typing', content: { user_ids: users } }] : []),
    ...(read === undefined ? [] : [{ type: 'm.receipt', content: read }]),
  ].filter((event) => passesInRoom(filter.ephemeral, roomId, event));
}

/**
 * What the viewer saw until they left, and how they left: that they may see even if they have never been in the room, or
 * an invite that they refuse would not go.
 */
function leftRoom(services: SyncRoomsServices, scope: SyncScope, member: LocalMembership): JsonObject {
  const { rooms, clientEvents, accountData } = services;
  const { viewer, since } = scope;
  const { roomId, eventId } = member;
  const leaving = rooms.event(eventId);
  const departure = lastDeparture(rooms, viewer.userId, leaving?.event);
  const state = departure && rooms.stateAfter(departure.eventId);
  const leftAt = departure && rooms.event(departure.eventId)?.position;
  const final = leaving === undefined ? [] : clientEvents.render([leaving], viewer, { withoutRoomId: true });
  if (state === undefined || leftAt === undefined || (since !== undefined && leftAt <= since)) {
    return { timeline: { events: final, limited: false }, [scope.stateAfter ?? 'state']: { events: [] } };
  }
  const whole = since === undefined || !wasJoined(rooms, viewer.userId, member, since);
  const room: RoomScope = { roomId, state, upTo: Math.min(leftAt, scope.upTo), whole, heroes: [] };
  const { timeline, parts } = syncRoom(services, scope, room);
  const hasFinal = timeline.events.some(({ event }) => event.eventId === eventId);
  const data = whole ? accountData.ofRoom(viewer.userId, roomId) : [];
  return {
    ...parts,
    ...(!hasFinal && { timeline: { ...parts.timeline, events: [...parts.timeline.events, ...final] } }),
    account_data: { events: data.map(({ type, content }) => ({ type, content })) },
  };
}

/** Comings and goings looked at on the way back. */
const longestWayBack = 50;

/** Whether the viewer was joined when the client was last told, and has been ever since. */
function wasJoined(rooms: Rooms, userId: UserId, { eventId, position }: LocalMembership, since: number): boolean {
  if (position <= since) return true;
  let at = rooms.event(eventId)?.event;
  for (let step = 0; at !== undefined && step < longestWayBack; step++) {
    const before = rooms.stateBefore(at.eventId)?.get('m.room.member', userId);
    if (before === undefined || membershipOf(before) !== 'join') return false;
    if ((rooms.event(before.eventId)?.position ?? 0) <= since) return true;
    at = before;
  }
  return false;
}

/** What somebody outside is shown of a room, with the event that concerns them. */
function outsideState(
  { rooms, strippedState }: SyncRoomsServices,
  userId: UserId,
  { roomId, eventId, sender, strippedState: given }: LocalMembership,
): readonly JsonObject[] {
  const own = rooms.event(eventId)?.event;
  const state = given ?? strippedState(rooms.currentState(roomId), sender);
  const others = state.filter(({ type, state_key }) => type !== 'm.room.member' || state_key !== userId);
  if (own === undefined) return state;
  return [...others, { type: own.type, state_key: userId, sender: own.sender, content: own.content }];
}
