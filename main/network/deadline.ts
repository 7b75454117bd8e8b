import type { Clock } from '../platform.ts';

/** It took longer than it was given. */
export class DeadlinePassed extends Error {
  override readonly name = 'DeadlinePassed';
}

/**
 * `work` under a signal that aborts after `ms`, or together with one of `outer`. Rejects at that moment, whether or not `work`
 * looks at its signal: DNS does not.
 *
 * @throws DeadlinePassed, or the reason of an outer signal
 */
export async function withDeadline<T>(
  clock: Clock,
  { ms, outer = [] }: { readonly ms: number; readonly outer?: readonly AbortSignal[] },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ends = new AbortController();
  const over = new AbortController();
  const endWithOuter = () => ends.abort(outer.find(({ aborted }) => aborted)?.reason);
  for (const signal of outer) {
    if (signal.aborted) endWithOuter();
    else signal.addEventListener('abort', endWithOuter, { once: true });
  }
  void clock.sleep(ms, over.signal).then(
    () => ends.abort(new DeadlinePassed(`no answer within ${ms / 1000} seconds`)),
    () => undefined, // the work was done before
  );
  try {
    return await untilAborted(ends.signal, work(ends.signal));
  } finally {
    over.abort();
    for (const signal of outer) signal.removeEventListener('abort', endWithOuter);
  }
}

/** What `promise` becomes, unless `signal` aborts before. */
export function untilAborted<T>(signal: AbortSignal, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
