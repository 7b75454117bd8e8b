import type { PduOutcome, ReceiptStep } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { type Arrival, outcomeOfArrival, type Settle } from './arrival.ts';
import { type CheckEvents, type CheckedEvent, checkFormat, isRefused, type RefusedEvent } from './check-pdus.ts';
import type { Effects } from './effects.ts';
import type { JoinForks } from './join-forks.ts';
import { outcomeOf } from './outcomes.ts';
import type { OutsideRooms } from './outside-rooms.ts';
import type { ParkedPdus } from './parked-pdus.ts';
import type { Received, ReceiveEvents } from './receive-pdu.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import { roomOfPdu } from './room-of-pdu.ts';
import type { RoomQueue } from './room-queue.ts';
import type { IncomingPdu, Rooms } from './rooms.ts';
import { newSigners } from './signatures.ts';

interface IncomingDeps {
  readonly core: RoomCore;
  readonly serverName: ServerName;
  readonly queue: RoomQueue;
  readonly checkEvents: CheckEvents;
  readonly receiveEvents: ReceiveEvents;
  readonly outside: OutsideRooms;
  readonly parked: ParkedPdus;
  readonly forks: JoinForks;
  readonly clock: Clock;
  readonly log: Log;
  /** After this a sender has its reply; what is left is parked, and goes on. */
  readonly replyMs: number;
}

/** Where PDUs come in, from transactions and from backfill: sorted by room, checked, and each given its outcome. */
export function createIncomingPdus(deps: IncomingDeps): Pick<Rooms, 'receive' | 'joining'> {
  const { core, serverName, queue, checkEvents, receiveEvents, outside, parked, forks, clock, log, replyMs } = deps;
  const { heads, store, commit, tables } = core;
  const roomsBeingJoined = new Map<RoomId, RoomVersionRules | undefined>();

  /** Inside a transaction. What is told late is told to the inspector: nobody waits for it any more. */
  const settle: Settle = (arrival, outcome, effects) => {
    arrival.outcome = outcome;
    if (outcome.outcome !== 'parked') parked.settled(arrival.roomId, arrival.key);
    if (arrival.isParked || arrival.source === 'backfill') effects.outcomes.push(outcome);
  };

  const drop = (arrival: Arrival, { step, reason, eventId }: RefusedEvent, effects: Effects) =>
    settle(arrival, outcomeOfArrival(arrival, 'dropped', { step, rule: ruleOf[step], reason, eventId }), effects);

  const park = (arrival: Arrival, { step, reason, lacks }: Lack, effects: Effects) => {
    const isKept = parked.park(arrival, reason, lacks);
    const why = { step, rule: 'it has what it needs', reason };
    settle(arrival, outcomeOfArrival(arrival, isKept ? 'parked' : 'dropped', why, lacks), effects);
  };

  /** A gap is there as long as something waits for prev events. */
  const markGap = (head: RoomHead, gap: boolean) => {
    if (head.gap === gap) return;
    tables.rooms.setGap(head.id, gap);
    heads.update(head.roomId, { gap });
  };

  const settleReceived = (arrival: Arrival, { event }: CheckedEvent, received: Received, effects: Effects) => {
    if (received.kind === 'waiting') {
      const { reason, missing: lacks } = received;
      const isGap = lacks.some((id) => event.prevEvents.includes(id));
      park(arrival, { step: isGap ? 'stateBefore' : 'authEvents', reason, lacks }, effects);
      const head = heads.get(event.roomId);
      if (head !== undefined && isGap) markGap(head, true);
      return;
    }
    if (received.kind === 'judged') {
      const outcome = received.outcome === 'accepted' && received.isRedacted ? 'redacted' : received.outcome;
      settle(arrival, outcomeOf(event, arrival.source, { ...received, outcome }), effects);
    } else if (received.kind === 'failed') {
      const why = { step: 'format' as const, rule: 'server can take it', reason: 'This server failed on it.' };
      settle(arrival, outcomeOfArrival(arrival, 'dropped', why), effects);
    } else {
      settle(arrival, outcomeOf(event, arrival.source, { outcome: 'duplicate' }), effects);
    }
    const head = heads.get(event.roomId);
    if (head !== undefined && parked.count(head.roomId) === 0) markGap(head, false);
  };

  /** The sender of the transaction first, then the sender of the event, then others of the room. */
  const serversToAsk = (head: RoomHead, origin: ServerName, events: readonly RoomEvent[]): readonly ServerName[] => {
    const servers = new Set([origin, ...events.slice(0, 1).map((event) => event.origin)]);
    for (const server of head.servers) {
      if (servers.size >= mostServersAsked) break;
      servers.add(server);
    }
    servers.delete(serverName);
    return [...servers];
  };

  /** One room's part, from one server. Signatures are verified before it is its turn. */
  const receiveInRoom = async (head: RoomHead, arrivals: readonly Arrival[], origin: ServerName): Promise<void> => {
    const events = new Map<EventId, { readonly event: RoomEvent; readonly arrivals: Arrival[] }>();
    const settled: ((effects: Effects) => void)[] = [];
    for (const arrival of arrivals) {
      const event = checkFormat(arrival, head.roomId, head.rules);
      if (isRefused(event)) {
        settled.push((effects) => drop(arrival, event, effects));
        continue;
      }
      recognise(arrival, event);
      const same = events.get(event.eventId);
      if (isKnown(event)) {
        const outcome = outcomeOf(event, arrival.source, { outcome: 'duplicate' });
        settled.push((effects) => settle(arrival, outcome, effects));
      } else if (same === undefined) events.set(event.eventId, { event, arrivals: [arrival] });
      else same.arrivals.push(arrival);
    }
    commitAll(settled);
    if (events.size === 0) return;
    const [{ source }] = arrivals as readonly [Arrival];
    const line = source === 'backfill' ? `${head.roomId} history` : `${head.roomId} ${origin}`;
    if (source === 'live' && queue.length(line) >= mostWaiting) {
      const lack: Lack = { step: 'format', reason: `What ${origin} sent before takes long.`, lacks: [] };
      const waiting = [...events.values()].flatMap((event) => event.arrivals);
      return commitAll(waiting.map((arrival) => (effects) => park(arrival, lack, effects)));
    }
    const list = [...events.values()].map(({ event }) => event);
    const servers = serversToAsk(head, origin, list);
    const checking = checkEvents(list, servers);
    checking.catch(() => {}); // it is awaited below, perhaps after it has failed

    await queue.run(line, async () => {
      const results = await checking;
      const good: CheckedEvent[] = [];
      const refused: ((effects: Effects) => void)[] = [];
      for (const { event, arrivals: ofEvent } of events.values()) {
        const result = results.get(event.eventId);
        if (result === undefined) throw new Error(`event ${event.eventId} was not checked`);
        if (!isRefused(result)) good.push(result);
        else if (!result.keyMissing) refused.push((effects) => ofEvent.map((each) => drop(each, result, effects)));
        else refused.push((effects) => ofEvent.map((each) => park(each, { ...result, lacks: [] }, effects)));
      }
      commitAll(refused);
      await receiveEvents(good, {
        roomId: head.roomId,
        source,
        servers,
        onReceived: (checked, received, effects) => {
          const [first, ...others] = events.get(checked.event.eventId)?.arrivals ?? [];
          if (first !== undefined) settleReceived(first, checked, received, effects);
          for (const other of others) settleReceived(other, checked, { kind: 'duplicate' }, effects);
          if (received.kind === 'judged') parked.arrived(head.roomId, checked.event.eventId);
        },
      });
      forks.noticed(head.roomId);
    });
  };

  /** A transaction costs as much as an event: none is begun for nothing. */
  const commitAll = (works: readonly ((effects: Effects) => void)[]) => {
    if (works.length > 0) commit((effects) => works.forEach((work) => void work(effects)));
  };

  /** It is part of our history, and nobody has signed it whose signature we lack. */
  const isKnown = (event: RoomEvent): boolean => {
    const known = store.find(event.eventId);
    return known?.outlier === 0 && newSigners(known.event.pdu, event.pdu).length === 0;
  };

  /** What it is called on disk. What is there already keeps the name that it has. */
  const recognise = (arrival: Arrival, event: RoomEvent) => {
    arrival.event = event;
    if (!arrival.isParked) arrival.key = event.eventId;
  };

  /** They wait for us to be in the room. What version it has may not be known, and so no event ID. */
  const receiveMeanwhile = (arrivals: readonly Arrival[], rules: RoomVersionRules | undefined) =>
    commit((effects) => {
      for (const arrival of arrivals) {
        const event = rules && checkFormat(arrival, arrival.roomId, rules);
        if (event !== undefined && isRefused(event)) {
          drop(arrival, event, effects);
          continue;
        }
        if (event !== undefined) recognise(arrival, event);
        park(arrival, { step: 'format', reason: 'The room is being joined.', lacks: [] }, effects);
      }
    });

  const receiveAll = async (arrivals: readonly Arrival[], origin: ServerName): Promise<void> => {
    const byRoom = new Map<RoomId, Arrival[]>();
    for (const arrival of arrivals) byRoom.set(arrival.roomId, [...(byRoom.get(arrival.roomId) ?? []), arrival]);
    const results = await Promise.allSettled(
      [...byRoom].map(([roomId, ofRoom]) => {
        const head = heads.get(roomId);
        if (head?.servers.has(serverName) === true) return receiveInRoom(head, ofRoom, origin);
        if (roomsBeingJoined.has(roomId)) return receiveMeanwhile(ofRoom, roomsBeingJoined.get(roomId));
        return outside.receive(ofRoom, settle);
      }),
    );
    for (const result of results) if (result.status === 'rejected') throw result.reason;
  };

  /** Their sender will not send them again, so they must not be lost if this process ends before it is done with them. */
  const keepMeanwhile = (arrivals: readonly Arrival[]) => {
    for (const arrival of arrivals) {
      const isKept = parked.keepMeanwhile(arrival);
      arrival.isParked = true;
      const why = {
        step: 'format' as const,
        rule: 'it has what it needs',
        reason: isKept ? 'It takes long.' : 'Too many wait.',
      };
      arrival.outcome = outcomeOfArrival(arrival, isKept ? 'parked' : 'dropped', why);
    }
  };

  /** What has no room goes to one that nobody is in, and is dropped there. */
  const arrivalOf = (incoming: IncomingPdu, origin: ServerName, source: Arrival['source']): Arrival => {
    const roomId = roomOfPdu(incoming.pdu);
    const key = `?${core.random.id()}` as EventId;
    const known = { event: undefined, outcome: undefined, isParked: false };
    return { ...incoming, roomId: roomId ?? noRoom, key, origin, source, ...known };
  };

  parked.start(async (roomId, pdus) => {
    const byOrigin = new Map<string, Arrival[]>();
    for (const pdu of pdus) {
      const name = `${pdu.source} ${pdu.origin}`;
      const arrival = { ...pdu, event: undefined, outcome: undefined, isParked: true };
      byOrigin.set(name, [...(byOrigin.get(name) ?? []), arrival]);
    }
    for (const arrivals of byOrigin.values()) await receiveAll(arrivals, (arrivals[0] as Arrival).origin);
    log.debug('parked PDUs had their turn', { roomId, count: pdus.length });
  });

  return {
    async receive(pdus, { origin, source }) {
      const arrivals = pdus.map((pdu) => arrivalOf(pdu, origin, source));
      const working = receiveAll(arrivals, origin);
      const timeout = new AbortController();
      const isLate = clock.sleep(replyMs, timeout.signal).then(
        () => true,
        () => false,
      );
      try {
        if (await Promise.race([working.then(() => false), isLate])) {
          working.catch((error: unknown) => log.error('PDUs that were parked meanwhile failed', { origin, error }));
          commit(() => keepMeanwhile(arrivals.filter(({ outcome }) => outcome === undefined)));
        }
      } finally {
        timeout.abort();
      }
      return arrivals.map(({ outcome }) => outcome as PduOutcome);
    },
    joining(roomId, isJoining, rules) {
      if (isJoining) {
        roomsBeingJoined.set(roomId, rules);
      } else {
        roomsBeingJoined.delete(roomId);
        parked.hurry(roomId);
      }
    },
  };
}

/** Why an arrival has to wait, and for which events. */
interface Lack {
  readonly step: ReceiptStep;
  readonly reason: string;
  readonly lacks: readonly EventId[];
}

const mostServersAsked = 5;
/** Transactions of one server that wait for their turn in a room, in memory; what comes beyond does so on disk. */
const mostWaiting = 20;
const noRoom = '!' as RoomId;
const ruleOf = { format: 'event format', signatures: 'event is signed' } as const;
