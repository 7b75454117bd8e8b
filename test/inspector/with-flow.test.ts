import { expect, test } from 'vitest';
import { endpointOf, type InboundRequest, withFlow } from '../../main/inspector/with-flow.ts';
import { json, outbound, roomId, runningInspector } from '../support/running-inspector.ts';

const request: InboundRequest = {
  method: 'GET',
  uri: '/_matrix/federation/v1/state_ids/%21room%3Aa.test?event_id=%24x',
  path: '/_matrix/federation/v1/state_ids/:roomId',
  address: '203.0.113.7:51234',
};

test('a request enters the log, and what it asks of others belongs to it', async () => {
  const { inspector, platform } = await runningInspector();
  const reply = await withFlow(inspector, request, async (flow) => {
    flow.phase('processing', 1);
    await platform.advance(20);
    inspector.open(outbound('event', 'b.test')).fail({ stage: 'timeout', message: 'no answer' });
    return { status: 404, headers: {}, body: json({ errcode: 'M_NOT_FOUND' }) };
  });
  expect(reply.status).toBe(404);
  const [caused, flow] = (await inspector.log.list({ limit: 9 })).flows;
  expect(caused?.parentId).toBe(flow?.id);
  expect(flow).toMatchObject({
    direction: 'inbound',
    endpoint: 'state_ids',
    uri: request.uri,
    roomId: roomId('room'),
    status: 404,
    errcode: 'M_NOT_FOUND',
    tookMs: 20,
  });
});

test('its phases say what its time went to: reading it, waiting for others, and work of ours', async () => {
  const { inspector, platform } = await runningInspector();
  await withFlow(inspector, request, async (flow) => {
    await platform.advance(3);
    flow.request({}, json({}));
    await platform.advance(10);
    const [first, second] = [inspector.open(outbound('event', 'b.test')), inspector.open(outbound('event', 'c.test'))];
    await platform.advance(30);
    first.fail({ stage: 'timeout', message: 'no answer' });
    await platform.advance(20); // the other is still on its way
    second.fail({ stage: 'timeout', message: 'no answer' });
    await platform.advance(5);
    inspector.open(outbound('version', 'b.test')); // nobody waits for this one's end
    await platform.advance(2);
    return { status: 200, headers: {}, body: json({}) };
  });
  const flows = (await inspector.log.list({ limit: 9 })).flows;
  expect(flows.find(({ direction }) => direction === 'inbound')).toMatchObject({
    tookMs: 70,
    phases: { body: 3, wait: 52, processing: 15 },
  });
});

test('a 500 is a reply; what is thrown is none, and is thrown on', async () => {
  const { inspector } = await runningInspector();
  await withFlow(inspector, request, async () => ({ status: 500, headers: {}, body: json({}) }));
  await expect(withFlow(inspector, request, () => Promise.reject(new TypeError('a bug')))).rejects.toThrow('a bug');
  const [bug, error] = (await inspector.log.list({ limit: 9 })).flows;
  expect(error).toMatchObject({ status: 500, error: undefined });
  expect(bug).toMatchObject({ status: undefined, error: { stage: 'internal', message: 'a bug' } });
});

test.each([
  ['/_matrix/federation/v1/state_ids/nonsense'],
  ['/_matrix/federation/v1/state_ids/%zz'],
  ['/_matrix/federation/v1/state_ids'],
])('%s names no room', async (uri) => {
  const { inspector } = await runningInspector();
  await withFlow(inspector, { ...request, uri }, async () => ({ status: 400, headers: {}, body: json({}) }));
  expect((await inspector.log.list({ limit: 9 })).flows[0]?.roomId).toBeUndefined();
});

test.each([
  ['/_matrix/federation/v1/send/:txnId', 'send'],
  ['/_matrix/federation/v2/send_join/:roomId/:eventId', 'send_join'],
  ['/_matrix/federation/v1/query/profile', 'query/profile'],
  ['/_matrix/federation/v1/query/:queryType', 'query'],
  ['/_matrix/federation/v1/user/devices/:userId', 'user/devices'],
  ['/_matrix/federation/v1/version', 'version'],
  ['/_matrix/federation/unstable/org.matrix.msc4370/extremities/:roomId', 'extremities'],
  ['/_matrix/key/v2/server', 'key/v2/server'],
  ['/_matrix/key/v2/query/:serverName', 'key/v2/query'],
  ['/_matrix/policy/v1/sign', 'policy/v1/sign'],
  ['/.well-known/matrix/server', '.well-known/matrix/server'],
  ['unknown', 'unknown'],
])('%s is called %s', (path, name) => {
  expect(endpointOf(path)).toBe(name);
});
