import { act } from 'react';
import { expect, test } from 'vitest';
import type { FlowQuery } from '../../shared/bridge.ts';
import { oneMore } from '../support/sample-console.ts';
import { openFlow, sampleFlow, sampleFlows } from '../support/sample-flows.ts';
import { flow as flowId, server as serverName } from '../support/sample-ids.ts';
import { clipboard } from './browser.ts';
import { click, fill, find, now, press, show, text, texts } from './show.tsx';

const rows = () => texts('[role=grid] tbody tr:not(.spacer)');
const selected = () => find('tr[aria-selected=true]').textContent;

/** The log, with every query that it asked. */
async function showLog(hash = '#/log', flows = sampleFlows(now, 40)) {
  const queries: FlowQuery[] = [];
  const page = await show({
    hash,
    handlers: {
      'flows.list': (query) => {
        queries.push(query as FlowQuery);
        return { flows, more: false, total: flows.length };
      },
    },
  });
  return { ...page, queries };
}

test('rows say when, who, what, and what became of it; only those in view are in the document', async () => {
  await showLog('#/log', sampleFlows(now, 200));
  expect(rows()[4]).toMatch(/inkolibri\.examplePUT sendTidepool field notes2001 rejected 3 accepted214 ms/);
  expect(rows()[9]).toMatch(/outnorthwind\.exampleGET make_join.*TLScertificate has expired188 ms/);
  expect(rows().length).toBeLessThan(60);
  expect(find('[role=grid]').getAttribute('aria-rowcount')).toBe('201');
});

test('new requests come on top, and open ones close where they stand', async () => {
  const { server } = await showLog();
  expect(rows()[0]).toContain('open');
  await act(async () =>
    server().emit('flows.changed', [oneMore(100_001, now), sampleFlow({ id: flowId(100_000), status: 500 })]),
  );
  expect(rows()[0]).toContain('1 accepted');
  expect(rows()[1]).toContain('500');
  expect(text()).toContain('41 shown, 41 recorded');
});

test('what changes before the list is there is applied after it', async () => {
  let answer: () => void = () => {};
  const flows = sampleFlows(now, 3);
  const page = await show({
    hash: '#/log',
    handlers: {
      'flows.list': () => new Promise((resolve) => (answer = () => resolve({ flows, more: false, total: 3 }))),
    },
  });
  await act(async () => page.server().emit('flows.changed', [oneMore(100_001, now)]));
  await act(async () => answer());
  expect(rows()).toHaveLength(4);
});

test('while paused, new requests wait behind a pill', async () => {
  const { server } = await showLog();
  await press('p');
  expect(text()).toContain('Paused');
  await act(async () => server().emit('flows.changed', [oneMore(100_001, now), oneMore(100_002, now)]));
  expect(text()).toContain('40 shown, 42 recorded');
  expect(find('.pill-new').textContent).toBe('2 new');
  await click('.pill-new');
  expect(text()).toContain('42 shown, 42 recorded');
  expect(document.querySelector('.pill-new')).toBeNull();
});

test('while one has scrolled away, new requests wait too, and come when one is back', async () => {
  const { server } = await showLog();
  const scroller = find('.table-scroll');
  const scroll = (top: number) =>
    act(async () => {
      scroller.scrollTop = top;
      scroller.dispatchEvent(new Event('scroll'));
    });
  await scroll(200);
  await act(async () => server().emit('flows.changed', [oneMore(100_001, now)]));
  expect(find('.pill-new').textContent).toBe('1 new');
  await scroll(0);
  expect(document.querySelector('.pill-new')).toBeNull();
  expect(rows()[0]).toContain('1 accepted');
});

test('the filter becomes the query, its words become chips, and those can be taken off', async () => {
  const { queries } = await showLog();
  await fill('input[role=combobox]', 'peer:osk dir:in status:>=400 ');
  expect(queries.at(-1)).toEqual({ peer: 'osk', direction: 'inbound', status: '>=400', limit: 200 });
  expect(texts('.chip')).toEqual(['peer:osk', 'dir:in', 'status:>=400']);
  await click('.chip button', 'Remove dir:in');
  expect(queries.at(-1)).toEqual({ peer: 'osk', status: '>=400', limit: 200 });
  expect(decodeURIComponent(location.hash)).toBe('#/log?q=peer:osk+status:>=400');
});

test('text is searched for when one stops typing', async () => {
  const { queries, pass } = await showLog();
  await fill('input[role=combobox]', 'M_FORB');
  expect(queries).toHaveLength(1);
  await pass(300);
  expect(queries.at(-1)).toEqual({ text: 'M_FORB', limit: 200 });
});

test('suggestions say what could be typed, and Tab completes', async () => {
  await showLog();
  await press('/');
  expect(document.activeElement?.getAttribute('role')).toBe('combobox');
  await fill('input[role=combobox]', 'outc');
  expect(texts('[role=option]')[0]).toContain('outcome:what became of a PDU');
  await fill('input[role=combobox]', 'outcome:so');
  expect(texts('[role=option]')).toEqual(['outcome:soft-failedan event was soft-failed']);
  await press('Tab');
  expect(texts('.chip')).toEqual(['outcome:soft-failed']);
});

test('quick views are filters; one room is found by its name', async () => {
  const { queries } = await showLog('#/log?q=room:tidepool');
  expect(queries.at(-1)?.roomId).toBe('!X3j3yKxoi3AVwc4N6S5aSDSPoxXUwGPlMjNEXunmAzI');
  await click('.seg button', 'Errors');
  expect(queries.at(-1)).toEqual({ status: 'failed', limit: 200 });
  await click('.seg button', 'Slow');
  expect(queries.at(-1)).toEqual({ minMs: 1000, limit: 200 });
});

test('live requests are held against the filter', async () => {
  const { server } = await showLog('#/log?q=peer:osk', []);
  expect(text()).toContain('No match');
  const fromOsk = { ...oneMore(2, now), peer: serverName('osk.example') };
  await act(async () => server().emit('flows.changed', [oneMore(1, now), fromOsk]));
  expect(rows()).toHaveLength(1);
});

test('j, k, Enter and Escape move, open and close; the tab is kept while moving', async () => {
  await showLog();
  await press('j');
  await press('j');
  await press('k');
  expect(selected()).toContain('get_missing_events');
  await press('Enter');
  expect(location.hash).toBe('#/log/100000/summary');
  await click('[role=tab]', 'Auth');
  await press('j');
  expect(location.hash).toBe('#/log/99999/auth');
  expect(find('[role=tab][aria-selected=true]').textContent).toBe('Auth');
  await press('Escape');
  expect(location.hash).toBe('#/log');
});

test('single keys can be switched off', async () => {
  await showLog();
  await press('?');
  await click('dialog input');
  await click('dialog button', 'Close');
  await press('p');
  expect(text()).not.toContain('Paused');
});

test('a request opened says in words what it was and which check refused its event', async () => {
  await showLog('#/log/99996/summary');
  expect(text()).toContain('1 of 4 PDUs was rejected.');
  expect(text()).toContain('kolibri.example sent 4 PDUs and 2 EDUs to this server.');
  await click('button', 'See the check that decided');
  expect(find('.rung.is-bad').textContent).toContain('5Authorised by the state before itrejected');
  expect(find('.why').textContent).toContain(
    '@rook:kolibri.example has power level 0, and m.room.topic needs 50Rulerequired power level',
  );
  expect(find<HTMLAnchorElement>('.why a').getAttribute('href')).toContain('#/events/%24mzT11EEqbr');
  expect(texts('.rung .out')).toEqual(['pass', 'rejected', 'not reached']);
});

test('the other tabs show what was recorded, without its secrets', async () => {
  await showLog('#/log/99996/request');
  expect(text()).toContain('sig="struck out"');
  expect(text()).not.toContain('c2VjcmV0');
  await click('[role=tab]', 'Timing');
  expect(texts('.phases > *')).toContain('142 ms');
  await click('[role=tab]', 'Trace');
  expect(texts('.tree tbody tr')[2]).toContain('/_matrix/key/v2/server');
  await click('[role=tab]', 'Auth');
  expect(text()).toContain('Verified. The signature is by kolibri.example');
});

test('c copies a command without the signature', async () => {
  await showLog('#/log/99996/summary');
  await press('c');
  expect(clipboard.text).toContain(
    "curl -X 'PUT' 'https://juniper.example/_matrix/federation/v1/send/1795181540118-99996'",
  );
  expect(clipboard.text).toContain('sig="REDACTED"');
  expect(clipboard.text).not.toContain('c2VjcmV0');
});

test('an open request is asked again when it changes', async () => {
  let isClosed = false;
  const summary = sampleFlows(now, 1)[0];
  if (summary === undefined) throw new Error('no sample');
  const closed = { ...summary, status: 200, tookMs: 120 };
  const page = await show({
    hash: '#/log/100000/summary',
    handlers: { 'flow.get': () => openFlow(isClosed ? closed : summary) },
  });
  expect(text()).toContain('uni-ostfeld.example has not answered yet.');
  isClosed = true;
  await act(async () => page.server().emit('flows.changed', [closed]));
  await page.pass(300);
  expect(text()).toContain('uni-ostfeld.example answered 200 in 120 ms.');
});

test('nothing recorded is not an empty table', async () => {
  await showLog('#/log', []);
  expect(text()).toContain('Nothing recorded');
  expect(text()).toContain('Recording is on.');
});
