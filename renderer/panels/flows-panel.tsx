import { useCallback, useEffect, useMemo, useState } from 'react';
import { type FlowSummary, flowState } from '../../shared/flow.ts';
import type { FlowId } from '../../shared/ids.ts';
import { useTime } from '../clock.ts';
import { Announcer } from '../components/announcer.tsx';
import { Choice } from '../components/choice.tsx';
import { Empty } from '../components/empty.tsx';
import { FilterBar } from '../components/filter-bar.tsx';
import { Grid } from '../components/grid.tsx';
import { Icon } from '../components/icon.tsx';
import { Loading } from '../components/loading.tsx';
import { Screen } from '../components/screen.tsx';
import { type Axis, AxisContext } from '../components/waterfall.tsx';
import { useConnection } from '../connection.tsx';
import { parseFilter, quickViews } from '../flow-filter.ts';
import type { FlowList } from '../flow-list.ts';
import { count } from '../format.ts';
import { useKnown } from '../known.tsx';
import { type FlowTab, go } from '../route.ts';
import { useShortcuts } from '../shortcuts.ts';
import { useFlows } from '../use-flows.ts';
import { flowColumns } from './flow/columns.tsx';
import { FlowPane } from './flow/flow-pane.tsx';
import { FlowsFoot } from './flow/flows-foot.tsx';

interface FlowsPanelProps {
  readonly open: FlowId | undefined;
  readonly tab: FlowTab;
  readonly filter: string;
}

const keyOf = ({ id }: FlowSummary) => id;
const keys = [
  ['j k', 'move'],
  ['↵', 'open'],
  ['/', 'filter'],
  ['p', 'pause'],
] as const;

/** The federation log: every request and its reply, newest first, live; and one of them opened. */
export function FlowsPanel({ open, tab, filter: text }: FlowsPanelProps) {
  const roomCalled = useRoomCalled();
  // biome-ignore lint/correctness/useExhaustiveDependencies: "since:1h" is an hour before it was asked for
  const now = useMemo(() => Date.now(), [text]);
  const { chips, filter } = useMemo(() => parseFilter(text, { now, roomCalled }), [text, now, roomCalled]);
  const query = useSame(filter);
  const [isPaused, setPaused] = useState(false);
  const [isAway, setAway] = useState(false);
  const [toTop, setToTop] = useState(0);
  const flows = useFlows(query, isPaused || isAway);
  const { release } = flows;
  useEffect(() => {
    if (!isPaused && !isAway) release();
  }, [isPaused, isAway, release]);

  const show = (id: FlowId | undefined, how: 'push' | 'replace') =>
    go({ screen: 'log', flowId: id, tab, filter: text }, how);
  const narrow = (next: string) => go({ screen: 'log', flowId: undefined, tab, filter: next });
  const close = () => {
    if (document.activeElement?.closest('.pane')) document.querySelector<HTMLElement>('[role=grid]')?.focus();
    show(undefined, 'push');
  };
  useShortcuts({ p: () => setPaused((was) => !was), ...(open !== undefined && { Escape: close }) });

  const view = quickViews.find((each) => each.filter === text)?.value;
  const actions = (
    <>
      <Choice
        label="Views"
        className="p2"
        options={quickViews}
        value={view}
        onChoose={(chosen) => narrow(quickViews.find(({ value }) => value === chosen)?.filter ?? '')}
      />
      <button type="button" className="btn" onClick={() => setPaused(!isPaused)}>
        <Icon name={isPaused ? 'play' : 'pause'} />
        {isPaused ? 'Resume' : 'Pause'}
      </button>
    </>
  );
  return (
    <Screen
      title="Federation log"
      aside={<Liveness isPaused={isPaused} />}
      actions={actions}
      foot={flows.data && <FlowsFoot list={flows.data} />}
      keys={keys}
      flush
    >
      <div className="frame-2">
        <FilterBar chips={chips} text={filter.text ?? ''} flows={flows.data?.shown} onChange={narrow} />
        <div className={`split ${open === undefined ? '' : 'is-open'}`}>
          <div className="log-wrap">
            <Loading of={flows} what="The log">
              {(list) =>
                list.shown.length === 0 && list.held.length === 0 ? (
                  <Nothing isNarrowed={text !== ''} onClear={() => narrow('')} />
                ) : (
                  <>
                    <FlowGrid
                      list={list}
                      open={open}
                      onMove={({ id }) => open !== undefined && show(id, 'replace')}
                      onOpen={({ id }) => show(id, open === undefined ? 'push' : 'replace')}
                      toTop={toTop}
                      onScrolled={setAway}
                      onEnd={flows.loadOlder}
                    />
                    {list.held.length > 0 && (
                      <NewPill
                        many={list.held.length}
                        onPress={() => {
                          release();
                          setToTop(toTop + 1);
                        }}
                      />
                    )}
                    <Announcer list={list} />
                  </>
                )
              }
            </Loading>
          </div>
          {open !== undefined && (
            <FlowPane
              id={open}
              tab={tab}
              summary={flows.data?.shown.find(({ id }) => id === open)}
              onTab={(next) => go({ screen: 'log', flowId: open, tab: next, filter: text }, 'replace')}
              onClose={close}
            />
          )}
        </div>
      </div>
    </Screen>
  );
}

interface FlowGridProps {
  readonly list: FlowList;
  readonly open: FlowId | undefined;
  readonly toTop: number;
  readonly onMove: (flow: FlowSummary) => void;
  readonly onOpen: (flow: FlowSummary) => void;
  readonly onScrolled: (isAway: boolean) => void;
  readonly onEnd: () => void;
}

/** The rows, and the axis that those in view share. */
function FlowGrid({ list, open, ...grid }: FlowGridProps) {
  const [[first, last], setRange] = useState<readonly [number, number]>([0, 0]);
  const onRange = useCallback((from: number, to: number) => setRange([from, to]), []);
  const inView = useMemo(() => list.shown.slice(first, last + 1), [list.shown, first, last]);
  const hasOpen = inView.some((flow) => flowState(flow) === 'pending');
  const now = useTime((time) => (hasOpen ? time : 0)); // open requests grow, and the axis with them
  const axis = useMemo(() => axisOf(inView, now), [inView, now]);
  return (
    <AxisContext value={axis}>
      <Grid
        label="Federation requests"
        className="dense log"
        rowHeight={1.625}
        columns={flowColumns}
        rows={list.shown}
        keyOf={keyOf}
        activeKey={open}
        onRange={onRange}
        {...grid}
      />
    </AxisContext>
  );
}

/** From the first request in view to the last end. */
function axisOf(flows: readonly FlowSummary[], now: number): Axis {
  if (flows.length === 0) return { start: 0, end: 1 };
  const start = Math.min(...flows.map(({ startedAt }) => startedAt));
  const end = Math.max(...flows.map(({ startedAt, tookMs }) => startedAt + (tookMs ?? 0)));
  return { start, end: Math.max(end, now, start + 1) };
}

function Liveness({ isPaused }: { readonly isPaused: boolean }) {
  const { state } = useConnection();
  const isLive = state === 'open' && !isPaused;
  return (
    <span className="row gap-2 small dim">
      <span className={`dot ${isLive ? 'is-live' : ''}`} />
      {state !== 'open' ? 'Not connected' : isPaused ? 'Paused' : 'Live'}
    </span>
  );
}

function NewPill({ many, onPress }: { readonly many: number; readonly onPress: () => void }) {
  return (
    <button type="button" className="pill-new" onClick={onPress}>
      <Icon name="up" small />
      {count(many)} new
    </button>
  );
}

function Nothing({ isNarrowed, onClear }: { readonly isNarrowed: boolean; readonly onClear: () => void }) {
  if (!isNarrowed) {
    return (
      <Empty icon="log" title="Nothing recorded">
        Recording is on. Federation starts when you share a room with another server.
      </Empty>
    );
  }
  return (
    <Empty icon="search" title="No match">
      No recorded request is like that.{' '}
      <button type="button" className="btn" onClick={onClear}>
        Clear the filter
      </button>
    </Empty>
  );
}

/** Finds a room by its name or alias, or by the start of one. */
function useRoomCalled(): (name: string) => string | undefined {
  const { rooms } = useKnown();
  return useMemo(() => {
    const all = rooms.data ?? [];
    return (name) => {
      const wanted = name.toLowerCase();
      const names = (room: (typeof all)[number]) => [room.name, room.canonicalAlias].map((each) => each?.toLowerCase());
      const exact = all.find((room) => names(room).includes(wanted));
      return (exact ?? all.find((room) => names(room).some((each) => each?.startsWith(wanted))))?.roomId;
    };
  }, [rooms.data]);
}

/** The first of equal values: what is asked again only when it differs. */
function useSame<T>(value: T): T {
  const [kept, setKept] = useState(value);
  if (JSON.stringify(kept) === JSON.stringify(value)) return kept;
  setKept(value);
  return value;
}
