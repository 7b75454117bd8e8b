import type { ReactNode } from 'react';
import { type OutcomeKind, type ReceiptStep, receiptSteps } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import { upperFirst } from '../format.ts';
import { outcomeLooks } from '../looks.ts';
import { eventHref } from '../route.ts';
import { Facts } from './facts.tsx';
import { Icon, type IconName } from './icon.tsx';
import { Cut } from './id.tsx';

/** What the specification calls each check, and what it is about. */
const stepWords: Readonly<Record<ReceiptStep, { readonly word: string; readonly what: string }>> = {
  format: { word: 'Event format', what: 'It is a valid event of this room version.' },
  signatures: { word: 'Signatures', what: 'The servers that must have signed it have.' },
  hash: { word: 'Content hash', what: 'Its content is what was hashed; else it is redacted.' },
  authEvents: { word: 'Authorised by its auth events', what: 'The events that it cites allow it.' },
  stateBefore: { word: 'Authorised by the state before it', what: 'The room, as it was then, allows it.' },
  currentState: {
    word: 'Authorised by the current state',
    what: 'The room, as it is now, allows it; else it is soft-failed.',
  },
  policyServer: { word: 'Policy server', what: 'The room’s policy server, where it has one, allows it.' },
};

interface Checked {
  readonly outcome: OutcomeKind;
  readonly step: ReceiptStep | undefined;
  readonly rule: string | undefined;
  readonly reason: string | undefined;
  readonly decidedBy: readonly EventId[];
  readonly missing?: readonly EventId[];
}

interface LadderProps {
  readonly of: Checked;
  /** Folds what passed before the deciding step, and what was not reached. */
  readonly compact?: boolean;
}

/**
 * The seven checks on receipt of a PDU, and which of them decided:
 * https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu
 */
export function Ladder({ of, compact = false }: LadderProps) {
  const deciding = of.step === undefined ? -1 : receiptSteps.indexOf(of.step);
  // A failed hash redacts and goes on: the checks after it were passed too.
  const reached = deciding === -1 || of.outcome === 'redacted' ? receiptSteps.length : deciding + 1;
  const rungs = receiptSteps.map((step, index) => ({ step, index }));
  const passed = rungs.filter(({ index }) => index < reached && index !== deciding);
  const before = passed.filter(({ index }) => deciding === -1 || index < deciding);
  const after = passed.filter(({ index }) => deciding !== -1 && index > deciding);
  const open = rungs.filter(({ index }) => index >= reached);
  const passes = (some: typeof rungs) => <Rungs rungs={some} kind="ok" glyph="ok" out="pass" compact={compact} />;
  return (
    <ol className={`ladder ${compact ? 'ladder-compact' : ''}`}>
      {passes(before)}
      {of.step !== undefined && <Deciding of={of} step={of.step} number={deciding + 1} />}
      {passes(after)}
      <Rungs rungs={open} kind="mute" glyph="none" out="not reached" compact={compact} />
    </ol>
  );
}

interface RungsProps {
  readonly rungs: readonly { readonly step: ReceiptStep; readonly index: number }[];
  readonly kind: 'ok' | 'mute';
  readonly glyph: IconName;
  readonly out: string;
  readonly compact: boolean;
}

function Rungs({ rungs, kind, glyph, out, compact }: RungsProps) {
  const [first, last] = [rungs[0], rungs.at(-1)];
  if (first === undefined || last === undefined) return null;
  if (!compact || first === last) {
    return rungs.map(({ step, index }) => (
      <Rung key={step} kind={kind} glyph={glyph} number={`${index + 1}`} word={stepWords[step].word} out={out}>
        {!compact && <p>{stepWords[step].what}</p>}
      </Rung>
    ));
  }
  const words = rungs.map(({ step }, index) => (index === 0 ? stepWords[step].word : lowerFirst(stepWords[step].word)));
  const number = `${first.index + 1}–${last.index + 1}`;
  return <Rung kind={kind} glyph={glyph} number={number} word={words.join(', ')} out={out} />;
}

function Deciding({ of, step, number }: { readonly of: Checked; readonly step: ReceiptStep; readonly number: number }) {
  const { kind, word } = outcomeLooks[of.outcome];
  return (
    <Rung
      kind={kind}
      glyph={kind}
      number={`${number}`}
      word={stepWords[step].word}
      out={word}
      why={<Why of={of} step={step} />}
    />
  );
}

function Why({ of, step }: { readonly of: Checked; readonly step: ReceiptStep }) {
  const { rule, reason, decidedBy, missing = [] } = of;
  return (
    <div className="why">
      <span>{upperFirst(reason ?? stepWords[step].what)}</span>
      <Facts
        of={{
          Rule: rule === undefined ? undefined : <b>{rule}</b>,
          'Decided by': decidedBy.length > 0 ? <Events ids={decidedBy} /> : undefined,
          Missing: missing.length > 0 ? <Events ids={missing} /> : undefined,
        }}
      />
    </div>
  );
}

function Events({ ids }: { readonly ids: readonly EventId[] }) {
  return (
    <span className="row wrap">
      {ids.map((id) => (
        <a key={id} className="mono" href={eventHref(id)} title={id}>
          <Cut text={id} head={12} tail={4} />
        </a>
      ))}
    </span>
  );
}

interface RungProps {
  readonly kind: string;
  readonly glyph: IconName;
  readonly number: string;
  readonly word: string;
  readonly out: string;
  readonly children?: ReactNode;
  readonly why?: ReactNode;
}

function Rung({ kind, glyph, number, word, out, children, why }: RungProps) {
  return (
    <li className={`rung is-${kind}`}>
      <span className="rung-n">
        <Icon name={glyph} />
      </span>
      <div>
        <b>
          <span className="step">{number}</span>
          {word}
        </b>
        {children}
      </div>
      <span className="out">{out}</span>
      {why}
    </li>
  );
}

function lowerFirst(words: string): string {
  return words.slice(0, 1).toLowerCase() + words.slice(1);
}
