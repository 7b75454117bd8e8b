import type { EventId, RoomId, UserId } from '../../shared/ids.ts';
import { clientEvent } from '../protocol/client-event.ts';
import { powerLevels } from '../protocol/power-levels.ts';
import type { RoomState, Rooms } from '../rooms/rooms.ts';
import type { Ruleset } from './default-push-rules.ts';
import { evaluate, type PushContext } from './push-evaluation.ts';
import type { PushRules } from './push-rules.ts';
import type { Receipts } from './receipts.ts';

export interface UnreadCounts {
  readonly notifications: number;
  readonly highlights: number;
}

/** How many events that a user has not read are worth a notification: as far as the server can read them. */
export interface Unread {
  count(userId: UserId, roomId: RoomId, upTo: number): UnreadCounts;
}

interface UnreadOptions {
  readonly rooms: Pick<Rooms, 'arrived' | 'event' | 'currentState' | 'memberships'>;
  readonly receipts: Pick<Receipts, 'readUpTo'>;
  readonly pushRules: Pick<PushRules, 'ruleset'>;
  readonly memberCount: (roomId: RoomId) => number;
}

interface Counted extends UnreadCounts {
  readonly from: number;
  readonly upTo: number;
}

/** Of more than so many unread events the newest are counted. */
const mostEvents = 200;
const maxCached = 5000;
const nothing = { notifications: 0, highlights: 0, hasOwn: false };

export function createUnread({ rooms, receipts, pushRules, memberCount }: UnreadOptions): Unread {
  const cache = new Map<string, Counted>();

  /** Everything up to here is read: by a receipt, by one's own last message, or since one was not there before. */
  const readPosition = (userId: UserId, roomId: RoomId): number => {
    const read = receipts.readUpTo(roomId, userId).map((eventId: EventId) => rooms.event(eventId)?.position ?? 0);
    const joinId = rooms.currentState(roomId).id('m.room.member', userId);
    const joined = joinId === undefined ? 0 : (rooms.event(joinId)?.position ?? 0);
    return Math.max(0, ...(read.length > 0 ? read : [joined]));
  };

  const countNew = (
    userId: UserId,
    roomId: RoomId,
    range: { readonly after: number; readonly upTo: number },
    rules: Ruleset,
  ): UnreadCounts & { readonly hasOwn: boolean } => {
    const state = rooms.currentState(roomId);
    let [notifications, highlights, hasOwn] = [0, 0, false];
    for (const { event, redactedBy } of rooms.arrived(roomId, { ...range, limit: mostEvents }).events) {
      if (event.sender === userId && event.type !== 'm.room.member') {
        [notifications, highlights, hasOwn] = [0, 0, true]; // who answers has read
      }
      if (redactedBy !== undefined) continue;
      const context = contextOf(state, userId, event.sender, () => memberCount(roomId));
      const { notify, highlight } = evaluate(rules, clientEvent(event), userId, context);
      if (notify) notifications++;
      if (highlight) highlights++;
    }
    return { notifications, highlights, hasOwn };
  };

  return {
    count(userId, roomId, upTo) {
      const from = readPosition(userId, roomId);
      const key = `${userId} ${roomId}`;
      const known = cache.get(key);
      const base = known !== undefined && known.from === from && known.upTo <= upTo ? known : undefined;
      const after = base?.upTo ?? from;
      const more = after < upTo ? countNew(userId, roomId, { after, upTo }, pushRules.ruleset(userId)) : nothing;
      const before = base === undefined || more.hasOwn ? nothing : base;
      const counts = {
        notifications: before.notifications + more.notifications,
        highlights: before.highlights + more.highlights,
      };
      if (cache.size >= maxCached) cache.clear();
      cache.set(key, { from, upTo, ...counts });
      return counts;
    },
  };
}

function contextOf(state: RoomState, userId: UserId, sender: UserId, memberCount: () => number): PushContext {
  const name = state.get('m.room.member', userId)?.content['displayname'];
  return {
    get memberCount() {
      return memberCount();
    },
    displayName: typeof name === 'string' ? name : undefined,
    mayNotify(key) {
      const create = state.get('m.room.create', '');
      if (create === undefined) return false;
      const levels = powerLevels(state, create.rules);
      return levels.userLevel(sender) >= levels.notification(key);
    },
  };
}
