import { expect, test } from 'vitest';
import { sendRoutes } from '../../../main/http/federation/send.ts';
import type { OpenFlow } from '../../../main/inspector/inspector.ts';
import type { JsonValue } from '../../../main/protocol/json.ts';
import type { IncomingTransaction } from '../../../main/rooms/receive-transaction.ts';
import type { PduOutcome } from '../../../shared/flow.ts';
import type { ServerName } from '../../../shared/ids.ts';
import { askRoutes } from '../../support/ask-routes.ts';

const b = 'b.test' as ServerName;
const outcome = { outcome: 'accepted' } as PduOutcome;

function served() {
  const received: IncomingTransaction[] = [];
  const flow: { pdus?: readonly PduOutcome[]; edus?: number } = {};
  const open = {
    request: () => undefined,
    pdus: (pdus: readonly PduOutcome[]) => Object.assign(flow, { pdus }),
    edus: (edus: number) => Object.assign(flow, { edus }),
  } as unknown as OpenFlow;
  const ask = askRoutes(
    sendRoutes({
      async receive(transaction) {
        received.push(transaction);
        return { reply: { pdus: { '$a:b.test': {}, '$b:b.test': { error: 'no' } } }, outcomes: [outcome] };
      },
    }),
    (_opening, handle) => handle(open),
  );
  const send = (body: JsonValue, txnId = '1') => ask(b, 'PUT', `/_matrix/federation/v1/send/${txnId}`, body as never);
  return { send, received, flow };
}

const times = (length: number, value: JsonValue) => Array.from({ length }, () => value);

test('a transaction is handed on with its PDUs, each with what a strict room version forbids in it', async () => {
  const { send, received, flow } = served();
  const body = `{"origin":"other.test","pdus":[{"x":1},{"x":1.5},7],"edus":[{"edu_type":"m.typing"}]}`;
  const { status, body: reply } = await send(body, 'a%2Fb');
  expect(status).toBe(200);
  expect(reply).toEqual({ pdus: { '$a:b.test': {}, '$b:b.test': { error: 'no' } } });
  expect(received).toMatchObject([{ origin: b, txnId: 'a/b', edus: [{ edu_type: 'm.typing' }] }]);
  expect(received[0]?.pdus.map(({ violations }) => violations)).toEqual([[], [{ kind: 'float', path: ['x'] }], []]);
  expect(received[0]?.pdus[2]?.pdu).toBe(7);
  expect(flow).toEqual({ pdus: [outcome], edus: 1 });
});

test('PDUs and EDUs may be left out', async () => {
  const { send, received } = served();
  expect((await send({})).status).toBe(200);
  expect(received).toEqual([{ origin: b, txnId: '1', pdus: [], edus: [] }]);
});

// "Transactions are limited in size; they can have at most 50 PDUs and 100 EDUs."
test.each<[what: string, body: JsonValue, status: number, errcode: string | undefined]>([
  ['50 PDUs and 100 EDUs', { pdus: times(50, {}), edus: times(100, {}) }, 200, undefined],
  ['51 PDUs', { pdus: times(51, {}) }, 400, 'M_BAD_JSON'],
  ['101 EDUs', { edus: times(101, {}) }, 400, 'M_BAD_JSON'],
  ['PDUs that are no list', { pdus: {} }, 400, 'M_BAD_JSON'],
  ['EDUs that are no list', { pdus: [], edus: 'x' }, 400, 'M_BAD_JSON'],
  ['a list', [], 400, 'M_BAD_JSON'],
  ['no JSON', '{', 400, 'M_NOT_JSON'],
  ['more than 10 MB', { pdus: ['x'.repeat(10_000_000)] }, 413, 'M_TOO_LARGE'],
])('%s', async (_, body, status, errcode) => {
  const { send, received } = served();
  const reply = await send(body);
  expect([reply.status, reply.body['errcode']]).toEqual([status, errcode]);
  expect(received).toHaveLength(status === 200 ? 1 : 0);
});
