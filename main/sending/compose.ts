import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { OutboxTable, TriedTransaction, Waiting } from '../db/outbox.ts';
import type { JsonObject } from '../protocol/json.ts';

/** "They can have at most 50 PDUs and 100 EDUs": https://spec.matrix.org/v1.19/server-server-api/#transactions */
export const mostInTransaction = { pdus: 50, edus: 100 };

const hour = 3_600_000;
/** A backlog beyond that is not sent: the newest event of each room leads to the rest. Of EDUs the newest are kept. */
export const backlog = { pdus: 1000, ms: 24 * hour, edus: 10_000 };

export interface ComposeOptions {
  readonly us: ServerName;
  readonly table: OutboxTable;
  /** The event as it goes to others; nothing where it is no longer there. */
  readonly pduOf: (eventId: EventId) => JsonObject | undefined;
  /** Whether a server still is in a room: only then it is caught up with. */
  readonly isInRoom: (server: ServerName, roomId: RoomId) => boolean;
}

/**
 * The next transaction for a server, written down with its ID before anything is sent: the one that is being tried, or one
 * of what waits. Nothing where nothing does. `passing` are EDUs that are only in memory; those that go along are taken out.
 */
export function composeTransaction(
  { us, table, pduOf, isInRoom }: ComposeOptions,
  server: ServerName,
  { passing, txnId, now }: { readonly passing: JsonObject[]; readonly txnId: string; readonly now: number },
): TriedTransaction | undefined {
  const tried = table.tried(server);
  if (tried !== undefined) return tried;

  const pdusOf = ({ catchUp, pdus }: Waiting): readonly JsonObject[] => {
    const newest = catchUp.filter(({ roomId }) => isInRoom(server, roomId));
    return [...newest, ...pdus].map(({ eventId }) => pduOf(eventId)).filter((pdu) => pdu !== undefined);
  };
  for (;;) {
    const waiting = table.waiting(server, mostInTransaction);
    const takes = {
      lastPdu: waiting.pdus.at(-1)?.seq ?? 0,
      lastEdu: waiting.edus.at(-1)?.seq ?? 0,
      catchUp: waiting.catchUp.map(({ eventId }) => eventId),
    };
    const pdus = pdusOf(waiting);
    const edus = waiting.edus.map(({ edu }) => edu);
    edus.push(...passing.splice(0, mostInTransaction.edus - edus.length));
    if (pdus.length > 0 || edus.length > 0) {
      const body = { origin: us, origin_server_ts: now, pdus, edus };
      table.begin(server, txnId, body, takes, now);
      return { destination: server, txnId, body, firstTs: now, attempts: 0 };
    }
    if (waiting.pdus.length === 0 && waiting.catchUp.length === 0) return undefined;
    table.drop(server, takes); // nothing of it is there any more: what comes after it?
  }
}
