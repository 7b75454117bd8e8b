import type { FlowPage, FlowQuery } from '../../shared/bridge.ts';
import type { Flow, FlowSummary } from '../../shared/flow.ts';
import type { EventId, FlowId, ServerName } from '../../shared/ids.ts';
import type { DiscoveryRun, PeerDetail } from '../../shared/views.ts';
import type { InspectorDb } from '../db/inspector-db.ts';
import type { RecordedOutcome } from '../db/pdu-outcomes.ts';
import { breathe } from './breathe.ts';
import { toFilter } from './flow-query.ts';

/** What was recorded, for those who look. Each answer holds all that was recorded before it was asked for. */
export interface FlowLog {
  list(query: FlowQuery): Promise<FlowPage>;
  get(id: FlowId): Promise<Flow | undefined>;
  /** What became of an event, each time that it came: newest first. */
  outcomesOf(eventId: EventId): Promise<readonly RecordedOutcome[]>;
  /** A peer's newest flows, its newest discovery and its changes of status, newest first. */
  peer(server: ServerName): Promise<PeerRecord>;
}

export interface PeerRecord {
  readonly discovery: DiscoveryRun | undefined;
  readonly transitions: PeerDetail['transitions'];
  readonly recent: readonly FlowSummary[];
}

interface FlowLogOptions {
  readonly db: () => InspectorDb | undefined;
  /** Writes what is still in memory. */
  readonly flush: () => Promise<void>;
  /** The number that the next flow will have. */
  readonly nextId: () => number;
  readonly onError: (error: unknown) => void;
}

/** Rows that one statement runs over, in the worst case: some milliseconds. */
const slice = 5_000;
const most = { pdus: 1_000, related: 200, outcomes: 50, transitions: 100, recent: 50 };

export function createFlowLog({ db, flush, nextId, onError }: FlowLogOptions): FlowLog {
  /** Reads from the database when all that was recorded is in it; `otherwise` where no file could be made. */
  const read = async <T>(otherwise: T, work: (log: InspectorDb) => T | Promise<T>): Promise<T> => {
    await flush();
    const log = db();
    try {
      return log === undefined ? otherwise : await work(log);
    } catch (error) {
      onError(error);
      throw error;
    }
  };

  return {
    list: (query) =>
      read<FlowPage>({ flows: [], more: false, total: 0 }, async (log) => {
        const { first, count } = log.flows.edges();
        const filter = toFilter(query, log.flows);
        if (filter === undefined) return { flows: [], more: false, total: count };
        const found: FlowSummary[] = [];
        let before = Math.min(query.before === undefined ? Number.POSITIVE_INFINITY : Number(query.before), nextId());
        while (before > first && found.length <= query.limit) {
          const from = Math.max(first, before - slice);
          found.push(...log.flows.list(filter, from, before, query.limit + 1 - found.length));
          before = from;
          if (query.since !== undefined && (log.flows.startedAt(from) ?? 0) < query.since) break;
          await breathe();
        }
        return { flows: found.slice(0, query.limit), more: found.length > query.limit, total: count };
      }),

    get: (id) =>
      read<Flow | undefined>(undefined, (log) => {
        const flow = log.flows.get(id);
        if (flow === undefined) return undefined;
        const [request, reply] = [log.flows.requests.get(id), log.flows.replies.get(id)];
        return {
          ...flow,
          requestHeaders: request?.headers ?? {},
          requestBody: request?.body,
          responseHeaders: reply?.headers ?? {},
          responseBody: reply?.body,
          pdus: log.pdus.ofFlow(id, most.pdus),
          droppedEdus: log.observations.eduDrops(id),
          related: log.flows.ofTrace(flow.traceId, most.related).filter((other) => other.id !== id),
        };
      }),

    outcomesOf: (eventId) => read<readonly RecordedOutcome[]>([], ({ pdus }) => pdus.ofEvent(eventId, most.outcomes)),

    peer: (server) =>
      read<PeerRecord>({ discovery: undefined, transitions: [], recent: [] }, (log) => ({
        discovery: log.observations.lastDiscovery(server),
        transitions: log.observations.transitions(server, most.transitions),
        recent: log.flows.list({ peers: [server] }, 0, nextId(), most.recent),
      })),
  };
}
