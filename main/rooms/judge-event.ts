import type { ReceiptStep } from '../../shared/flow.ts';
import type { EventId, ServerName } from '../../shared/ids.ts';
import type { StateRef } from '../db/state-trie.ts';
import { checkAuthEvents, createEventIdOf } from '../protocol/auth-events.ts';
import type { AuthContext } from '../protocol/auth-rule.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorize } from '../protocol/event-auth.ts';
import { type AuthState, type StateKey, stateKeyOf } from '../protocol/state-map.ts';
import { verifyThirdParty } from '../protocol/third-party-invite.ts';
import type { Verdict } from '../protocol/verdict.ts';
import type { EventStore } from './event-store.ts';
import type { StateReader } from './room-state.ts';
import type { StoredEvent } from './rooms.ts';

/** What the checks 4 to 6 made of an event. */
export type Judgement = Pick<StoredEvent, 'outcome' | 'why'>;

export interface JudgeOptions {
  /** The state before it; for an outlier none, which then is judged by its auth events alone. */
  readonly stateBefore: StateRef | undefined;
  /** The current state of the room, which soft-fails. None for history. */
  readonly currentState: StateRef | undefined;
  /** Whose signatures hold. */
  readonly verifiedBy: ReadonlySet<ServerName>;
}

export interface Judge {
  /** Its auth events must be here. https://spec.matrix.org/v1.19/server-server-api/#checks-performed-on-receipt-of-a-pdu */
  judge(event: RoomEvent, options: JudgeOptions): Judgement;
  /** The auth events that are not here. */
  missingAuthEvents(event: RoomEvent): readonly EventId[];
}

export const accepted: Judgement = { outcome: 'accepted', why: undefined };

export function createJudge(store: EventStore, reader: StateReader): Judge {
  const isRejected = (id: EventId) => store.find(id)?.outcome === 'rejected';
  const authStateOf = (events: readonly RoomEvent[]): AuthState => {
    const state = new Map<StateKey, RoomEvent>();
    for (const event of events) {
      if (event.stateKey !== undefined) state.set(stateKeyOf(event.type, event.stateKey), event);
    }
    return { get: (type, stateKey) => state.get(stateKeyOf(type, stateKey)) };
  };
  /** In version 12 rooms the room ID stands for the create event, which events do not cite. */
  const createOf = (event: RoomEvent): EventId[] =>
    event.rules.roomIdIsCreateHash && event.type !== 'm.room.create' ? [createEventIdOf(event.roomId)] : [];

  return {
    missingAuthEvents: (event) => {
      const needed = [...createOf(event), ...event.authEvents];
      return [...new Set(needed)].filter((id) => !store.isGrounded(id));
    },
    judge(event, { stateBefore, currentState, verifiedBy }) {
      const context: AuthContext = { verifiedBy: (server) => verifiedBy.has(server), verifyThirdParty };
      const cited = event.authEvents.map((id) => store.find(id)?.event).filter((found) => found !== undefined);
      const create = createOf(event).map((id) => store.find(id)?.event)[0];

      const checked = checkAuthEvents(event, cited, isRejected, create);
      if (!checked.allowed) return refusal('rejected', 'authEvents', checked);
      const byCited = authorize(event, authStateOf(create === undefined ? cited : [create, ...cited]), context);
      if (!byCited.allowed) return refusal('rejected', 'authEvents', byCited);

      if (stateBefore === undefined) return accepted;
      const byStateBefore = authorize(event, reader.auth(stateBefore), context);
      if (!byStateBefore.allowed) return refusal('rejected', 'stateBefore', byStateBefore);

      if (currentState === undefined || currentState === stateBefore) return accepted;
      const byCurrentState = authorize(event, reader.auth(currentState), context);
      return byCurrentState.allowed ? accepted : refusal('softFailed', 'currentState', byCurrentState);
    },
  };
}

const refusal = (
  outcome: 'rejected' | 'softFailed',
  step: ReceiptStep,
  { rule, reason, decidedBy }: Extract<Verdict, { allowed: false }>,
): Judgement => ({ outcome, why: { step, rule, reason, decidedBy } });
