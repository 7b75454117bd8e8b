import type { OutcomeKind, PduOutcome, PduSource, ReceiptStep } from '../../shared/flow.ts';
import type { EventId, FlowId, RoomId } from '../../shared/ids.ts';
import type { Db } from './db.ts';
import { timeOrdered } from './time-ordered.ts';

export const schema = `
  -- What became of PDUs, and why. One PDU may have several rows: parked, then accepted.
  CREATE TABLE pdu_outcomes (
    id INTEGER PRIMARY KEY,
    flow_id INTEGER, -- the request that brought it or caused us to fetch it
    ts INTEGER NOT NULL,
    event_id TEXT, room_id TEXT, type TEXT, sender TEXT, -- none where it is too broken to have one
    source TEXT NOT NULL, outcome TEXT NOT NULL,
    step TEXT, rule TEXT, reason TEXT,
    decided_by TEXT, missing TEXT -- JSON; none where empty
  ) STRICT;
  CREATE INDEX pdu_outcomes_by_event ON pdu_outcomes (event_id) WHERE event_id IS NOT NULL;
  CREATE INDEX pdu_outcomes_by_flow ON pdu_outcomes (flow_id) WHERE flow_id IS NOT NULL;`;

/** An outcome with when it was reached, and in which flow. */
export interface RecordedOutcome extends PduOutcome {
  readonly ts: number;
  readonly flowId: FlowId | undefined;
}

interface Row {
  readonly flow_id: number | null;
  readonly ts: number;
  readonly event_id: EventId | null;
  readonly room_id: RoomId | null;
  readonly type: string | null;
  readonly sender: string | null;
  readonly source: PduSource;
  readonly outcome: OutcomeKind;
  readonly step: ReceiptStep | null;
  readonly rule: string | null;
  readonly reason: string | null;
  readonly decided_by: string | null;
  readonly missing: string | null;
}

interface OutcomeCount {
  readonly hour: number;
  readonly outcome: OutcomeKind;
  readonly own: 0 | 1; // an event of this server: what became of it here, or at another
  readonly count: number;
}

const columns =
  'flow_id, ts, event_id, room_id, type, sender, source, outcome, step, rule, reason, decided_by, missing';

export function pduOutcomesTable(db: Db) {
  const insert = db.prepare(`INSERT INTO pdu_outcomes (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`);
  const ofFlow = db.prepare<[flowId: number, limit: number], Row>(
    `SELECT ${columns} FROM pdu_outcomes WHERE flow_id = ? ORDER BY id LIMIT ?`,
  );
  const ofEvent = db.prepare<[eventId: EventId, limit: number], Row>(
    `SELECT ${columns} FROM pdu_outcomes WHERE event_id = ? ORDER BY id DESC LIMIT ?`,
  );
  const lastId = db.prepare<[], { id: number | null }>('SELECT max(id) AS id FROM pdu_outcomes');
  const counts = db.prepare<[from: number, before: number, since: number], OutcomeCount>(
    `SELECT ts / 3600000 * 3600000 AS hour, outcome, source = 'local' AS own, count(*) AS count
      FROM pdu_outcomes WHERE id >= ? AND id < ? AND ts >= ? GROUP BY hour, outcome, own`,
  );
  return {
    ...timeOrdered(db, 'pdu_outcomes', 'ts'),
    insert: ({ flowId, ts, ...pdu }: RecordedOutcome): void =>
      insert.run(
        flowId === undefined ? null : Number(flowId),
        ts,
        pdu.eventId ?? null,
        pdu.roomId ?? null,
        pdu.type ?? null,
        pdu.sender ?? null,
        pdu.source,
        pdu.outcome,
        pdu.step ?? null,
        pdu.rule ?? null,
        pdu.reason ?? null,
        listToText(pdu.decidedBy),
        listToText(pdu.missing),
      ),
    lastId: (): number => lastId.get()?.id ?? 0,
    /** How many there are with `from <= id < before`, of the time since `since`, by hour and outcome. */
    counts: (from: number, before: number, since: number) => counts.all(from, before, since),
    /** In the order in which they were judged. */
    ofFlow: (flowId: FlowId, limit: number) => ofFlow.all(Number(flowId), limit).map(fromRow),
    /** Newest first. */
    ofEvent: (eventId: EventId, limit: number) => ofEvent.all(eventId, limit).map(fromRow),
  };
}

const listToText = (list: readonly EventId[]) => (list.length === 0 ? null : JSON.stringify(list));
const textToList = (text: string | null): readonly EventId[] => (text === null ? [] : JSON.parse(text));

const fromRow = (row: Row): RecordedOutcome => ({
  eventId: row.event_id ?? undefined,
  roomId: row.room_id ?? undefined,
  type: row.type ?? undefined,
  sender: row.sender ?? undefined,
  source: row.source,
  outcome: row.outcome,
  step: row.step ?? undefined,
  rule: row.rule ?? undefined,
  reason: row.reason ?? undefined,
  decidedBy: textToList(row.decided_by),
  missing: textToList(row.missing),
  ts: row.ts,
  flowId: row.flow_id === null ? undefined : (String(row.flow_id) as FlowId),
});
