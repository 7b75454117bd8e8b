import type { FlowSummary } from '../shared/flow.ts';
import { type FilterKey, filterKeys, isFilterKey } from './flow-filter.ts';
import { outcomeLooks } from './looks.ts';

/** What could be typed on: the whole word, and what it would mean. */
export interface Suggestion {
  readonly word: string;
  readonly means: string;
}

const most = 8;

const fixed: Readonly<Partial<Record<FilterKey, Readonly<Record<string, string>>>>> = {
  dir: { in: 'they asked us', out: 'we asked them' },
  status: {
    failed: 'an error, or no reply at all',
    error: 'no reply came',
    open: 'not answered yet',
    '>=400': 'a reply that is an error',
    '4xx': 'refused',
    '5xx': 'the server failed',
  },
  outcome: {
    rejected: 'an event was rejected',
    'soft-failed': 'an event was soft-failed',
    dropped: 'an event was dropped: bad format or signature',
    waiting: 'an event waits for one that is missing',
    redacted: 'an event lost its content: the hash did not match',
    accepted: 'an event was accepted',
  },
  dur: { '>200ms': 'took 200 ms or more', '>1s': 'took a second or more', '>10s': 'took ten seconds or more' },
  since: { '15m': 'in the last quarter of an hour', '1h': 'in the last hour', '1d': 'in the last day' },
};

/** Ways to go on from the word that is being typed: its values, once it has a key; keys that begin so, until then. */
export function suggest(typed: string, flows: readonly FlowSummary[]): readonly Suggestion[] {
  const [, key = '', start = ''] = /^([a-z]+):(.*)$/.exec(typed) ?? [];
  if (isFilterKey(key)) {
    const values = fixed[key] ?? seen(key, flows);
    return Object.entries(values)
      .filter(([value]) => value.startsWith(start) && value !== start)
      .map(([value, means]) => ({ word: `${key}:${value}`, means }))
      .slice(0, most);
  }
  const keys = Object.entries(filterKeys).filter(([each]) => each.startsWith(typed));
  const outcomes = Object.values(outcomeLooks).filter(({ word }) => typed !== '' && word.startsWith(typed));
  return [
    ...keys.map(([each, { takes }]) => ({ word: `${each}:`, means: takes })),
    ...outcomes.map(({ word }) => ({ word: `outcome:${word}`, means: fixed.outcome?.[word] ?? '' })),
  ].slice(0, most);
}

/** Peers and endpoints are suggested from what is in the log. */
function seen(key: FilterKey, flows: readonly FlowSummary[]): Readonly<Record<string, string>> {
  const many = new Map<string, number>();
  for (const flow of flows) {
    const value = key === 'peer' ? flow.peer : key === 'ep' ? flow.endpoint : undefined;
    if (value !== undefined) many.set(value, (many.get(value) ?? 0) + 1);
  }
  const common = [...many].sort(([, a], [, b]) => b - a);
  return Object.fromEntries(common.map(([value, n]) => [value, `${n} of those shown`]));
}
