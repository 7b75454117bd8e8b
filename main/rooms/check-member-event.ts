import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { badJson, invalidParam } from '../../shared/matrix-error.ts';
import type { Keyring } from '../network/keyring.ts';
import { BadEvent, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { hasRightContentHash } from '../protocol/event-hash.ts';
import type { JsonValue, Violation } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';

/** A member event that another server hands us, by send_join and its like or as an invite. */
export interface HandedEvent {
  readonly pdu: JsonValue;
  readonly violations: readonly Violation[];
  readonly origin: ServerName;
  readonly roomId: RoomId; // by the path
  readonly eventId: EventId; // by the path
  readonly rules: RoomVersionRules;
  readonly membership: 'join' | 'leave' | 'knock' | 'invite';
}

/**
 * The checks that those endpoints share: what it is, whose it is, and that its hash and signatures are right.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 *
 * @throws MatrixError 400 `M_INVALID_PARAM`; `M_BAD_JSON` for what is not an event of this room version at all
 */
export async function checkMemberEvent(
  handed: HandedEvent,
  keyring: Pick<Keyring, 'verifyEvents'>,
): Promise<RoomEvent> {
  const { pdu, violations, origin, roomId, eventId, rules, membership } = handed;
  const event = parsed(pdu, rules, violations);
  if (event.type !== 'm.room.member') throw invalidParam(`The event is no m.room.member but ${event.type}`);
  if (event.content['membership'] !== membership)
    throw invalidParam(`The membership in the event is not ${membership}`);
  if (event.roomId !== roomId) throw invalidParam(`The event is of ${event.roomId}, not of ${roomId}`);
  if (event.eventId !== eventId) throw invalidParam(`The ID of the event is ${event.eventId}, not ${eventId}`);
  if (event.origin !== origin) throw invalidParam(`${event.sender} is not a user of ${origin}`);
  if (membership !== 'invite' && event.stateKey !== event.sender) {
    throw invalidParam(`${event.sender} does not speak of themselves but of ${event.stateKey ?? 'nobody'}`);
  }
  if (!hasRightContentHash(event.pdu)) throw invalidParam('The content hash of the event is wrong');
  const verdict = (await keyring.verifyEvents([event], { askAlso: [origin] })).get(event.eventId);
  if (verdict?.ok !== true) throw invalidParam(verdict?.why ?? 'The signatures of the event could not be verified');
  return event;
}

function parsed(pdu: JsonValue, rules: RoomVersionRules, violations: readonly Violation[]): RoomEvent {
  try {
    return parseEvent(pdu, rules, violations);
  } catch (error) {
    if (error instanceof BadEvent) throw badJson(error.message);
    throw error;
  }
}
