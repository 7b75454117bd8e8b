import type { FlowQuery } from '../shared/bridge.ts';
import type { FlowSummary, OutcomeKind } from '../shared/flow.ts';
import { outcomeLooks } from './looks.ts';

/** What the log is narrowed to, without how much of it is asked for. */
export type FlowFilter = Omit<FlowQuery, 'before' | 'limit'>;

/** A word of the filter: `peer:osk.example`, with what is wrong with it, if anything is. */
export interface Chip {
  readonly key: FilterKey;
  readonly value: string;
  readonly wrong: string | undefined;
}

interface FilterContext {
  readonly now: number;
  /** Finds the room that is called so. */
  readonly roomCalled: (name: string) => string | undefined;
}

type Read = (value: string, context: FilterContext) => Partial<FlowFilter> | undefined;

/** The keys of the grammar. Each reads its value, or says what it would take. */
export const filterKeys = {
  peer: { takes: 'part of a server name', read: (value) => ({ peer: value }) },
  dir: {
    takes: 'in or out',
    read: (value) => {
      if (value === 'in') return { direction: 'inbound' };
      return value === 'out' ? { direction: 'outbound' } : undefined;
    },
  },
  ep: { takes: 'an endpoint: send, or query/* for all that begin so', read: (value) => ({ endpoint: value }) },
  status: {
    takes: '404, >=400, 4xx, failed, error (no reply) or open',
    read: (value) =>
      /^(>=?|<=?)?[1-5]\d\d$|^[1-5]xx$|^(error|failed|open)$/.test(value) ? { status: value } : undefined,
  },
  outcome: {
    takes: 'what became of a PDU: rejected, soft-failed, …',
    read: (value) => {
      const outcome = outcomeNamed(value);
      return outcome === undefined ? undefined : { outcome };
    },
  },
  room: {
    takes: 'a room’s id, name or alias',
    read: (value, { roomCalled }) => {
      const roomId = value.startsWith('!') ? value : roomCalled(value);
      return roomId === undefined ? undefined : { roomId };
    },
  },
  dur: {
    takes: 'at least so long: >1s, >200ms',
    read: (value) => {
      const ms = milliseconds(value.replace(/^>=?/, ''));
      return ms === undefined ? undefined : { minMs: ms };
    },
  },
  since: {
    takes: 'how far back: 15m, 1h, 2d',
    read: (value, { now }) => {
      const ms = milliseconds(value);
      return ms === undefined ? undefined : { since: now - ms };
    },
  },
} as const satisfies Readonly<Record<string, { readonly takes: string; readonly read: Read }>>;
export type FilterKey = keyof typeof filterKeys;

/** The views that are a click away. */
export const quickViews = [
  { value: 'all', title: 'All', filter: '' },
  { value: 'errors', title: 'Errors', filter: 'status:failed' },
  { value: 'slow', title: 'Slow', filter: 'dur:>1s' },
  { value: 'joins', title: 'Joins', filter: '_join/' },
  { value: 'keys', title: 'Keys', filter: 'ep:key/*' },
] as const;

/** `key:value` is a chip where the key is one of ours; all other words are text. Quotes hold words together. */
export function parseFilter(
  text: string,
  context: FilterContext,
): { chips: readonly Chip[]; text: string; filter: FlowFilter } {
  const chips: Chip[] = [];
  const words: string[] = [];
  let filter: FlowFilter = {};
  for (const word of text.match(/(?:"[^"]*"?|[^\s"])+/g) ?? []) {
    const [, key = '', quoted = ''] = /^([a-z]+):(.+)$/i.exec(word) ?? [];
    const value = quoted.replaceAll('"', '');
    if (!isFilterKey(key) || value === '') {
      words.push(word.replaceAll('"', ''));
      continue;
    }
    const read = filterKeys[key].read(value, context);
    if (read !== undefined) filter = { ...filter, ...read };
    chips.push({ key, value, wrong: read === undefined ? `${key}: takes ${filterKeys[key].takes}` : undefined });
  }
  if (words.length > 0) filter = { ...filter, text: words.join(' ') };
  return { chips, text: words.join(' '), filter };
}

/** The inverse of `parseFilter`. */
export function writeFilter(chips: readonly Pick<Chip, 'key' | 'value'>[], text: string): string {
  const words = chips.map(({ key, value }) => `${key}:${/\s/.test(value) ? `"${value}"` : value}`);
  return [...words, text.trim()].filter((word) => word !== '').join(' ');
}

export function isFilterKey(key: string): key is FilterKey {
  return Object.hasOwn(filterKeys, key);
}

/** Whether a request that is new belongs into the list that the server narrowed by `filter`. */
export function matches(flow: FlowSummary, filter: FlowFilter): boolean {
  const { peer, direction, endpoint, status, outcome, roomId, minMs, text, since } = filter;
  if (peer !== undefined && !flow.peer?.toLowerCase().includes(peer.toLowerCase())) return false;
  if (direction !== undefined && flow.direction !== direction) return false;
  if (endpoint !== undefined && !isEndpoint(flow.endpoint, endpoint)) return false;
  if (status !== undefined && !hasStatus(flow, status)) return false;
  if (outcome !== undefined && (flow.outcomes[outcome as OutcomeKind] ?? 0) === 0) return false;
  if (roomId !== undefined && flow.roomId !== roomId) return false;
  if (minMs !== undefined && (flow.tookMs ?? 0) < minMs) return false;
  if (since !== undefined && flow.startedAt < since) return false;
  if (text === undefined) return true;
  const haystack = [flow.uri, flow.peer, flow.errcode, flow.error?.message].join('\n').toLowerCase();
  return haystack.includes(text.toLowerCase());
}

function isEndpoint(endpoint: string, wanted: string): boolean {
  return wanted.endsWith('*') ? endpoint.startsWith(wanted.slice(0, -1)) : endpoint === wanted;
}

function hasStatus({ status, error }: FlowSummary, wanted: string): boolean {
  if (wanted === 'open') return status === undefined && error === undefined;
  if (wanted === 'error') return error !== undefined;
  if (wanted === 'failed') return error !== undefined || (status !== undefined && status >= 400);
  if (status === undefined) return false;
  if (wanted.endsWith('xx')) return Math.floor(status / 100) === Number(wanted[0]);
  const [, relation = '=', number = ''] = /^([<>]?=?)(\d+)$/.exec(wanted) ?? [];
  const bound = Number(number);
  if (relation === '>=') return status >= bound;
  if (relation === '<=') return status <= bound;
  if (relation === '>') return status > bound;
  return relation === '<' ? status < bound : status === bound;
}

/** By the name of the outcome, or by the word that stands on its badge. */
function outcomeNamed(value: string): OutcomeKind | undefined {
  const entries = Object.entries(outcomeLooks) as [OutcomeKind, { word: string }][];
  return entries.find(([kind, { word }]) => value === kind || value === word)?.[0];
}

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000, d: 86_400_000 };

function milliseconds(text: string): number | undefined {
  const [, number = '', unit = ''] = /^(\d{1,6})(ms|s|m|min|h|d)$/.exec(text) ?? [];
  const factor = units[unit];
  return factor === undefined ? undefined : Number(number) * factor;
}
