import fc from 'fast-check';
import { expect, test } from 'vitest';
import { authorization, parseXMatrix, type SignedRequest, verifyRequest } from '../../main/network/x-matrix.ts';
import { type JsonValue, parseJson } from '../../main/protocol/json.ts';
import { signingKeyFromSeed } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';

const us = 'us.test' as ServerName;
const key = signingKeyFromSeed('ed25519:a_1', new Uint8Array(32).fill(7));
const otherKey = signingKeyFromSeed('ed25519:a_2', new Uint8Array(32).fill(8));

// https://spec.matrix.org/v1.19/server-server-api/#request-authentication
const whole = { origin: 'o.test', destination: 'd.test', key: 'ed25519:k', sig: 'a+/b' };
const wellFormed: readonly [header: string, parsed: object][] = [
  ['X-Matrix origin="o.test",destination="d.test",key="ed25519:k",sig="a+/b"', whole],
  ['x-MATRIX origin="o.test",destination="d.test",key="ed25519:k",sig="a+/b"', whole],
  ['X-Matrix   origin="o.test",destination="d.test",key="ed25519:k",sig="a+/b"', whole],
  ['X-Matrix sig="a+/b",key="ed25519:k",destination="d.test",origin="o.test"', whole],
  ['X-Matrix ORIGIN="o.test",Destination="d.test",kEy="ed25519:k",SIG="a+/b"', whole],
  ['X-Matrix origin=o.test,destination=d.test,key=ed25519:k,sig="a+/b"', whole],
  ['X-Matrix origin=o.test:80,key="ed25519:k",sig=ab', { origin: 'o.test:80', key: 'ed25519:k', sig: 'ab' }],
  ['X-Matrix origin="o.test" \t,\t destination="d.test" ,key="ed25519:k",  sig="a+/b"  ', whole],
  ['X-Matrix origin = "o.test",destination="d.test",key="ed25519:k",sig="a+/b"', whole], // "bad white space"
  ['X-Matrix ,origin="o.test",,destination="d.test",key="ed25519:k", ,sig="a+/b",', whole], // empty elements
  ['X-Matrix origin="o\\.te\\st",destination="d.test",key="ed25519\\:k",sig="a+\\/b"', whole],
  ['X-Matrix origin="o.test",destination="d.test",key="ed25519:k",sig="a+/b",foo="b,a\\"r=",bar=1', whole],
  ['X-Matrix origin="o.test",key="ed25519:k",sig=""', { origin: 'o.test', key: 'ed25519:k', sig: '' }],
  ['X-Matrix origin="[::1]:80",key="ed25519:k",sig="x"', { origin: '[::1]:80', key: 'ed25519:k', sig: 'x' }],
];
test.each(wellFormed)('%s', (header, parsed) => {
  expect(parseXMatrix(header)).toEqual({ destination: undefined, ...parsed });
});

const malformed: readonly [header: string, why: string][] = [
  ['', 'not X-Matrix'],
  ['Bearer abc', 'not X-Matrix'],
  ['X-Matrix', 'not X-Matrix'],
  ['X-Matrixorigin="o"', 'not X-Matrix'],
  ['X-Matrix\torigin="o"', 'not X-Matrix'],
  ['X-Matrix ', 'lacks'],
  ['X-Matrix origin="o",key="k"', 'lacks'],
  ['X-Matrix origin="o",key="k",signature="s"', 'lacks'],
  ['X-Matrix origin="o",origin="o",key="k",sig="s"', 'origin twice'],
  ['X-Matrix origin="o",Origin=p,key="k",sig="s"', 'origin twice'],
  ['X-Matrix origin="o",key="k",sig="s",foo=1,foo=1', 'foo twice'],
  ['X-Matrix origin="o" key="k" sig="s"', 'not well formed'],
  ['X-Matrix origin="o,key="k",sig="s"', 'not well formed'],
  ['X-Matrix origin="o",key="k",sig="s', 'not well formed'],
  ['X-Matrix origin="o",key="k",sig="s\\', 'not well formed'],
  ['X-Matrix origin="o",key="k",sig=a/b', 'not well formed'],
  ['X-Matrix origin="o",key="k",sig=', 'not well formed'],
  ['X-Matrix origin="o",key="k",="s"', 'not well formed'],
  ['X-Matrix origin="o\u0000",key="k",sig="s"', 'not well formed'],
  ['X-Matrix origin="o\n",key="k",sig="s"', 'not well formed'],
  [`X-Matrix origin="${'o'.repeat(5000)}",key="k",sig="s"`, 'too long'],
  [`X-Matrix ${','.repeat(5000)}`, 'too long'],
];
test.each(malformed)('refused: %j', (header, why) => {
  expect(parseXMatrix(header)).toEqual(expect.stringContaining(why));
});

test('nothing makes the parser throw or take long', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 4000 }), (rest) => {
      const parsed = parseXMatrix(`X-Matrix ${rest}`);
      return typeof parsed === 'string' || parsed.origin !== undefined;
    }),
  );
  const started = performance.now();
  parseXMatrix(`X-Matrix origin="${'\\\\'.repeat(2000)}`);
  parseXMatrix(`X-Matrix ${'a=b '.repeat(1000)}`);
  expect(performance.now() - started).toBeLessThan(100);
});

const request: SignedRequest & { destination: string } = {
  method: 'PUT',
  uri: '/_matrix/x/%2F..?a="b"',
  origin: 'o.test',
  destination: us,
  body: { n: 1 },
};
const signed = (changes: Partial<typeof request> = {}, by = key) => authorization({ ...request, ...changes }, by);

interface Known {
  [keyId: string]: string;
}
/** A keyring with keys of o.test; after `anew` those of `fresh`. */
function verify(
  headers: string | readonly string[] | undefined,
  changes: { method?: string; rawUri?: string; body?: JsonValue | undefined } = {},
  known: Known = { [key.keyId]: key.publicKey },
  fresh: Known = known,
) {
  const asked: boolean[] = [];
  const verdict = verifyRequest(
    {
      method: 'PUT',
      rawUri: request.uri,
      headers: { authorization: headers },
      body: request.body,
      ...changes,
    },
    {
      us,
      keyring: {
        async keysForRequest(origin, keyIds, { anew = false } = {}) {
          asked.push(anew);
          const all = origin === 'o.test' ? Object.entries(anew ? fresh : known) : [];
          return new Map(all.filter(([keyId]) => keyIds.includes(keyId)));
        },
      },
    },
  );
  return { verdict, asked };
}

test('what we sign is verified, on the raw URI and the body as parsed', async () => {
  expect(await verify(signed()).verdict).toEqual({
    verified: true,
    origin: 'o.test',
    destination: us,
    keyId: key.keyId,
  });
  const floats = parseJson('{"b": 1.50, "a": {"c": 1e400}}').value;
  expect(await verify(signed({ body: floats }), { body: floats }).verdict).toMatchObject({ verified: true });
});

test('the form of our header is the one that older servers take', () => {
  expect(signed()).toMatch(
    /^X-Matrix origin="o\.test",destination="us\.test",key="ed25519:a_1",sig="[A-Za-z0-9+/]{86}"$/,
  );
});

test('no body and an empty one are not the same', async () => {
  const without = signed({ body: undefined });
  expect(await verify(without, { body: undefined }).verdict).toMatchObject({ verified: true });
  expect(await verify(without, { body: {} }).verdict).toMatchObject({ verified: false });
  expect(await verify(signed({ body: {} }), { body: undefined }).verdict).toMatchObject({ verified: false });
});

test('a request without destination is taken from older servers, one for another server is not', async () => {
  const { method, uri, origin, body } = request;
  const sig = /sig="(.*)"/.exec(
    authorization({ method, uri, origin, body, destination: undefined as unknown as string }, key),
  )?.[1];
  expect(await verify(`X-Matrix origin=o.test,key="ed25519:a_1",sig="${sig}"`).verdict).toEqual({
    verified: true,
    origin: 'o.test',
    keyId: key.keyId,
  });
  expect(await verify(signed({ destination: 'them.test' })).verdict).toMatchObject({
    verified: false,
    why: 'it is for them.test, and this is us.test',
    destination: 'them.test',
  });
  expect(await verify(signed({ destination: 'US.test' })).verdict).toMatchObject({ verified: false });
});

const changed: readonly [what: string, changes: Parameters<typeof verify>[1]][] = [
  ['method', { method: 'POST' }],
  ['URI, though it means the same', { rawUri: '/_matrix/x/%2f..?a="b"' }],
  ['URI, decoded', { rawUri: '/_matrix/x//..?a="b"' }],
  ['query', { rawUri: '/_matrix/x/%2F..' }],
  ['body', { body: { n: 2 } }],
];
test.each(changed)('another %s is not what was signed', async (_what, changes) => {
  expect(await verify(signed(), changes).verdict).toMatchObject({
    verified: false,
    why: 'the signature does not hold',
    origin: 'o.test',
    keyId: 'ed25519:a_1',
  });
});

const refused: readonly [what: string, headers: string | readonly string[] | undefined, why: string][] = [
  ['no header', undefined, 'no Authorization header'],
  ['an access token', 'Bearer abc', 'no Authorization header'],
  ['a broken header', 'X-Matrix origin=', 'not well formed'],
  ['a broken header beside a good one', [signed(), 'X-Matrix origin='], 'not well formed'],
  ['an origin that is no name', signed({ origin: 'o.test/evil' }), 'no server name'],
  ['an origin that is us', signed({ origin: us }), 'this server itself'],
  ['a key of another algorithm', 'X-Matrix origin=o.test,key="rsa:1",sig="x"', 'no key ID'],
  ['a key with other characters', 'X-Matrix origin=o.test,key="ed25519:a-b",sig="x"', 'no key ID'],
  ['an unknown key', signed({}, otherKey), 'no key ed25519:a_2 of o.test'],
  ['a server without keys', signed({ origin: 'unknown.test' }), 'no key ed25519:a_1 of unknown.test'],
  ['a signature that is none', 'X-Matrix origin=o.test,key="ed25519:a_1",sig="!!"', 'does not hold'],
  ['two origins', [signed(), signed({ origin: 'p.test' })], 'different servers'],
  ['too many headers', Array.from({ length: 11 }, () => signed()), 'more than 10'],
];
test.each(refused)('refused: %s', async (_what, headers, why) => {
  expect(await verify(headers).verdict).toMatchObject({ verified: false, why: expect.stringContaining(why) });
});

test('one of several signatures must hold', async () => {
  const verdict = { verified: true, keyId: 'ed25519:a_1' };
  expect(await verify([signed({}, otherKey), signed()]).verdict).toMatchObject(verdict);
  expect(await verify(['Bearer abc', signed()]).verdict).toMatchObject(verdict);
  const known = { [key.keyId]: otherKey.publicKey, [otherKey.keyId]: key.publicKey };
  expect(await verify([signed({}, otherKey), signed()], {}, known).verdict).toMatchObject({ verified: false });
});

test('a key that does not fit is asked for anew, once', async () => {
  const stale = { [key.keyId]: otherKey.publicKey };
  const healed = verify(signed(), {}, stale, { [key.keyId]: key.publicKey });
  expect(await healed.verdict).toMatchObject({ verified: true });
  expect(healed.asked).toEqual([false, true]);
  const wrong = verify(signed(), {}, stale);
  expect(await wrong.verdict).toMatchObject({ verified: false });
  expect(wrong.asked).toEqual([false, true]);
  const unknown = verify(signed(), {}, {});
  expect(await unknown.verdict).toMatchObject({ verified: false });
  expect(unknown.asked).toEqual([false]);
});
