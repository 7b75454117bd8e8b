import type { EventId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { RemotePdus, RemoteServers } from '../network/remote-servers.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { type CheckEvents, type CheckedEvent, checkFormat, isRefused } from './check-pdus.ts';
import { commitEach, type Effects } from './effects.ts';
import { inOrder } from './order-events.ts';
import { outcomeOf } from './outcomes.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';

/** Gets events of a room from other servers and keeps them as outliers, with all that they are allowed by. */
export interface FetchOutliers {
  /** Those of `ids` that none of the servers gave us. What they gave and we dropped is not among them. */
  fetch(head: RoomHead, ids: readonly EventId[], servers: readonly ServerName[]): Promise<readonly EventId[]>;
  /** The auth events of an event: in one request where the first server has them together. */
  authEventsOf(head: RoomHead, event: RoomEvent, servers: readonly ServerName[]): Promise<readonly EventId[]>;
  /** PDUs that came together: what of it is good is kept. */
  keep(head: RoomHead, pdus: RemotePdus, servers: readonly ServerName[]): Promise<void>;
}

const requestsAtOnce = 8;
const writtenAtOnce = 100;
/** Of one auth chain that is fetched event by event. */
const mostAuthEvents = 50_000;
/** A state may have tens of thousands. */
const parsedAtOnce = 50;
const mostAuthSize = 50_000_000; // in characters of JSON

interface FetchDeps {
  readonly core: RoomCore;
  readonly remote: RemoteServers;
  readonly checkEvents: CheckEvents;
  readonly log: Log;
}

export function createFetchOutliers({ core, remote, checkEvents, log }: FetchDeps): FetchOutliers {
  const { heads, store, judge, write, commit } = core;

  /** The good ones among PDUs that another server gave us, by ID. Which were asked for is not looked at. */
  const check = async (
    head: RoomHead,
    { pdus }: RemotePdus,
    servers: readonly ServerName[],
    dropped?: Set<EventId>,
  ) => {
    const events = new Map<EventId, RoomEvent>();
    for (const [index, pdu] of pdus.entries()) {
      if (index % parsedAtOnce === parsedAtOnce - 1) await new Promise(setImmediate);
      const event = checkFormat(pdu, head.roomId, head.rules);
      if (!isRefused(event)) events.set(event.eventId, event);
    }
    const unknown = [...events.values()].filter(({ eventId }) => !store.isGrounded(eventId));
    const checked = new Map<EventId, CheckedEvent>();
    for (const [id, result] of await checkEvents(unknown, servers)) {
      if (!isRefused(result)) {
        checked.set(id, result);
        continue;
      }
      if (!result.keyMissing) dropped?.add(id);
      log.debug('a fetched event was dropped', { eventId: id, step: result.step, reason: result.reason });
    }
    return checked;
  };

  /** One event, from the first server that has it. `dropped` is told of what is there and good for nothing. */
  const ask = async (
    head: RoomHead,
    id: EventId,
    servers: readonly ServerName[],
    dropped?: Set<EventId>,
  ): Promise<CheckedEvent | undefined> => {
    for (const server of servers) {
      try {
        const found = (await check(head, await remote.event(server, id), servers, dropped)).get(id);
        if (found !== undefined) return found;
      } catch (error) {
        log.debug('a server did not give us an event', { eventId: id, server, error });
      }
    }
    return undefined;
  };

  /** All of `ids`, a few at a time. */
  const askAll = async (
    head: RoomHead,
    ids: readonly EventId[],
    servers: readonly ServerName[],
    dropped?: Set<EventId>,
  ) => {
    const found: CheckedEvent[] = [];
    const rest = [...ids];
    const worker = async () => {
      for (let id = rest.pop(); id !== undefined; id = rest.pop()) {
        const checked = await ask(head, id, servers, dropped);
        if (checked !== undefined) found.push(checked);
      }
    };
    await Promise.all(Array.from({ length: Math.min(requestsAtOnce, ids.length) }, worker));
    return found;
  };

  /**
   * Completes `pool` by the auth events that it lacks, and theirs. It goes on for as long as an honest server's chain can
   * be, since nothing can be judged without them; a server that makes them up as we ask is left with what it has sent.
   */
  const complete = async (head: RoomHead, pool: Map<EventId, CheckedEvent>, servers: readonly ServerName[]) => {
    const asked = new Set<EventId>();
    let size = 0;
    let fresh: readonly CheckedEvent[] = [...pool.values()];
    while (fresh.length > 0 && asked.size <= mostAuthEvents && size <= mostAuthSize) {
      const lacking = new Set<EventId>();
      for (const { event } of fresh) {
        for (const id of judge.missingAuthEvents(event)) if (!pool.has(id) && !asked.has(id)) lacking.add(id);
      }
      for (const id of lacking) asked.add(id);
      fresh = await askAll(head, [...lacking], servers);
      for (const found of fresh) {
        pool.set(found.event.eventId, found);
        size += JSON.stringify(found.event.pdu).length;
      }
    }
  };

  /** In the order of their auth events. What lacks one of them is not kept: it cannot be judged. */
  const keepAll = async (pool: ReadonlyMap<EventId, CheckedEvent>) => {
    const ordered = inOrder([...pool.values()], ({ event }) => event, judge.missingAuthEvents);
    const keepOne = ({ event, isRedacted, verifiedBy }: CheckedEvent, effects: Effects) => {
      if (store.isGrounded(event.eventId) || judge.missingAuthEvents(event).length > 0) return;
      const judgement = judge.judge(event, { stateBefore: undefined, currentState: undefined, verifiedBy });
      write({ event, source: 'outlier', ...judgement, stateBefore: undefined }, effects);
      const outcome = judgement.outcome === 'accepted' && isRedacted ? 'redacted' : judgement.outcome;
      effects.outcomes.push(outcomeOf(event, 'outlier', { ...judgement, outcome }));
    };
    for (let done = 0; done < ordered.length; done += writtenAtOnce) {
      commitEach(commit, ordered.slice(done, done + writtenAtOnce), keepOne, ({ event: { eventId } }, error) =>
        log.error('a fetched event could not be kept', { eventId, error }),
      );
      await new Promise(setImmediate);
    }
  };

  const missing = (ids: readonly EventId[]) => ids.filter((id) => !store.isGrounded(id));
  return {
    async fetch(head, ids, servers) {
      const wanted = missing(ids);
      if (wanted.length === 0) return [];
      const dropped = new Set<EventId>();
      const found = await askAll(head, wanted, servers, dropped);
      const pool = new Map(found.map((checked) => [checked.event.eventId, checked]));
      await complete(head, pool, servers);
      await keepAll(pool);
      return missing(wanted).filter((id) => !dropped.has(id));
    },
    async authEventsOf(head, event, servers) {
      const [first] = servers;
      const pool = new Map<EventId, CheckedEvent>();
      if (first !== undefined && judge.missingAuthEvents(event).length > 1) {
        try {
          const chain = await remote.eventAuth(first, head.roomId, event.eventId);
          const given = await check(head, chain, servers);
          for (const id of reachable(event, given, judge.missingAuthEvents))
            pool.set(id, given.get(id) as CheckedEvent);
        } catch (error) {
          log.debug('a server did not give us an auth chain', { eventId: event.eventId, server: first, error });
        }
      }
      const lacking = judge.missingAuthEvents(event).filter((id) => !pool.has(id));
      for (const found of await askAll(head, lacking, servers)) pool.set(found.event.eventId, found);
      await complete(head, pool, servers);
      await keepAll(pool);
      return judge.missingAuthEvents(event);
    },
    async keep(head, pdus, servers) {
      const pool = new Map(await check(head, pdus, servers));
      await complete(heads.get(head.roomId) ?? head, pool, servers);
      await keepAll(pool);
    },
  };
}

/** What of a server's answer the event is really allowed by. The rest is not asked for, and not kept. */
function reachable(
  event: RoomEvent,
  given: ReadonlyMap<EventId, CheckedEvent>,
  missingAuthEvents: (event: RoomEvent) => readonly EventId[],
): ReadonlySet<EventId> {
  const reached = new Set<EventId>();
  const pending = [...missingAuthEvents(event)];
  for (let id = pending.pop(); id !== undefined; id = pending.pop()) {
    const found = reached.has(id) ? undefined : given.get(id);
    if (found === undefined) continue;
    reached.add(id);
    pending.push(...missingAuthEvents(found.event));
  }
  return reached;
}
