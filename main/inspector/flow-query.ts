import type { FlowQuery } from '../../shared/bridge.ts';
import type { OutcomeKind } from '../../shared/flow.ts';
import type { FlowFilter } from '../db/flow-filter.ts';
import type { InspectorDb } from '../db/inspector-db.ts';

/** Beyond so many names it is cheaper to look at every row. */
const mostNames = 200;

/** A query as the database can answer it. None where nothing can match: no such peer or endpoint, a status that is none. */
export function toFilter(query: FlowQuery, flows: InspectorDb['flows']): FlowFilter | undefined {
  const { peer, direction, endpoint, outcome, roomId, minMs, text, since } = query;
  const peers = peer === undefined ? undefined : flows.peers(peer, mostNames);
  const tooMany = peers?.length === mostNames;
  const endpoints = endpoint?.endsWith('*')
    ? flows.endpoints(endpoint.slice(0, -1), mostNames)
    : endpoint === undefined
      ? undefined
      : [endpoint];
  const status = query.status === undefined ? undefined : parseStatus(query.status);
  if (peers?.length === 0 || endpoints?.length === 0 || status === null) return undefined;
  return {
    peers: tooMany ? undefined : peers,
    peerPart: tooMany ? peer : undefined,
    inbound: direction === undefined ? undefined : direction === 'inbound',
    endpoints,
    status,
    outcome: outcome as OutcomeKind | undefined,
    roomId,
    minMs,
    text,
    since,
  };
}

const highest = 999;

/** '200', '>=400', '<300', '4xx', 'error' (no reply), 'failed' (no reply, or 400 and above), 'open'. `null` for anything else. */
export function parseStatus(text: string): NonNullable<FlowFilter['status']> | null {
  if (text === 'error' || text === 'failed' || text === 'open') return text;
  const [, comparison = '', digits, family] = /^(>=|<=|>|<)?(?:(\d{3})|([1-9])xx)$/i.exec(text) ?? [];
  if (digits === undefined && family === undefined) return null;
  const from = digits === undefined ? Number(family) * 100 : Number(digits);
  const to = digits === undefined ? from + 99 : from;
  switch (comparison) {
    case '>=':
      return { from, to: highest };
    case '>':
      return { from: to + 1, to: highest };
    case '<=':
      return { from: 0, to };
    case '<':
      return { from: 0, to: from - 1 };
    default:
      return { from, to };
  }
}
