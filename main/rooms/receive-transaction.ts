import type { PduOutcome } from '../../shared/flow.ts';
import { parseEventId, parseRoomId, type RoomId, type ServerName } from '../../shared/ids.ts';
import type { transactionsTable } from '../db/transactions.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { BadEvent, eventIdOf } from '../protocol/event.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { IncomingPdu, Rooms } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#transactions. The bounds on PDUs and EDUs are the endpoint's. */
export interface IncomingTransaction {
  readonly origin: ServerName;
  readonly txnId: string;
  readonly pdus: readonly IncomingPdu[];
  readonly edus: readonly JsonValue[];
}

export interface TransactionReply {
  /** By event ID: nothing for what was handled, be it soft-failed or put off, a sentence for what was refused. */
  readonly pdus: Readonly<Record<string, { readonly error?: string }>>;
}

export interface ReceivedTransaction {
  readonly reply: TransactionReply;
  /** One for each PDU, in order; none for a transaction that had been answered before. */
  readonly outcomes: readonly PduOutcome[];
}

/** An EDU whose shape has been checked, and the room ACLs on typing and receipts. */
export interface IncomingEdu {
  readonly type: string;
  readonly content: JsonObject;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'receive'>;
  readonly acls: ServerAcls;
  readonly table: ReturnType<typeof transactionsTable>;
  readonly log: Log;
  readonly inspector: Pick<Inspector, 'eduDropped'>;
  /** What becomes of EDUs. What it throws is logged and fails nothing. */
  readonly onEdu: (origin: ServerName, edu: IncomingEdu) => void | Promise<void>;
}

/**
 * Takes transactions of other servers, each once: one that was answered gets its stored reply, one in flight waits for
 * the first. EDUs go before PDUs, since keys travel in them that events need.
 */
export function transactionReceiver(needs: Needs) {
  const { table } = needs;
  const inFlight = new Map<string, Promise<ReceivedTransaction>>();
  return async (transaction: IncomingTransaction): Promise<ReceivedTransaction> => {
    const { origin, txnId } = transaction;
    const stored = table.reply(origin, txnId);
    if (stored !== undefined) return { reply: JSON.parse(stored) as TransactionReply, outcomes: [] };
    const key = `${origin} ${txnId}`; // no server name has a blank
    const first = inFlight.get(key);
    if (first !== undefined) return { reply: (await first).reply, outcomes: [] };

    const working = receive(transaction, needs);
    inFlight.set(key, working);
    try {
      const received = await working;
      table.store(origin, txnId, writeJson(received.reply as unknown as JsonObject)); // before the reply goes out
      return received;
    } finally {
      inFlight.delete(key);
    }
  };
}

async function receive({ origin, pdus, edus }: IncomingTransaction, needs: Needs): Promise<ReceivedTransaction> {
  for (const edu of edus) await receiveEdu(origin, edu, needs);

  const denied = pdus.map(({ pdu }) => deniedByAcl(origin, pdu, needs));
  const allowed = pdus.filter((_, index) => denied[index] === undefined);
  const judged = allowed.length > 0 ? await needs.rooms.receive(allowed, { origin, source: 'live' }) : [];
  const rest = judged[Symbol.iterator]();
  const outcomes = denied.map((outcome) => outcome ?? (rest.next().value as PduOutcome));

  const results: Record<string, { error?: string }> = {};
  for (const outcome of outcomes) {
    const { eventId, reason, rule } = outcome;
    if (eventId === undefined) continue; // nobody could tell whose result it is: it is in the inspector only
    const refused = outcome.outcome === 'rejected' || outcome.outcome === 'dropped';
    results[eventId] = refused ? { error: reason ?? rule ?? 'The event was refused.' } : {};
  }
  return { reply: { pdus: results }, outcomes };
}

/** https://spec.matrix.org/v1.19/server-server-api/#server-access-control-lists-acls: "on a per-PDU basis" */
function deniedByAcl(origin: ServerName, pdu: JsonValue, { rooms, acls }: Needs): PduOutcome | undefined {
  const roomId = isObject(pdu) ? parsedRoomId(pdu['room_id']) : undefined;
  const info = roomId && rooms.info(roomId);
  if (!isObject(pdu) || info === undefined || acls.allows(info.roomId, origin)) return undefined;
  const text = (key: string) => (typeof pdu[key] === 'string' ? pdu[key] : undefined);
  return {
    eventId: idOf(pdu, info.rules),
    roomId: info.roomId,
    type: text('type'),
    sender: text('sender'),
    source: 'live',
    outcome: 'dropped',
    step: undefined,
    rule: 'server ACL',
    reason: `${origin} is denied by the server ACL of ${info.roomId}`,
    decidedBy: [],
    missing: [],
  };
}

function idOf(pdu: JsonObject, rules: Parameters<typeof eventIdOf>[1]) {
  try {
    return parseEventId(eventIdOf(pdu, rules));
  } catch (error) {
    if (error instanceof BadEvent) return undefined;
    throw error;
  }
}

const parsedRoomId = (value: JsonValue | undefined): RoomId | undefined =>
  typeof value === 'string' ? parseRoomId(value) : undefined;

async function receiveEdu(origin: ServerName, edu: JsonValue, needs: Needs): Promise<void> {
  const { acls, rooms, log, inspector, onEdu } = needs;
  if (!isObject(edu)) return;
  const { edu_type: type, content } = edu;
  if (typeof type !== 'string' || !isObject(content)) return;
  const denied = (room: string) => {
    const roomId = parseRoomId(room);
    return roomId !== undefined && rooms.info(roomId) !== undefined && !acls.allows(roomId, origin);
  };
  const { allowed, deniedIn } = allowedContent(type, content, denied);
  if (deniedIn !== undefined) {
    inspector.eduDropped({ type, why: `${origin} is denied by the server ACL of ${deniedIn}` });
  }
  if (allowed === undefined) return;
  try {
    await onEdu(origin, { type, content: allowed });
  } catch (error) {
    log.error('an EDU failed', { origin, type, error });
  }
}

/** What is left of an EDU when the rooms that deny its origin are taken out: nothing, of a typing notification. */
function allowedContent(
  type: string,
  content: JsonObject,
  denied: (room: string) => boolean,
): { readonly allowed: JsonObject | undefined; readonly deniedIn: string | undefined } {
  if (type === 'm.typing') {
    const { room_id: room } = content;
    const isDenied = typeof room === 'string' && denied(room);
    return isDenied ? { allowed: undefined, deniedIn: room } : { allowed: content, deniedIn: undefined };
  }
  if (type !== 'm.receipt') return { allowed: content, deniedIn: undefined };
  const deniedIn = Object.keys(content).find(denied);
  if (deniedIn === undefined) return { allowed: content, deniedIn };
  const rest = Object.entries(content).filter(([room]) => !denied(room));
  return { allowed: rest.length === 0 ? undefined : Object.fromEntries(rest), deniedIn };
}
