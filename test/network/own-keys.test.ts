import { expect, test } from 'vitest';
import { ownKeysTable } from '../../main/db/own-keys.ts';
import { readKeyReply } from '../../main/network/key-reply.ts';
import { createOwnKeys } from '../../main/network/own-keys.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { us } from '../support/federation-client.ts';
import { memoryLog } from '../support/memory-log.ts';
import { tempDb } from '../support/temp-db.ts';
import { day, hour, keyFile, now } from './key-world.ts';

async function start(text?: string) {
  const platform = fakePlatform();
  const table = ownKeysTable(await tempDb());
  const file = keyFile(text);
  const { log, lines } = memoryLog();
  const make = () => createOwnKeys({ us, table, file, platform, log });
  return { platform, file, make, lines, keys: make() };
}

test('a key is made at the first start and read at the next', async () => {
  const { file, keys, make } = await start();
  expect(file.text).toMatch(/^ed25519 a_[0-9a-f]{6} [A-Za-z0-9+/]{43}\n$/);
  expect(make().current()).toMatchObject({ keyId: keys.current().keyId, publicKey: keys.current().publicKey });
  expect(make().list()).toEqual([
    {
      keyId: keys.current().keyId,
      publicKey: keys.current().publicKey,
      createdAt: now,
      expiredTs: undefined,
      validUntilTs: now + 7 * day,
      storedIn: 'signing.key',
    },
  ]);
});

test('a key of another homeserver is taken over', async () => {
  const { keys } = await start('ed25519 a_test AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n');
  expect(keys.current().keyId).toBe('ed25519:a_test');
  expect(keys.current().publicKey).toBe('A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg');
});

test.each([
  '',
  'garbage',
  'rsa a_1 AAAA',
  'ed25519 a-b AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8',
  'ed25519 a_1 AAAA',
])('a file with "%s" is not written over', async (text) => {
  const file = keyFile(text);
  const table = ownKeysTable(await tempDb());
  const make = () => createOwnKeys({ us, table, file, platform: fakePlatform(), log: memoryLog().log });
  expect(make).toThrow('There is no signing key in signing.key');
  expect(file.text).toBe(text);
});

test('what is published is signed by the key and believed by our own reader', async () => {
  const { keys } = await start();
  const reply = keys.published();
  expect(readKeyReply(us, reply)).toMatchObject({
    validUntilTs: now + 7 * day,
    current: [{ keyId: keys.current().keyId, publicKey: keys.current().publicKey }],
    old: [],
  });
});

test('it is signed anew each hour, so that it never expires soon', async () => {
  const { keys, platform } = await start();
  const first = keys.published();
  await platform.advance(hour - 1);
  expect(keys.published()).toBe(first);
  await platform.advance(1);
  expect(keys.published()['valid_until_ts']).toBe(now + hour + 7 * day);
});

test('after a rotation the old key is published as such', async () => {
  const { keys, platform, make } = await start();
  const before = keys.current();
  keys.published();
  await platform.advance(hour / 2);
  const after = keys.rotate();
  expect(after.keyId).not.toBe(before.keyId);
  expect(keys.current()).toBe(after);
  for (const one of [keys, make()]) {
    expect(readKeyReply(us, one.published())).toMatchObject({
      current: [{ keyId: after.keyId }],
      old: [{ keyId: before.keyId, publicKey: before.publicKey, expiredTs: now + hour / 2 }],
    });
  }
});

test('a file that is gone is a rotation; the same file back is another', async () => {
  const { keys, file, platform, make, lines } = await start();
  const [before, text] = [keys.current(), file.text];
  await platform.advance(hour);
  file.text = undefined;
  const after = make().current();
  expect(lines.join('')).toContain('the signing key is gone');
  expect(make().published()).toMatchObject({ old_verify_keys: { [before.keyId]: { expired_ts: now + hour } } });
  file.text = text;
  await platform.advance(hour);
  expect(make().published()).toMatchObject({
    verify_keys: { [before.keyId]: {} },
    old_verify_keys: { [after.keyId]: { expired_ts: now + 2 * hour } },
  });
});
