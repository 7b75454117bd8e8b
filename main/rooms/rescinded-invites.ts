import type { PduOutcome } from '../../shared/flow.ts';
import { parseRoomId, parseUserId, type ServerName, serverNameOf } from '../../shared/ids.ts';
import type { Keyring } from '../network/keyring.ts';
import { BadEvent, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { hasRightContentHash } from '../protocol/event-hash.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import type { IncomingPdu, Rooms } from './rooms.ts';

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'memberships' | 'setOutOfRoomMembership'>;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly serverName: ServerName;
}

/**
 * Takes leaves and bans by which somebody takes back the invite of a user of ours, or turns down their knock, to a room
 * that we are not in. The auth rules cannot be asked there, for we have no state; so it has to come from the server of
 * whoever it is by, it has to cite the very invite, and an invite is taken back by the inviter's server only.
 * Nothing is returned for what is no such event.
 */
export function rescindedInvites({ rooms, keyring, serverName }: Needs) {
  return async (origin: ServerName, incoming: IncomingPdu): Promise<PduOutcome | undefined> => {
    const event = outsideMember(incoming, rooms);
    const target = event && parseUserId(event.stateKey ?? '');
    if (event === undefined || target === undefined || serverNameOf(target) !== serverName) return undefined;
    const standing = rooms.memberships(target).find(({ roomId }) => roomId === event.roomId);
    if (standing?.membership !== 'invite' && standing?.membership !== 'knock') return undefined;
    const isByInviter = standing.membership === 'knock' || serverNameOf(standing.sender) === event.origin;
    if (event.origin !== origin || !isByInviter || !event.authEvents.includes(standing.eventId)) return undefined;
    const verdict = (await keyring.verifyEvents([event], { askAlso: [origin] })).get(event.eventId);
    if (verdict?.ok !== true || !hasRightContentHash(event.pdu)) return undefined;
    rooms.setOutOfRoomMembership({ event, membership: 'leave', userId: target, strippedState: [] });
    return {
      eventId: event.eventId,
      roomId: event.roomId,
      type: event.type,
      sender: event.sender,
      source: 'outlier',
      outcome: 'accepted',
      step: undefined,
      rule: undefined,
      reason: undefined,
      decidedBy: [],
      missing: [],
    };
  };
}

/** A leave or ban, as far as it can be told, in a room that we know from outside. */
function outsideMember({ pdu, violations }: IncomingPdu, rooms: Pick<Rooms, 'info'>): RoomEvent | undefined {
  if (!isObject(pdu) || pdu['type'] !== 'm.room.member' || !isObject(pdu['content'])) return undefined;
  const { membership } = pdu['content'];
  if (membership !== 'leave' && membership !== 'ban') return undefined;
  const info = known(pdu['room_id'], rooms);
  if (info === undefined || info.resident) return undefined;
  try {
    return parseEvent(pdu, info.rules, violations);
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}

function known(room: JsonValue | undefined, rooms: Pick<Rooms, 'info'>) {
  const roomId = typeof room === 'string' ? parseRoomId(room) : undefined;
  return roomId && rooms.info(roomId);
}
