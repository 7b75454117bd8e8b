import { useCallback, useEffect, useRef, useState } from 'react';
import type { Calls, Events } from '../shared/bridge.ts';
import { useBridge } from './connection.tsx';

/** What `apply` returns where an event says that something changed, but not to what. */
export const askAgain = Symbol('ask again');

interface Live<K extends keyof Calls, E extends keyof Events> {
  readonly call: K;
  readonly args: Parameters<Calls[K]>;
  readonly event: E;
  /** What becomes of the answer when the event tells of a change. */
  readonly apply: (state: ReturnType<Calls[K]>, change: Events[E]) => ReturnType<Calls[K]> | typeof askAgain;
}

/** The answer to a call: the last one known, also while the connection is lost or after asking again failed. */
export interface Loaded<T> {
  readonly data: T | undefined;
  /** When the data was true. */
  readonly asOf: number | undefined;
  /** Why the last question was not answered. */
  readonly failure: string | undefined;
  retry(): void;
}

/** Between two questions of one kind, however often an event says "again": longer where the answer takes long. */
const pause = { least: 250, most: 5000, times: 4 };

/**
 * The answer to a call, kept up to date by an event. We listen before we ask: changes that arrive in between are applied
 * after the answer, so that none is lost. After a reconnect the question is asked again.
 */
export function useLive<K extends keyof Calls, E extends keyof Events>(live: Live<K, E>): Loaded<ReturnType<Calls[K]>> {
  type State = ReturnType<Calls[K]>;
  const bridge = useBridge();
  const { call, event } = live;
  const args = JSON.stringify(live.args); // equal arguments in a new array are no new question
  const question = `${call}${args}`;
  const [shown, setShown] = useState<{ question: string; data: State; asOf: number }>();
  const [failed, setFailed] = useState<{ question: string; why: string }>();
  const [attempt, setAttempt] = useState(0);
  const latest = useRef(live);
  latest.current = live;

  // biome-ignore lint/correctness/useExhaustiveDependencies: a new attempt is a new question
  useEffect(() => {
    if (bridge === undefined) return;
    let isCurrent = true;
    let answer: { readonly state: State } | undefined;
    let isAsking = false;
    let isStale = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let took = 0;
    const early: Events[E][] = [];

    const apply = (change: Events[E]) => {
      if (answer === undefined) return;
      const state = latest.current.apply(answer.state, change);
      if (state === askAgain) askSoon();
      else answer = { state };
    };
    const show = () => {
      if (answer !== undefined) setShown({ question, data: answer.state, asOf: Date.now() });
    };
    const ask = () => {
      const askedAt = performance.now();
      isAsking = true;
      isStale = false;
      bridge.call(call, ...(JSON.parse(args) as Parameters<Calls[K]>)).then(
        (state) => {
          isAsking = false;
          took = performance.now() - askedAt;
          if (!isCurrent) return;
          answer = { state };
          for (const change of early.splice(0)) apply(change);
          setFailed(undefined);
          show();
          if (isStale) askSoon();
        },
        (error: unknown) => {
          isAsking = false;
          if (isCurrent) setFailed({ question, why: error instanceof Error ? error.message : String(error) });
        },
      );
    };
    const askSoon = () => {
      if (isAsking) isStale = true;
      else
        timer ??= setTimeout(
          () => {
            timer = undefined;
            ask();
          },
          Math.min(pause.most, Math.max(pause.least, took * pause.times)),
        );
    };
    const stop = bridge.on(event, (change) => {
      if (isAsking) early.push(change);
      else {
        apply(change);
        show();
      }
    });
    const unwatch = bridge.onClose(() => {
      isCurrent = false; // the banner tells of this, and what is shown stays
    });
    ask();
    return () => {
      isCurrent = false;
      clearTimeout(timer);
      stop();
      unwatch();
    };
  }, [bridge, call, event, args, attempt]);

  const retry = useCallback(() => setAttempt((n) => n + 1), []);
  const known = shown?.question === question ? shown : undefined;
  return {
    data: known?.data,
    asOf: known?.asOf,
    failure: failed?.question === question ? failed.why : undefined,
    retry,
  };
}
