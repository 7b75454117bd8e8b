import type { EventId, RoomId } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';
import { objectAt } from './power-levels.ts';
import { type StateKey, splitStateKey, stateKeyOf } from './state-map.ts';
import { allow, reject, type Verdict } from './verdict.ts';

const create = stateKeyOf('m.room.create', '');

/** In version 12 the room ID names it: the create event's ID with `!` for `$`. */
export const createEventIdOf = (roomId: RoomId): EventId => `$${roomId.slice(1)}` as EventId;

/**
 * The state that gives the sender permission: what a new event cites, what any event may cite, and what the rules read.
 * https://spec.matrix.org/v1.19/server-server-api/#auth-events-selection
 */
export function neededAuthEvents(
  event: Pick<RoomEvent, 'type' | 'stateKey' | 'sender' | 'content' | 'rules'>,
): readonly StateKey[] {
  const { type, stateKey, sender, content, rules } = event;
  if (type === 'm.room.create') return [];
  const keys = new Set<StateKey>();
  if (!rules.roomIdIsCreateHash) keys.add(create);
  keys.add(stateKeyOf('m.room.power_levels', ''));
  keys.add(stateKeyOf('m.room.member', sender));
  if (type !== 'm.room.member' || stateKey === undefined) return [...keys];

  const { membership, join_authorised_via_users_server: authorisedVia } = content;
  keys.add(stateKeyOf('m.room.member', stateKey));
  if (membership === 'join' || membership === 'invite' || membership === 'knock') {
    keys.add(stateKeyOf('m.room.join_rules', ''));
  }
  if (membership === 'invite') {
    const token = objectAt(objectAt(content, 'third_party_invite'), 'signed')['token'];
    if (typeof token === 'string') keys.add(stateKeyOf('m.room.third_party_invite', token));
  }
  if (membership === 'join' && rules.restricted && typeof authorisedVia === 'string') {
    keys.add(stateKeyOf('m.room.member', authorisedVia));
  }
  return [...keys];
}

/**
 * "Considering the event's `auth_events`" (rule 2; since version 12 rules 2 and 3): independent of any state, so asked
 * once for each event. https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 *
 * `cited` are the events of `event.authEvents`, in their order and with duplicates; the caller has fetched what was
 * missing. `createOfRoom` is the create event that a version 12 room ID names, where it is known; older versions cite it.
 */
export function checkAuthEvents(
  event: RoomEvent,
  cited: readonly RoomEvent[],
  isRejected: (id: EventId) => boolean,
  createOfRoom?: RoomEvent,
): Verdict {
  if (event.type === 'm.room.create') return allow; // the rules for it do not get here
  if (event.rules.roomIdIsCreateHash) {
    const verdict = roomIdNamesCreate(event, isRejected, createOfRoom);
    if (!verdict.allowed) return verdict;
  }

  const needed = new Set(neededAuthEvents(event));
  const seen = new Map<StateKey, EventId>();
  for (const { eventId, type, stateKey } of cited) {
    const key = stateKey === undefined ? undefined : stateKeyOf(type, stateKey);
    const twin = key === undefined ? undefined : seen.get(key);
    if (key !== undefined && twin !== undefined) {
      return reject('auth events have no duplicates', `it cites ${twin} and ${eventId} for ${named(key)}`, [
        twin,
        eventId,
      ]);
    }
    if (key === undefined || !needed.has(key)) {
      const what = key === undefined ? `the message event ${eventId}` : `${eventId} for ${named(key)}`;
      return reject('auth events are those selected', `it cites ${what}, which does not authorise it`, [eventId]);
    }
    seen.set(key, eventId);
  }
  for (const { eventId } of cited) {
    if (isRejected(eventId)) {
      return reject('auth events are not rejected', `it cites ${eventId}, which was rejected`, [eventId]);
    }
  }
  if (!event.rules.roomIdIsCreateHash && !seen.has(create)) {
    return reject('auth events have the create event', 'it does not cite m.room.create');
  }
  for (const { eventId, roomId } of cited) {
    if (roomId === event.roomId) continue;
    return reject('auth events are of the room', `it cites ${eventId}, which is in ${roomId}`, [eventId]);
  }
  return allow;
}

/**
 * "If the event's `room_id` is not an event ID for an accepted (not rejected) `m.room.create` event, with the sigil `!`
 * instead of `$`, reject." (v12 rule 2)
 */
function roomIdNamesCreate(
  event: RoomEvent,
  isRejected: (id: EventId) => boolean,
  createOfRoom: RoomEvent | undefined,
): Verdict {
  const id = createEventIdOf(event.roomId);
  if (createOfRoom === undefined || createOfRoom.eventId !== id || createOfRoom.type !== 'm.room.create') {
    return reject('room ID names the create event', `${id} is no m.room.create that is known here`);
  }
  return isRejected(id) ? reject('room ID names the create event', `${id} was rejected`, [id]) : allow;
}

/** `m.room.member @a:b.test`, `m.room.power_levels` */
function named(key: StateKey): string {
  const [type, stateKey] = splitStateKey(key);
  return stateKey === '' ? type : `${type} ${stateKey}`;
}
