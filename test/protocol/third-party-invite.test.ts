import { expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { signingKeyFromSeed, signJson } from '../../main/protocol/signing.ts';
import { verifyThirdParty } from '../../main/protocol/third-party-invite.ts';
import type { ServerName } from '../../shared/ids.ts';

const key = signingKeyFromSeed('ed25519:0', new Uint8Array(32).fill(7));
const other = signingKeyFromSeed('ed25519:0', new Uint8Array(32).fill(8));
const signed = signJson({ mxid: '@frank:f.test', token: 'tok' }, 'id.test' as ServerName, key);

test('any signature by any of the keys is good', () => {
  expect(verifyThirdParty(signed, [key.publicKey])).toBe(true);
  expect(verifyThirdParty(signed, ['no key', other.publicKey, key.publicKey])).toBe(true);
  expect(verifyThirdParty(signJson(signed, 'b.test' as ServerName, other), [other.publicKey])).toBe(true);
  const urlSafe = key.publicKey.replaceAll('+', '-').replaceAll('/', '_');
  expect(verifyThirdParty(signed, [urlSafe])).toBe(true);
});

test.each<[string, JsonObject, string[]]>([
  ['another key', signed, [other.publicKey]],
  ['no key', signed, []],
  ['no signature', { mxid: '@frank:f.test', token: 'tok' }, [key.publicKey]],
  ['signatures of another shape', { ...signed, signatures: ['x'] }, [key.publicKey]],
  ['something else signed', { ...signed, mxid: '@eve:e.test' }, [key.publicKey]],
])('%s is not', (_, object, keys) => {
  expect(verifyThirdParty(object, keys)).toBe(false);
});

test('who sends ten thousand keys is not helped with all of them', () => {
  expect(verifyThirdParty(signed, [...Array.from({ length: 10_000 }, () => other.publicKey), key.publicKey])).toBe(
    false,
  );
});
