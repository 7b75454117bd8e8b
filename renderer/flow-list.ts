import type { FlowPage } from '../shared/bridge.ts';
import type { FlowSummary } from '../shared/flow.ts';
import type { FlowId } from '../shared/ids.ts';

/** The log as it is shown: newest first. What arrives while its reader looks elsewhere waits in `held`. */
export interface FlowList {
  readonly shown: readonly FlowSummary[];
  readonly held: readonly FlowSummary[];
  readonly more: boolean; // there are older ones
  readonly total: number; // all that are recorded
  readonly newest: FlowId | undefined; // the newest heard of, shown or not
}

/** Rows beyond these leave at the end while one watches the start; they can be asked for again. */
const mostShown = 5_000;

export function fromPage({ flows, more, total }: FlowPage): FlowList {
  return { shown: flows, held: [], more, total, newest: flows[0]?.id };
}

interface Change {
  readonly flows: readonly FlowSummary[];
  readonly matches: (flow: FlowSummary) => boolean;
  /** Whether new rows wait: the list is paused, or its reader has scrolled away. */
  readonly hold: boolean;
}

/** Flows are changed where they stand, or leave when they match no longer; new ones go to their place, or wait. */
export function applyChange(list: FlowList, { flows, matches, hold }: Change): FlowList {
  const changed = new Map(flows.map((flow) => [flow.id, flow]));
  const shown = update(list.shown, changed, matches);
  const held = update(list.held, changed, matches);
  const others = [...changed.values()];
  const oldest = list.shown.at(-1)?.id;
  const isInReach = ({ id }: FlowSummary) => !list.more || oldest === undefined || isNewer(id, oldest);
  const fresh = others.filter((flow) => matches(flow) && isInReach(flow));
  const isUnheardOf = ({ id }: FlowSummary) => list.newest === undefined || isNewer(id, list.newest);
  const unheardOf = others.filter(isUnheardOf);
  const next = {
    more: list.more,
    total: list.total + unheardOf.length,
    newest: unheardOf.reduce(
      (newest, { id }) => (newest === undefined || isNewer(id, newest) ? id : newest),
      list.newest,
    ),
  };
  if (hold) return { ...next, shown, held: merge(fresh, held).slice(0, mostShown) };
  const all = merge(merge(fresh, held), shown);
  if (all.length <= mostShown) return { ...next, shown: all, held: [] };
  return { ...next, shown: all.slice(0, mostShown), held: [], more: true };
}

/** Shows what waited. */
export function release(list: FlowList): FlowList {
  if (list.held.length === 0) return list;
  const all = merge(list.held, list.shown);
  return { ...list, shown: all.slice(0, mostShown), held: [], more: list.more || all.length > mostShown };
}

/** The next page goes to the end. */
export function append(list: FlowList, { flows, more, total }: FlowPage): FlowList {
  const oldest = list.shown.at(-1)?.id;
  const older = oldest === undefined ? flows : flows.filter(({ id }) => isNewer(oldest, id));
  return { ...list, shown: [...list.shown, ...older], more, total: Math.max(total, list.total) };
}

/** Takes from `changed` what stands in `flows`. The same array where nothing did. */
function update(
  flows: readonly FlowSummary[],
  changed: Map<FlowId, FlowSummary>,
  matches: (flow: FlowSummary) => boolean,
): readonly FlowSummary[] {
  if (!flows.some(({ id }) => changed.has(id))) return flows;
  const next = flows.map((flow) => {
    const change = changed.get(flow.id);
    changed.delete(flow.id);
    return change === undefined ? flow : later(flow, change);
  });
  return next.filter(matches);
}

/** A batch may have been gathered before the answer that it follows: what is closed never opens again. */
function later(old: FlowSummary, next: FlowSummary): FlowSummary {
  return old.tookMs !== undefined && next.tookMs === undefined ? old : next;
}

/** Newest first. As a rule all of `fresh` are newer than `old`, and nothing is sorted. */
function merge(fresh: readonly FlowSummary[], old: readonly FlowSummary[]): readonly FlowSummary[] {
  if (fresh.length === 0) return old;
  const sorted = [...fresh].sort((a, b) => (isNewer(a.id, b.id) ? -1 : 1));
  const [last, first] = [sorted.at(-1), old[0]];
  const all = [...sorted, ...old];
  if (last === undefined || first === undefined || isNewer(last.id, first.id)) return all;
  return all.sort((a, b) => (isNewer(a.id, b.id) ? -1 : 1));
}

/** Ids are decimal numbers that grow. */
function isNewer(a: FlowId, b: FlowId): boolean {
  return a.length === b.length ? a > b : a.length > b.length;
}
