import type { FlowSummary } from '../../../shared/flow.ts';
import { Status } from '../../components/status.tsx';
import { statusLook } from '../../flow-words.ts';

/** A status: a 200 is grey text, what differs has glyph and colour. */
export function FlowStatus({ flow }: { readonly flow: FlowSummary }) {
  const { kind, word } = statusLook(flow);
  return kind === 'ok' ? <span className="dim">{word}</span> : <Status kind={kind}>{word}</Status>;
}
