import type { SqlValue } from 'sql.js';
import type { OutcomeKind } from '../../shared/flow.ts';

/** What rows of `flows` are looked for. All that is given must hold. */
export interface FlowFilter {
  readonly peers?: readonly string[] | undefined; // any of these
  readonly peerPart?: string | undefined; // a text in the name
  readonly inbound?: boolean | undefined;
  readonly endpoints?: readonly string[] | undefined; // any of these
  readonly status?: { readonly from: number; readonly to: number } | 'error' | 'failed' | 'open' | undefined;
  readonly outcome?: OutcomeKind | undefined;
  readonly roomId?: string | undefined;
  readonly minMs?: number | undefined;
  readonly text?: string | undefined;
  readonly since?: number | undefined;
}

/** Which outcomes a flow's PDUs had, in one number. */
const outcomeBits: Readonly<Record<OutcomeKind, number>> = {
  accepted: 1,
  duplicate: 2,
  redacted: 4,
  parked: 8,
  softFailed: 16,
  rejected: 32,
  dropped: 64,
};
const unremarkable = outcomeBits.accepted | outcomeBits.duplicate;

export const bitsOf = (outcomes: readonly OutcomeKind[]) =>
  outcomes.reduce((bits, kind) => bits | outcomeBits[kind], 0);
export const isRemarkable = (bits: number) => (bits & ~unremarkable) !== 0;

/** Text, so that one prepared statement serves each combination of conditions, and its parameters. */
interface Conditions {
  readonly sql: string;
  readonly params: readonly SqlValue[];
}

/** The conditions as SQL. Those on `failed` and `refused` add nothing but let SQLite use the small indexes. */
export function conditions(filter: FlowFilter): Conditions {
  const terms: string[] = [];
  const params: SqlValue[] = [];
  const add = (term: string, ...values: readonly SqlValue[]) => {
    terms.push(term);
    params.push(...values);
  };
  const { peers, peerPart, inbound, endpoints, status, outcome, roomId, minMs, text, since } = filter;
  if (peers !== undefined) addAnyOf('peer', peers, add);
  if (peerPart !== undefined) add("peer LIKE ? ESCAPE '\\'", `%${escapeLike(peerPart)}%`);
  if (inbound !== undefined) add('inbound = ?', inbound ? 1 : 0);
  // A plus keeps SQLite from using the index of endpoints, of which there are few, where there is a better one.
  if (endpoints !== undefined) addAnyOf(peers === undefined ? 'endpoint' : '+endpoint', endpoints, add);
  if (status === 'open') add('failed = 0 AND status IS NULL AND error IS NULL');
  else if (status === 'error') add('failed = 1 AND error IS NOT NULL');
  else if (status === 'failed') add('failed = 1');
  else if (status !== undefined) {
    add('status BETWEEN ? AND ?', status.from, status.to);
    if (status.from >= 400) add('failed = 1');
  }
  if (outcome !== undefined) add('outcomes & ? <> 0', outcomeBits[outcome]);
  if (outcome !== undefined && isRemarkable(outcomeBits[outcome])) add('refused = 1');
  if (roomId !== undefined) add('room_id = ?', roomId);
  if (minMs !== undefined) add('took_ms >= ?', minMs);
  if (since !== undefined) add('started_at >= ?', since);
  if (text !== undefined) addText(text, add);
  return { sql: terms.map((term) => ` AND ${term}`).join(''), params };
}

type Add = (term: string, ...values: readonly SqlValue[]) => void;

function addAnyOf(column: string, values: readonly string[], add: Add): void {
  const [first = ''] = values;
  if (values.length === 1) add(`${column} = ?`, first);
  else add(`${column} IN (SELECT value FROM json_each(?))`, JSON.stringify(values));
}

/** Sorts after all that begins with what stands before it. */
const last = '\u{10FFFF}';

function addText(text: string, add: Add): void {
  const anywhere = `%${escapeLike(text)}%`;
  const encoded = `%${escapeLike(encodeURIComponent(text))}%`; // as IDs stand in paths
  const columns = ['uri', 'uri', 'peer', 'errcode', 'error']
    .map((column) => `${column} LIKE ? ESCAPE '\\'`)
    .join(' OR ');
  const patterns = [anywhere, encoded, anywhere, anywhere, anywhere];
  if (!text.startsWith('$')) {
    add(`(${columns})`, ...patterns);
    return;
  }
  const byEvent = 'id IN (SELECT flow_id FROM pdu_outcomes WHERE event_id >= ? AND event_id < ?)';
  add(`(${columns} OR ${byEvent})`, ...patterns, text, text + last);
}

export const escapeLike = (text: string) => text.replace(/[\\%_]/g, '\\$&');
