import type { OutcomeKind } from '../../shared/flow.ts';
import { count } from '../format.ts';
import { outcomeLooks } from '../looks.ts';
import { Badge } from './status.tsx';

interface OutcomeBadgeProps {
  readonly outcome: OutcomeKind;
  readonly count?: number | undefined;
}

export function OutcomeBadge({ outcome, count: many }: OutcomeBadgeProps) {
  const { kind, word } = outcomeLooks[outcome];
  return <Badge kind={kind}>{many === undefined ? word : `${count(many)} ${word}`}</Badge>;
}
