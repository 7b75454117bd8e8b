import { expect, test } from 'vitest';
import type { RunningInspector } from '../../main/inspector/recorder.ts';
import { createTraffic, type FinishedFlow } from '../../main/inspector/traffic.ts';
import { answer, inboundSend, outbound, outcome, runningInspector, server } from '../support/running-inspector.ts';

const hour = 3_600_000;
const noon = Math.floor(1_700_000_000_000 / hour) * hour;
const asked = (change: Partial<FinishedFlow> = {}): FinishedFlow => ({
  inbound: false,
  peer: server('b.test'),
  startedAt: noon,
  tookMs: 10,
  status: 200,
  ...change,
});

test('a day is 24 hours, the present one included, and what is older does not count', () => {
  let now = noon;
  const traffic = createTraffic(() => now);
  traffic.finished(asked({ startedAt: noon - 24 * hour })); // a day and more ago
  traffic.finished(asked({ startedAt: noon - 23 * hour, status: undefined }));
  traffic.finished(asked({ inbound: true }));
  traffic.finished(asked({ status: 404 }));
  const day = traffic.last24h();
  expect(day).toMatchObject({ inbound: 1, outbound: 2, failed: 2 });
  expect(day.perHour).toHaveLength(24);
  expect(day.perHour[0]).toEqual({ start: noon - 23 * hour, requests: 1, failed: 1 });
  expect(day.perHour[23]).toEqual({ start: noon, requests: 2, failed: 1 });
  now += 24 * hour;
  expect(traffic.last24h()).toMatchObject({ inbound: 0, outbound: 0, failed: 0, p50Ms: undefined, p95Ms: undefined });
});

test.each([
  [[7], 7, 7],
  [[0, 0, 0, 0], 0, 0],
  [[1, 2, 3, 4, 5, 6, 7, 8, 9, 1000], 5, 1000],
  [Array.from({ length: 100 }, (_none, i) => i + 1), 50, 95],
  [[3_600_000], 3_600_000, 3_600_000],
])('percentiles of %j', (took, p50, p95) => {
  const traffic = createTraffic(() => noon);
  for (const tookMs of took) traffic.finished(asked({ tookMs }));
  const { p50Ms = -1, p95Ms = -1 } = traffic.last24h();
  expect(Math.abs(p50Ms - p50)).toBeLessThanOrEqual(p50 * 0.05);
  expect(Math.abs(p95Ms - p95)).toBeLessThanOrEqual(p95 * 0.05);
});

test('a peer is heard of by what it proved, and reached where it answers at all', () => {
  const traffic = createTraffic(() => noon + hour / 2);
  traffic.finished(asked({ inbound: true, startedAt: noon + 5 }));
  for (const tookMs of [10, 30, 20]) traffic.finished(asked({ tookMs }));
  traffic.finished(asked({ status: 404, startedAt: noon + 7 })); // an answer, if not the one that was hoped for
  traffic.finished(asked({ status: 502, startedAt: noon + 8 }));
  traffic.finished(asked({ status: undefined, startedAt: noon + 9 }));
  expect(traffic.ofPeer(server('b.test'))).toEqual({
    lastInboundTs: noon + 5,
    lastOutboundTs: noon + 7,
    latencyMs: 10,
    success24h: 4 / 6,
  });
  expect(traffic.ofPeer(server('c.test'))).toBeUndefined();
});

test('peers are forgotten beyond a number, those that were not heard of for longest first', () => {
  const traffic = createTraffic(() => noon);
  for (let i = 0; i < 5_010; i++) traffic.finished(asked({ peer: server(`s${i}.test`) }));
  expect(traffic.ofPeer(server('s9.test'))).toBeUndefined();
  expect(traffic.ofPeer(server('s10.test'))).toBeDefined();
});

test('a restart does not begin the statistics at nothing', async () => {
  const record = (inspector: RunningInspector) => {
    const flow = inspector.open(inboundSend);
    flow.auth({ verified: true, origin: server('b.test'), keyId: 'ed25519:1' });
    flow.pdus([outcome(), outcome({ outcome: 'rejected' })]);
    answer(flow);
    const lie = inspector.open(inboundSend);
    lie.auth({ verified: false, why: 'no', origin: 'liar.test' });
    answer(lie, 401);
    answer(inspector.open(outbound('event', 'b.test')));
  };
  const first = await runningInspector();
  record(first.inspector);
  const before = first.inspector.traffic;
  await first.inspector.close();
  const { inspector } = await runningInspector({ path: first.path, platform: first.platform });
  await expect.poll(() => inspector.traffic.last24h()).toEqual(before.last24h());
  expect(inspector.traffic.ofPeer(server('b.test'))).toEqual(before.ofPeer(server('b.test')));
  expect(inspector.traffic.ofPeer(server('liar.test'))).toBeUndefined();
});
