import type { PduSource } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { StateRef } from '../db/state-trie.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { CheckedEvent } from './check-pdus.ts';
import type { Effects } from './effects.ts';
import type { EventRecord } from './event-store.ts';
import type { FetchMissing } from './fetch-missing.ts';
import type { FetchOutliers } from './fetch-outliers.ts';
import type { FetchState } from './fetch-state.ts';
import type { PlacesFor } from './history-places.ts';
import { inOrder } from './order-events.ts';
import { outcomeOf } from './outcomes.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import type { Receipt, SettleEvents } from './settle-event.ts';

/** What became of an event, or what it waits for. */
export type Waiting = { readonly kind: 'waiting'; readonly reason: string; readonly missing: readonly EventId[] };
/** `failed`: a fault of ours. */
export type Received = Receipt | Waiting | { readonly kind: 'duplicate' | 'failed' };

export interface Reception {
  readonly roomId: RoomId;
  readonly source: 'live' | 'backfill';
  /** Whom to ask for what is missing: the sender of the transaction first. */
  readonly servers: readonly ServerName[];
  /** Inside the transaction that settles an event. */
  readonly onReceived?: (checked: CheckedEvent, received: Received, effects: Effects) => void;
}

/**
 * Checks on receipt of a PDU, https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu,
 * in its order, for events that have passed the first three in check-pdus.ts:
 *
 * 1. It is a valid event, otherwise it is dropped.
 * 2. It passes signature checks, otherwise it is dropped; if only a key is missing, it waits.
 * 3. It passes hash checks, otherwise it is redacted before being processed further.
 * -. It is not known yet, unless as an outlier, which then becomes part of the history.
 * -. Its auth events are here, or are fetched with all that these are allowed by; otherwise it waits.
 * 4. It passes the authorisation rules by its auth events, otherwise it is rejected.
 * -. Its prev events are part of the history, or are fetched and go through all this before it; else the state at those
 *    that are missing is asked for; otherwise it waits, and the room has a gap.
 * 5. It passes the authorisation rules by the state before it, otherwise it is rejected.
 * 6. It passes the authorisation rules by the current state of the room, otherwise it is soft-failed. History does not.
 * 7. It is recommended by the room's policy server, otherwise it is soft-failed. History does not.
 *
 * In its turn in the room. Events that need nothing are settled together, in one transaction.
 */
export type ReceiveEvents = (events: readonly CheckedEvent[], reception: Reception) => Promise<void>;

interface ReceiveDeps {
  readonly core: RoomCore;
  readonly outliers: FetchOutliers;
  readonly fetchMissing: FetchMissing;
  readonly fetchState: FetchState;
  readonly settling: SettleEvents;
  readonly placesFor: PlacesFor;
  readonly clock: Clock;
  readonly log: Log;
  /** No other walk in the room by the same server so soon after one that led nowhere: every event behind the gap would begin one. */
  readonly walkPauseMs: number;
}

/** In one transaction: it holds up the loop for less than 50 ms. */
const settledAtOnce = 50;
/** Of one walk back: each costs the room's state at a point. */
const mostStatesFetched = 20;

export function createReceiveEvents(deps: ReceiveDeps): ReceiveEvents {
  const { core, outliers, fetchMissing, fetchState, settling, placesFor, clock, log, walkPauseMs } = deps;
  const { heads, store, judge, resolve, resolveAhead, write, commit } = core;

  const pausedUntil = new Map<string, number>(); // by room and whom we would ask first

  const headOf = (roomId: RoomId): RoomHead => {
    const head = heads.get(roomId);
    if (head === undefined) throw new Error(`room ${roomId} is not here`);
    return head;
  };
  const inHistory = (id: EventId, head: RoomHead): EventRecord | undefined => {
    const record = store.find(id);
    return record?.outlier === 0 && record.room === head.id ? record : undefined;
  };
  const isKnown = (event: RoomEvent) => store.find(event.eventId)?.outlier === 0;
  const missingPrevs = (event: RoomEvent, head: RoomHead) =>
    [...new Set(event.prevEvents)].filter((id) => inHistory(id, head) === undefined);
  /** A rejected prev event contributes the state before it: that is what `stateAfter` is for it. */
  const statesAfterPrevs = (event: RoomEvent, head: RoomHead): number[] =>
    event.prevEvents.map((id) => inHistory(id, head)?.stateAfter ?? undefined).filter((state) => state !== undefined);

  return async (events, reception) => {
    const { roomId, source, servers, onReceived } = reception;
    const ordered = inOrder(
      events,
      ({ event }) => event,
      (event) => [...event.prevEvents, ...event.authEvents],
    );
    const places =
      source === 'backfill'
        ? placesFor(
            ordered.map(({ event }) => event),
            headOf(roomId).id,
          )
        : undefined;
    const states = new Map<EventId, StateRef>(); // before events whose prev events are missing
    const done = new Set<CheckedEvent>();

    const finish = (checked: CheckedEvent, received: Received, effects: Effects) => {
      done.add(checked);
      onReceived?.(checked, received, effects);
    };
    const isReady = ({ event }: CheckedEvent) =>
      isKnown(event) ||
      (judge.missingAuthEvents(event).length === 0 &&
        (states.has(event.eventId) || missingPrevs(event, headOf(roomId)).length === 0));

    const statesBefore = (event: RoomEvent): readonly StateRef[] => {
      const known = states.get(event.eventId);
      return known === undefined ? statesAfterPrevs(event, headOf(roomId)) : [known];
    };
    /** It takes a transaction of its own, and a resolution before that which others do not wait for. */
    const isLong = ({ event }: CheckedEvent): boolean => {
      if (isKnown(event)) return false;
      const before = statesBefore(event);
      return source === 'backfill' ? resolve.isLong(before) : resolveAhead.isLong(event, before);
    };
    const prepare = async ({ event }: CheckedEvent): Promise<void> => {
      const before = statesBefore(event);
      if (source === 'backfill') await resolve.ahead(headOf(roomId).rules, before);
      else await resolveAhead.resolve(event, before);
    };

    /** All of `queue` that is ready from its start on, in one transaction. Returns how many that were. */
    const settleReady = async (
      queue: readonly CheckedEvent[],
      as: PduSource,
      onSettled: typeof finish,
    ): Promise<number> => {
      const [first] = queue;
      if (first === undefined || !isReady(first)) return 0;
      const isAlone = isLong(first);
      if (isAlone) await prepare(first);
      const batch = queue.slice(0, isAlone ? 1 : settledAtOnce);
      const advice = as === 'backfill' ? undefined : await settling.adviceOn(batch, headOf(roomId));
      const settleOne = (checked: CheckedEvent, effects: Effects) => {
        const { event } = checked;
        if (isKnown(event)) {
          settling.duplicate(checked);
          onSettled(checked, { kind: 'duplicate' }, effects);
          return;
        }
        const head = headOf(roomId);
        const before = resolve(head.rules, statesBefore(event));
        const place = places?.get(event.eventId);
        onSettled(
          checked,
          settling.settle({ checked, stateBefore: before, source: as, place, advice }, effects),
          effects,
        );
      };
      const settleSome = (most: number) =>
        commit((effects) => {
          let settled = 0;
          for (const checked of batch.slice(0, most)) {
            if (!isReady(checked) || (settled > 0 && isLong(checked))) break;
            settleOne(checked, effects);
            settled++;
          }
          return settled;
        });
      try {
        return settleSome(batch.length);
      } catch (error) {
        // One of them is more than we can take. Alone it fails alone: all but it are settled.
        log.error('events could not be settled together', { roomId, error });
        try {
          return settleSome(1);
        } catch (own) {
          log.error('an event could not be settled', { roomId, eventId: first.event.eventId, error: own });
          commit((effects) => onSettled(first, { kind: 'failed' }, effects));
          return 1;
        }
      }
    };

    /** Events found on the way back are live ones that nobody sent us: theirs is a line in the inspector. */
    const settleMissing: typeof finish = ({ event }, received, effects) => {
      if (received.kind !== 'judged') return;
      const outcome = received.outcome === 'accepted' && received.isRedacted ? 'redacted' : received.outcome;
      effects.outcomes.push(outcomeOf(event, 'missing', { ...received, outcome }));
    };

    /** The state before an event, as far as its missing prev events go by what other servers say it was there. */
    const stateFromOthers = async (event: RoomEvent): Promise<StateRef | undefined> => {
      const head = headOf(roomId);
      const missing = missingPrevs(event, head);
      if (source === 'backfill') return fetchState.before(head, event.eventId, servers);
      const found: StateRef[] = [];
      for (const prev of missing) {
        const state = await fetchState.after(head, prev, servers);
        if (state === undefined) return undefined;
        found.push(state);
      }
      return resolve.ahead(head.rules, [...statesAfterPrevs(event, head), ...found]);
    };

    const supplyAuth = async ({ event }: CheckedEvent): Promise<Waiting | undefined> => {
      if (judge.missingAuthEvents(event).length === 0) return undefined;
      const missing = await outliers.authEventsOf(headOf(roomId), event, servers);
      return missing.length === 0 ? undefined : { kind: 'waiting', reason: 'Its auth events cannot be had.', missing };
    };

    /** What its auth events do not allow needs no prev events to be refused: nobody is asked for them. */
    const settleRefused = (checked: CheckedEvent, as: PduSource, onSettled: typeof finish): boolean => {
      const { event, verifiedBy, isRedacted } = checked;
      const judgement = judge.judge(event, { stateBefore: undefined, currentState: undefined, verifiedBy });
      if (judgement.outcome === 'accepted') return false;
      commit((effects) => {
        if (store.find(event.eventId) === undefined)
          write({ event, source: as, ...judgement, stateBefore: undefined }, effects);
        onSettled(checked, { kind: 'judged', ...judgement, isRedacted }, effects);
      });
      return true;
    };

    const supplyState = async ({ event }: CheckedEvent, budget: Budget): Promise<Waiting | undefined> => {
      const missing = missingPrevs(event, headOf(roomId));
      if (missing.length === 0) return undefined;
      const state = budget.states-- > 0 ? await stateFromOthers(event) : undefined;
      if (state === undefined) return { kind: 'waiting', reason: 'Its prev events cannot be had.', missing };
      states.set(event.eventId, state);
      return undefined;
    };

    /** Brings in what lies between the event and our history, the oldest first. */
    const walkBack = async (event: RoomEvent, budget: Budget) => {
      const found = await fetchMissing(headOf(roomId), event, servers);
      const oldestFirst = inOrder(
        found,
        (checked) => checked.event,
        (each) => each.prevEvents,
      );
      await settleAll(oldestFirst, 'missing', settleMissing, async (checked) => {
        const waiting = await supplyState(checked, budget);
        if (waiting !== undefined) {
          log.info('a missing event cannot be judged', {
            roomId,
            eventId: checked.event.eventId,
            reason: waiting.reason,
          });
        }
        return waiting;
      });
    };

    /** Settles events in their order. What one lacks is got for it; what cannot be had does not hold up the next. */
    const settleAll = async (
      queue: readonly CheckedEvent[],
      as: PduSource,
      onSettled: typeof finish,
      supplyPrevs: (checked: CheckedEvent) => Promise<Waiting | undefined>,
    ) => {
      let rest = queue;
      while (rest.length > 0) {
        rest = rest.slice(await settleReady(rest, as, onSettled));
        const [next] = rest;
        if (next === undefined || isReady(next)) continue;
        let waiting = await supplyAuth(next);
        if (waiting === undefined && !isReady(next)) {
          if (settleRefused(next, as, onSettled)) {
            rest = rest.slice(1);
            continue;
          }
          waiting = await supplyPrevs(next);
        }
        if (waiting === undefined) continue;
        const reason = waiting;
        commit((effects) => onSettled(next, reason, effects));
        rest = rest.slice(1);
      }
    };

    await settleAll(ordered, source, finish, async (checked) => {
      if (source === 'backfill') return supplyState(checked, { states: 1 });
      const search = `${roomId} ${servers[0]}`;
      if (clock.now() < (pausedUntil.get(search) ?? 0)) {
        const missing = missingPrevs(checked.event, headOf(roomId));
        return { kind: 'waiting', reason: 'There is a gap that could not be filled a moment ago.', missing };
      }
      const budget = { states: mostStatesFetched };
      await walkBack(checked.event, budget);
      const waiting = isReady(checked) ? undefined : await supplyState(checked, budget);
      if (waiting === undefined) pausedUntil.delete(search);
      else pausedUntil.set(search, clock.now() + walkPauseMs);
      return waiting;
    });
    const circular: Waiting = { kind: 'waiting', reason: 'It is part of a circle of events.', missing: [] };
    const left = events.filter((checked) => !done.has(checked));
    if (left.length > 0) commit((effects) => left.forEach((checked) => void finish(checked, circular, effects)));
  };
}

/** How many states may still be asked for. */
interface Budget {
  states: number;
}
