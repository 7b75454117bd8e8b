import type { Db } from '../db/db.ts';
import { lruCache } from '../db/lru-cache.ts';
import type { AuthNode } from '../protocol/auth-chain.ts';
import type { Tables } from './tables.ts';

/** An event in the graph of auth events, by numbers. */
export interface AuthGraphNode extends AuthNode<number> {
  readonly stateKey: number | undefined;
}

/** Walks over auth events, which visit many and need little of each. */
export interface AuthGraph {
  node(id: number): AuthGraphNode | undefined;
  /** What can be reached from these, themselves left out. The walk yields to the loop, and is never cut short. */
  chain(ids: readonly number[]): Promise<ReadonlySet<number>>;
}

const stepsWithoutPause = 500;

export function createAuthGraph(db: Db, { events }: Tables): AuthGraph {
  const cache = lruCache<number, AuthGraphNode>({ maxWeight: 100_000 });
  db.onRollback(() => cache.clear());
  const node = (id: number): AuthGraphNode | undefined => {
    const cached = cache.get(id);
    if (cached !== undefined) return cached;
    const row = events.summary(id);
    if (row === undefined) return undefined;
    const authEvents = JSON.parse(row.authEvents) as number[];
    const read = { generation: row.authGeneration, authEvents, stateKey: row.stateKey ?? undefined };
    if (read.generation > 0) cache.set(id, read); // else it is yet to find its place
    return read;
  };
  return {
    node,
    async chain(ids) {
      const reached = new Set<number>();
      const pending = [...ids];
      for (let steps = 1; ; steps++) {
        const id = pending.pop();
        if (id === undefined) return reached;
        if (steps % stepsWithoutPause === 0) await new Promise(setImmediate);
        for (const cited of node(id)?.authEvents ?? []) {
          if (reached.has(cited)) continue;
          reached.add(cited);
          pending.push(cited);
        }
      }
    },
  };
}
