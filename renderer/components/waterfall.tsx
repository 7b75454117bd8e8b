import { createContext, useContext } from 'react';
import { type FlowSummary, flowState, type Phase } from '../../shared/flow.ts';
import { useNow } from '../clock.ts';
import { phasesInOrder } from '../flow-words.ts';

/** The time that the rows in view span: the same axis for all of them, and nothing on it is stretched. */
export interface Axis {
  readonly start: number;
  readonly end: number;
}

export const AxisContext = createContext<Axis>({ start: 0, end: 1 });

/** From light to dark in the order in which they happen: readable without hue. */
export const phaseClass: Readonly<Record<Phase, string>> = {
  discovery: 'wf-1',
  connect: 'wf-2',
  queue: 'wf-3',
  wait: 'wf-3',
  body: 'wf-4',
  processing: 'wf-5',
};

/** Anything narrower could not be seen. */
const narrowest = 0.6;

/** When a request began and what it waited for, drawn on the axis of the rows around it. */
export function Waterfall({ flow }: { readonly flow: FlowSummary }) {
  return flowState(flow) === 'pending' ? <Growing flow={flow} /> : <Bars flow={flow} tookMs={flow.tookMs ?? 0} />;
}

function Growing({ flow }: { readonly flow: FlowSummary }) {
  return <Bars flow={flow} tookMs={Math.max(0, useNow() - flow.startedAt)} />;
}

function Bars({ flow, tookMs }: { readonly flow: FlowSummary; readonly tookMs: number }) {
  const { start, end } = useContext(AxisContext);
  const percent = (ms: number) => (100 * ms) / Math.max(1, end - start);
  const bars = barsOf(flow, tookMs);
  const finish = percent(flow.startedAt + tookMs - start);
  let x = percent(flow.startedAt - start);
  return (
    <svg className="wf" aria-hidden="true">
      {bars.map(([className, ms]) => {
        const left = x;
        const width = Math.max(narrowest, percent(ms));
        x += width;
        return (
          <rect key={className + left} className={className} x={`${left}%`} y="2" width={`${width}%`} height="9" />
        );
      })}
      {flowState(flow) === 'pending' && <line className="wf-open" x1={`${x}%`} x2="100%" y1="6.5" y2="6.5" />}
      {flowState(flow) === 'failed' && (
        <svg x={`${Math.max(x, finish)}%`} overflow="visible" aria-hidden="true">
          <path className="wf-x" d="M3 3l7 7m0-7l-7 7" />
        </svg>
      )}
    </svg>
  );
}

/** The phases that were measured, and what is left of the time in a colour of its own. */
function barsOf(flow: FlowSummary, tookMs: number): readonly (readonly [className: string, ms: number])[] {
  const measured = phasesInOrder(flow.direction).flatMap((phase) => {
    const ms = flow.phases[phase];
    return ms === undefined || ms <= 0 ? [] : [[phaseClass[phase], ms] as const];
  });
  const rest = tookMs - measured.reduce((sum, [, ms]) => sum + ms, 0);
  if (measured.length > 0 && rest <= 1) return measured;
  return [...measured, [flowState(flow) === 'pending' ? 'wf-3' : 'wf-0', rest]];
}
