import { useCallback, useEffect, useRef, useState } from 'react';
import type { TimelineQuery } from '../shared/bridge.ts';
import type { TimelineRow } from '../shared/views.ts';
import { useBridge } from './connection.tsx';
import { appendPage, oldestPlace, refreshPages } from './timeline-pages.ts';
import type { Loaded } from './use-live.ts';

const pageSize = 100;
/** Between two looks at a room in which much happens. */
const pause = 300;

interface Timeline extends Loaded<readonly TimelineRow[]> {
  /** Whether older ones may be there. */
  readonly more: boolean;
  readonly isLoadingOlder: boolean;
  loadOlder(): void;
}

/** A room's timeline, newest first and live; older pages on demand. */
export function useTimeline(query: Omit<TimelineQuery, 'before' | 'limit'>): Timeline {
  const bridge = useBridge();
  const key = JSON.stringify(query);
  const [loaded, setLoaded] = useState<{ key: string; rows: readonly TimelineRow[]; more: boolean; asOf: number }>();
  const [failure, setFailure] = useState<{ key: string; why: string }>();
  const [attempt, setAttempt] = useState(0);
  const [isLoadingOlder, setLoadingOlder] = useState(false);
  const current = useRef(query);
  current.current = query;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is a new question
  useEffect(() => {
    if (bridge === undefined) return;
    let isCurrent = true;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let isAsking = false;
    let isStale = false;
    const ask = () => {
      timer = undefined;
      isAsking = true;
      isStale = false;
      bridge
        .call('room.timeline', { ...current.current, limit: pageSize })
        .then(
          (rows) => {
            if (!isCurrent) return;
            setFailure(undefined);
            const { order } = current.current;
            setLoaded((old) => {
              const known = old?.key === key ? old : undefined;
              const refreshed = refreshPages({ known: known?.rows ?? [], newest: rows, order });
              const hasOlder = known !== undefined && refreshed.length > rows.length;
              return { key, rows: refreshed, more: hasOlder ? known.more : rows.length === pageSize, asOf: Date.now() };
            });
          },
          (error: unknown) => {
            if (isCurrent) setFailure({ key, why: error instanceof Error ? error.message : String(error) });
          },
        )
        .finally(() => {
          isAsking = false;
          if (isCurrent && isStale) timer = setTimeout(ask, pause);
        });
    };
    const stop = bridge.on('rooms.changed', (rooms) => {
      if (!rooms.includes(current.current.roomId)) return;
      if (isAsking) isStale = true;
      else timer ??= setTimeout(ask, pause);
    });
    const unwatch = bridge.onClose(() => {
      isCurrent = false;
    });
    ask();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
      stop();
      unwatch();
    };
  }, [bridge, key, attempt]);

  const known = loaded?.key === key ? loaded : undefined;
  const loadOlder = useCallback(() => {
    const before = known && oldestPlace(known.rows, current.current.order);
    if (bridge === undefined || before === undefined || isLoadingOlder) return;
    setLoadingOlder(true);
    bridge
      .call('room.timeline', { ...current.current, before, limit: pageSize })
      .then(
        (rows) =>
          setLoaded((old) =>
            old?.key === key ? { ...old, rows: appendPage(old.rows, rows), more: rows.length === pageSize } : old,
          ),
        (error: unknown) => setFailure({ key, why: error instanceof Error ? error.message : String(error) }),
      )
      .finally(() => setLoadingOlder(false));
  }, [bridge, key, known, isLoadingOlder]);

  return {
    data: known?.rows,
    asOf: known?.asOf,
    failure: failure?.key === key ? failure.why : undefined,
    more: known?.more ?? false,
    isLoadingOlder,
    loadOlder,
    retry: useCallback(() => setAttempt((n) => n + 1), []),
  };
}
