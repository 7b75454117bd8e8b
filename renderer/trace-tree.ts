import type { FlowSummary } from '../shared/flow.ts';
import type { FlowId } from '../shared/ids.ts';

export interface Branch {
  readonly flow: FlowSummary;
  readonly depth: number;
}

/** Flows of one trace, each after the one that caused it, in the order in which they began. Each appears once. */
export function inTree(flows: readonly FlowSummary[]): readonly Branch[] {
  const ids = new Set(flows.map(({ id }) => id));
  const byParent = new Map<FlowId | undefined, FlowSummary[]>();
  for (const flow of [...flows].sort((a, b) => a.startedAt - b.startedAt)) {
    const parent = flow.parentId !== undefined && ids.has(flow.parentId) ? flow.parentId : undefined;
    byParent.set(parent, [...(byParent.get(parent) ?? []), flow]);
  }
  const branches: Branch[] = [];
  const walk = (parent: FlowId | undefined, depth: number) => {
    const children = byParent.get(parent) ?? [];
    byParent.delete(parent); // a flow that were its own ancestor ends here
    for (const flow of children) {
      branches.push({ flow, depth });
      walk(flow.id, depth + 1);
    }
  };
  walk(undefined, 0);
  return branches;
}
