import { useState } from 'react';
import type { RoomId } from '../../../shared/ids.ts';
import type { TimelineRow } from '../../../shared/views.ts';
import { Choice } from '../../components/choice.tsx';
import { Empty } from '../../components/empty.tsx';
import { Grid } from '../../components/grid.tsx';
import { Loading } from '../../components/loading.tsx';
import { count } from '../../format.ts';
import { go } from '../../route.ts';
import { useTimeline } from '../../use-timeline.ts';
import { isOff, timelineColumns } from './timeline-columns.tsx';

const keyOf = ({ eventId }: TimelineRow) => eventId;
const onOpen = ({ eventId }: TimelineRow) => go({ screen: 'event', eventId });
/** Rows that say why they were refused have a second line. */
const heightOf = (row: TimelineRow) => (isOff(row) ? 2.875 : 2);
const classOf = (row: TimelineRow) => (isOff(row) ? 'is-off' : '');

interface TimelineTabProps {
  readonly roomId: RoomId;
  /** Whether we are not in it yet. */
  readonly isOutside: boolean;
}

/** All events of a room, also those that no client shows, each with what became of it and why. */
export function TimelineTab({ roomId, isOutside }: TimelineTabProps) {
  const [order, setOrder] = useState<'stream' | 'topological'>('stream');
  const [refused, setRefused] = useState(true);
  const [outliers, setOutliers] = useState(false);
  const timeline = useTimeline({ roomId, order, refused, outliers });
  return (
    <>
      <div className="toolbar">
        <Choice
          label="Order"
          value={order}
          onChoose={setOrder}
          options={[
            { value: 'stream', title: 'As received' },
            { value: 'topological', title: 'By depth' },
          ]}
        />
        <Toggle label="Refused" isOn={refused} onToggle={setRefused} />
        <Toggle label="Outliers" isOn={outliers} onToggle={setOutliers} />
        <span className="grow" />
        {timeline.data !== undefined && <span className="dim small">{count(timeline.data.length)} events shown</span>}
        <button
          type="button"
          className="btn btn-quiet"
          disabled={!timeline.more || timeline.isLoadingOlder}
          onClick={timeline.loadOlder}
        >
          {timeline.more ? 'Load older' : 'All are shown'}
        </button>
      </div>
      <div className="log-wrap">
        <Loading of={timeline} what="The timeline">
          {(rows) =>
            rows.length === 0 ? (
              <Empty icon="rooms" title="No events">
                {isOutside
                  ? 'This server is not in the room: its events come when the invitation is accepted.'
                  : 'Nothing in this room is of the kind that is chosen above.'}
              </Empty>
            ) : (
              <Grid
                label="Timeline"
                className="timeline"
                columns={timelineColumns[order]}
                rows={rows}
                keyOf={keyOf}
                onOpen={onOpen}
                rowHeight={heightOf}
                rowClass={classOf}
                onEnd={timeline.more ? timeline.loadOlder : undefined}
              />
            )
          }
        </Loading>
      </div>
    </>
  );
}

interface ToggleProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onToggle: (isOn: boolean) => void;
}

function Toggle({ label, isOn, onToggle }: ToggleProps) {
  return (
    <label className="check">
      <input type="checkbox" checked={isOn} onChange={({ target }) => onToggle(target.checked)} />
      {label}
    </label>
  );
}
