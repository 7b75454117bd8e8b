import { expect, test } from 'vitest';
import { flowState } from '../../shared/flow.ts';
import type { FlowId } from '../../shared/ids.ts';
import {
  answer,
  eventId,
  inboundSend,
  json,
  outbound,
  outcome,
  roomId,
  runningInspector,
  server,
} from '../support/running-inspector.ts';

test('a request is there while it is open, and with all its parts when it is over', async () => {
  const { inspector, platform } = await runningInspector();
  const flow = inspector.open({ ...inboundSend, address: '203.0.113.7:51234' });
  flow.request({ 'content-type': 'application/json', accept: ['a', 'b'] }, json({ pdus: [{}] }));
  const [pending] = (await inspector.log.list({ limit: 10 })).flows;
  expect(pending && flowState(pending)).toBe('pending');
  expect(pending).toMatchObject({ id: flow.id, requestBytes: 13, peer: undefined, tookMs: undefined });

  await platform.advance(40);
  flow.auth({ verified: true, origin: server('b.test'), destination: 'a.test', keyId: 'ed25519:1' });
  flow.room(roomId('room'));
  flow.phase('processing', 30);
  flow.phase('processing', 5);
  flow.edus(2);
  const rejected = outcome({
    eventId: eventId('bad'),
    outcome: 'rejected',
    step: 'authEvents',
    rule: 'sender is joined',
    reason: '@eve:b.test is not joined to the room',
    decidedBy: [eventId('leave')],
  });
  flow.pdus([outcome(), outcome({ eventId: eventId('other') }), rejected]);
  answer(flow, 200, { pdus: {} });

  const { flows, more, total } = await inspector.log.list({ limit: 10 });
  expect({ more, total }).toEqual({ more: false, total: 1 });
  const summary = {
    id: flow.id,
    traceId: flow.id,
    parentId: undefined,
    direction: 'inbound',
    peer: 'b.test',
    method: 'PUT',
    uri: '/_matrix/federation/v1/send/1',
    endpoint: 'send',
    roomId: roomId('room'),
    startedAt: 1_700_000_000_000,
    tookMs: 40,
    status: 200,
    errcode: undefined,
    error: undefined,
    auth: { verified: true, origin: 'b.test', destination: 'a.test', keyId: 'ed25519:1' },
    attempt: 1,
    requestBytes: 13,
    responseBytes: 11,
    phases: { body: 0, processing: 35 },
    outcomes: { accepted: 2, rejected: 1 },
    edus: 2,
  };
  expect(flows).toEqual([summary]);
  expect(await inspector.log.get(flow.id)).toMatchObject({
    ...summary,
    requestHeaders: { 'content-type': 'application/json', accept: 'a, b' },
    requestBody: '{"pdus":[{}]}',
    responseHeaders: { 'content-type': 'application/json' },
    responseBody: '{"pdus":{}}',
    address: '203.0.113.7:51234',
    pdus: [outcome(), outcome({ eventId: eventId('other') }), rejected],
    discovery: [],
    related: [],
  });
  expect(await inspector.log.outcomesOf(eventId('bad'))).toMatchObject([{ ...rejected, flowId: flow.id }]);
  expect(await inspector.log.get('99' as FlowId)).toBeUndefined();
});

test('no reply is not the same as a reply that is an error', async () => {
  const { inspector } = await runningInspector();
  const silent = inspector.open(outbound('event', 'b.test'));
  silent.fail({ stage: 'timeout', message: 'no reply within 30 s' });
  const refused = inspector.open(outbound('event', 'b.test'));
  answer(refused, 403, { errcode: 'M_FORBIDDEN', error: 'no' });
  const page = inspector.open(outbound('event', 'b.test'));
  page.close({ status: 502, headers: { 'content-type': 'text/html' }, body: Buffer.from('<h1>Bad gateway</h1>') });
  const { flows } = await inspector.log.list({ limit: 10 });
  expect(flows.map(flowState)).toEqual(['answered', 'answered', 'failed']);
  expect(flows.map(({ status, errcode }) => [status, errcode])).toEqual([
    [502, undefined],
    [403, 'M_FORBIDDEN'],
    [undefined, undefined],
  ]);
  expect(flows[2]?.error).toEqual({ stage: 'timeout', message: 'no reply within 30 s' });
});

test('a flow ends once, and a PDU may be judged after that', async () => {
  const { inspector } = await runningInspector();
  const flow = inspector.open(inboundSend);
  answer(flow);
  flow.fail({ stage: 'internal', message: 'too late' });
  answer(flow, 500);
  flow.pdus([outcome({ outcome: 'parked' })]);
  const found = await inspector.log.get(flow.id);
  expect(found).toMatchObject({ status: 200, error: undefined, outcomes: { parked: 1 } });
  expect(inspector.traffic.last24h()).toMatchObject({ inbound: 1, failed: 0 });
});

test('who a request claims to be from is shown, but not counted as heard of', async () => {
  const { inspector } = await runningInspector();
  const flow = inspector.open(inboundSend);
  flow.auth({ verified: false, why: 'no signature', origin: 'liar.test' });
  answer(flow, 401, { errcode: 'M_UNAUTHORIZED' });
  expect((await inspector.log.list({ peer: 'liar', limit: 1 })).flows).toHaveLength(1);
  expect(inspector.traffic.ofPeer(server('liar.test'))).toBeUndefined();
  const nonsense = inspector.open(inboundSend);
  nonsense.auth({ verified: false, why: 'no such name', origin: 'not a server name' });
  answer(nonsense, 401);
  expect((await inspector.log.get(nonsense.id))?.peer).toBeUndefined();
});

test('what peers chose is bounded', async () => {
  const { inspector } = await runningInspector();
  const long = 'x'.repeat(100_000);
  const flow = inspector.open({ ...inboundSend, uri: `/${long}` });
  flow.request(Object.fromEntries(Array.from({ length: 1000 }, (_none, i) => [`h${i}`, long])), undefined);
  flow.auth({ verified: false, why: long, origin: long, destination: long, keyId: long });
  flow.pdus([outcome({ reason: long, sender: long, decidedBy: Array.from({ length: 1000 }, () => eventId('e')) })]);
  flow.fail({ stage: 'internal', message: long });
  inspector.keyObserved({
    server: server('b.test'),
    keyId: 'ed25519:1',
    publicKey: long,
    validUntilTs: 1e300,
    source: long,
  });
  const found = await inspector.log.get(flow.id);
  expect(JSON.stringify(found).length).toBeLessThan(500_000);
  expect(found?.pdus[0]?.decidedBy).toHaveLength(50);
  expect(Object.keys(found?.requestHeaders ?? {})).toHaveLength(100);
});

test('numbers grow over restarts, and what was open then is not open for ever', async () => {
  const first = await runningInspector();
  answer(first.inspector.open(inboundSend));
  const open = first.inspector.open(inboundSend);
  await first.inspector.close();
  const { inspector } = await runningInspector({ path: first.path });
  const next = inspector.open(inboundSend);
  expect([open.id, next.id]).toEqual(['2', '3']);
  const left = await inspector.log.get(open.id);
  expect(left?.error).toEqual({ stage: 'internal', message: 'The server stopped before this request was over.' });
  expect((await inspector.log.list({ status: 'open', limit: 9 })).flows.map(({ id }) => id)).toEqual([next.id]);
});

test('what is told besides requests is kept with the flow in whose name it happened', async () => {
  const { inspector } = await runningInspector();
  const run = {
    ts: 5,
    ok: true,
    steps: [{ step: '.well-known', input: 'b.test', answer: 'none', decided: false, tookMs: 3 }],
    result: { address: '192.0.2.1', port: 8448, hostHeader: 'b.test', certificateFor: 'b.test' },
    expiresAt: 9,
    error: undefined,
  };
  inspector.discovered(server('b.test'), { ...run, ok: false, result: undefined, error: 'no answer' });
  inspector.discovered(server('b.test'), run);
  inspector.peerChanged({ server: server('b.test'), from: 'ok', to: 'backingOff', why: 'timeout' });
  inspector.peerChanged({ server: server('b.test'), from: 'backingOff', to: 'ok', why: 'it called us' });
  const flow = inspector.open(inboundSend);
  inspector.within(flow, () => inspector.eduDropped({ type: 'm.typing', why: '@x:c.test is not of b.test' }));
  inspector.slept({ from: 1, to: 2 });
  inspector.keyClaimed({ userId: '@a:a.test', deviceId: 'D', served: 'none' });
  inspector.stateChanged({
    roomId: roomId('room'),
    type: 'm.room.topic',
    stateKey: '',
    before: undefined,
    after: eventId('topic'),
    cause: 'event',
    by: eventId('topic'),
  });
  const { discovery, transitions } = await inspector.log.peer(server('b.test'));
  expect(discovery).toEqual(run);
  expect(transitions.map(({ to }) => to)).toEqual(['ok', 'backingOff']);
  expect((await inspector.log.get(flow.id))?.droppedEdus).toEqual([
    { type: 'm.typing', why: '@x:c.test is not of b.test' },
  ]);
});

test('the levels: metadata keeps neither headers nor bodies, json leaves other bodies out, full has them', async () => {
  const capture = async (level: 'metadata' | 'json' | 'full', type: string, body: Buffer) => {
    const { inspector } = await runningInspector({ level });
    const flow = inspector.open(inboundSend);
    flow.request({ 'content-type': type }, body);
    const found = await inspector.log.get(flow.id);
    return [found?.requestBytes, found?.requestHeaders['content-type'], found?.requestBody];
  };
  const image = Buffer.from([0xff, 0xd8, 0xff]);
  expect(await capture('metadata', 'application/json', json({}))).toEqual([2, undefined, undefined]);
  expect(await capture('json', 'image/jpeg', image)).toEqual([3, 'image/jpeg', undefined]);
  expect(await capture('json', '', json([1]))).toEqual([3, '', '[1]']); // the type may be absent
  expect(await capture('full', 'image/jpeg', image)).toEqual([3, 'image/jpeg', 'base64:/9j/']);
});

test('a body is cut at 64 KiB, between characters, with a mark', async () => {
  const { inspector } = await runningInspector();
  const flow = inspector.open(inboundSend);
  const body = json({ text: 'ä'.repeat(50_000) });
  flow.request({ 'content-type': 'application/json' }, body);
  const found = await inspector.log.get(flow.id);
  expect(found?.requestBytes).toBe(100_011);
  expect(found?.requestBody).toMatch(/ä\n\[cut after 65536 of 100011 bytes\]$/);
  expect(found?.requestBody).not.toContain('\uFFFD');
});

test('a transaction is of the room that all its events are in', async () => {
  const { inspector } = await runningInspector();
  const roomOf = async (...rooms: readonly string[]) => {
    const flow = inspector.open(inboundSend);
    flow.pdus(rooms.map((name) => outcome({ roomId: roomId(name) })));
    answer(flow);
    return (await inspector.log.get(flow.id))?.roomId;
  };
  expect(await roomOf('one', 'one')).toBe(roomId('one'));
  expect(await roomOf('one', 'two')).toBeUndefined();
  expect(await roomOf()).toBeUndefined();
});
