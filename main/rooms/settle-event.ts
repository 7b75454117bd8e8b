import type { PduSource } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import type { StateRef } from '../db/state-trie.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { CheckedEvent } from './check-pdus.ts';
import type { Effects } from './effects.ts';
import type { HistoryPlace } from './history-places.ts';
import type { Judgement } from './judge-event.ts';
import { notRecommended, type Policy, type PolicyServers } from './policy-server.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';
import { mergeSignatures } from './signatures.ts';

/** An event with all that it takes to judge it. */
export interface JudgeableEvent {
  readonly checked: CheckedEvent;
  readonly stateBefore: StateRef;
  readonly source: PduSource;
  /** Of history. */
  readonly place: HistoryPlace | undefined;
  readonly advice: Advice | undefined;
}

/** What the policy server of a room recommends, signed by it. */
export interface Advice {
  readonly policy: Policy;
  readonly pdus: ReadonlyMap<EventId, JsonObject>;
}

export type Receipt = Judgement & { readonly kind: 'judged'; readonly isRedacted: boolean };

/** The checks 4 to 7 on receipt, and the writing of what they decide. */
export interface SettleEvents {
  /** In rooms that have a policy server: its word on those that are new. It is asked before, since that awaits. */
  adviceOn(batch: readonly CheckedEvent[], head: RoomHead): Promise<Advice | undefined>;
  /** Inside a transaction. */
  settle(event: JudgeableEvent, effects: Effects): Receipt;
  /** It is here already, and may have come with more signatures than last time. Inside a transaction. */
  duplicate(checked: CheckedEvent): void;
}

export function createSettleEvents(core: RoomCore, policyServers: PolicyServers): SettleEvents {
  const { heads, store, judge, reader, write } = core;

  /** With all signatures that are known. What is here as an outlier may be whole, where this one had to be redacted. */
  const mostWhole = ({ event, isRedacted }: CheckedEvent, advice: Advice | undefined): RoomEvent => {
    const known = store.find(event.eventId)?.event;
    const [one, other] = known !== undefined && isRedacted ? [known, event] : [event, known];
    const cosigned = other === undefined ? one : { ...one, pdu: mergeSignatures(one, other.pdu) };
    const advised = advice?.pdus.get(event.eventId);
    return advised === undefined ? cosigned : { ...cosigned, pdu: mergeSignatures(cosigned, advised) };
  };

  return {
    async adviceOn(batch, head) {
      const policy = policyServers.of(reader.auth(head.state), head.servers);
      if (policy === undefined) return undefined;
      const events = batch.map(({ event }) => event).filter(({ eventId }) => store.find(eventId)?.outlier !== 0);
      return { policy, pdus: await policyServers.recommended(events, policy) };
    },
    settle({ checked, stateBefore, source, place, advice }, effects) {
      const event = mostWhole(checked, advice);
      const currentState = source === 'backfill' ? undefined : heads.get(event.roomId)?.state;
      const judged = judge.judge(event, { stateBefore, currentState, verifiedBy: checked.verifiedBy });
      const isAdvised = advice === undefined || advice.pdus.has(event.eventId);
      const judgement = judged.outcome === 'accepted' && !isAdvised ? notRecommended(advice.policy) : judged;
      write({ event, source, ...judgement, stateBefore, ...(place && { place }) }, effects);
      return { kind: 'judged', ...judgement, isRedacted: checked.isRedacted };
    },
    duplicate({ event, verifiedBy }) {
      const known = store.find(event.eventId);
      if (known === undefined) return;
      const pdu = mergeSignatures(known.event, event.pdu, verifiedBy);
      if (pdu !== known.event.pdu) store.setPdu(known, pdu);
    },
  };
}
