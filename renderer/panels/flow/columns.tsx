import type { FlowSummary } from '../../../shared/flow.ts';
import type { Column } from '../../components/column.ts';
import { Icon } from '../../components/icon.tsx';
import { Waterfall } from '../../components/waterfall.tsx';
import { Clock } from '../../components/when.tsx';
import { bytes } from '../../format.ts';
import { FlowOutcome } from './flow-outcome.tsx';
import { FlowStatus } from './flow-status.tsx';
import { FlowTook } from './flow-took.tsx';
import { RoomName } from './room-name.tsx';
import { WaterfallHead } from './waterfall-head.tsx';

/** The columns of the log. Those with `p4` show only in wide windows; Status and Outcome never leave. */
export const flowColumns: readonly Column<FlowSummary>[] = [
  {
    id: 'time',
    title: 'Time',
    className: 'c-time',
    look: 'mono faint',
    cell: ({ startedAt }) => <Clock ts={startedAt} precise />,
  },
  {
    id: 'dir',
    title: 'Dir',
    className: 'c-dir',
    look: 'dim',
    cell: ({ direction }) => <Direction direction={direction} />,
  },
  {
    id: 'peer',
    title: 'Peer',
    className: 'c-peer',
    cell: ({ peer }) => peer ?? <span className="faint">unknown</span>,
    hint: ({ peer }) => peer,
  },
  {
    id: 'endpoint',
    title: 'Endpoint',
    className: 'c-ep',
    cell: ({ method, endpoint, uri }) => (
      <>
        <span className="method">{method}</span> <span className="mono">{endpoint === 'unknown' ? uri : endpoint}</span>
      </>
    ),
    hint: ({ method, uri }) => `${method} ${uri}`,
  },
  {
    id: 'room',
    title: 'Room',
    className: 'c-room p4',
    look: 'dim',
    cell: ({ roomId }) => <RoomName roomId={roomId} />,
  },
  { id: 'status', title: 'Status', className: 'c-status', cell: (flow) => <FlowStatus flow={flow} /> },
  {
    id: 'outcome',
    title: 'Outcome',
    className: 'c-out',
    cell: (flow) => <FlowOutcome flow={flow} />,
    hint: ({ error, errcode }) => error?.message ?? errcode,
  },
  { id: 'took', title: 'Took', className: 'c-dur num', cell: (flow) => <FlowTook flow={flow} /> },
  {
    id: 'size',
    title: 'Size',
    className: 'c-size num p4',
    look: 'dim',
    cell: ({ requestBytes, responseBytes }) => bytes(requestBytes + responseBytes),
  },
  { id: 'waterfall', title: <WaterfallHead />, className: 'p2', cell: (flow) => <Waterfall flow={flow} /> },
];

export function Direction({ direction }: { readonly direction: FlowSummary['direction'] }) {
  const word = direction === 'inbound' ? 'in' : 'out';
  return (
    <span className="row gap-2">
      <Icon name={word} small />
      <span className="dirw">{word}</span>
    </span>
  );
}
