import type { EventId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { RemotePdus, RemoteServers } from '../network/remote-servers.ts';
import type { Clock } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { type CheckEvents, type CheckedEvent, checkFormat, isRefused } from './check-pdus.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';

/**
 * Walks back from an event whose prev events are not here until it meets what is: by `/get_missing_events` again and
 * again, and where that brings nothing by `/backfill`. What it finds has passed the first three checks; it is not stored.
 * It may end before the history is joined up, for want of servers, time or patience: then states must be asked for. So it
 * does at what was before we came into the room: that is history, and not to be told as news.
 */
export type FetchMissing = (
  head: RoomHead,
  event: RoomEvent,
  servers: readonly ServerName[],
) => Promise<readonly CheckedEvent[]>;

export interface WalkLimits {
  /** Events of one walk. */
  readonly walkEvents: number;
  readonly walkMs: number;
}

const perRequest = 100; // peers answer with 10 to 20
const mostCited = 20;

interface FetchMissingDeps {
  readonly core: RoomCore;
  readonly remote: RemoteServers;
  readonly checkEvents: CheckEvents;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: WalkLimits;
}

export function createFetchMissing(deps: FetchMissingDeps): FetchMissing {
  const { core, remote, checkEvents, clock, log, limits } = deps;
  const { store, tables } = core;
  const isHere = (id: EventId) => store.find(id)?.outlier === 0;

  return async (head, event, servers) => {
    const found = new Map<EventId, CheckedEvent>();
    const refused = new Set<EventId>(); // not asked for again
    const deadline = clock.now() + limits.walkMs;
    const earliest = head.extremities.slice(-mostCited).map((id) => tables.eventIds.name(id));
    const lacksPrevs = ({ prevEvents }: RoomEvent) =>
      prevEvents.some((id) => !isHere(id) && !found.has(id) && !refused.has(id));
    const citersOfMissing = () => [event, ...behind(event, found).map((checked) => checked.event)].filter(lacksPrevs);

    /** Adds what is new and good. */
    const take = async ({ pdus }: RemotePdus): Promise<number> => {
      const fresh = new Map<EventId, RoomEvent>();
      for (const pdu of pdus.slice(0, limits.walkEvents - found.size)) {
        const parsed = checkFormat(pdu, head.roomId, head.rules);
        if (isRefused(parsed) || found.has(parsed.eventId) || refused.has(parsed.eventId)) continue;
        if (parsed.eventId === event.eventId || isHere(parsed.eventId)) continue;
        if (parsed.depth < head.enteredDepth) refused.add(parsed.eventId);
        else fresh.set(parsed.eventId, parsed);
      }
      for (const [id, result] of await checkEvents([...fresh.values()], servers)) {
        if (isRefused(result)) refused.add(id);
        else found.set(id, result);
      }
      return fresh.size;
    };

    /** One step back, by the first server that has anything new to tell. */
    const step = async (latest: readonly RoomEvent[]): Promise<boolean> => {
      const ids = latest.slice(0, mostCited).map(({ eventId }) => eventId);
      const missing = [...new Set(latest.flatMap(({ prevEvents }) => prevEvents))].filter((id) => !isHere(id));
      for (const server of servers) {
        const asks = [
          () =>
            remote.missingEvents(server, head.roomId, {
              earliest,
              latest: ids,
              limit: perRequest,
              minDepth: head.enteredDepth,
            }),
          () => remote.backfill(server, head.roomId, missing.slice(0, mostCited), perRequest),
        ];
        for (const ask of asks) {
          if (clock.now() > deadline) return false;
          try {
            if ((await take(await ask())) > 0) return true;
          } catch (error) {
            log.debug('a server did not give us missing events', { roomId: head.roomId, server, error });
            break; // it will not answer the other question either
          }
        }
      }
      return false;
    };

    for (;;) {
      const latest = citersOfMissing();
      const isOver = latest.length === 0 || found.size >= limits.walkEvents || clock.now() > deadline;
      if (!isOver && (await step(latest.sort((a, b) => a.depth - b.depth)))) continue;
      return behind(event, found);
    }
  };
}

/** Those of `found` that the event follows, directly or not. The rest are none of our business. */
function behind(event: RoomEvent, found: ReadonlyMap<EventId, CheckedEvent>): readonly CheckedEvent[] {
  const reached = new Map<EventId, CheckedEvent>();
  const pending = [...event.prevEvents];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const checked = reached.has(id) ? undefined : found.get(id);
    if (checked === undefined) continue;
    reached.set(id, checked);
    pending.push(...checked.event.prevEvents);
  }
  return [...reached.values()];
}
