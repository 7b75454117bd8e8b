import * as nodeFs from 'node:fs';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openDb } from '../../main/db/db.ts';
import type { RunningInspector } from '../../main/inspector/recorder.ts';
import { answer, inboundSend, json, runningInspector } from '../support/running-inspector.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { tempFolder } from '../support/temp-folder.ts';

const record = (inspector: RunningInspector) => answer(inspector.open(inboundSend));
const count = async (inspector: RunningInspector) => (await inspector.log.list({ limit: 1000 })).flows.length;
const begins = (lines: readonly string[]) => lines.filter((line) => line.includes('begins a new file'));

test('a file that was deleted is made again', async () => {
  const first = await runningInspector();
  record(first.inspector);
  await first.inspector.close();
  rmSync(first.path);
  const { inspector, lines } = await runningInspector({ path: first.path });
  record(inspector);
  expect(await count(inspector)).toBe(1);
  expect(lines).toEqual([]);
});

test('a file that is deleted while it is written to harms nobody', async () => {
  const { inspector, path } = await runningInspector();
  record(inspector);
  await inspector.log.list({ limit: 1 });
  rmSync(path);
  record(inspector);
  expect(await count(inspector)).toBe(2);
  await inspector.close();
  expect(existsSync(path)).toBe(false);
});

test.each([
  ['is no database', (path: string) => writeFileSync(path, 'x'.repeat(10_000))],
  [
    'is of a later version',
    async (path: string) => {
      const db = await openDb({ path, wasm: sqlWasm, synchronous: 'NORMAL' });
      db.exec('PRAGMA user_version = 1000');
      db.close();
    },
  ],
])('a file that %s is replaced, with a line in the log', async (_what, spoil) => {
  const path = join(tempFolder(), 'inspector.db');
  await spoil(path);
  const { inspector, lines } = await runningInspector({ path });
  record(inspector);
  expect(await count(inspector)).toBe(1);
  expect(begins(lines)).toHaveLength(1);
});

test('a file whose inside is damaged is replaced when that is found out, and recording goes on', async () => {
  const first = await runningInspector();
  for (let i = 0; i < 500; i++) record(first.inspector);
  await first.inspector.close();
  const bytes = readFileSync(first.path);
  bytes.fill(0xff, 4096); // all but the first page
  writeFileSync(first.path, bytes);
  const { inspector, lines } = await runningInspector({ path: first.path });
  record(inspector);
  await inspector.log.list({ limit: 1000 }).catch(() => {});
  record(inspector);
  await expect.poll(() => count(inspector)).toBeGreaterThan(0);
  record(inspector);
  expect(await count(inspector)).toBeLessThan(10);
  expect(begins(lines)).toHaveLength(1);
});

test('a disk that cannot be written to costs rows and one line in the log, and is forgiven', async () => {
  const disk = { full: false };
  const fs = {
    ...nodeFs,
    writeSync: (...args: Parameters<typeof nodeFs.writeSync>) => {
      if (disk.full) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
      return nodeFs.writeSync(...args);
    },
  } as typeof nodeFs;
  const { inspector, lines, platform } = await runningInspector({ fs });
  record(inspector);
  await inspector.log.list({ limit: 1 });
  disk.full = true;
  for (let i = 0; i < 20; i++) {
    const flow = inspector.open(inboundSend);
    flow.request({ 'content-type': 'application/json' }, json({ x: 'y'.repeat(10_000) }));
    answer(flow);
    await platform.advance(100);
  }
  disk.full = false;
  expect(lines.filter((line) => line.includes(' error '))).toHaveLength(1);
  expect(lines[0]).toContain('the inspector cannot write');
  await platform.advance(100);
  record(inspector);
  expect(await count(inspector)).toBe(2);
});

test('where no file can be made nothing is recorded, and nothing fails', async () => {
  const path = join(tempFolder(), 'inspector.db');
  mkdirSync(path); // a folder is in the way
  const { inspector, lines } = await runningInspector({ path });
  record(inspector);
  expect(await inspector.log.list({ limit: 9 })).toEqual({ flows: [], more: false, total: 0 });
  expect(inspector.traffic.last24h().inbound).toBe(1);
  expect(lines.some((line) => line.includes('nothing is recorded until the next start'))).toBe(true);
});
