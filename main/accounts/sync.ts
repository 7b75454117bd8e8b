import type { UserId } from '../../shared/ids.ts';
import type { Clock } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Change, Rooms } from '../rooms/rooms.ts';
import type { AccountData } from './account-data.ts';
import type { DeviceKeys } from './device-keys.ts';
import type { DeviceLists } from './device-lists.ts';
import { passes, type SyncFilter } from './event-filter.ts';
import type { LazyMembers } from './lazy-members.ts';
import type { Presence } from './presence.ts';
import type { PushRules } from './push-rules.ts';
import type { Session } from './sessions.ts';
import type { StateAfter, SyncScope } from './sync-room.ts';
import { type SyncRoomsServices, syncRooms } from './sync-rooms.ts';
import { readSyncToken, type SyncToken, writeSyncToken } from './sync-token.ts';
import type { ToDevice } from './to-device.ts';
import type { Typing } from './typing.ts';

export interface SyncRequest {
  readonly viewer: Session;
  readonly since: string | undefined;
  readonly filter: SyncFilter;
  readonly fullState: boolean;
  readonly stateAfter: StateAfter | undefined;
  /** How long to wait for something to tell. */
  readonly timeoutMs: number;
  /** Aborts when whoever asked is gone. */
  readonly signal: AbortSignal;
}

/**
 * `GET /sync`: https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3sync
 *
 * @throws MatrixError 400 M_INVALID_PARAM for a token that is none of ours
 */
export type Sync = (request: SyncRequest) => Promise<JsonObject>;

export interface SyncServices extends SyncRoomsServices {
  readonly clock: Clock;
  readonly accountData: AccountData;
  readonly pushRules: PushRules;
  readonly typing: Typing;
  readonly presence: Presence;
  readonly toDevice: ToDevice;
  readonly deviceKeys: DeviceKeys;
  readonly deviceLists: DeviceLists;
  readonly lazyMembers: LazyMembers;
}

/** Clients that ask for more get less. */
const maxTimeoutMs = 120_000;

export function createSync(services: SyncServices): Sync {
  const { rooms, changes, clock } = services;
  return async (request) => {
    const { viewer, timeoutMs, signal } = request;
    const since = request.since === undefined ? undefined : readSyncToken(request.since);
    const mayWait = since !== undefined && !request.fullState && timeoutMs > 0;
    const patience = patienceFor(mayWait ? Math.min(timeoutMs, maxTimeoutMs) : 0, clock, signal);
    try {
      for (;;) {
        const isLast = patience.isOver();
        // Listening begins before the look, so that nothing is missed between the two.
        const { heard, stop } = changes.listen((change) => concerns(change, viewer.userId, rooms));
        try {
          const { reply, isEmpty } = await oneSync(services, request, since);
          if (!isEmpty || isLast) return reply;
          await Promise.race([heard, patience.over]);
        } finally {
          stop();
        }
      }
    } finally {
      patience.end();
    }
  };
}

/** A time that ends early when nobody is waiting any more. */
function patienceFor(ms: number, clock: Clock, signal: AbortSignal) {
  const ended = new AbortController();
  const end = () => ended.abort();
  if (ms === 0 || signal.aborted) end();
  else signal.addEventListener('abort', end, { once: true });
  let isOver = ended.signal.aborted;
  const over = (isOver ? Promise.resolve() : clock.sleep(ms, ended.signal)).catch(() => undefined); // aborted: over, too
  return {
    over: over.then(() => {
      isOver = true;
    }),
    isOver: () => isOver,
    end() {
      signal.removeEventListener('abort', end);
      end();
    },
  };
}

function concerns({ roomId, users }: Change, userId: UserId, rooms: Pick<Rooms, 'localMembers'>): boolean {
  if (users?.includes(userId)) return true;
  if (roomId === undefined) return users === undefined; // device lists are everybody's business
  return rooms.localMembers(roomId).includes(userId);
}

async function oneSync(
  services: SyncServices,
  request: SyncRequest,
  since: SyncToken | undefined,
): Promise<{ readonly reply: JsonObject; readonly isEmpty: boolean }> {
  const { rooms, accountData, pushRules, typing, presence, toDevice, deviceKeys, deviceLists } = services;
  const { viewer, filter, fullState, stateAfter } = request;
  const { userId } = viewer;
  const upTo = rooms.position();
  const after = Math.min(since?.position ?? 0, upTo); // a token may come from a newer database than this one
  const typingSerial = typing.serial();
  const lazyMembers = services.lazyMembers.begin(viewer, request.since);
  const scope: SyncScope = {
    ...{ viewer, upTo, filter, fullState, stateAfter, lazyMembers },
    since: since && after,
    ignored: accountData.ignored(userId),
    blocksInvites: accountData.blocksInvites(userId),
  };

  const memberships = rooms.memberships(userId);
  const data = accountData.between(userId, after, upTo);
  const inRooms = await syncRooms(services, scope, {
    memberships,
    accountData: data.filter(({ roomId }) => roomId !== undefined),
    typing: typing.changedSince(since?.typing ?? 0),
  });
  const global = data.filter(({ roomId }) => roomId === undefined).map(({ type, content }) => ({ type, content }));
  if (since === undefined || pushRules.changedBetween(userId, after, upTo)) {
    global.push({ type: 'm.push_rules', content: pushRules.content(userId) });
  }
  const globalEvents = global.filter((event) => passes(filter.accountData, event));
  const seen = presence.changedSince(userId, since?.typing).filter((event) => passes(filter.presence, event));
  const messages = toDevice.next(viewer, since?.toDevice ?? 0, upTo);
  const lists = since === undefined ? { changed: [], left: [] } : deviceLists.between(userId, memberships, after, upTo);
  const nextBatch = writeSyncToken({ position: upTo, toDevice: messages.position, typing: typingSerial });
  lazyMembers.finish(nextBatch);

  const hasLists = lists.changed.length > 0 || lists.left.length > 0;
  return {
    isEmpty:
      inRooms === undefined && [globalEvents, seen, messages.events].every(({ length }) => length === 0) && !hasLists,
    reply: {
      next_batch: nextBatch,
      ...(inRooms !== undefined && { rooms: inRooms }),
      ...(globalEvents.length > 0 && { account_data: { events: globalEvents } }),
      ...(seen.length > 0 && { presence: { events: seen.map((event) => ({ ...event })) } }),
      ...(messages.events.length > 0 && { to_device: { events: messages.events } }),
      ...(hasLists && { device_lists: { changed: lists.changed, left: lists.left } }),
      device_one_time_keys_count: deviceKeys.oneTimeKeyCounts(viewer),
      device_unused_fallback_key_types: deviceKeys.unusedFallbacks(viewer),
    },
  };
}
