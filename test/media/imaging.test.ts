import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { imageType, isAnimatedPng } from '../../main/media/image-type.ts';
import { createImaging } from '../../main/media/imaging.ts';
import { kindOf } from '../../main/media/thumbnails.ts';
import { memoryLog } from '../support/memory-log.ts';
import { about, picture } from '../support/pictures.ts';
import { tempFolder } from '../support/temp-folder.ts';

async function make(bytes: Uint8Array, kind: Parameters<ReturnType<typeof createImaging>>[1], maxPixels = 50_000_000) {
  const path = join(tempFolder(), 'picture');
  writeFileSync(path, bytes);
  const type = imageType(bytes);
  if (type === undefined) throw new Error('it is no picture');
  const made = await createImaging({ log: memoryLog().log, maxPixels })(
    { path, type, isAnimated: isAnimatedPng(bytes) },
    kind,
  );
  return made.kind === 'thumbnail' ? { type: made.type, ...(await about(made.bytes)) } : made;
}
const scale = (width: number, height: number, animated = false) => ({
  width,
  height,
  method: 'scale' as const,
  animated,
});
const crop = (width: number, height: number) => ({ width, height, method: 'crop' as const, animated: false });

test.each([
  [100, 50, scale(50, 10), { width: 50, height: 25 }],
  [100, 50, scale(20, 20), { width: 40, height: 20 }],
  [1000, 10, scale(100, 5), { width: 500, height: 5 }],
  [100, 50, crop(20, 20), { width: 20, height: 20 }],
  [100, 50, crop(80, 80), { width: 50, height: 50 }], // not made larger, the aspect stays
  [100, 50, crop(50, 100), { width: 25, height: 50 }],
])('%i×%i as %o', async (width, height, wanted, size) => {
  expect(await make(await picture('jpeg', width, height), wanted)).toMatchObject({ type: 'image/jpeg', ...size });
});

test('what is small enough stays as it is', async () => {
  for (const format of ['png', 'jpeg', 'gif', 'webp'] as const) {
    const bytes = await picture(format, 60, 40);
    expect(await make(bytes, scale(60, 60))).toEqual({ kind: 'original' });
    expect(await make(bytes, crop(100, 100))).toEqual({ kind: 'original' });
  }
  expect(await make(await picture('avif', 60, 40), scale(60, 60))).toMatchObject({ type: 'image/jpeg', width: 60 });
});

test('transparency is kept', async () => {
  const made = await make(await picture('png', 60, 40, { alpha: true }), scale(30, 10));
  expect(made).toMatchObject({ type: 'image/png', width: 30, height: 20 });
});

test.each(['gif', 'webp'] as const)('a %s that moves does so only for who wants it', async (format) => {
  const moving = await picture(format, 60, 40, { pages: 3 });
  expect(await make(moving, scale(30, 10))).toMatchObject({ width: 30, height: 20, pages: 1 });
  expect(await make(moving, scale(30, 10, true))).toMatchObject({
    type: 'image/webp',
    width: 30,
    height: 20,
    pages: 3,
  });
  expect(await make(moving, scale(600, 400))).toMatchObject({ width: 60, height: 40, pages: 1 }); // a still, though small
  expect(await make(moving, scale(600, 400, true))).toEqual({ kind: 'original' });
  expect(await make(moving, scale(30, 10, true), 60 * 40 * 2)).toMatchObject({ pages: 1 }); // too much to move
});

test('a PNG that moves is no still', async () => {
  const still = await picture('png', 60, 40);
  const control = Buffer.from('000000086163544c000000020000000000000000', 'hex');
  const moving = Buffer.concat([still.subarray(0, 33), control, still.subarray(33)]);
  expect([isAnimatedPng(still), isAnimatedPng(moving)]).toEqual([false, true]);
  expect(imageType(moving)).toBe('image/png');
});

test('too many pixels, and nonsense', async () => {
  expect(await make(await picture('png', 100, 100), scale(10, 10), 9_999)).toEqual({ kind: 'tooLarge' });
  const head = (await picture('png', 100, 100)).subarray(0, 40);
  expect(await make(head, scale(10, 10))).toEqual({ kind: 'unreadable' });
  // A header that promises 60,000 × 60,000
  const bomb = Buffer.from(await picture('jpeg', 10, 10));
  const frame = bomb.indexOf(Buffer.from('ffc0', 'hex'));
  for (const at of [5, 7]) bomb.writeUInt16BE(60_000, frame + at);
  expect(await make(bomb, scale(10, 10))).toEqual({ kind: 'tooLarge' });
});

test.each([
  ['<svg xmlns="http://www.w3.org/2000/svg"/>'],
  ['<?xml version="1.0"?><svg/>'],
  ['%PDF-1.4'],
  ['II*\0'],
  ['GIF8'],
  [''],
])('%j is no picture of ours', (text) => {
  expect(imageType(Buffer.from(text))).toBeUndefined();
});

test.each([
  [{ width: 32, height: 32, method: 'crop' }, [32, 32, 'crop']],
  [{ width: 33, height: 33, method: 'crop' }, [96, 96, 'crop']],
  [{ width: 300, height: 100, method: 'crop' }, [300, 100, 'crop']],
  [{ width: 3000, height: 3000, method: 'crop' }, [100_000, 100_000, 'scale']],
  [{ width: 1, height: 1, method: 'scale' }, [320, 240, 'scale']],
  [{ width: 320, height: 241, method: 'scale' }, [640, 480, 'scale']],
  [{ width: 800, height: 600, method: 'scale' }, [800, 600, 'scale']],
  [{ width: 9999, height: 1, method: 'scale' }, [100_000, 100_000, 'scale']],
] as const)('%o is kept as %o', (wish, [width, height, method]) => {
  expect(kindOf({ ...wish, animated: undefined })).toEqual({ width, height, method, animated: false });
});
