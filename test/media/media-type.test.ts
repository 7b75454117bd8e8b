import fc from 'fast-check';
import { expect, test } from 'vitest';
import { contentDisposition, contentType, fileName } from '../../main/media/media-type.ts';

test.each([
  ['text/plain', 'text/plain'],
  [' image/svg+xml ', 'image/svg+xml'],
  ['text/plain; charset="a b"', 'text/plain; charset="a b"'],
  ['text/plain;charset=utf-8;x=y', 'text/plain;charset=utf-8;x=y'],
  [undefined, 'application/octet-stream'],
  ['text', 'application/octet-stream'],
  ['text/plain; charset', 'application/octet-stream'],
  ['text/plain\r\nX: y', 'application/octet-stream'],
  ['text/plain, text/html', 'application/octet-stream'],
  [`text/${'x'.repeat(300)}`, 'application/octet-stream'],
])('the content type %j is told on as %s', (said, told) => {
  expect(contentType(said)).toBe(told);
});

test.each([
  ['inline', null],
  ['attachment; filename=a.txt', 'a.txt'],
  ['inline; filename="a \\"b\\".txt"', 'a "b".txt'],
  ["inline; filename=x; filename*=UTF-8''Gr%C3%BC%C3%9Fe", 'Grüße'],
  ["inline; filename*=utf-8'en'a%20b; filename=x", 'a b'],
  ["inline; filename*=utf-8''%FF; filename=x", 'x'],
  ['inline; filename="GrÃ¼Ã\u009fe"', 'Grüße'],
  ['inline; filename="caf\u00e9"', 'café'],
  ['inline; filename=""', null],
  [`inline; filename=${'x'.repeat(600)}`, null],
  [undefined, null],
])('%j names %j', (disposition, name) => {
  expect(fileName(disposition)).toBe(name);
});

test('any name comes back, and is one header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 100 }), (name) => {
      const header = contentDisposition('text/plain', name);
      expect(header).toMatch(/^[ -~]+$/);
      expect(fileName(header)).toBe(name);
    }),
  );
});
