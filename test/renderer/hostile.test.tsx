import { expect, test } from 'vitest';
import type { Handlers } from '../../shared/bridge.ts';
import { sampleConsole } from '../support/sample-console.ts';
import { rejectedTopic, tidepool } from '../support/sample-ids.ts';
import { now, show, text } from './show.tsx';

const hostile = '<img src=x onerror="window.hurt=1"></pre><script>window.hurt=1</script>\u202e';

/** What other servers and their users decide the text of. */
const theirs = new Set(
  `name canonicalAlias topic summary reason rule type stateKey uri endpoint errcode message displayName joinRule lastError
  historyVisibility software why answer input content requestBody responseBody json canonical what sentence keyId source
  traceId address phase version`.split(/\s+/),
);

let poisoned = 0; // so that no two are alike

/** The same answers, with each such text a hostile one. */
function poison(value: unknown, key = ''): unknown {
  if (typeof value === 'string') return theirs.has(key) || key.includes('-') ? `${hostile}${++poisoned}` : value;
  if (Array.isArray(value)) return value.map((each) => poison(each, key));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, poison(each, name)]));
}

const handlers = Object.fromEntries(
  Object.entries(sampleConsole(now)).map(([name, answer]) => [
    name,
    async (...args: unknown[]) => poison(await answer(...args)),
  ]),
) as unknown as Handlers;

const room = encodeURIComponent(tidepool);

test.each([
  '#/',
  '#/rooms',
  `#/rooms/${room}/timeline`,
  `#/rooms/${room}/state`,
  `#/rooms/${room}/members`,
  `#/events/${encodeURIComponent(rejectedTopic)}`,
  '#/peers',
  '#/peers/birch.example',
  '#/keys',
  '#/log?q=%3Cimg%20src%3Dx%3E',
  ...['summary', 'auth', 'request', 'response', 'pdus', 'timing', 'trace'].map((tab) => `#/log/99996/${tab}`),
])('what others write stays text on %s', async (hash) => {
  await show({ hash, handlers });
  expect(text()).toContain('<img src=x');
  expect(document.querySelectorAll('img, script, iframe, object, [onerror], [style*=url]')).toHaveLength(0);
  expect(Object.hasOwn(window, 'hurt')).toBe(false);
  for (const { href } of document.querySelectorAll('a')) {
    expect(new URL(href).protocol, href).toMatch(/^https?:$/); // our own fragments, and the specification
  }
});
