import { statSync } from 'node:fs';
import { expect, test } from 'vitest';
import type { RunningInspector } from '../../main/inspector/recorder.ts';
import { answer, eventId, inboundSend, json, outcome, runningInspector } from '../support/running-inspector.ts';

const day = 86_400_000;
const body = json({ text: 'x'.repeat(20_000) });

function record(inspector: RunningInspector, event = 'event') {
  const flow = inspector.open(inboundSend);
  flow.request({ 'content-type': 'application/json' }, body);
  flow.pdus([outcome({ eventId: eventId(event) })]);
  answer(flow);
}

const ids = async (inspector: RunningInspector) => {
  const { flows } = await inspector.log.list({ limit: 1000 });
  return flows.map(({ id }) => Number(id));
};

test('over the cap the oldest rows go, with all that belongs to them, and the file stays below it', async () => {
  const maxBytes = 3_000_000;
  const { inspector, path, platform } = await runningInspector({ maxBytes });
  for (let i = 1; i <= 600; i++) {
    record(inspector, `e${i}`);
    if (i % 20 === 0) await platform.advance(100);
  }
  await expect.poll(() => inspector.bytes()).toBeLessThanOrEqual(maxBytes);
  const kept = await ids(inspector);
  expect(kept[0]).toBe(600); // the newest is there
  expect(kept.length).toBeGreaterThan(50);
  expect(kept).toEqual(Array.from(kept, (_id, index) => 600 - index)); // and no gap among what is kept
  expect(await inspector.log.outcomesOf(eventId('e1'))).toEqual([]);
  expect(await inspector.log.outcomesOf(eventId('e600'))).toHaveLength(1);
  expect((await inspector.log.get(String(kept.at(-1)) as never))?.requestBody).toHaveLength(body.length);
  await inspector.close();
  expect(statSync(path).size).toBeLessThanOrEqual(maxBytes);
});

test('a cap that was lowered makes the file smaller', async () => {
  const first = await runningInspector();
  for (let i = 0; i < 300; i++) record(first.inspector);
  await first.inspector.close();
  expect(statSync(first.path).size).toBeGreaterThan(6_000_000);
  const { inspector, platform } = await runningInspector({ path: first.path, maxBytes: 1_000_000 });
  record(inspector);
  await platform.advance(100);
  await expect.poll(() => inspector.bytes()).toBeLessThanOrEqual(1_000_000);
  expect((await ids(inspector))[0]).toBe(301);
});

test('what is too old goes, also where it is more than one step', async () => {
  const { inspector, platform } = await runningInspector({ maxAgeMs: 14 * day });
  for (let i = 0; i < 250; i++) answer(inspector.open(inboundSend));
  inspector.slept({ from: 1, to: 2 });
  await platform.advance(10 * day);
  record(inspector); // 251
  await platform.advance(4 * day);
  await inspector.log.list({ limit: 1 });
  expect((await ids(inspector)).length).toBe(251); // exactly 14 days are not too many
  await platform.advance(61_000);
  answer(inspector.open(inboundSend)); // 252: pruning follows writing
  await platform.advance(100);
  await expect.poll(() => ids(inspector)).toEqual([252, 251]);
});

test('numbers go on where all rows are gone', async () => {
  const first = await runningInspector({ maxAgeMs: day });
  answer(first.inspector.open(inboundSend));
  await first.inspector.close();
  const { inspector, platform } = await runningInspector({ path: first.path, maxAgeMs: day });
  await platform.advance(2 * day);
  inspector.slept({ from: 1, to: 2 });
  await platform.advance(100);
  await expect.poll(() => ids(inspector)).toEqual([]);
  expect(inspector.open(inboundSend).id).toBe('2');
});
