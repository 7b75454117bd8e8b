import { AsyncLocalStorage } from 'node:async_hooks';
import type { FlowId } from '../../shared/ids.ts';
import type { Inspector } from './inspector.ts';
import type { ObservedFlow, Place } from './open-flow.ts';

interface Context {
  readonly flow: ObservedFlow | undefined;
  readonly trace: { id: string | undefined }; // none until its first flow is opened
}

/** What is opened so long after its parent was closed was hardly caused by it: somebody forgot to step `apart`. */
const longestAfterwardsMs = 600_000;

export interface TraceContext extends Pick<Inspector, 'within' | 'trace' | 'apart'> {
  current(): ObservedFlow | undefined;
  /** The place of a flow that is opened here and now. */
  place(id: FlowId): Place;
}

/** Follows the work that is done in the name of a flow through everything it awaits. */
export function traceContext(now: () => number): TraceContext {
  const contexts = new AsyncLocalStorage<Context | undefined>();
  const context = () => {
    const found = contexts.getStore();
    const closedAt = found?.flow?.closedAt;
    return closedAt === undefined || now() - closedAt < longestAfterwardsMs ? found : undefined;
  };
  return {
    within: (flow, work) => contexts.run({ flow: flow as ObservedFlow, trace: { id: flow.traceId } }, work),
    trace: (work) =>
      context() === undefined ? contexts.run({ flow: undefined, trace: { id: undefined } }, work) : work(),
    apart: (work) => contexts.run(undefined, work),
    current: () => context()?.flow,
    place(id) {
      const found = context();
      if (found !== undefined) found.trace.id ??= id;
      return { id, traceId: found?.trace.id ?? id, parent: found?.flow };
    },
  };
}
