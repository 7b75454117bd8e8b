import type { DiscoveryTraceStep, FlowAuth, PduOutcome } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import type { DiscoveryRun } from '../../shared/views.ts';
import type { KeyObservation } from '../db/observations.ts';
import { cut } from './capture.ts';
import { strikeText } from './strike-out.ts';

// Much of what is recorded was chosen by other servers: none of it may fill the disk, or be no number where one belongs.

const longest = { name: 255, sentence: 500, list: 50, steps: 50 };

export const name = (text: string) => cut(text, longest.name);
/** A text that may quote what was on the wire. */
export const sentence = (text: string) => strikeText(cut(text, longest.sentence));
/** What a column of integers can hold, and JavaScript read again. */
export const integer = (value: number) =>
  Number.isNaN(value) ? 0 : Math.trunc(Math.max(Number.MIN_SAFE_INTEGER, Math.min(value, Number.MAX_SAFE_INTEGER)));
const ids = (list: readonly EventId[]) => list.slice(0, longest.list).map((id) => name(id) as EventId);
const optional = <T, U>(value: T | undefined, bound: (value: T) => U) =>
  value === undefined ? undefined : bound(value);

export const boundedOutcome = (pdu: PduOutcome): PduOutcome => ({
  ...pdu,
  eventId: optional(pdu.eventId, name) as PduOutcome['eventId'],
  roomId: optional(pdu.roomId, name) as PduOutcome['roomId'],
  type: optional(pdu.type, name),
  sender: optional(pdu.sender, name),
  rule: optional(pdu.rule, name),
  reason: optional(pdu.reason, sentence),
  decidedBy: ids(pdu.decidedBy),
  missing: ids(pdu.missing),
});

export function boundedAuth(auth: FlowAuth): FlowAuth {
  const claimed = {
    ...(auth.destination !== undefined && { destination: name(auth.destination) }),
    ...(auth.keyId !== undefined && { keyId: name(auth.keyId) }),
  };
  if (auth.verified) return { verified: true, origin: auth.origin, keyId: name(auth.keyId), ...claimed };
  const origin = auth.origin !== undefined && { origin: name(auth.origin) };
  return { verified: false, why: sentence(auth.why), ...origin, ...claimed };
}

export const boundedSteps = (steps: readonly DiscoveryTraceStep[]): readonly DiscoveryTraceStep[] =>
  steps
    .slice(0, longest.steps)
    .map((step) => ({ ...step, step: name(step.step), input: sentence(step.input), answer: sentence(step.answer) }));

export const boundedKey = (seen: KeyObservation): KeyObservation => ({
  ...seen,
  keyId: name(seen.keyId),
  publicKey: name(seen.publicKey),
  validUntilTs: integer(seen.validUntilTs),
  source: name(seen.source),
});

export const boundedRun = (run: DiscoveryRun): DiscoveryRun => ({
  ...run,
  ts: integer(run.ts),
  steps: boundedSteps(run.steps),
  expiresAt: optional(run.expiresAt, integer),
  error: optional(run.error, sentence),
});
