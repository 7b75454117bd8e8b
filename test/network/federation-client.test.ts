import { expect, test } from 'vitest';
import { verifyRequest } from '../../main/network/x-matrix.ts';
import type { OutboundRequest } from '../../main/platform.ts';
import { parseJson } from '../../main/protocol/json.ts';
import type { RoomId, ServerName } from '../../shared/ids.ts';
import { type FakePage, fakeNet, json, netError } from '../support/fake-net.ts';
import { clientOver, ourKey, us } from '../support/federation-client.ts';

const a = 'a.test:1' as ServerName;
const uri = '/_matrix/federation/v1/x/%2F?y=%24z';
const asked = { method: 'PUT', uri, body: { n: 1 }, endpoint: 'x' } as const;
const minute = 60_000;

/** a.test answers with `page`, at one address or at several. */
const withPage = (page: FakePage, addresses: readonly string[] = ['1.1.1.1']) => {
  const web = { [`https://${a}${uri}`]: page };
  return fakeNet({ hosts: { 'a.test': addresses }, web });
};

/** As the server that was asked would verify it. */
const verified = ({ method, path, headers, body }: OutboundRequest, server: ServerName) =>
  verifyRequest(
    {
      method,
      rawUri: path,
      headers: { authorization: headers['Authorization'] },
      body: body && parseJson(body).value,
    },
    { us: server, keyring: { keysForRequest: async () => new Map([[ourKey.keyId, ourKey.publicKey]]) } },
  );

test('a request is found, signed as it is sent, and recorded', async () => {
  const net = withPage(() => ({ ...json('{"a": 1.0}'), phases: { connect: 12, wait: 34, body: 1 } }));
  const { client, flows, peers } = await clientOver(net);
  const reply = await client.request(a, { ...asked, roomId: '!r:a.test' as RoomId, attempt: 3 });
  expect(reply).toEqual({
    status: 200,
    body: { a: expect.anything() },
    violations: [{ kind: 'float', path: ['a'] }],
  });
  const [sent = expect.fail()] = net.requests;
  expect(await verified(sent, a)).toMatchObject({ verified: true, origin: us, destination: a });
  expect(sent).toMatchObject({
    path: uri,
    method: 'PUT',
    hostHeader: a,
    certificateFor: 'a.test',
    maxBytes: 1_000_000,
  });
  expect(flows).toMatchObject([
    {
      opening: { direction: 'outbound', peer: a, method: 'PUT', uri, endpoint: 'x', roomId: '!r:a.test', attempt: 3 },
      auth: { verified: true, origin: us, destination: a, keyId: ourKey.keyId },
      requestBody: '{"n":1}',
      requestHeaders: { Host: a, 'Content-Type': 'application/json' },
      address: '1.1.1.1:1',
      discovery: [{ step: '2 explicit port', decided: true }],
      phases: { connect: 12, wait: 34, body: 1 },
      status: 200,
    },
  ]);
  expect(peers.contact(a)).toMatchObject({ status: 'ok', latencyMs: 34 });
});

test('no body and no signature where none is wanted', async () => {
  const net = withPage(() => json({}));
  const { client, flows } = await clientOver(net);
  await client.request(a, { method: 'GET', uri, endpoint: 'x', unsigned: true });
  expect(net.requests[0]?.headers).toEqual({ Accept: 'application/json', 'User-Agent': 'Hearth' });
  expect(net.requests[0]?.body).toBeUndefined();
  expect(flows[0]?.auth).toBeUndefined();
});

test('the next address is tried where nothing was sent, and remembered', async () => {
  const page: FakePage = ({ connectTo: { address } }) => {
    if (address === '1.1.1.1') throw netError('connect', 'ETIMEDOUT');
    if (address === '1.1.1.2') throw netError('tls', 'certificate has expired');
    return json({});
  };
  const net = withPage(page, ['1.1.1.1', '1.1.1.2', '1.1.1.3']);
  const { client, flows } = await clientOver(net);
  await client.request(a, asked);
  await client.request(a, asked);
  expect(net.requests.map(({ connectTo }) => connectTo.address)).toEqual(['1.1.1.1', '1.1.1.2', '1.1.1.3', '1.1.1.3']);
  expect(flows[0]?.address).toBe('1.1.1.3:1');
});

test('once something was sent there is no second try', async () => {
  const page: FakePage = () => {
    throw netError('reply', 'socket hang up');
  };
  const net = withPage(page, ['1.1.1.1', '1.1.1.2']);
  const { client, flows, peers } = await clientOver(net);
  await expect(client.request(a, asked)).rejects.toMatchObject({ name: 'RemoteError', stage: 'reply', server: a });
  expect(net.requests).toHaveLength(1);
  expect(flows[0]?.error).toEqual({ stage: 'reply', message: 'socket hang up' });
  expect(peers.contact(a)).toMatchObject({ status: 'backingOff', lastError: 'socket hang up' });
});

test('where no address works, the next try resolves the name anew', async () => {
  const net = fakeNet({ hosts: { 'a.test': ['1.1.1.1'] } });
  const { client } = await clientOver(net);
  const failing = { ...asked, evenIfDown: true };
  await expect(client.request(a, failing)).rejects.toMatchObject({ stage: 'connect' });
  await expect(client.request(a, failing)).rejects.toMatchObject({ stage: 'connect' });
  expect(net.asked.filter((one) => one.startsWith('A '))).toHaveLength(2);
});

test('a server that cannot be found leaves its trace', async () => {
  const { client, flows } = await clientOver(fakeNet());
  await expect(client.request(a, asked)).rejects.toMatchObject({ stage: 'discovery', status: undefined });
  expect(flows[0]).toMatchObject({
    error: { stage: 'discovery', message: 'a.test has no address' },
    discovery: [{ step: '2 explicit port', answer: 'a.test has no address', decided: true }],
  });
});

const replies: readonly [
  what: string,
  reply: ReturnType<FakePage>,
  error: object,
  peer: { failures: number; waits?: boolean },
][] = [
  [
    'a Matrix error',
    json({ errcode: 'M_FORBIDDEN', error: 'no', x: 1 }, {}, 403),
    { status: 403, errcode: 'M_FORBIDDEN', body: { errcode: 'M_FORBIDDEN', error: 'no', x: 1 } },
    { failures: 0 },
  ],
  ['404 of a proxy', json('<html>', {}, 404), { status: 404, errcode: undefined, body: {} }, { failures: 0 }],
  [
    'a redirect, which is not followed',
    json('', { location: 'https://b.test/' }, 302),
    { status: 302 },
    { failures: 0 },
  ],
  ['502 of a proxy', json('<html>', {}, 502), { status: 502, errcode: undefined }, { failures: 1, waits: true }],
  ['500', json({ errcode: 'M_UNKNOWN' }, {}, 500), { status: 500, errcode: 'M_UNKNOWN' }, { failures: 1, waits: true }],
  ['200 that is no JSON', json('welcome to the hotel'), { status: 200 }, { failures: 1, waits: true }],
  [
    '429',
    json({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 7000 }, {}, 429),
    { status: 429, retryAfterMs: 7000 },
    { failures: 0, waits: true },
  ],
  [
    '429 with Retry-After',
    json({}, { 'retry-after': '3' }, 429),
    { status: 429, retryAfterMs: 3000 },
    { failures: 0, waits: true },
  ],
  [
    '503 with a date',
    json({}, { 'retry-after': new Date(1_700_000_000_000 + 600_000).toUTCString() }, 503),
    { status: 503, retryAfterMs: 600_000 },
    { failures: 1, waits: true },
  ],
];
test.each(replies)('%s is a RemoteError', async (_what, reply, error, { failures, waits = false }) => {
  const { client, peers, flows } = await clientOver(withPage(() => reply));
  await expect(client.request(a, asked)).rejects.toMatchObject({ stage: 'reply', ...error });
  expect(peers.contact(a).failures).toBe(failures);
  expect(peers.waitUntil(a) !== undefined).toBe(waits);
  expect(flows).toHaveLength(1);
  expect(flows[0]?.error).toBeUndefined(); // it was answered
  if (!waits) return;
  await expect(client.request(a, asked)).rejects.toMatchObject({ stage: 'refused', retryAfterMs: expect.any(Number) });
  expect(flows).toHaveLength(1);
});

test('a server that is down is asked only for a person', async () => {
  let up = false;
  const { client, peers } = await clientOver(withPage(() => (up ? json({}) : json('', {}, 502))));
  await expect(client.request(a, asked)).rejects.toMatchObject({ status: 502 });
  up = true;
  await expect(client.request(a, asked)).rejects.toMatchObject({ stage: 'refused' });
  expect((await client.request(a, { ...asked, evenIfDown: true })).status).toBe(200);
  expect((await client.request(a, asked)).status).toBe(200);
  expect(peers.contact(a).status).toBe('ok');
});

test('neither ourselves nor whom the settings forbid', async () => {
  const net = withPage(() => json({}));
  const { client, flows } = await clientOver(net, { blocked: [a] });
  await expect(client.request(a, { ...asked, evenIfDown: true })).rejects.toThrow('the settings do not let us');
  await expect(client.request(us, asked)).rejects.toThrow('does not ask itself');
  expect([net.asked, flows]).toEqual([[], []]);
});

test('a reply that does not come is a time-out', async () => {
  const { client, platform, flows } = await clientOver(withPage(() => new Promise(() => undefined)));
  const [first, second] = [client.request(a, asked), client.request(a, { ...asked, timeoutMs: minute })];
  const results = Promise.allSettled([first, second]);
  await new Promise(setImmediate);
  await platform.advance(30_000);
  await expect(first).rejects.toMatchObject({ stage: 'timeout', message: expect.stringContaining('30 seconds') });
  expect(flows[1]?.error).toBeUndefined();
  await platform.advance(30_000);
  await results;
  expect(flows.map(({ error }) => error?.stage)).toEqual(['timeout', 'timeout']);
});

test('ten at once to each server; the others wait their turn', async () => {
  const answers: (() => void)[] = [];
  const net = withPage(() => new Promise((resolve) => answers.push(() => resolve(json({})))));
  const { client, flows, platform } = await clientOver(net);
  const all = Array.from({ length: 12 }, () => client.request(a, asked));
  await new Promise(setImmediate);
  expect(net.requests).toHaveLength(10);
  await platform.advance(500);
  for (const answer of answers.splice(0, 1)) answer();
  await new Promise(setImmediate);
  expect(net.requests).toHaveLength(11);
  expect(flows[10]?.phases.queue).toBe(500);
  while (net.requests.length < 12 || answers.length > 0) {
    for (const answer of answers.splice(0)) answer();
    await new Promise(setImmediate);
  }
  await Promise.all(all);
});

test('whoever gives up waiting leaves its place to the next', async () => {
  const answers: (() => void)[] = [];
  const net = withPage(() => new Promise((resolve) => answers.push(() => resolve(json({})))));
  const { client } = await clientOver(net);
  const stop = new AbortController();
  const running = Array.from({ length: 10 }, () => client.request(a, asked));
  const waiting = client.request(a, { ...asked, signal: stop.signal });
  const next = client.request(a, asked);
  await new Promise(setImmediate);
  stop.abort();
  await expect(waiting).rejects.toMatchObject({ stage: 'refused' });
  for (const answer of answers.splice(0)) answer();
  await Promise.all(running);
  await new Promise(setImmediate);
  for (const answer of answers.splice(0)) answer();
  expect((await next).status).toBe(200);
  expect(net.requests).toHaveLength(11);
});

test('close ends what is under way, and holds it against nobody', async () => {
  const { client, flows, peers } = await clientOver(withPage(() => new Promise(() => undefined)));
  const request = client.request(a, asked);
  await new Promise(setImmediate);
  client.close();
  await expect(request).rejects.toMatchObject({ stage: 'refused' });
  expect(flows[0]?.error?.stage).toBe('internal');
  expect(peers.contact(a).failures).toBe(0);
  await expect(client.request(a, asked)).rejects.toThrow('stopping');
});

test('what is no JSON can be had, too', async () => {
  const page = () => ({ headers: { 'content-type': 'multipart/mixed' }, body: Buffer.from([0, 1, 255]) });
  const { client, flows } = await clientOver(withPage(page));
  expect(await client.download(a, { method: 'GET', uri, endpoint: 'media/download', maxBytes: 50 })).toEqual(page());
  expect(flows[0]).toMatchObject({ status: 200, auth: { verified: true } });
  const { client: refused } = await clientOver(withPage(() => json({ errcode: 'M_NOT_FOUND' }, {}, 404)));
  await expect(refused.download(a, { method: 'GET', uri, endpoint: 'media/download' })).rejects.toMatchObject({
    status: 404,
    errcode: 'M_NOT_FOUND',
  });
});

test('names that strangers made us look for do not become peers', async () => {
  const { client, peers } = await clientOver(fakeNet());
  await expect(client.request(a, { ...asked, unsigned: true })).rejects.toThrow();
  expect(peers.list()).toEqual([]);
});
