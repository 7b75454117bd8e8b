import type { EventId } from '../../shared/ids.ts';
import type { clientTransactionsTable, TransactionScope } from '../db/client-transactions.ts';
import type { Clock } from '../platform.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Session } from './sessions.ts';
import { storedObject } from './stored-json.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#transaction-identifiers */
export interface ClientTransactions {
  /**
   * Does the work once for each scope: a repetition gets the first reply, also while that is still being made. The work
   * has to call `answer`, inside the transaction by which it takes effect: a crash leaves both or neither.
   */
  once(scope: TransactionScope, work: (answer: Answer) => Promise<void>): Promise<JsonObject>;
  /** Under which ID this very device sent an event. */
  txnIdOf(eventId: EventId, session: Session): string | undefined;
}

/** What is replied, and the event that was sent, if it was one. */
type Answer = (reply: JsonObject, eventId?: EventId) => void;

/** Clients repeat for minutes. Afterwards the ID is of use to whoever sent the event, to find its local echo. */
const keptMs = 7 * 24 * 60 * 60_000;
const pruneEvery = 500;

export function createClientTransactions(
  table: ReturnType<typeof clientTransactionsTable>,
  clock: Clock,
): ClientTransactions {
  const underWay = new Map<string, Promise<JsonObject>>();
  let answered = 0;

  const answerOnce = async (scope: TransactionScope, work: (answer: Answer) => Promise<void>): Promise<JsonObject> => {
    let made: JsonObject | undefined;
    await work((reply, eventId) => {
      table.answered(scope, writeJson(reply), eventId, clock.now());
      made = reply;
    });
    if (made === undefined) throw new Error(`nothing was answered to ${scope.path}`);
    if (++answered % pruneEvery === 0) table.forgetBefore(clock.now() - keptMs);
    return made;
  };

  return {
    async once(scope, work) {
      const stored = table.reply(scope);
      if (stored !== undefined) return storedObject(stored);
      const key = JSON.stringify([scope.userId, scope.deviceId, scope.path, scope.txnId]);
      const first = underWay.get(key);
      if (first !== undefined) return first;
      const made = answerOnce(scope, work);
      underWay.set(key, made);
      try {
        return await made;
      } finally {
        underWay.delete(key);
      }
    },
    txnIdOf: (eventId, { userId, deviceId }) => table.txnIdOf(eventId, userId, deviceId),
  };
}
