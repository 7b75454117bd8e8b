import { expect, test } from 'vitest';
import { createAccounts } from '../../main/accounts/accounts.ts';
import { createPasswords } from '../../main/accounts/passwords.ts';
import { accountsTable, registrationTokensTable } from '../../main/db/accounts.ts';
import type { ServerName, UserId } from '../../shared/ids.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { tempDb } from '../support/temp-db.ts';

async function accountsOnDisk() {
  const db = await tempDb();
  const platform = fakePlatform();
  const accounts = createAccounts({
    db,
    accounts: accountsTable(db),
    tokens: registrationTokensTable(db),
    passwords: createPasswords(platform.random),
    serverName: 'hearth.test' as ServerName,
    clock: platform.clock,
    isExclusive: (userId) => userId.startsWith('@bridge_'),
  });
  return { accounts, platform };
}

test('the first account is the owner, and passwords are checked', async () => {
  const { accounts } = await accountsOnDisk();
  expect(accounts.owner()).toBeUndefined();
  const alice = await accounts.create({ localpart: 'alice', password: 'correct horse' });
  await accounts.create({ localpart: 'bob', isAdmin: true });
  expect(alice).toBe('@alice:hearth.test');
  expect(accounts.owner()).toBe(alice);
  expect(await accounts.verifyPassword(alice, 'correct horse')).toBe(true);
  expect(await accounts.verifyPassword(alice, 'wrong horse')).toBe(false);
  expect(await accounts.verifyPassword('@bob:hearth.test' as UserId, '')).toBe(false); // has none
  expect(await accounts.verifyPassword('@nobody:hearth.test' as UserId, 'x')).toBe(false);
});

test('a password is stored salted and with its cost', async () => {
  const passwords = createPasswords(fakePlatform().random);
  const [one, two] = await Promise.all([passwords.hash('secret'), passwords.hash('secret')]);
  expect(one).toMatch(/^scrypt\$15\$8\$1\$[\w-]{22}\$[\w-]{43}$/);
  expect(one).not.toBe(two);
  expect(await passwords.verify('secret', two)).toBe(true);
  expect(await passwords.verify('secret', 'md5$x')).toBe(false);
});

test('a password can be changed; a deactivated user has none and keeps the name', async () => {
  const { accounts } = await accountsOnDisk();
  const alice = await accounts.create({ localpart: 'alice', password: 'old' });
  await accounts.setPassword(alice, 'new');
  expect(await accounts.verifyPassword(alice, 'old')).toBe(false);
  expect(await accounts.verifyPassword(alice, 'new')).toBe(true);
  accounts.deactivate(alice);
  expect(accounts.isActive(alice)).toBe(false);
  expect(await accounts.verifyPassword(alice, 'new')).toBe(false);
  await accounts.setPassword(alice, 'newer');
  expect(await accounts.verifyPassword(alice, 'newer')).toBe(false);
  expect(() => accounts.available('alice')).toThrow(expect.objectContaining({ errcode: 'M_USER_IN_USE' }));
});

test.each([
  ['Alice', 'M_INVALID_USERNAME'],
  ['', 'M_INVALID_USERNAME'],
  ['a:b', 'M_INVALID_USERNAME'],
  ['ålice', 'M_INVALID_USERNAME'],
  ['a'.repeat(243), 'M_INVALID_USERNAME'], // one byte more than fits beside @ and :hearth.test
  ['bridge_a', 'M_EXCLUSIVE'],
  ['taken', 'M_USER_IN_USE'],
])('the user name %s is refused with %s', async (localpart, errcode) => {
  const { accounts } = await accountsOnDisk();
  await accounts.create({ localpart: 'taken' });
  await expect(accounts.create({ localpart, password: 'x' })).rejects.toMatchObject({ status: 400, errcode });
});

test('of two who want the same name at the same time one gets it', async () => {
  const { accounts } = await accountsOnDisk();
  const both = await Promise.allSettled(['a', 'b'].map((password) => accounts.create({ localpart: 'x', password })));
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { errcode: 'M_USER_IN_USE' } });
});

test('a registration token is good for so many uses and so long', async () => {
  const { accounts, platform } = await accountsOnDisk();
  accounts.addToken('once', 1, undefined);
  accounts.addToken('today', undefined, platform.clock.now() + 1000);
  expect(['once', 'today', 'never'].map(accounts.isGoodToken)).toEqual([true, true, false]);
  await accounts.create({ localpart: 'a', registrationToken: 'once' });
  expect(accounts.isGoodToken('once')).toBe(false);
  await expect(accounts.create({ localpart: 'b', registrationToken: 'once' })).rejects.toMatchObject({ status: 401 });
  expect(accounts.get('@b:hearth.test' as UserId)).toBeUndefined();
  await platform.advance(1000);
  expect(accounts.isGoodToken('today')).toBe(false);
});
