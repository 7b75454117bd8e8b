import type { InspectorDb } from '../db/inspector-db.ts';
import { breathe } from './breathe.ts';
import type { Traffic } from './traffic.ts';

/** Rows at once: a few milliseconds. */
const slice = 2_000;

/** Counts what the last day's rows tell, newest first, so that a restart does not begin its statistics at nothing. */
export async function warmUp(db: () => InspectorDb | undefined, traffic: Traffic, since: number): Promise<void> {
  const upToFlow = (db()?.flows.lastId() ?? 0) + 1;
  const upToPdu = (db()?.pdus.lastId() ?? 0) + 1;
  const backwards = async (upTo: number, count: (log: InspectorDb, from: number, before: number) => number) => {
    for (let before = upTo; before > 0; before -= slice) {
      const log = db();
      if (log === undefined || count(log, before - slice, before) === 0) return;
      await breathe();
    }
  };
  await backwards(upToFlow, ({ flows }, from, before) => {
    const finished = flows.finished(from, before, since);
    for (const { inbound, peer, verified, started_at, took_ms, status } of finished) {
      traffic.finished({
        inbound: inbound === 1,
        peer: (inbound === 1 && verified !== 1 ? undefined : peer) ?? undefined,
        startedAt: started_at,
        tookMs: took_ms,
        status: status ?? undefined,
      });
    }
    return finished.length;
  });
  await backwards(upToPdu, ({ pdus }, from, before) => {
    const counts = pdus.counts(from, before, since);
    for (const { hour, outcome, own, count } of counts) if (own === 0) traffic.judged(hour, outcome, count);
    return counts.length;
  });
}
