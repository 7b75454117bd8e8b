import { expect, test } from 'vitest';
import { niceCeiling } from '../../renderer/components/requests-chart.tsx';
import { sortRows } from '../../renderer/components/sorting.ts';
import { asCurl } from '../../renderer/curl.ts';
import { absolute, bytes, clockTime, day, duration, percent, plural, relative, took } from '../../renderer/format.ts';
import { layOut } from '../../renderer/json-tokens.ts';
import { hrefOf, parseRoute, type Route } from '../../renderer/route.ts';
import { strikeOut, struckOut } from '../../renderer/strike-out.ts';
import { openFlow, sampleFlow } from '../support/sample-flows.ts';
import { eventNumber, flow, room, server } from '../support/sample-ids.ts';

const minute = 60_000;
const now = 1_795_181_550_000;

test.each([
  [-5, '0 s'],
  [59_999, '59 s'],
  [minute, '1 min'],
  [61 * minute, '1 h 1 min'],
  [120 * minute, '2 h'],
  [25 * 60 * minute, '1 d 1 h'],
  [48 * 60 * minute, '2 d'],
])('%d ms last %s', (ms, words) => expect(duration(ms)).toBe(words));

test.each([
  [0.4, '<1 ms'],
  [1, '1 ms'],
  [999, '999 ms'],
  [999.6, '1.0 s'],
  [9_940, '9.9 s'],
  [9_960, '10 s'],
  [119_000, '119 s'],
  [600_000, '10 min'],
])('%d ms take %s', (ms, words) => expect(took(ms)).toBe(words));

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1_000, '1.0 kB'],
  [9_960, '10 kB'],
  [284_000, '284 kB'],
  [1_912_345_678, '1.9 GB'],
])('%d bytes are %s', (n, words) => expect(bytes(n)).toBe(words));

test.each([
  [0, '0 %'],
  [0.0001, '0.1 %'],
  [0.9909, '99.1 %'],
  [0.99999, '99.9 %'],
  [1, '100 %'],
])('a share of %d is %s', (share, words) => expect(percent(share)).toBe(words));

test.each([
  [now - 1_000, 'now'],
  [now - 12_000, '12 s ago'],
  [now - 4 * minute, '4 min ago'],
  [now - 135 * minute, '2 h ago'],
  [now + 41 * minute, 'in 41 min'],
  [now + 192 * minute, 'in 3 h 12 min'],
  [now - 3 * 1440 * minute, '3 days ago'],
  [now - 400 * 1440 * minute, day(now - 400 * 1440 * minute, now)],
])('%d is %s', (ts, words) => expect(relative(ts, now)).toBe(words));

test('a time that is none does not break the page', () => {
  expect(absolute(1e300)).toBe('1e+300 is no time');
  expect(clockTime(1e300)).toBe('—');
  expect(relative(-1e300, now)).toBe('—');
  expect(absolute(now)).toContain('UTC)');
});

test('one event, two events, many events', () => {
  expect([plural(1, 'event'), plural(2, 'event'), plural(12_400, 'event waits', 'events wait')]).toEqual([
    '1 event',
    '2 events',
    '12,400 events wait',
  ]);
});

test.each([
  ['{"a":1}', '{\n  "a": 1\n}'],
  ['[]', '[]'],
  ['{"a":{},"b":[[1,2],{}]}', '{\n  "a": {},\n  "b": [\n    [\n      1,\n      2\n    ],\n    {}\n  ]\n}'],
  ['{"n":1.0,"n":1e3,"s":"a\\"}{b"}', '{\n  "n": 1.0,\n  "n": 1e3,\n  "s": "a\\"}{b"\n}'], // the very text
  ['{"cut":"in the mid', '{\n  "cut": "in the mid'],
  ['not json', 'notjson'],
])('%s is laid out', (json, laidOut) => {
  expect(
    layOut(json)
      .map(({ text }) => text)
      .join(''),
  ).toBe(laidOut);
});

test('keys, strings, numbers and literals are told apart', () => {
  const kinds = layOut('{"k":"s","n":-1.5e3,"t":[true,null]}').filter(({ kind }) => kind !== 'plain');
  expect(kinds.map(({ kind, text }) => `${kind} ${text}`)).toEqual([
    'key "k"',
    'string "s"',
    'key "n"',
    'number -1.5e3',
    'key "t"',
    'literal true',
    'literal null',
  ]);
});

test('deep and long bodies are laid out in time', () => {
  const started = performance.now();
  layOut(`${'['.repeat(30_000)}"${'\\\\'.repeat(15_000)}`);
  expect(performance.now() - started).toBeLessThan(1_000);
});

test.each([
  ['Authorization', 'X-Matrix origin="a",key="ed25519:1",sig="SECRET"', 'X-Matrix origin="a",key="ed25519:1",sig="#"'],
  ['authorization', 'X-Matrix sig=SECRET,origin=a', 'X-Matrix sig=#,origin=a'],
  ['Authorization', 'X-Matrix origin="a", sig = "SECRET" , key="b"', 'X-Matrix origin="a", sig = "#" , key="b"'],
  ['Authorization', 'Bearer SECRET', 'Bearer #'],
  ['Cookie', 'SECRET', '#'],
  ['Host', 'a.test', 'a.test'],
])('%s: %s keeps no secret', (name, value, kept) => {
  expect(
    strikeOut(name, value)
      .map((part) => (part === struckOut ? '#' : String(part)))
      .join(''),
  ).toBe(kept);
});

test('a command expands nothing that a peer wrote, and cannot be replayed', () => {
  const summary = sampleFlow({
    id: flow(1),
    uri: "/_matrix/x'; rm -rf ~ #$(id)",
    direction: 'outbound',
    peer: server('a.test'),
  });
  const command = asCurl(openFlow(summary), 'own.test');
  expect(command).toContain("'https://a.test/_matrix/x'\\''; rm -rf ~ #$(id)'");
  expect(command).toContain('sig="REDACTED"');
  expect(command).toContain("--data-binary '@body.json'");
});

test.each<Route>([
  { screen: 'overview' },
  { screen: 'rooms' },
  { screen: 'room', roomId: room('!a/b:c.test'), tab: 'state' },
  { screen: 'peer', server: server('[::1]:8448') },
  { screen: 'event', eventId: eventNumber(1) },
  { screen: 'log', flowId: flow(17), tab: 'pdus', filter: 'peer:a & b=c' },
  { screen: 'log', flowId: undefined, tab: 'summary', filter: '' },
])('%o has an address that leads back to it', (route) => expect(parseRoute(hrefOf(route))).toEqual(route));

test.each(['#/rooms/nonsense', '#/events/%24', '#/peers/%00', '#/peers/javascript:x', '#/what', '#/rooms/%E0%A4%A'])(
  '%s leads nowhere',
  (hash) => expect(parseRoute(hash).screen).toBe('unknown'),
);

test('rows are sorted by number or text, what has no value last in both directions', () => {
  const rows = [{ v: 2 }, { v: undefined }, { v: 10 }, { v: 1 }];
  expect(sortRows(rows, ({ v }) => v, false).map(({ v }) => v)).toEqual([1, 2, 10, undefined]);
  expect(sortRows(rows, ({ v }) => v, true).map(({ v }) => v)).toEqual([10, 2, 1, undefined]);
  expect(sortRows(['b', 'a', 'C'], (v) => v, false)).toEqual(['a', 'b', 'C']);
});

test.each([
  [1, 2],
  [7, 10],
  [95, 100],
  [519, 600],
  [1_001, 2_000],
])('an axis for %d ends at %d', (n, end) => expect(niceCeiling(n)).toBe(end));
