import type { FlowSummary } from '../../../shared/flow.ts';
import { Status } from '../../components/status.tsx';
import { count, plural } from '../../format.ts';
import { outcomeLooks, worstFirst } from '../../looks.ts';

/** What became of a request's events, the worst first; or why there was no good reply. */
export function FlowOutcome({ flow }: { readonly flow: FlowSummary }) {
  const { outcomes, error, errcode, attempt, edus } = flow;
  const again = attempt > 1 ? `try ${attempt}` : undefined;
  const failure = error?.message ?? errcode;
  if (failure !== undefined) return <Dim parts={[failure, again]} />;
  const [worst, ...rest] = worstFirst.filter((outcome) => (outcomes[outcome] ?? 0) > 0);
  if (worst === undefined) return <Dim parts={[edus > 0 ? plural(edus, 'EDU') : undefined, again]} />;
  const others = rest.map((outcome) => `${count(outcomes[outcome] ?? 0)} ${outcomeLooks[outcome].word}`);
  const { kind, word } = outcomeLooks[worst];
  const first = `${count(outcomes[worst] ?? 0)} ${word}`;
  if (kind === 'ok' || kind === 'mute') return <Dim parts={[first, ...others, again]} />;
  return (
    <>
      <Status kind={kind}>{first}</Status> <Dim parts={[...others, again]} />
    </>
  );
}

function Dim({ parts }: { readonly parts: readonly (string | undefined)[] }) {
  return <span className="dim">{parts.filter((part) => part !== undefined).join(' · ')}</span>;
}
