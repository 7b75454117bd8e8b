import type { PduSource } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import { type StateRef, setInState } from '../db/state-trie.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { isObject } from '../protocol/json.ts';
import { stateKeyOf } from '../protocol/state-map.ts';
import type { SetCurrentState } from './current-state.ts';
import type { Effects } from './effects.ts';
import type { EventRecord, EventStore } from './event-store.ts';
import type { FollowExtremities } from './extremities.ts';
import type { ApplyRedactions } from './redactions.ts';
import type { ResolveRoom } from './resolve-room.ts';
import type { RoomHead, RoomHeads } from './room-heads.ts';
import type { StoredEvent } from './rooms.ts';
import type { Tables } from './tables.ts';

/** An event, and what has been decided about it. */
export interface JudgedEvent {
  readonly event: RoomEvent;
  readonly source: PduSource;
  readonly outcome: StoredEvent['outcome'];
  readonly why: StoredEvent['why'];
  /** None for outliers. */
  readonly stateBefore: StateRef | undefined;
  /** Where it goes if it is history. What is live comes next. */
  readonly place?: { readonly position: number; readonly topological: number };
}

/** Writes an event and all that follows from it. Inside a transaction. */
export type WriteEvent = (judged: JudgedEvent, effects: Effects) => EventRecord;

interface WriteEventDeps {
  readonly now: () => number;
  readonly tables: Tables;
  readonly headOf: (event: RoomEvent) => RoomHead;
  readonly heads: RoomHeads;
  readonly store: EventStore;
  readonly followExtremities: FollowExtremities;
  readonly resolve: ResolveRoom;
  readonly setCurrentState: SetCurrentState;
  readonly applyRedactions: ApplyRedactions;
}

export function createWriteEvent(deps: WriteEventDeps): WriteEvent {
  const { now, tables, headOf, heads, store, followExtremities, resolve, setCurrentState, applyRedactions } = deps;
  const { eventIds, stateKeys, stateNodes, edges, relations, positions } = tables;
  const { load } = stateNodes;

  /** After the highest of what it follows. What follows nothing that we have comes after all that we have. */
  const topologicalOf = (prevs: readonly number[], head: RoomHead): number => {
    const inHistory = (ids: readonly number[]) =>
      ids.map((id) => store.at(id)).filter((record) => record !== undefined && record.outlier === 0);
    const known = inHistory(prevs);
    const before = known.length > 0 ? known : inHistory(head.extremities);
    return 1 + before.reduce((highest, record) => Math.max(highest, record?.topological ?? 0), 0);
  };

  /** An event is above all that it cites. Of an invite from outside we have nothing to tell how high that is. */
  const generationAbove = (auths: readonly number[]): number => {
    const generations = auths.map((auth) => store.at(auth)?.authGeneration ?? 0);
    return generations.includes(0) ? 0 : 1 + Math.max(0, ...generations);
  };

  const recordOf = (
    { event, source, outcome, why, stateBefore, place }: JudgedEvent,
    head: RoomHead,
    { id, isNew, prevs, auths }: Cited,
  ) => {
    const key = event.stateKey === undefined ? null : stateKeys.number(stateKeyOf(event.type, event.stateKey));
    const isOutlier = stateBefore === undefined;
    const before = isOutlier ? null : stateNodes.store(stateBefore);
    const enters = key !== null && outcome !== 'rejected';
    const after = before !== null && enters ? stateNodes.store(setInState(before, key, id, load)) : before;
    const known = isNew ? undefined : store.at(id);
    return {
      id,
      room: head.id,
      type: event.type,
      stateKey: key,
      sender: event.sender,
      depth: event.depth,
      originServerTs: Math.max(-maxTs, Math.min(maxTs, event.originServerTs)),
      topological: place?.topological ?? (isOutlier ? 0 : topologicalOf(prevs, head)),
      position: isOutlier ? null : (place?.position ?? positions.next()),
      outcome,
      outlier: isOutlier ? 1 : 0,
      source,
      step: why?.step ?? null,
      rule: why?.rule ?? null,
      reason: why?.reason ?? null,
      decidedBy: why === undefined ? null : JSON.stringify(why.decidedBy),
      authEvents: JSON.stringify(auths),
      authGeneration: generationAbove(auths),
      receivedTs: known?.receivedTs ?? now(),
      stateBefore: before,
      stateAfter: after,
      redactedBy: known?.redactedBy ?? null,
      event,
      bytes: 0, // counted when it is written
    } satisfies EventRecord;
  };

  const writeEdges = ({ id, room, outcome, outlier }: EventRecord, { isNew, prevs }: Cited) => {
    if (outlier === 1) return;
    for (const prev of prevs) {
      edges.addPrev(id, prev);
      const known = store.at(prev);
      if (outcome === 'accepted' && (known === undefined || known.outlier === 1)) edges.addBackward(room, prev, id);
    }
    if (!isNew) edges.removeBackward(room, id);
  };

  const writeRelation = ({ id, event }: EventRecord) => {
    const relation = event.content['m.relates_to'];
    if (!isObject(relation)) return;
    const { rel_type: relType, event_id: target } = relation;
    if (typeof relType !== 'string' || typeof target !== 'string' || target.length > 255) return;
    relations.relate(id, eventIds.number(target as EventId), relType);
  };

  const isFollowed = (id: number) => edges.citersOf(id).some((citer) => store.at(citer)?.outcome === 'accepted');

  /** The room goes on from here: new forward extremities, and so a new current state. */
  const advance = (record: EventRecord, { isNew, prevs }: Cited, head: RoomHead, effects: Effects) => {
    const { gone, left } = followExtremities(head, prevs);
    for (const id of gone) edges.removeForward(head.id, id);
    const extremities = !isNew && isFollowed(record.id) ? left : [...left, record.id];
    if (extremities.length > left.length) edges.addForward(head.id, record.id);
    heads.update(head.roomId, { extremities });

    const states = extremities.map((id) => store.at(id)?.stateAfter ?? 0);
    const state = stateNodes.store(resolve(head.rules, states));
    const cause = { cause: 'event', by: record, position: record.position ?? 0 } as const;
    return setCurrentState(headOf(record.event), state, cause, effects);
  };

  return (judged, effects) => {
    const { event } = judged;
    const head = headOf(event);
    const isNew = eventIds.find(event.eventId) === undefined;
    const id = eventIds.number(event.eventId);
    const numbers = (ids: readonly EventId[]) => [...new Set(ids)].map(eventIds.number);
    const cited = { id, isNew, prevs: numbers(event.prevEvents), auths: numbers(event.authEvents) };
    const record = recordOf(judged, head, cited);
    store.put(record);
    writeEdges(record, cited);
    writeRelation(record);
    applyRedactions(record, isNew);
    if (record.position !== null && record.position > 0 && record.outcome === 'accepted') {
      const users = advance(record, cited, head, effects);
      effects.changes.push({ position: record.position, roomId: event.roomId, users });
    }
    return store.at(record.id) ?? record;
  };
}

/** An event and what it cites, by numbers. */
interface Cited {
  readonly id: number;
  /** Nothing that is here has ever cited it. */
  readonly isNew: boolean;
  readonly prevs: readonly number[];
  readonly auths: readonly number[];
}

/** Integers that survive the database. */
const maxTs = Number.MAX_SAFE_INTEGER;
