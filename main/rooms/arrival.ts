import type { OutcomeKind, PduOutcome } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { Effects } from './effects.ts';
import { outcomeOf, outcomeOfPdu, type Refusal } from './outcomes.ts';
import type { ParkedPdu } from './parked-pdus.ts';

/** A PDU on its way through the checks. */
export interface Arrival extends ParkedPdu {
  key: EventId;
  event: RoomEvent | undefined; // once it is known to be one
  outcome: PduOutcome | undefined;
  /** It is on disk, and its sender knows no more than that. */
  isParked: boolean;
}

/** Gives an arrival its outcome. Inside a transaction. */
export type Settle = (arrival: Arrival, outcome: PduOutcome, effects: Effects) => void;

/** The outcome of what did not get as far as to be judged. */
export const outcomeOfArrival = (
  { event, pdu, source }: Arrival,
  outcome: OutcomeKind,
  why: Refusal,
  missing: readonly EventId[] = [],
): PduOutcome =>
  event === undefined
    ? outcomeOfPdu(pdu, source, { outcome, ...why })
    : outcomeOf(event, source, { outcome, why: { ...why, decidedBy: [] }, missing });
