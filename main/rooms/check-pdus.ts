import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { Keyring } from '../network/keyring.ts';
import { BadEvent, eventIdOf, parseEvent, type RoomEvent, redactedEvent } from '../protocol/event.ts';
import { hasRightContentHash } from '../protocol/event-hash.ts';
import { requiredSigners } from '../protocol/event-signing.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { IncomingPdu } from './rooms.ts';

/** An event that has passed the first three checks. */
export interface CheckedEvent {
  readonly event: RoomEvent;
  /** Its hash was wrong: this is the redacted form of what came. */
  readonly isRedacted: boolean;
  readonly verifiedBy: ReadonlySet<ServerName>;
}

/** It is dropped for a reason; it may be well later, `keyMissing`. */
export interface RefusedEvent {
  readonly step: 'format' | 'signatures';
  readonly reason: string;
  readonly keyMissing: boolean;
  /** What its sender calls it, however broken it is: the reply speaks of it by that. */
  readonly eventId?: EventId | undefined;
}

export const isRefused = <E extends object>(result: E | RefusedEvent): result is RefusedEvent => 'keyMissing' in result;

/** Check 1: "Is a valid event, otherwise it is dropped." */
export function checkFormat({ pdu, violations }: IncomingPdu, roomId: RoomId, rules: RoomVersionRules) {
  const wrongFormat = (reason: string): RefusedEvent => ({
    step: 'format',
    reason,
    keyMissing: false,
    eventId: nameOf(pdu, rules),
  });
  try {
    const event = parseEvent(pdu, rules, violations);
    if (event.roomId !== roomId) return wrongFormat(`It is of the room ${event.roomId}, not ${roomId}.`);
    const cited = [...event.prevEvents, ...event.authEvents];
    return cited.includes(event.eventId) ? wrongFormat('It cites itself.') : event;
  } catch (error) {
    if (error instanceof BadEvent) return wrongFormat(error.message);
    throw error;
  }
}

/** The ID of what may be no event. */
function nameOf(pdu: JsonValue, rules: RoomVersionRules): EventId | undefined {
  if (!isObject(pdu)) return undefined;
  try {
    return eventIdOf(pdu, rules);
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}

/** Checks 2 and 3 of events that have their format, all at once: each has a result. */
export type CheckEvents = (
  events: readonly RoomEvent[],
  askAlso: readonly ServerName[],
) => Promise<ReadonlyMap<EventId, CheckedEvent | RefusedEvent>>;

const hashedAtOnce = 100;

export function createCheckEvents(keyring: Keyring): CheckEvents {
  return async (events, askAlso) => {
    const results = new Map<EventId, CheckedEvent | RefusedEvent>();
    if (events.length === 0) return results;
    const verdicts = await keyring.verifyEvents(events, { askAlso });
    for (const [index, event] of events.entries()) {
      if (index % hashedAtOnce === hashedAtOnce - 1) await new Promise(setImmediate);
      const verdict = verdicts.get(event.eventId);
      if (verdict?.ok !== true) {
        const reason = verdict?.why ?? 'Its signatures were not verified.';
        results.set(event.eventId, { step: 'signatures', reason, keyMissing: verdict?.keyMissing ?? false });
        continue;
      }
      const { verifiedBy } = verdict;
      if (hasRightContentHash(event.pdu)) {
        results.set(event.eventId, { event, isRedacted: false, verifiedBy });
        continue;
      }
      const redacted = redactedEvent(event); // check 3: "otherwise it is redacted before being processed further"
      const unsigned = requiredSigners(redacted).find((server) => !verifiedBy.has(server));
      results.set(
        event.eventId,
        unsigned === undefined
          ? { event: redacted, isRedacted: true, verifiedBy }
          : {
              step: 'signatures',
              reason: `Without its content it needs a signature of ${unsigned}.`,
              keyMissing: false,
            },
      );
    }
    return results;
  };
}
