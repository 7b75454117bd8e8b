import { type EventId, serverNameOf } from '../../shared/ids.ts';
import type { Db } from '../db/db.ts';
import type { EventRow, EventSummary } from '../db/events.ts';
import { lruCache } from '../db/lru-cache.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import { type RoomEvent, redactedEvent } from '../protocol/event.ts';
import { isObject, type JsonArray, type JsonObject, type JsonValue, parseJson, RawNumber } from '../protocol/json.ts';
import type { RoomHeads } from './room-heads.ts';
import type { StoredEvent } from './rooms.ts';
import type { Tables } from './tables.ts';

/** An event that is here, with its row. Auth rules and state resolution go by `event`: redactions do not change state. */
export interface EventRecord extends Omit<EventRow, 'json' | 'exact'> {
  readonly event: RoomEvent; // as it was received
  readonly bytes: number; // of its JSON
}

/** Events by ID or number, from a cache of the last ones used. */
export interface EventStore {
  find(eventId: EventId): EventRecord | undefined;
  at(id: number): EventRecord | undefined;
  /** Without its JSON: for questions about a whole state. */
  summary(eventId: EventId): (EventSummary & { readonly id: number }) | undefined;
  /** It is here with all that it is allowed by: an invite from outside is not. */
  isGrounded(eventId: EventId): boolean;
  /** As clients and other servers see it: redacted, if it was. */
  shown(record: EventRecord): StoredEvent;
  put(record: EventRecord): void;
  /** Others have signed it, too. */
  setPdu(record: EventRecord, pdu: JsonObject): void;
  setRedactedBy(record: EventRecord, by: number): void;
  /** It was removed from the tables. */
  forget(id: number): void;
}

export function createEventStore(
  db: Db,
  { events, eventIds }: Pick<Tables, 'events' | 'eventIds'>,
  heads: RoomHeads,
  cacheBytes: number,
): EventStore {
  // Parsed, an event takes about four times its JSON, and some hundred bytes for its IDs.
  const cache = lruCache<number, EventRecord>({ maxWeight: cacheBytes, weigh: ({ bytes }) => 4 * bytes + 800 });
  const shownEvents = new WeakMap<EventRecord, StoredEvent>();
  db.onRollback(() => cache.clear());

  const at = (id: number): EventRecord | undefined => {
    const cached = cache.get(id);
    if (cached !== undefined) return cached;
    const row = events.get(id);
    if (row === undefined) return undefined;
    const record = recordOf(row, eventIds.name(id), heads);
    cache.set(id, record);
    return record;
  };
  const show = (record: EventRecord): StoredEvent => ({
    event: record.redactedBy === null ? record.event : redactedEvent(record.event),
    outcome: record.outcome,
    outlier: record.outlier === 1,
    source: record.source,
    position: record.position ?? undefined,
    topological: record.topological,
    receivedTs: record.receivedTs,
    redactedBy: record.redactedBy === null ? undefined : eventIds.name(record.redactedBy),
    why:
      record.step === null
        ? undefined
        : {
            step: record.step,
            rule: record.rule ?? '',
            reason: record.reason ?? '',
            decidedBy: record.decidedBy === null ? [] : (JSON.parse(record.decidedBy) as EventId[]),
          },
  });
  const summary: EventStore['summary'] = (eventId) => {
    const id = eventIds.find(eventId);
    const found = id === undefined ? undefined : (cache.get(id) ?? events.summary(id));
    return id === undefined || found === undefined ? undefined : { ...found, id };
  };
  return {
    at,
    summary,
    isGrounded: (eventId) => (summary(eventId)?.authGeneration ?? 0) > 0,
    find(eventId) {
      const id = eventIds.find(eventId);
      return id === undefined ? undefined : at(id);
    },
    shown(record) {
      const known = shownEvents.get(record) ?? show(record);
      shownEvents.set(record, known);
      return known;
    },
    put(record) {
      const { event, bytes, ...row } = record;
      const json = writeJson(event.pdu);
      events.put({ ...row, json, exact: hasRawNumber(event.pdu) ? 1 : 0 });
      cache.set(record.id, { ...record, bytes: json.length });
    },
    setPdu(record, pdu) {
      const json = writeJson(pdu);
      events.setJson(record.id, json, hasRawNumber(pdu) ? 1 : 0);
      cache.set(record.id, { ...record, event: { ...record.event, pdu }, bytes: json.length });
    },
    setRedactedBy(record, by) {
      events.setRedactedBy(record.id, by);
      cache.set(record.id, { ...record, redactedBy: by });
    },
    forget: cache.delete,
  };
}

/** Our own parser is exact, `JSON.parse` several times as fast. */
function recordOf({ json, exact, ...row }: EventRow, eventId: EventId, heads: RoomHeads): EventRecord {
  const pdu = (exact === 1 ? parseJson(json).value : JSON.parse(json)) as JsonObject;
  const { roomId, rules } = heads.at(row.room);
  const content = pdu['content'] as JsonObject;
  const redacts = rules.redactsInContent ? content['redacts'] : pdu['redacts'];
  return {
    ...row,
    bytes: json.length,
    event: {
      eventId,
      roomId,
      type: row.type,
      stateKey: pdu['state_key'] as string | undefined,
      sender: row.sender,
      origin: serverNameOf(row.sender),
      content,
      depth: row.depth,
      originServerTs: row.originServerTs,
      prevEvents: eventIdsIn(pdu['prev_events']),
      authEvents: eventIdsIn(pdu['auth_events']),
      redacts: row.type === 'm.room.redaction' && typeof redacts === 'string' ? (redacts as EventId) : undefined,
      rules,
      pdu,
    },
  };
}

/** They were checked when the event came in. In room versions 1 and 2 hashes stand beside them. */
const eventIdsIn = (list: JsonValue | undefined): readonly EventId[] =>
  ((list ?? []) as JsonArray).map((item) => (Array.isArray(item) ? item[0] : item) as EventId);

function hasRawNumber(value: JsonValue): boolean {
  if (value instanceof RawNumber) return true;
  if (isObject(value)) return Object.keys(value).some((key) => hasRawNumber(value[key] ?? null));
  return Array.isArray(value) && value.some(hasRawNumber);
}
