import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import { forbidden } from '../../shared/matrix-error.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { type Arrival, outcomeOfArrival, type Settle } from './arrival.ts';
import { type CheckEvents, checkFormat, isRefused } from './check-pdus.ts';
import type { Effects } from './effects.ts';
import { outcomeOf } from './outcomes.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import type { Rooms } from './rooms.ts';

/** What this server knows of rooms that it is not in: invites, knocks, and their ends. */
export interface OutsideRooms extends Pick<Rooms, 'storeOutlier' | 'setOutOfRoomMembership' | 'forget'> {
  /**
   * PDUs of a room that we are not in. One kind concerns us: an invite taken back, or a knock refused. The room cannot be
   * asked what it thinks of that, but only those in it know of the invite, which the event must cite.
   */
  receive(arrivals: readonly Arrival[], settle: Settle): Promise<void>;
}

interface OutsideRoomsDeps {
  readonly core: RoomCore;
  readonly serverName: ServerName;
  readonly now: () => number;
  readonly checkEvents: CheckEvents;
}

type OutOfRoomMembership = Parameters<Rooms['setOutOfRoomMembership']>[0];

export function createOutsideRooms({ core, serverName, now, checkEvents }: OutsideRoomsDeps): OutsideRooms {
  const { tables, heads, store, write, commit } = core;

  /** Invites name the version of their room; whether that is true is found out by whoever joins. */
  const ensureRoom = ({ roomId, rules }: RoomEvent): RoomHead => {
    if (heads.get(roomId) === undefined) tables.rooms.create(roomId, rules.version, now());
    return heads.get(roomId) as RoomHead;
  };
  const writeOutlier = (event: RoomEvent, outcome: 'accepted' | 'rejected', effects: Effects) => {
    ensureRoom(event);
    if (store.find(event.eventId) !== undefined) return;
    write({ event, source: 'outlier', outcome, why: undefined, stateBefore: undefined }, effects);
  };
  const writeMembership = (of: OutOfRoomMembership, effects: Effects) => {
    const { event, membership, userId, strippedState } = of;
    writeOutlier(event, 'accepted', effects);
    const position = tables.positions.next();
    tables.memberships.put(userId, ensureRoom(event).id, {
      membership,
      event: tables.eventIds.number(event.eventId),
      sender: event.sender,
      position,
      strippedState: writeJson(strippedState),
    });
    effects.changes.push({ position, roomId: event.roomId, users: [userId] });
  };
  const isResident = (roomId: RoomId) => heads.get(roomId)?.servers.has(serverName) === true;

  /** The local user whose invite or knock this ends. */
  const endedFor = (event: RoomEvent): UserId | undefined => {
    const userId = event.type === 'm.room.member' ? parseUserId(event.stateKey ?? '') : undefined;
    if (userId === undefined || serverNameOf(userId) !== serverName) return undefined;
    const standing = tables.memberships.of(userId).find(({ roomId }) => roomId === event.roomId);
    if (standing?.membership !== 'invite' && standing?.membership !== 'knock') return undefined;
    if (!['leave', 'ban'].includes(String(event.content['membership']))) return undefined;
    return event.authEvents.includes(tables.eventIds.name(standing.event)) ? userId : undefined;
  };

  const receiveOne = async (arrival: Arrival, settle: Settle): Promise<void> => {
    const drop = (step: 'format' | 'signatures', rule: string, reason: string, eventId?: EventId) =>
      commit((effects) =>
        settle(arrival, outcomeOfArrival(arrival, 'dropped', { step, rule, reason, eventId }), effects),
      );
    const rules = heads.get(arrival.roomId)?.rules;
    const event = rules && checkFormat(arrival, arrival.roomId, rules);
    if (event !== undefined && isRefused(event)) return drop('format', 'event format', event.reason, event.eventId);
    arrival.event = event;
    const userId = event && endedFor(event);
    if (event === undefined || userId === undefined)
      return drop('format', 'server is in the room', 'This server is not in the room.');

    const result = (await checkEvents([event], [arrival.origin])).get(event.eventId);
    if (result === undefined || isRefused(result)) {
      return drop('signatures', 'event is signed', result?.reason ?? 'Its signatures were not verified.');
    }
    return commit((effects) => {
      writeMembership({ event: result.event, membership: 'leave', userId, strippedState: [] }, effects);
      settle(arrival, outcomeOf(event, arrival.source, { outcome: 'accepted' }), effects);
    });
  };

  return {
    async receive(arrivals, settle) {
      for (const arrival of arrivals) await receiveOne(arrival, settle);
    },
    storeOutlier: (event, outcome) => commit((effects) => writeOutlier(event, outcome, effects)),
    setOutOfRoomMembership(membership) {
      const { roomId } = membership.event;
      if (isResident(roomId)) throw forbidden(`This server is in the room ${roomId} by itself.`);
      commit((effects) => writeMembership(membership, effects));
    },
    forget(userId, roomId) {
      const head = heads.get(roomId);
      return head !== undefined && tables.memberships.forget(userId, head.id);
    },
  };
}
