import type { OutcomeKind, PduOutcome, PduSource, ReceiptStep } from '../../shared/flow.ts';
import { type EventId, parseEventId, parseRoomId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import type { StoredEvent } from './rooms.ts';

interface Verdict {
  readonly outcome: OutcomeKind;
  readonly why?: StoredEvent['why'];
  readonly missing?: readonly EventId[];
}

/** What became of an event, for the inspector and for the reply. */
export const outcomeOf = (
  event: RoomEvent,
  source: PduSource,
  { outcome, why, missing = [] }: Verdict,
): PduOutcome => ({
  eventId: event.eventId,
  roomId: event.roomId,
  type: event.type,
  sender: event.sender,
  source,
  outcome,
  step: why?.step,
  rule: why?.rule,
  reason: why?.reason,
  decidedBy: why?.decidedBy ?? [],
  missing,
});

/** Why it did not get as far as to be judged, and its ID where that can be told. */
export interface Refusal {
  readonly step: ReceiptStep;
  readonly rule: string;
  readonly reason: string;
  readonly eventId?: EventId | undefined;
}

/** What became of something that is no event that we know the format of: as much of it as can be told. */
export function outcomeOfPdu(
  pdu: JsonValue,
  source: PduSource,
  { outcome, step, rule, reason, eventId }: Refusal & { readonly outcome: OutcomeKind },
): PduOutcome {
  const given = isObject(pdu) ? pdu : {};
  const text = (key: string): string => {
    const value = given[key];
    return typeof value === 'string' ? value.slice(0, 255) : '';
  };
  return {
    eventId: eventId ?? parseEventId(text('event_id')),
    roomId: parseRoomId(text('room_id')),
    type: text('type') || undefined,
    sender: text('sender') || undefined,
    source,
    outcome,
    step,
    rule,
    reason,
    decidedBy: [],
    missing: [],
  };
}
