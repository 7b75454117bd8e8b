import fc from 'fast-check';
import nacl from 'tweetnacl';
import { describe, expect, test } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../main/protocol/base64.ts';
import { type JsonObject, parseJson } from '../../main/protocol/json.ts';
import {
  signatureOf,
  signaturesBy,
  signedJson,
  signingKeyFromSeed,
  signJson,
  verifySignature,
  verifySignatureAsync,
} from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';

// https://spec.matrix.org/v1.19/appendices/#cryptographic-test-vectors
const seed = decodeBase64('YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1') ?? new Uint8Array();
const key = signingKeyFromSeed('ed25519:1', seed);
const domain = 'domain' as ServerName;

test.each<[JsonObject, signature: string]>([
  [{}, 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'],
  [{ one: 1, two: 'Two' }, 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'],
])('the specification signs %j', (object, signature) => {
  expect(signJson(object, domain, key)).toEqual({ ...object, signatures: { domain: { 'ed25519:1': signature } } });
});

test('our keys and signatures are tweetnacl’s, byte for byte', async () => {
  const seeds = fc.uint8Array({ minLength: 32, maxLength: 32 });
  await fc.assert(
    fc.asyncProperty(seeds, fc.uint8Array(), async (anySeed, message) => {
      const ours = signingKeyFromSeed('ed25519:1', anySeed);
      const theirs = nacl.sign.keyPair.fromSeed(anySeed);
      const signature = ours.sign(message);
      expect(ours.publicKey).toBe(encodeBase64(theirs.publicKey));
      expect(signature).toBe(encodeBase64(nacl.sign.detached(message, theirs.secretKey)));
      expect(verifySignature(ours.publicKey, message, signature)).toBe(true);
      expect(await verifySignatureAsync(ours.publicKey, message, signature)).toBe(true);
    }),
    { numRuns: 30 },
  );
});

test.each([0, 31, 33, 64])('a seed of %d bytes is none', (length) => {
  expect(() => signingKeyFromSeed('ed25519:1', new Uint8Array(length))).toThrow();
});

describe('verification', () => {
  const message = 'grüße';
  const signature = key.sign(message);
  const other = signingKeyFromSeed('ed25519:1', new Uint8Array(32));
  const bytes = decodeBase64(signature) ?? new Uint8Array();
  const flipped = (index: number) => encodeBase64(bytes.map((byte, at) => (at === index ? byte ^ 1 : byte)));

  const cases: readonly [what: string, publicKey: string, message: Uint8Array | string, signature: string, boolean][] =
    [
      ['text', key.publicKey, message, signature, true],
      ['its UTF-8', key.publicKey, Buffer.from(message), signature, true],
      ['a padded signature', key.publicKey, message, `${signature}==`, true],
      ['a padded key', `${key.publicKey}=`, message, signature, true],
      ['a URL-safe key', key.publicKey.replaceAll('+', '-').replaceAll('/', '_'), message, signature, true],
      ['another text', key.publicKey, 'grusse', signature, false],
      ['another key', other.publicKey, message, signature, false],
      ['a flipped bit in R', key.publicKey, message, flipped(0), false],
      ['a flipped bit in S', key.publicKey, message, flipped(40), false],
      ['a short signature', key.publicKey, message, signature.slice(0, -4), false],
      ['a long signature', key.publicKey, message, `${signature}AAAA`, false],
      ['a signature with a space', key.publicKey, message, `${signature} `, false],
      ['no signature', key.publicKey, message, '', false],
      ['no base64', key.publicKey, message, '🙂'.repeat(43), false],
      ['no key', '', message, signature, false],
      ['a short key', key.publicKey.slice(0, -3), message, signature, false],
      ['a key that is no point', encodeBase64(new Uint8Array(32).fill(255)), message, signature, false],
      ['a prototype’s name for a key', '__proto__', message, signature, false],
    ];
  test.each(cases)('of %s', async (_, publicKey, text, base64, isRight) => {
    expect(verifySignature(publicKey, text, base64)).toBe(isRight);
    expect(await verifySignatureAsync(publicKey, text, base64)).toBe(isRight);
  });

  test('of S and S + L: only one of them is the signature', () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const littleEndian = [...bytes.subarray(32)].reverse();
    const raised = littleEndian.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n) + order;
    const malleable = bytes.slice();
    for (let index = 0; index < 32; index++) malleable[32 + index] = Number((raised >> BigInt(8 * index)) & 255n);
    expect(verifySignature(key.publicKey, message, encodeBase64(malleable))).toBe(false);
  });

  test('of garbage never throws', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary' }), fc.uint8Array({ maxLength: 80 }), async (text, garbage) => {
        expect(verifySignature(text, text, text)).toBe(false);
        expect(verifySignature(encodeBase64(garbage), text, encodeBase64(garbage))).toBe(false);
        expect(await verifySignatureAsync(encodeBase64(garbage.subarray(0, 32)), text, signature)).toBe(false);
      }),
    );
  });

  test('goes on after more keys than are remembered', () => {
    for (let index = 0; index < 2_100; index++) {
      const publicKey = encodeBase64(Buffer.from(`${index}`.padStart(32, 'k')));
      expect(verifySignature(publicKey, message, signature)).toBe(false);
    }
    expect(verifySignature(key.publicKey, message, signature)).toBe(true);
  });
});

describe('signed objects', () => {
  const server = 'constructor' as ServerName; // a server name as good as any

  test('keep what was signed by others, and what is not signed', () => {
    const object = {
      a: 1,
      unsigned: { age: 2 },
      signatures: { other: { 'ed25519:x': 'z' }, domain: { 'ed25519:0': 'y' } },
    };
    expect(signJson(object, domain, key)).toEqual({
      a: 1,
      unsigned: { age: 2 },
      signatures: {
        other: { 'ed25519:x': 'z' },
        domain: { 'ed25519:0': 'y', 'ed25519:1': key.sign('{"a":1}') },
      },
    });
    expect(signedJson(object)).toBe('{"a":1}');
  });

  test.each([[null], [[]], ['x'], [{ domain: 'x' }]])('replace signatures that are none: %j', (signatures) => {
    const signed = signJson({ signatures }, domain, key);
    expect(signed).toEqual({ signatures: { domain: { 'ed25519:1': key.sign('{}') } } });
  });

  test('tell their signatures, and no others', () => {
    const signed = signJson(
      { signatures: { [server]: { 'rsa:1': 'r', 'ed25519:bad': 3, 'ed25519:2': 's' } } },
      server,
      key,
    );
    expect(signatureOf(signed, server, 'ed25519:1')).toBe(key.sign('{}'));
    expect(signatureOf(signed, server, 'ed25519:bad')).toBeUndefined();
    expect(Object.fromEntries(signaturesBy(signed, server))).toEqual({ 'ed25519:1': key.sign('{}'), 'ed25519:2': 's' });
    for (const object of [
      {},
      { signatures: {} },
      { signatures: [] },
      parseJson('{"signatures":{}}').value as JsonObject,
    ]) {
      expect(signatureOf(object, server, 'name')).toBeUndefined();
      expect(signaturesBy(object, server).size).toBe(0);
    }
  });
});
