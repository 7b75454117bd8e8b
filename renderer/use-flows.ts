import { useCallback, useEffect, useRef, useState } from 'react';
import { useBridge } from './connection.tsx';
import { type FlowFilter, matches } from './flow-filter.ts';
import { append, applyChange, type FlowList, fromPage, release } from './flow-list.ts';
import type { Loaded } from './use-live.ts';

const pageSize = 200;

interface Flows extends Loaded<FlowList> {
  /** Shows the rows that waited. */
  release(): void;
  /** Asks for older ones, unless it is being asked already. */
  loadOlder(): void;
}

/** The federation log, narrowed by `filter`, live. While `hold`, new rows wait. */
export function useFlows(filter: FlowFilter, hold: boolean): Flows {
  const bridge = useBridge();
  const [loaded, setLoaded] = useState<{ filter: FlowFilter; list: FlowList; asOf: number }>();
  const [failure, setFailure] = useState<string>();
  const [attempt, setAttempt] = useState(0);
  const isHeld = useRef(hold);
  isHeld.current = hold;
  const isAskingOlder = useRef(false);

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is a new question
  useEffect(() => {
    if (bridge === undefined) return;
    let isCurrent = true;
    let known: FlowList | undefined;
    const early: Parameters<typeof applyChange>[1]['flows'][] = [];
    const apply = (list: FlowList, flows: (typeof early)[number]) =>
      applyChange(list, { flows, matches: (flow) => matches(flow, filter), hold: isHeld.current });
    const stop = bridge.on('flows.changed', (flows) => {
      if (known === undefined) early.push(flows);
      else setLoaded((old) => (old === undefined ? old : { ...old, list: apply(old.list, flows), asOf: Date.now() }));
    });
    const unwatch = bridge.onClose(() => {
      isCurrent = false;
    });
    bridge.call('flows.list', { ...filter, limit: pageSize }).then(
      (page) => {
        if (!isCurrent) return;
        known = early.splice(0).reduce(apply, fromPage(page));
        setLoaded({ filter, list: known, asOf: Date.now() });
        setFailure(undefined);
      },
      (error: unknown) => isCurrent && setFailure(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isCurrent = false;
      stop();
      unwatch();
    };
  }, [bridge, filter, attempt]);

  const oldest = loaded?.list.shown.at(-1)?.id;
  const more = loaded?.list.more ?? false;
  const loadOlder = useCallback(() => {
    if (bridge === undefined || oldest === undefined || !more || isAskingOlder.current) return;
    isAskingOlder.current = true;
    bridge
      .call('flows.list', { ...filter, before: oldest, limit: pageSize })
      .then(
        (page) => setLoaded((old) => (old?.filter === filter ? { ...old, list: append(old.list, page) } : old)),
        (error: unknown) => setFailure(error instanceof Error ? error.message : String(error)),
      )
      .finally(() => {
        isAskingOlder.current = false;
      });
  }, [bridge, filter, oldest, more]);

  const show = useCallback(
    () => setLoaded((old) => (old === undefined ? old : { ...old, list: release(old.list) })),
    [],
  );
  const retry = useCallback(() => setAttempt((n) => n + 1), []);
  const isOfFilter = loaded?.filter === filter;
  return { data: isOfFilter ? loaded.list : undefined, asOf: loaded?.asOf, failure, retry, release: show, loadOlder };
}
