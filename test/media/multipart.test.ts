import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BadMultipart, multipartAround, parseMultipart } from '../../main/media/multipart.ts';

const around = (bytes: Uint8Array, headers = { 'Content-Type': 'text/plain' }) => {
  const { type, before, after } = multipartAround('b-o_u', headers);
  return { type, body: Buffer.concat([before, bytes, after]) };
};

test('what is written is read again, whatever is in the file', () => {
  const piece = fc.constantFrom('\r\n', '--', 'b-o_u', '\r\n--b-o_', '\0', 'ÿ', ' ');
  fc.assert(
    fc.property(
      fc.array(piece).map((pieces) => pieces.join('')),
      (text) => {
        fc.pre(!`\r\n${text}`.includes('\r\n--b-o_u')); // boundaries are random
        const bytes = Buffer.from(text, 'latin1');
        const { type, body } = around(bytes);
        expect(parseMultipart(type, body)).toEqual({ type: 'text/plain', disposition: undefined, bytes });
      },
    ),
  );
});

const json = 'Content-Type: application/json\r\n\r\n{}';
const whole = (...parts: readonly string[]) => `${parts.map((part) => `--B\r\n${part}\r\n`).join('')}--B--\r\n`;
const parse = (body: string, type = 'multipart/mixed; boundary=B') => parseMultipart(type, Buffer.from(body, 'latin1'));
const file = (bytes: string, rest = {}) => ({
  type: undefined,
  disposition: undefined,
  bytes: Buffer.from(bytes),
  ...rest,
});

test.each([
  [
    'as Synapse writes it',
    whole(json, 'Content-Type: a/b\r\nContent-Disposition: inline\r\n\r\nX'),
    file('X', { type: 'a/b', disposition: 'inline' }),
  ],
  ['a part without headers', whole(json, '\r\nX'), file('X')],
  ['an empty file', whole(json, 'Content-Type: a/b\r\n\r\n'), file('', { type: 'a/b' })],
  ['a line break before, and words after', `\r\n${whole(json, '\r\nX')}bye`, file('X')],
  ['white space behind a boundary', whole(json, '\r\nX').replace('--B\r\n', '--B \t\r\n'), file('X')],
  ['other metadata', whole('content-type: application/json; charset=utf-8\r\n\r\n{"a":1}', '\r\nX'), file('X')],
  ['headers alone', whole(json, 'Content-Type: a/b'), file('', { type: 'a/b' })],
  ['a place alone', whole(json, 'Location: https://cdn.test/x'), { location: 'https://cdn.test/x' }],
  [
    'a place alone, and a blank line',
    whole(json, 'Location: https://cdn.test/x\r\n'),
    { location: 'https://cdn.test/x' },
  ],
  ['a place', whole(json, 'Location: https://cdn.test/x\r\n\r\n'), { location: 'https://cdn.test/x' }],
])('%s', (_what, body, parts) => {
  expect(parse(body)).toEqual(parts);
});

test.each(['multipart/mixed;boundary="B"', 'Multipart/Mixed; charset=x; boundary=B; y=z'])(
  '%s has a boundary',
  (type) => {
    expect(parse(whole(json, '\r\nX'), type)).toEqual(file('X'));
  },
);

test.each<[what: string, body: string, type?: string]>([
  ['nothing', ''],
  ['no boundary', 'X'],
  ['one part', whole(json)],
  ['three parts', whole(json, '\r\nX', '\r\nY')],
  ['an end that is missing', whole(json, '\r\nX').replace('--B--', '--C--')],
  ['an end within the headers', `--B\r\n${json}\r\n--B\r\nContent-Type: a/b`],
  ['headers that are too long', whole(json, `X: ${'x'.repeat(20_000)}\r\n\r\nX`)],
  ['too many headers', whole(json, `${Array.from({ length: 40 }, (_, at) => `X${at}: y\r\n`).join('')}\r\nX`)],
  ['a header twice', whole(json, 'Content-Type: a/b\r\ncontent-type: text/html\r\n\r\nX')],
  ['a header that is none', whole(json, 'Content Type: a/b\r\n\r\nX')],
  ['a folded header', whole(json, 'Content-Type: a/b;\r\n c=d\r\n\r\nX')],
  ['metadata that are no JSON', whole('Content-Type: application/json\r\n\r\n{', '\r\nX')],
  ['metadata that are no object', whole('Content-Type: application/json\r\n\r\n[]', '\r\nX')],
  ['metadata of another type', whole('Content-Type: text/plain\r\n\r\n{}', '\r\nX')],
  ['the file first', whole('\r\nX', json)],
  ['a boundary that goes on', whole(json, '\r\nX').replace('--B\r\n', '--Bx\r\n')],
  ['far too much before', `${'x'.repeat(20_000)}\r\n${whole(json, '\r\nX')}`],
  ['another type', whole(json, '\r\nX'), 'multipart/form-data; boundary=B'],
  ['JSON', '{}', 'application/json'],
  ['no boundary named', whole(json, '\r\nX'), 'multipart/mixed'],
  ['a boundary that is too long', whole(json, '\r\nX'), `multipart/mixed; boundary=${'B'.repeat(71)}`],
])('%s is refused', (_what, body, type) => {
  expect(() => parse(body, type)).toThrow(BadMultipart);
});

test('any bytes are parsed or refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(200), fc.nat(255), (noise, at, byte) => {
      const body = Buffer.from(whole(json, 'Content-Type: a/b\r\n\r\nhello'));
      body[at % body.length] = byte;
      for (const bytes of [noise, body]) {
        try {
          parseMultipart('multipart/mixed; boundary=B', bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadMultipart);
        }
      }
    }),
  );
});
