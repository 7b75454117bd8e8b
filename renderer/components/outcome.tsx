import type { OutcomeKind } from '../../shared/flow.ts';
import { count } from '../format.ts';
import { Badge, type Kind } from './status.tsx';

/** How an outcome looks and what it is called, on every screen. */
export const outcomeLooks: Readonly<Record<OutcomeKind, { readonly kind: Kind; readonly word: string }>> = {
  accepted: { kind: 'ok', word: 'accepted' },
  rejected: { kind: 'bad', word: 'rejected' },
  softFailed: { kind: 'soft', word: 'soft-failed' },
  dropped: { kind: 'mute', word: 'dropped' },
  parked: { kind: 'info', word: 'waiting' },
  redacted: { kind: 'warn', word: 'redacted' },
  duplicate: { kind: 'mute', word: 'duplicate' },
};

/** The worst first: where there is room for one, it is this. */
export const worstFirst: readonly OutcomeKind[] = [
  'rejected',
  'softFailed',
  'dropped',
  'redacted',
  'parked',
  'accepted',
  'duplicate',
];

interface OutcomeBadgeProps {
  readonly outcome: OutcomeKind;
  readonly count?: number | undefined;
}

export function OutcomeBadge({ outcome, count: many }: OutcomeBadgeProps) {
  const { kind, word } = outcomeLooks[outcome];
  return <Badge kind={kind}>{many === undefined ? word : `${count(many)} ${word}`}</Badge>;
}
