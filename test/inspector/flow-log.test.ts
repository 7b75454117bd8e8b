import { expect, test } from 'vitest';
import { parseStatus } from '../../main/inspector/flow-query.ts';
import type { RunningInspector } from '../../main/inspector/recorder.ts';
import type { FlowQuery } from '../../shared/bridge.ts';
import type { FlowId } from '../../shared/ids.ts';
import {
  answer,
  eventId,
  inboundSend,
  outbound,
  outcome,
  roomId,
  runningInspector,
  server,
} from '../support/running-inspector.ts';

/** Ten flows, a second apart. */
async function tenFlows(): Promise<RunningInspector> {
  const { inspector, platform } = await runningInspector();
  const tick = () => platform.advance(1000);
  const received = async (peer: string, outcomes: Parameters<typeof outcome>[0][], status = 200) => {
    await tick();
    const flow = inspector.open(inboundSend);
    flow.auth({ verified: true, origin: server(peer), keyId: 'ed25519:1' });
    flow.pdus(outcomes.map((change) => outcome(change)));
    answer(flow, status, status === 200 ? {} : { errcode: 'M_FORBIDDEN' });
  };
  const asked = async (endpoint: string, peer: string, status?: number) => {
    await tick();
    const flow = inspector.open({
      ...outbound(endpoint, peer),
      ...(endpoint === 'make_join' && { roomId: roomId('room') }),
    });
    if (status !== undefined) answer(flow, status);
    return flow;
  };
  await received('b.test', [{}]); // 1
  await received('b.test', [{}, { outcome: 'rejected', eventId: eventId('bad') }]); // 2
  await received('c_d.test', [{ outcome: 'softFailed' }]); // 3
  await received('cxd.test', [], 403); // 4
  await asked('query/profile', 'b.test', 200); // 5
  await asked('query/directory', 'c_d.test', 404); // 6
  await asked('make_join', 'b.test', 301); // 7
  await asked('event/%24odd', 'b.test', 500); // 8
  const refused = await asked('key/v2/server', 'b.test'); // 9
  await platform.advance(500);
  refused.fail({ stage: 'connect', message: 'refused by the host' });
  await asked('send', 'c_d.test'); // 10, open
  return inspector;
}

const rows: readonly [query: Partial<FlowQuery>, ids: string][] = [
  [{}, '10 9 8 7 6 5 4 3 2 1'],
  [{ limit: 3 }, '10 9 8'],
  [{ limit: 3, before: '5' as FlowId }, '4 3 2'],
  [{ peer: 'b.test' }, '9 8 7 5 2 1'],
  [{ peer: 'test' }, '10 9 8 7 6 5 4 3 2 1'],
  [{ peer: 'C_D' }, '10 6 3'], // case does not matter, and _ is no wildcard
  [{ peer: '%' }, ''],
  [{ peer: 'nobody' }, ''],
  [{ direction: 'inbound' }, '4 3 2 1'],
  [{ direction: 'outbound', peer: 'c_d.test' }, '10 6'],
  [{ endpoint: 'send' }, '10 4 3 2 1'],
  [{ endpoint: 'query/*' }, '6 5'],
  [{ endpoint: 'query' }, ''],
  [{ endpoint: '*' }, '10 9 8 7 6 5 4 3 2 1'],
  [{ endpoint: 'nothing/*' }, ''],
  [{ status: '200' }, '5 3 2 1'],
  [{ status: '>=400' }, '8 6 4'],
  [{ status: '4xx' }, '6 4'],
  [{ status: '4XX' }, '6 4'],
  [{ status: '<300' }, '5 3 2 1'],
  [{ status: '>404' }, '8'],
  [{ status: '<=301' }, '7 5 3 2 1'],
  [{ status: 'error' }, '9'],
  [{ status: 'failed' }, '9 8 6 4'],
  [{ status: 'open' }, '10'],
  [{ status: 'nonsense' }, ''],
  [{ outcome: 'rejected' }, '2'],
  [{ outcome: 'softFailed' }, '3'],
  [{ outcome: 'accepted' }, '2 1'],
  [{ outcome: 'dropped' }, ''],
  [{ roomId: roomId('room') }, '7 3 2 1'],
  [{ minMs: 500 }, '9'],
  [{ minMs: 501 }, ''],
  [{ text: 'profile' }, '5'],
  [{ text: 'by the host' }, '9'],
  [{ text: 'M_FORBIDDEN' }, '4'],
  [{ text: 'cxd' }, '4'],
  [{ text: eventId('bad') }, '2'],
  [{ text: '$bad' }, '2'], // an event ID may be typed in part
  [{ text: '$odd' }, '8'], // and stands percent-encoded in paths
  [{ text: '100%' }, ''],
  [{ since: 1_700_000_000_000 + 9_000 }, '10 9'],
  [{ peer: 'b.test', direction: 'inbound', outcome: 'rejected', status: '2xx', endpoint: 'send', text: 'send' }, '2'],
];

test('a query is answered by the flows that it describes, newest first', async () => {
  const inspector = await tenFlows();
  for (const [query, ids] of rows) {
    const { flows, total } = await inspector.log.list({ limit: 100, ...query });
    expect(flows.map(({ id }) => id).join(' '), JSON.stringify(query)).toBe(ids);
    expect(total).toBe(10);
  }
  const more = async (query: FlowQuery) => (await inspector.log.list(query)).more;
  expect(await more({ limit: 9 })).toBe(true);
  expect(await more({ limit: 10 })).toBe(false);
  expect(await more({ limit: 1, status: '4xx' })).toBe(true);
  expect(await more({ limit: 2, status: '4xx' })).toBe(false);
});

test('statuses that are none', () => {
  for (const text of ['', '20', '2000', 'xx', '0xx', '=200', '>=4xxx', 'OPEN']) expect(parseStatus(text)).toBeNull();
});

test('a page of a long log is found piece by piece, and other work has its turn in between', async () => {
  const { inspector: long } = await runningInspector();
  for (let i = 1; i <= 12_000; i++) answer(long.open(i === 3 ? outbound('make_join', 'b.test') : inboundSend));
  await long.log.list({ limit: 1 });
  let turns = 0;
  let isDone = false;
  const count = () => {
    turns++;
    if (!isDone) setImmediate(count);
  };
  setImmediate(count);
  const { flows, more, total } = await long.log.list({ text: 'make_join', limit: 5 });
  isDone = true;
  expect(flows.map(({ id }) => id)).toEqual(['3']);
  expect({ more, total }).toEqual({ more: false, total: 12_000 });
  expect(turns).toBeGreaterThanOrEqual(2);
});
