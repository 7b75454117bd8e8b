import { useMemo, useState } from 'react';
import type { RoomId } from '../../../shared/ids.ts';
import type { MemberRow, RoomServerRow } from '../../../shared/views.ts';
import type { Column } from '../../components/column.ts';
import { Grid } from '../../components/grid.tsx';
import { ListFilter } from '../../components/list-filter.tsx';
import { Loading } from '../../components/loading.tsx';
import { PeerStatusWord } from '../../components/peer-status.tsx';
import { count } from '../../format.ts';
import { peerLooks } from '../../looks.ts';
import { go, peerHref } from '../../route.ts';
import { askAgain, useLive } from '../../use-live.ts';

const powerOf = ({ powerLevel }: MemberRow) => (powerLevel === 'creator' ? Number.POSITIVE_INFINITY : powerLevel);

const memberColumns: readonly Column<MemberRow>[] = [
  {
    id: 'user',
    title: 'Member',
    look: 'mono',
    cell: ({ userId }) => userId,
    sortBy: ({ userId }) => userId,
    hint: ({ userId }) => userId,
  },
  {
    id: 'name',
    title: 'Name',
    className: 'w-10 p2',
    cell: ({ displayName }) => displayName,
    sortBy: ({ displayName }) => displayName?.toLowerCase(),
    hint: ({ displayName }) => displayName,
  },
  {
    id: 'membership',
    title: 'Membership',
    className: 'w-7',
    look: 'dim',
    cell: ({ membership }) => membership,
    sortBy: ({ membership }) => membership,
  },
  { id: 'power', title: 'Power', className: 'w-6 num', cell: ({ powerLevel }) => powerLevel, sortBy: powerOf },
];

const statusOrder = [...Object.keys(peerLooks), 'own'];
const serverColumns: readonly Column<RoomServerRow>[] = [
  {
    id: 'server',
    title: 'Server',
    cell: ({ server, status }) =>
      status === 'own' ? (
        server
      ) : (
        <a href={peerHref(server)} tabIndex={-1}>
          {server}
        </a>
      ),
    sortBy: ({ server }) => server,
    hint: ({ server }) => server,
  },
  {
    id: 'members',
    title: 'Members',
    className: 'w-7 num',
    cell: ({ joinedMembers }) => count(joinedMembers),
    sortBy: ({ joinedMembers }) => joinedMembers,
  },
  {
    id: 'status',
    title: 'Status',
    className: 'w-9',
    cell: ({ status }) =>
      status === 'own' ? <span className="dim">this server</span> : <PeerStatusWord status={status} />,
    sortBy: ({ status }) => statusOrder.indexOf(status),
  },
];

const userOf = ({ userId }: MemberRow) => userId;
const serverOf = ({ server }: RoomServerRow) => server;

/** Who is in the room, with which power, and which servers that makes. */
export function MembersTab({ roomId }: { readonly roomId: RoomId }) {
  const members = useLive({
    call: 'room.members',
    args: [roomId],
    event: 'rooms.changed',
    apply: (state, changed) => (changed.includes(roomId) ? askAgain : state),
  });
  const [text, setText] = useState('');
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    const words = ({ userId, displayName, membership }: MemberRow) => `${userId} ${displayName ?? ''} ${membership}`;
    return (members.data?.members ?? []).filter((member) => words(member).toLowerCase().includes(wanted));
  }, [members.data, text]);
  return (
    <>
      <ListFilter label="Filter members by id, name or membership" value={text} onChange={setText} />
      <Loading of={members} what="The members">
        {({ servers }) => (
          <div className="members">
            <Grid
              label="Members"
              columns={memberColumns}
              rows={shown}
              keyOf={userOf}
              initialSort={{ column: 'power', descending: true }}
            />
            <Grid
              label="Servers in the room"
              columns={serverColumns}
              rows={servers}
              keyOf={serverOf}
              onOpen={({ server, status }) => status !== 'own' && go({ screen: 'peer', server })}
              initialSort={{ column: 'members', descending: true }}
              hasKeys={false}
            />
          </div>
        )}
      </Loading>
    </>
  );
}
