import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createContentStore } from '../../main/media/content-store.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { tempFolder } from '../support/temp-folder.ts';

const { random } = fakePlatform();

async function put(store: ReturnType<typeof createContentStore>, ...pieces: readonly string[]) {
  const draft = await store.draft(async (take) => {
    for (const piece of pieces) await take(Buffer.from(piece));
  });
  store.keep(draft);
  return draft;
}

test('what is put is read, under its hash', async () => {
  const folder = tempFolder();
  const store = createContentStore(folder, random);
  const { sha256, size } = await put(store, 'ab', 'c');
  expect([sha256, size]).toEqual(['ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 3]);
  expect(store.pathOf(sha256)).toBe(join(folder, 'ba', sha256.slice(2)));
  const stream = await store.read({ sha256, size });
  expect(stream && (await buffer(stream)).toString()).toBe('abc');
  await put(store, 'abc');
  expect(readdirSync(join(folder, 'ba'))).toHaveLength(1);
  expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  store.remove(sha256);
  store.remove(sha256);
  expect(await store.read({ sha256, size })).toBeUndefined();
});

test('a file that is not as long as it was is not served', async () => {
  const store = createContentStore(tempFolder(), random);
  const { sha256, size } = await put(store, 'abc');
  writeFileSync(store.pathOf(sha256), 'ab');
  expect(await store.read({ sha256, size })).toBeUndefined();
});

test('drafts of before are gone after a start, and files stay', async () => {
  const folder = tempFolder();
  const store = createContentStore(folder, random);
  const { sha256, size } = await put(store, 'abc');
  await store.draft((take) => take(Buffer.from('never kept')));
  expect(readdirSync(join(folder, 'drafts'))).toHaveLength(1);
  const again = createContentStore(folder, random);
  expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
  expect(existsSync(again.pathOf(sha256))).toBe(true);
  expect(size).toBe(3);
});

test.each(['', '../../etc/passwd', 'AB', `${'a'.repeat(63)}/`])('%j is no hash', (text) => {
  const store = createContentStore(tempFolder(), random);
  expect(() => store.pathOf(text)).toThrow(TypeError);
  expect(() => store.remove(text)).toThrow(TypeError);
});

test.each(['write', 'sync'] as const)('a disk that is full at the %s is said, and nothing is left', async (moment) => {
  const folder = tempFolder();
  const full = async () => {
    throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  };
  const store = createContentStore(folder, random, async (...args) => {
    const file = await open(...args);
    return { write: file.write.bind(file), sync: () => file.sync(), close: () => file.close(), [moment]: full };
  });
  const written = store.draft((take) => take(Buffer.from('abc')));
  await expect(written).rejects.toMatchObject({ status: 507, message: expect.stringContaining('disk') });
  expect(readdirSync(join(folder, 'drafts'))).toEqual([]);
});
