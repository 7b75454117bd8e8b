import { expect, test } from 'vitest';
import { type FlowFilter, matches, parseFilter, quickViews, writeFilter } from '../../renderer/flow-filter.ts';
import { suggest } from '../../renderer/suggestions.ts';
import { sampleFlow, sampleFlows } from '../support/sample-flows.ts';
import { flow, room, server } from '../support/sample-ids.ts';

const now = 1_000_000_000;
const context = { now, roomCalled: (name: string) => (name === 'tea room' ? '!tea:a.test' : undefined) };

test.each<[text: string, filter: FlowFilter]>([
  ['', {}],
  ['peer:matrix.org', { peer: 'matrix.org' }],
  ['dir:in ep:send', { direction: 'inbound', endpoint: 'send' }],
  ['dir:out ep:query/*', { direction: 'outbound', endpoint: 'query/*' }],
  ['status:>=400', { status: '>=400' }],
  ['status:4xx status:open', { status: 'open' }],
  ['outcome:rejected', { outcome: 'rejected' }],
  ['outcome:soft-failed', { outcome: 'softFailed' }],
  ['outcome:waiting', { outcome: 'parked' }],
  ['room:!x:a.test', { roomId: '!x:a.test' }],
  ['room:"tea room"', { roomId: '!tea:a.test' }],
  ['since:1h', { since: now - 3_600_000 }],
  ['since:15m', { since: now - 900_000 }],
  ['dur:>200ms', { minMs: 200 }],
  ['M_FORBIDDEN', { text: 'M_FORBIDDEN' }],
  ['one "two  three" peer:a', { peer: 'a', text: 'one two  three' }],
  ['http://a.test/x', { text: 'http://a.test/x' }], // unknown words are text, a colon or not
  ['peer:', { text: 'peer:' }],
  ['constructor:x', { text: 'constructor:x' }],
])('%s', (text, filter) => {
  expect(parseFilter(text, context).filter).toEqual(filter);
});

test.each(['dir:sideways', 'status:600', 'status:abc', 'outcome:great', 'room:nowhere', 'since:soon', 'dur:>9'])(
  '%s is a chip that says what it would take, and narrows nothing',
  (text) => {
    const { chips, filter } = parseFilter(text, context);
    expect(chips[0]?.wrong).toMatch(/^\w+: takes /);
    expect(filter).toEqual({});
  },
);

test.each(['peer:osk dir:in some text', 'room:"tea room"', ...quickViews.map(({ filter }) => filter)])(
  'what is written is read as the same: %s',
  (text) => {
    const { chips, text: rest } = parseFilter(text, context);
    expect(writeFilter(chips, rest)).toBe(text);
  },
);

const failed = sampleFlow({
  id: flow(1),
  status: undefined,
  error: { stage: 'timeout', message: 'no answer in 30 s' },
});
const open = sampleFlow({ id: flow(2), status: undefined, tookMs: undefined });
const refused = sampleFlow({
  id: flow(3),
  status: 404,
  errcode: 'M_NOT_FOUND',
  endpoint: 'query/profile',
  peer: server('OSK.example'),
});
const good = sampleFlow({
  id: flow(4),
  roomId: room('!x:a.test'),
  outcomes: { accepted: 2, softFailed: 1 },
  tookMs: 1_500,
});

test.each<[FlowFilter, readonly string[]]>([
  [{}, ['1', '2', '3', '4']],
  [{ status: 'open' }, ['2']],
  [{ status: 'error' }, ['1']],
  [{ status: 'failed' }, ['1', '3']],
  [{ status: '4xx' }, ['3']],
  [{ status: '>=400' }, ['3']],
  [{ status: '<400' }, ['4']],
  [{ status: '404' }, ['3']],
  [{ peer: 'osk' }, ['3']],
  [{ endpoint: 'query/*' }, ['3']],
  [{ endpoint: 'send' }, ['1', '2', '4']],
  [{ outcome: 'softFailed' }, ['4']],
  [{ outcome: 'rejected' }, []],
  [{ roomId: '!x:a.test' }, ['4']],
  [{ minMs: 1_000 }, ['4']],
  [{ text: 'not_found' }, ['3']],
  [{ text: '30 s' }, ['1']],
  [{ since: now * 10_000 }, []],
  [{ direction: 'outbound' }, []],
])('%o keeps %o', (filter, ids) => {
  expect([failed, open, refused, good].filter((each) => matches(each, filter)).map(({ id }) => id)).toEqual(ids);
});

test('values are suggested from what is in the log, the commonest first', () => {
  const [first] = suggest('peer:', sampleFlows(now, 100));
  expect(first?.word).toBe('peer:matrix.org');
  expect(suggest('peer:ko', sampleFlows(now, 100)).map(({ word }) => word)).toEqual(['peer:kolibri.example']);
  expect(suggest('st', []).map(({ word }) => word)).toEqual(['status:']);
  expect(suggest('nothing', [])).toEqual([]);
});
