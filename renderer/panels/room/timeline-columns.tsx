import { type ReceiptStep, receiptSteps } from '../../../shared/flow.ts';
import type { TimelineRow } from '../../../shared/views.ts';
import type { Column } from '../../components/column.ts';
import { Cut } from '../../components/id.tsx';
import { OutcomeBadge } from '../../components/outcome-badge.tsx';
import { Status } from '../../components/status.tsx';
import { Clock } from '../../components/when.tsx';
import { duration } from '../../format.ts';
import { useKnown } from '../../known.tsx';
import { outcomeLooks } from '../../looks.ts';
import { eventHref } from '../../route.ts';

/** Whether something other than "accepted" became of it: then its row says what, and why. */
export const isOff = ({ outcome }: TimelineRow): boolean => outcome !== 'accepted';

const position: Column<TimelineRow> = {
  id: 'position',
  title: 'Stream',
  className: 'c-pos num p1',
  look: 'faint',
  cell: (row) => row.position ?? '—',
};
const depth: Column<TimelineRow> = { ...position, id: 'depth', title: 'Depth', cell: (row) => row.depth };
const onlyWide = (column: Column<TimelineRow>) => ({ ...column, className: 'c-pos num p4' });

const others: readonly Column<TimelineRow>[] = [
  { id: 'time', title: 'Time', className: 'c-time', cell: ({ originServerTs }) => <Clock ts={originServerTs} /> },
  {
    id: 'delay',
    title: 'Delay',
    className: 'c-delay num p3',
    look: 'dim',
    cell: (row) => <Delay row={row} />,
    hint: ({ source }) => `came by ${source}`,
  },
  { id: 'sender', title: 'Sender', className: 'c-sender', cell: ({ sender }) => sender, hint: ({ sender }) => sender },
  {
    id: 'type',
    title: 'Type',
    className: 'c-type p2',
    look: 'mono',
    cell: ({ type }) => type,
    hint: ({ type, stateKey }) => (stateKey === undefined ? type : `${type}, state key "${stateKey}"`),
  },
  {
    id: 'content',
    title: 'Content',
    cell: (row) => <Content row={row} />,
    hint: ({ summary, reason }) => [summary, reason].join('\n'),
  },
  { id: 'outcome', title: 'Outcome', className: 'c-out num', cell: (row) => <Outcome row={row} /> },
];

/** What the rows are ordered by comes first; the other number shows where there is room. */
export const timelineColumns = {
  stream: [position, onlyWide(depth), ...others],
  topological: [depth, onlyWide(position), ...others],
} as const;

/** How long it was on its way, by the clock of its sender; nothing for what was fetched later. */
function Delay({ row: { source, sender, originServerTs, receivedTs } }: { readonly row: TimelineRow }) {
  const { overview } = useKnown();
  if (source === 'local' || sender.endsWith(`:${overview.data?.serverName}`)) return 'yours';
  if (source !== 'live' && source !== 'missing') return '—';
  const ms = receivedTs - originServerTs;
  if (Math.abs(ms) < 10_000) return `${ms < 0 ? '−' : '+'}${(Math.abs(ms) / 1000).toFixed(1)} s`;
  return `${ms < 0 ? '−' : '+'}${duration(Math.abs(ms))}`;
}

/** What the event says; below, the step, the rule and the events that decided against it. */
function Content({ row }: { readonly row: TimelineRow }) {
  const { summary, step, rule, reason, decidedBy, outcome } = row;
  if (!isOff(row)) return <span className="dim">{summary}</span>;
  const parts = [step === undefined ? undefined : stepNumber(step), rule].filter((part) => part !== undefined);
  return (
    <>
      {summary}
      <span className={`reason is-${outcomeLooks[outcome].kind} tint`}>
        {parts.join(' · ')}
        {decidedBy.length > 0 && ' · decided by '}
        {decidedBy.map((id, index) => (
          <span key={id}>
            {index > 0 && ', '}
            <a className="mono" href={eventHref(id)} title={id} tabIndex={-1}>
              <Cut text={id} head={5} tail={3} />
            </a>
          </span>
        ))}
        {reason !== undefined && `${parts.length > 0 ? ' · ' : ''}${reason}`}
      </span>
    </>
  );
}

const stepNumber = (step: ReceiptStep) => `step ${receiptSteps.indexOf(step) + 1}`;

function Outcome({ row }: { readonly row: TimelineRow }) {
  if (isOff(row)) return <OutcomeBadge outcome={row.outcome} />;
  return row.outlier ? (
    <Status kind="mute" glyph="none">
      outlier
    </Status>
  ) : (
    <Status kind="ok">accepted</Status>
  );
}
