import type { RoomId } from '../../shared/ids.ts';
import type { RoomDetail } from '../../shared/views.ts';
import { Empty } from '../components/empty.tsx';
import { Id } from '../components/id.tsx';
import { Failed } from '../components/loading.tsx';
import { RoomState } from '../components/room-state.tsx';
import { Screen } from '../components/screen.tsx';
import { Status } from '../components/status.tsx';
import { Tabs } from '../components/tabs.tsx';
import { When } from '../components/when.tsx';
import { count, plural } from '../format.ts';
import { go, type RoomTab } from '../route.ts';
import { useShortcuts } from '../shortcuts.ts';
import { askAgain, useLive } from '../use-live.ts';
import { MembersTab } from './room/members-tab.tsx';
import { StateTab } from './room/state-tab.tsx';
import { TimelineTab } from './room/timeline-tab.tsx';

interface RoomPanelProps {
  readonly roomId: RoomId;
  readonly tab: RoomTab;
}

/** One room: its facts, its timeline with what became of each event, its state, its members. */
export function RoomPanel({ roomId, tab }: RoomPanelProps) {
  const room = useLive({
    call: 'room.get',
    args: [roomId],
    event: 'rooms.changed',
    apply: (state, changed) => (changed.includes(roomId) ? askAgain : state),
  });
  useShortcuts({ Escape: () => go({ screen: 'rooms' }) });
  const { data } = room;
  const name = data?.name ?? data?.canonicalAlias ?? roomId;
  return (
    <Screen
      title={name}
      crumbs={[['Rooms', '#/rooms']]}
      aside={data && <Aside room={data} />}
      foot={data && <Foot room={data} />}
      keys={[
        ['j k', 'move'],
        ['↵', 'inspect'],
        ['Esc', 'back'],
      ]}
      flush
    >
      {data === null ? (
        <Empty icon="rooms" title="Not one of this server’s rooms">
          <code className="anywhere">{roomId}</code> is not known here. <a href="#/rooms">All rooms</a>
        </Empty>
      ) : (
        <div className="room-frame">
          <div>
            {room.failure !== undefined && <Failed of={room} what="The room" />}
            <div className="toolbar is-open small dim">{data && <Facts room={data} />}</div>
          </div>
          <Tabs
            label="Parts of the room"
            current={tab}
            onChoose={(next) => go({ screen: 'room', roomId, tab: next }, 'replace')}
            panelClass="flush as-grid"
            tabs={[
              { id: 'timeline', title: 'Timeline' },
              { id: 'state', title: 'State' },
              {
                id: 'members',
                title: (
                  <>
                    Members and servers{' '}
                    {data?.pending === undefined && data && <span className="n">{count(data.joinedMembers)}</span>}
                  </>
                ),
              },
            ]}
          >
            {tab === 'timeline' && <TimelineTab roomId={roomId} isOutside={data?.pending !== undefined} />}
            {tab === 'state' && <StateTab roomId={roomId} />}
            {tab === 'members' && <MembersTab roomId={roomId} />}
          </Tabs>
        </div>
      )}
    </Screen>
  );
}

function Aside({ room }: { readonly room: RoomDetail }) {
  return (
    <>
      <span className="tag" title="Room version">
        v{room.version}
      </span>
      {room.pending === undefined && <span className="tag p2">{room.encrypted ? 'encrypted' : 'not encrypted'}</span>}
      {(room.state !== 'ok' || room.membership !== 'join') && <RoomState room={room} />}
    </>
  );
}

function Facts({ room }: { readonly room: RoomDetail }) {
  return (
    <>
      <Id value={room.roomId} head={13} tail={6} shown />
      {room.canonicalAlias !== undefined && <code>{room.canonicalAlias}</code>}
      {room.pending === undefined ? (
        <>
          <span>
            {plural(room.joinedMembers, 'member')} on {plural(room.servers, 'server')}
          </span>
          <span className="p2">{room.joinRule}</span>
          <span className="p2">history: {room.historyVisibility}</span>
        </>
      ) : (
        <span>
          {room.membership === 'invite' ? 'invited by' : 'knocking as'} {room.pending.by},{' '}
          <When ts={room.pending.since} />
        </span>
      )}
      <span className="clip grow" title={room.topic}>
        {room.topic}
      </span>
      {room.refused > 0 && <Status kind="bad">{plural(room.refused, 'refused event')}</Status>}
    </>
  );
}

function Foot({ room }: { readonly room: RoomDetail }) {
  if (room.pending !== undefined) return null;
  return (
    <>
      <span>{plural(room.forwardExtremities, 'forward extremity', 'forward extremities')}</span>
      {room.backwardExtremities > 0 && (
        <span>{plural(room.backwardExtremities, 'backward extremity', 'backward extremities')}</span>
      )}
      {room.createdTs !== undefined && (
        <span className="p2">
          created <When ts={room.createdTs} />
          {room.creators.length > 0 && ` by ${room.creators.join(', ')}`}
        </span>
      )}
    </>
  );
}
