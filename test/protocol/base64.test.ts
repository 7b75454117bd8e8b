import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../main/protocol/base64.ts';

// https://spec.matrix.org/v1.19/appendices/#unpadded-base64
test.each([
  ['', ''],
  ['f', 'Zg'],
  ['fo', 'Zm8'],
  ['foo', 'Zm9v'],
  ['foob', 'Zm9vYg'],
  ['fooba', 'Zm9vYmE'],
  ['foobar', 'Zm9vYmFy'],
])('%j is %j', (text, base64) => {
  expect(encodeBase64(Buffer.from(text))).toBe(base64);
  expect(Buffer.from(decodeBase64(base64) ?? [1]).toString()).toBe(text);
});

test('padding and the URL-safe alphabet are taken, and never written', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const standard = Buffer.from(bytes).toString('base64');
      expect(encodeBase64(bytes)).toBe(standard.replaceAll('=', ''));
      for (const form of [standard, encodeBase64(bytes), Buffer.from(bytes).toString('base64url')]) {
        expect(Buffer.from(decodeBase64(form) ?? [1, 2, 3])).toEqual(Buffer.from(bytes));
      }
    }),
  );
});

test('bytes within a larger buffer are those bytes alone', () => {
  expect(encodeBase64(new Uint8Array([0, 102, 111, 0]).subarray(1, 3))).toBe('Zm8');
});

test.each(['A', 'AAAAA', 'AA AA', 'AAA\n', 'AA===', '=AAA', 'AA=A', 'ÄÄÄÄ', 'AA*A', 'AA\0A'])('%j is none', (text) => {
  expect(decodeBase64(text)).toBeUndefined();
});
