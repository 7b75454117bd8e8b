import { expect, test } from 'vitest';
import type { FlowSummary } from '../../shared/flow.ts';
import { answer, inboundSend, runningInspector, server } from '../support/running-inspector.ts';

test('flows are told in batches, ten times a second at most, each as it is by then', async () => {
  const { inspector, platform } = await runningInspector();
  const batches: (readonly FlowSummary[])[] = [];
  const stop = inspector.onFlows((flows) => batches.push(flows));
  const [first, second] = [inspector.open(inboundSend), inspector.open(inboundSend)];
  answer(second);
  await platform.advance(99);
  expect(batches).toEqual([]);
  await platform.advance(1);
  expect(batches.map((flows) => flows.map(({ id, status }) => [id, status]))).toEqual([
    [
      [first.id, undefined], // open ones are shown as pending
      [second.id, 200],
    ],
  ]);
  answer(first, 404);
  expect(batches[0]?.[0]?.status).toBeUndefined(); // what was told does not change
  await platform.advance(100);
  expect(batches[1]?.map(({ id, status }) => [id, status])).toEqual([[first.id, 404]]);
  await platform.advance(1000);
  expect(batches).toHaveLength(2); // and nothing while nothing happens

  const opened: string[] = [];
  for (let i = 0; i < 1000; i++) {
    const flow = inspector.open(inboundSend);
    answer(flow);
    opened.push(flow.id);
    await platform.advance(1);
  }
  await platform.advance(100);
  const told = batches.slice(2);
  expect(told.length).toBeLessThanOrEqual(11);
  expect(told.flat().map(({ id }) => id)).toEqual(opened); // each once, oldest first
  stop();
  const before = batches.length;
  answer(inspector.open(inboundSend));
  await platform.advance(1000);
  expect(batches).toHaveLength(before);
});

test('a listener that throws harms neither the others nor the request', async () => {
  const { inspector, platform, lines } = await runningInspector();
  const told: string[] = [];
  inspector.onFlows(() => {
    throw new Error('a bug in a listener');
  });
  inspector.onFlows((flows) => told.push(...flows.map(({ id }) => id)));
  answer(inspector.open(inboundSend));
  await platform.advance(100);
  expect(told).toEqual(['1']);
  expect(lines.join()).toContain('a bug in a listener');
});

test('changes of peers and keys are told as they are observed', async () => {
  const { inspector } = await runningInspector();
  const told: string[] = [];
  const stop = inspector.onPeer((name) => told.push(name));
  inspector.onKey(() => told.push('key'));
  inspector.peerChanged({ server: server('b.test'), from: 'ok', to: 'slow', why: 'it takes long' });
  const key = { keyId: 'ed25519:1', publicKey: 'x', validUntilTs: 1, source: 'direct' };
  inspector.keyObserved({ server: server('b.test'), ...key });
  stop();
  inspector.peerChanged({ server: server('b.test'), from: 'slow', to: 'ok', why: 'it answers' });
  expect(told).toEqual(['b.test', 'key']);
});
