import type { Flow, FlowSummary } from '../../../shared/flow.ts';
import { Icon } from '../../components/icon.tsx';
import { AxisContext, Waterfall } from '../../components/waterfall.tsx';
import { Clock } from '../../components/when.tsx';
import { took } from '../../format.ts';
import { hrefOf } from '../../route.ts';
import { inTree } from '../../trace-tree.ts';
import { FlowStatus } from './flow-status.tsx';
import { WaterfallHead } from './waterfall-head.tsx';

/** What a request caused, and what caused it: all of one trace, on one axis of time. */
export function TraceTab({ flow }: { readonly flow: Flow }) {
  const all = inTree([flow, ...flow.related]);
  const start = Math.min(...all.map((each) => each.flow.startedAt));
  const end = Math.max(...all.map((each) => each.flow.startedAt + (each.flow.tookMs ?? 0)));
  return (
    <AxisContext value={{ start, end: Math.max(end, start + 1) }}>
      <table className="tree fixed">
        <thead>
          <tr>
            <th scope="col">Request</th>
            <th scope="col" className="w-8 p3">
              At
            </th>
            <th scope="col" className="w-10">
              With
            </th>
            <th scope="col" className="w-7">
              Result
            </th>
            <th scope="col" className="w-6 num">
              Took
            </th>
            <th scope="col" className="w-12 p1">
              <WaterfallHead />
            </th>
          </tr>
        </thead>
        <tbody>
          {all.map((each) => (
            <TraceRow key={each.flow.id} flow={each.flow} depth={each.depth} isThis={each.flow.id === flow.id} />
          ))}
        </tbody>
      </table>
      <p className="small dim more">
        Trace <code>{flow.traceId}</code>
      </p>
    </AxisContext>
  );
}

function TraceRow({
  flow,
  depth,
  isThis,
}: {
  readonly flow: FlowSummary;
  readonly depth: number;
  readonly isThis: boolean;
}) {
  return (
    <tr aria-current={isThis || undefined}>
      <td title={`${flow.method} ${flow.uri}`}>
        <span className={depth > 0 ? `ind ind-${Math.min(3, depth)}` : ''}>
          <Icon name={flow.direction === 'inbound' ? 'in' : 'out'} small className="faint" />{' '}
          <span className="method">{flow.method}</span>{' '}
          <a className="mono" href={hrefOf({ screen: 'log', flowId: flow.id, tab: 'trace', filter: '' })}>
            {flow.uri}
          </a>
        </span>
      </td>
      <td className="p3 mono faint">
        <Clock ts={flow.startedAt} precise />
      </td>
      <td>{flow.peer}</td>
      <td>
        <FlowStatus flow={flow} />
      </td>
      <td className="num">{flow.tookMs === undefined ? '—' : took(flow.tookMs)}</td>
      <td className="p1">
        <Waterfall flow={flow} />
      </td>
    </tr>
  );
}
