import * as nodeFs from 'node:fs';
import { expect, test } from 'vitest';
import { answer, inboundSend, json, outcome, runningInspector } from '../support/running-inspector.ts';

/** Counts what reaches the operating system: it is what a commit costs. */
function countingFs() {
  const counts = { synced: 0, written: 0 };
  const fs = {
    ...nodeFs,
    fsyncSync: (fd: number) => {
      counts.synced++;
      nodeFs.fsyncSync(fd);
    },
    writeSync: (...args: Parameters<typeof nodeFs.writeSync>) => {
      counts.written++;
      return nodeFs.writeSync(...args);
    },
  } as typeof nodeFs;
  return { counts, fs };
}

test('requests cost a commit each 100 ms together, not one each, and no wait for the disk', async () => {
  const { counts, fs } = countingFs();
  const { inspector, platform } = await runningInspector({ fs });
  await inspector.log.list({ limit: 1 });
  counts.synced = counts.written = 0;
  const perRound: number[] = [];
  for (let round = 0; round < 10; round++) {
    const before = counts.written;
    for (let i = 0; i < 40; i++) {
      const flow = inspector.open(inboundSend);
      flow.request({ 'content-type': 'application/json' }, json({ pdus: [] }));
      flow.pdus([outcome()]);
      answer(flow);
    }
    expect(counts.written).toBe(before); // nothing is written while requests are served
    await platform.advance(100);
    perRound.push(counts.written - before);
  }
  // 40 requests are 160 rows in six indexes: some 50 pages of two writes each. Commits of their own would be 40 times as many.
  expect(Math.max(...perRound)).toBeLessThan(200);
  expect(Math.min(...perRound)).toBeGreaterThan(0);
  expect(counts.synced).toBeLessThanOrEqual(4); // of checkpoints
});

test('nothing happens while nothing is recorded', async () => {
  const { counts, fs } = countingFs();
  const { inspector, platform } = await runningInspector({ fs });
  answer(inspector.open(inboundSend));
  await platform.advance(100);
  counts.written = 0;
  await platform.advance(3_600_000);
  expect(counts.written).toBe(0);
});

test('a flow that opens and closes within the 100 ms is written once', async () => {
  const { inspector, platform } = await runningInspector();
  let told = 0;
  inspector.onFlows((flows) => {
    told += flows.length;
  });
  const flow = inspector.open(inboundSend);
  for (let i = 0; i < 100; i++) flow.phase('processing', 1);
  answer(flow);
  await platform.advance(100);
  expect(told).toBe(1);
});

test('a burst is written at once in pieces, and what does not fit in memory is given up', async () => {
  const { inspector, lines } = await runningInspector();
  for (let i = 0; i < 60; i++) inspector.pdus(Array.from({ length: 1000 }, () => outcome()));
  await inspector.log.list({ limit: 1 });
  expect(lines.filter((line) => line.includes('too much is waiting'))).toHaveLength(1);
  const outcomes = await inspector.log.outcomesOf(outcome().eventId ?? ('' as never));
  expect(outcomes.length).toBeGreaterThan(0);
});
