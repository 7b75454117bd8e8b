import { useMemo, useState } from 'react';
import type { PeerStatus } from '../../shared/views.ts';
import { Choice } from '../components/choice.tsx';
import type { Column } from '../components/column.ts';
import { Empty } from '../components/empty.tsx';
import { Grid } from '../components/grid.tsx';
import { ListFilter } from '../components/list-filter.tsx';
import { Loading } from '../components/loading.tsx';
import { PeerStatusWord } from '../components/peer-status.tsx';
import { Screen } from '../components/screen.tsx';
import { Status } from '../components/status.tsx';
import { When } from '../components/when.tsx';
import { count, percent, plural, took } from '../format.ts';
import { useKnown } from '../known.tsx';
import { peerLooks } from '../looks.ts';
import { go, peerHref } from '../route.ts';

const statusOrder = Object.keys(peerLooks);
const hasQueue = ({ queuedPdus, queuedEdus }: PeerStatus) => queuedPdus + queuedEdus > 0;
const isFailing = ({ status }: PeerStatus) => status === 'backingOff';

const allColumns: readonly Column<PeerStatus>[] = [
  {
    id: 'server',
    title: 'Server',
    look: 'medium',
    cell: ({ server }) => (
      <a href={peerHref(server)} tabIndex={-1}>
        {server}
      </a>
    ),
    sortBy: ({ server }) => server,
    hint: ({ server }) => server,
  },
  {
    id: 'status',
    title: 'Status',
    className: 'w-8',
    cell: ({ status }) => <PeerStatusWord status={status} />,
    sortBy: ({ status }) => statusOrder.indexOf(status),
  },
  {
    id: 'rooms',
    title: 'Rooms',
    className: 'w-5 num p1',
    cell: ({ sharedRooms }) => count(sharedRooms),
    sortBy: ({ sharedRooms }) => sharedRooms,
  },
  {
    id: 'in',
    title: 'Last in',
    className: 'w-7 num p3',
    look: 'dim',
    cell: ({ lastInboundTs }) => <When ts={lastInboundTs} />,
    sortBy: ({ lastInboundTs }) => lastInboundTs,
  },
  {
    id: 'out',
    title: 'Last out',
    className: 'w-7 num p3',
    look: 'dim',
    cell: ({ lastOutboundTs }) => <When ts={lastOutboundTs} />,
    sortBy: ({ lastOutboundTs }) => lastOutboundTs,
  },
  {
    id: 'latency',
    title: 'Median',
    className: 'w-6 num p1',
    cell: ({ latencyMs, status }) => <Latency ms={latencyMs} isSlow={status === 'slow'} />,
    sortBy: ({ latencyMs }) => latencyMs,
  },
  {
    id: 'success',
    title: '24 h ok',
    className: 'w-6 num p1',
    cell: ({ success24h }) => (success24h === undefined ? '—' : percent(success24h)),
    sortBy: ({ success24h }) => success24h,
  },
  {
    id: 'queue',
    title: 'Queue',
    className: 'w-5 num',
    cell: (peer) => <Queue peer={peer} />,
    sortBy: ({ queuedPdus, queuedEdus }) => queuedPdus + queuedEdus,
  },
  {
    id: 'error',
    title: 'Last error',
    look: 'dim',
    cell: (peer) => isFailing(peer) && peer.lastError,
    hint: ({ lastError }) => lastError,
  },
  {
    id: 'failing',
    title: 'Failing since',
    className: 'w-7 num p3',
    look: 'dim',
    cell: ({ failingSince }) => failingSince !== undefined && <When ts={failingSince} />,
    sortBy: ({ failingSince }) => failingSince,
  },
  {
    id: 'retry',
    title: 'Next try',
    className: 'w-7 num p2',
    look: 'dim',
    cell: ({ retryAt }) => retryAt !== undefined && <When ts={retryAt} />,
    sortBy: ({ retryAt }) => retryAt,
  },
  {
    id: 'software',
    title: 'Software',
    className: 'w-9 p1',
    look: 'dim',
    cell: ({ software }) => software ?? '—',
    sortBy: ({ software }) => software,
  },
  {
    id: 'key',
    title: 'Key until',
    className: 'w-7 num p2',
    look: 'dim',
    cell: ({ keyValidUntil }) => <When ts={keyValidUntil} />,
    sortBy: ({ keyValidUntil }) => keyValidUntil,
  },
];

/** While all answer, no room is kept for what went wrong. */
const calmColumns = allColumns.filter(({ id }) => !['error', 'failing', 'retry'].includes(id));
/** While some do not, that is what one wants to know: what the others have besides waits for a wide window. */
const troubledColumns = allColumns.map((column) => {
  if (column.id === 'server') return { ...column, className: 'w-10' };
  return ['in', 'out', 'failing', 'key'].includes(column.id) ? { ...column, className: 'w-7 num p4' } : column;
});

const keyOf = ({ server }: PeerStatus) => server;

/** Every server that this one knows, what stands between them, and when it is tried again. */
export function PeersPanel() {
  const { peers } = useKnown();
  const [text, setText] = useState('');
  const [view, setView] = useState<'all' | 'failing' | 'queue'>('all');
  const all = peers.data ?? [];
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const isOfView = { all: () => true, failing: isFailing, queue: hasQueue }[view];
    const words = (peer: PeerStatus) => [peer.server, peer.software, peer.lastError, peerLooks[peer.status].word];
    return (peers.data ?? []).filter(
      (peer) => isOfView(peer) && words(peer).some((each) => each?.toLowerCase().includes(wanted)),
    );
  }, [peers.data, text, view]);
  return (
    <Screen
      title="Peers"
      aside={peers.data && <span className="faint">{count(all.length)}</span>}
      foot={<Foot peers={all} />}
      keys={[
        ['j k', 'move'],
        ['↵', 'open'],
        ['/', 'filter'],
      ]}
      flush
    >
      <div className="frame-2">
        <ListFilter label="Filter by name, status, software or error" value={text} onChange={setText}>
          <Choice
            label="Views"
            value={view}
            onChoose={setView}
            options={[
              { value: 'all', title: `All ${count(all.length)}` },
              { value: 'failing', title: `Failing ${count(all.filter(isFailing).length)}` },
              { value: 'queue', title: `Queue ${count(all.filter(hasQueue).length)}` },
            ]}
          />
        </ListFilter>
        <div className="log-wrap">
          <Loading of={peers} what="The list of peers">
            {(known) =>
              known.length === 0 ? (
                <Empty icon="peers" title="No servers yet">
                  You will see one as soon as you join a room with someone from another server.
                </Empty>
              ) : (
                <Grid
                  label="Peers"
                  columns={known.some(isFailing) ? troubledColumns : calmColumns}
                  rows={shown}
                  keyOf={keyOf}
                  onOpen={({ server }) => go({ screen: 'peer', server })}
                  initialSort={{ column: 'status', descending: false }}
                />
              )
            }
          </Loading>
        </div>
      </div>
    </Screen>
  );
}

function Latency({ ms, isSlow }: { readonly ms: number | undefined; readonly isSlow: boolean }) {
  if (ms === undefined) return '—';
  return <span className={isSlow ? 'is-warn tint' : ''}>{took(ms)}</span>;
}

function Queue({ peer }: { readonly peer: PeerStatus }) {
  const many = peer.queuedPdus + peer.queuedEdus;
  const words = `${plural(peer.queuedPdus, 'PDU')}, ${plural(peer.queuedEdus, 'EDU')}`;
  return (
    <span className={many === 0 ? 'faint' : ''} title={words}>
      {count(many)}
    </span>
  );
}

function Foot({ peers }: { readonly peers: readonly PeerStatus[] }) {
  const failing = peers.filter(isFailing).length;
  const slow = peers.filter(({ status }) => status === 'slow').length;
  const waiting = peers.reduce((sum, { queuedPdus }) => sum + queuedPdus, 0);
  const queues = peers.filter(hasQueue).length;
  return (
    <>
      {failing > 0 && <Status kind="bad">{count(failing)} failing</Status>}
      {slow > 0 && <Status kind="warn">{count(slow)} slow</Status>}
      {waiting > 0 && (
        <span>
          {plural(waiting, 'event waits', 'events wait')} in {plural(queues, 'queue')}
        </span>
      )}
      {failing + slow + waiting === 0 && <span>{plural(peers.length, 'server')}</span>}
    </>
  );
}
