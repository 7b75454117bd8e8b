import { useMemo, useState } from 'react';
import type { RoomId } from '../../../shared/ids.ts';
import type { StateRow } from '../../../shared/views.ts';
import type { Column } from '../../components/column.ts';
import { Grid } from '../../components/grid.tsx';
import { Cut } from '../../components/id.tsx';
import { ListFilter } from '../../components/list-filter.tsx';
import { Loading } from '../../components/loading.tsx';
import { When } from '../../components/when.tsx';
import { eventHref, go } from '../../route.ts';
import { askAgain, useLive } from '../../use-live.ts';

const columns: readonly Column<StateRow>[] = [
  {
    id: 'type',
    title: 'Type',
    className: 'w-12',
    look: 'mono',
    cell: ({ type }) => type,
    sortBy: ({ type }) => type,
    hint: ({ type }) => type,
  },
  {
    id: 'key',
    title: 'State key',
    className: 'w-12',
    look: 'mono dim',
    cell: ({ stateKey }) => (stateKey === '' ? <span className="faint">empty</span> : stateKey),
    sortBy: ({ stateKey }) => stateKey,
    hint: ({ stateKey }) => stateKey,
  },
  {
    id: 'content',
    title: 'Content',
    look: 'mono dim',
    cell: ({ content }) => content.slice(0, 400),
    hint: ({ content }) => content.slice(0, 2000),
  },
  {
    id: 'sender',
    title: 'Set by',
    className: 'w-10 p2',
    cell: ({ sender }) => sender,
    sortBy: ({ sender }) => sender,
    hint: ({ sender }) => sender,
  },
  {
    id: 'since',
    title: 'Since',
    className: 'w-8',
    look: 'dim',
    cell: ({ originServerTs }) => <When ts={originServerTs} />,
    sortBy: ({ originServerTs }) => originServerTs,
  },
  {
    id: 'event',
    title: 'Event',
    className: 'w-9 p4',
    look: 'mono',
    cell: ({ eventId }) => (
      <a href={eventHref(eventId)} tabIndex={-1}>
        <Cut text={eventId} head={8} tail={4} />
      </a>
    ),
    hint: ({ eventId }) => eventId,
  },
];

const keyOf = ({ type, stateKey }: StateRow) => `${type} ${stateKey}`;

/** The room as it is now: each piece of its state, and the event that set it. */
export function StateTab({ roomId }: { readonly roomId: RoomId }) {
  const state = useLive({
    call: 'room.state',
    args: [roomId],
    event: 'rooms.changed',
    apply: (old, changed) => (changed.includes(roomId) ? askAgain : old),
  });
  const [text, setText] = useState('');
  const shown = useMemo(() => {
    const wanted = text.trim().toLowerCase();
    return (state.data ?? []).filter((row) => `${keyOf(row)} ${row.sender}`.toLowerCase().includes(wanted));
  }, [state.data, text]);
  return (
    <>
      <ListFilter label="Filter by type, state key or sender" value={text} onChange={setText} />
      <div className="log-wrap">
        <Loading of={state} what="The state">
          {() => (
            <Grid
              label="State"
              columns={columns}
              rows={shown}
              keyOf={keyOf}
              onOpen={({ eventId }) => go({ screen: 'event', eventId })}
              initialSort={{ column: 'type', descending: false }}
            />
          )}
        </Loading>
      </div>
    </>
  );
}
