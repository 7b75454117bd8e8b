import { useMemo, useState } from 'react';
import type { RoomSummary } from '../../shared/views.ts';
import type { Column } from '../components/column.ts';
import { Empty } from '../components/empty.tsx';
import { Grid } from '../components/grid.tsx';
import { Cut } from '../components/id.tsx';
import { ListFilter } from '../components/list-filter.tsx';
import { Loading } from '../components/loading.tsx';
import { RoomState } from '../components/room-state.tsx';
import { Screen } from '../components/screen.tsx';
import { Status } from '../components/status.tsx';
import { When } from '../components/when.tsx';
import { count, plural } from '../format.ts';
import { useKnown } from '../known.tsx';
import { go, roomHref } from '../route.ts';

const nameOf = (room: RoomSummary) => room.name ?? room.canonicalAlias ?? room.roomId;

const columns: readonly Column<RoomSummary>[] = [
  {
    id: 'name',
    title: 'Name',
    cell: (room) => (
      <a href={roomHref(room.roomId)} tabIndex={-1}>
        {nameOf(room)}
      </a>
    ),
    sortBy: (room) => nameOf(room).toLowerCase(),
    hint: (room) => `${nameOf(room)}\n${room.canonicalAlias ?? ''}\n${room.roomId}`,
  },
  {
    id: 'id',
    title: 'Room id',
    className: 'w-9 p4',
    look: 'mono faint',
    cell: ({ roomId }) => <Cut text={roomId} />,
    hint: ({ roomId }) => roomId,
  },
  {
    id: 'version',
    title: 'Version',
    className: 'w-6 num p1',
    cell: ({ version }) => version,
    sortBy: ({ version }) => Number(version) || version,
  },
  {
    id: 'membership',
    title: 'You',
    className: 'w-6 p1',
    look: 'dim',
    cell: ({ membership }) => membership,
    sortBy: ({ membership }) => membership,
  },
  {
    id: 'members',
    title: 'Members',
    className: 'w-7 num',
    cell: (room) => (room.membership === 'join' ? <Members room={room} /> : <Unknown />),
    sortBy: ({ joinedMembers }) => joinedMembers,
  },
  {
    id: 'servers',
    title: 'Servers',
    className: 'w-6 num p1',
    cell: ({ servers, membership }) => (membership === 'join' ? count(servers) : <Unknown />),
    sortBy: ({ servers }) => servers,
  },
  {
    id: 'extremities',
    title: 'Extremities',
    className: 'w-7 num p3',
    cell: ({ forwardExtremities, membership }) =>
      membership === 'join' ? <Extremities many={forwardExtremities} /> : <Unknown />,
    sortBy: ({ forwardExtremities }) => forwardExtremities,
  },
  {
    id: 'refused',
    title: 'Refused',
    className: 'w-7 num p2',
    cell: ({ refused }) =>
      refused > 0 ? <Status kind="bad">{count(refused)}</Status> : <span className="faint">0</span>,
    sortBy: ({ refused }) => refused,
  },
  {
    id: 'last',
    title: 'Last event',
    className: 'w-8',
    look: 'dim',
    cell: ({ lastEventTs }) => <When ts={lastEventTs} />,
    sortBy: ({ lastEventTs }) => lastEventTs,
  },
  {
    id: 'remote',
    title: 'From others',
    className: 'w-8 p4',
    look: 'dim',
    cell: ({ lastRemoteEventTs }) => <When ts={lastRemoteEventTs} />,
    sortBy: ({ lastRemoteEventTs }) => lastRemoteEventTs,
  },
  {
    id: 'state',
    title: 'State',
    className: 'w-10',
    cell: (room) => <RoomState room={room} />,
    sortBy: ({ state }) => state,
  },
];

const keyOf = ({ roomId }: RoomSummary) => roomId;

/** Every room that this server takes part in. */
export function RoomsPanel() {
  const { rooms, overview } = useKnown();
  const [text, setText] = useState('');
  const shown = useMemo(() => narrow(rooms.data ?? [], text), [rooms.data, text]);
  const client = overview.data?.listeners.find(({ kind }) => kind === 'client')?.address;
  return (
    <Screen
      title="Rooms"
      aside={rooms.data && <span className="faint">{count(rooms.data.length)}</span>}
      foot={rooms.data && <Foot rooms={rooms.data} />}
      keys={[
        ['j k', 'move'],
        ['↵', 'open'],
        ['/', 'filter'],
      ]}
      flush
    >
      <div className="frame-2">
        <ListFilter label="Filter by name, alias, id or version" value={text} onChange={setText} />
        <div className="log-wrap">
          <Loading of={rooms} what="The list of rooms">
            {(all) =>
              all.length === 0 ? (
                <Empty icon="rooms" title="No rooms">
                  Sign in with a Matrix client and create or join one. Your server’s address is{' '}
                  <code>{client ?? 'shown in the overview'}</code>.
                </Empty>
              ) : (
                <Grid
                  label="Rooms"
                  columns={columns}
                  rows={shown}
                  keyOf={keyOf}
                  onOpen={({ roomId }) => go({ screen: 'room', roomId, tab: 'timeline' })}
                  initialSort={{ column: 'last', descending: true }}
                />
              )
            }
          </Loading>
        </div>
      </div>
    </Screen>
  );
}

/** Of a room that we are not in. */
const Unknown = () => <span className="faint">—</span>;

function Members({ room }: { readonly room: RoomSummary }) {
  return (
    <>
      <span className="faint">{count(room.localMembers)} / </span>
      {count(room.joinedMembers)}
    </>
  );
}

/** New events cite at most 20: beyond 10 it is more than a fork. */
const manyExtremities = 10;

function Extremities({ many }: { readonly many: number }) {
  return many > manyExtremities ? (
    <Status kind="warn">{count(many)}</Status>
  ) : (
    <span className="dim">{count(many)}</span>
  );
}

function Foot({ rooms }: { readonly rooms: readonly RoomSummary[] }) {
  const joining = rooms.filter(({ state }) => state === 'joining').length;
  const gaps = rooms.filter(({ state }) => state === 'gap').length;
  return (
    <>
      <span>{plural(rooms.length, 'room')}</span>
      {joining > 0 && <Status kind="info">{count(joining)} joining</Status>}
      {gaps > 0 && <Status kind="warn">{plural(gaps, 'gap')}</Status>}
    </>
  );
}

function narrow(rooms: readonly RoomSummary[], text: string): readonly RoomSummary[] {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return rooms;
  return rooms.filter((room) =>
    [room.name, room.canonicalAlias, room.roomId, `v${room.version}`].some((each) =>
      each?.toLowerCase().includes(wanted),
    ),
  );
}
