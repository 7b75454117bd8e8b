import { expect, test } from 'vitest';
import { createSessions } from '../../main/accounts/sessions.ts';
import { devicesTable, tokensTable } from '../../main/db/devices.ts';
import type { UserId } from '../../shared/ids.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { tempDb } from '../support/temp-db.ts';

const alice = '@alice:hearth.test' as UserId;
const unknown = expect.objectContaining({ status: 401, errcode: 'M_UNKNOWN_TOKEN' });

async function sessionsOnDisk() {
  const db = await tempDb();
  const platform = fakePlatform();
  const removed: unknown[] = [];
  const sessions = createSessions({
    db,
    devices: devicesTable(db),
    tokens: tokensTable(db),
    platform,
    onRemoved: (userId, deviceIds) => removed.push([userId, deviceIds]),
  });
  return { db, sessions, platform, removed };
}

test('a token says who it belongs to, and the database does not say the token', async () => {
  const { db, sessions } = await sessionsOnDisk();
  const { accessToken, deviceId, refreshToken } = sessions.signIn({ userId: alice, displayName: 'Phone' });
  expect(deviceId).toMatch(/^[A-Z]{10}$/);
  expect(refreshToken).toBeUndefined();
  expect(sessions.byToken(accessToken)).toEqual({ userId: alice, deviceId });
  expect(() => sessions.byToken(`${accessToken}x`)).toThrow(unknown);
  expect(sessions.devices(alice)).toMatchObject([{ deviceId, displayName: 'Phone' }]);
  const rows = db.prepare<[], { hash: string }>('SELECT hash FROM access_tokens').all();
  expect(rows).toHaveLength(1);
  expect(accessToken).not.toContain(rows[0]?.hash);
});

test('signing in again with the same device ends its old token and keeps its name', async () => {
  const { sessions } = await sessionsOnDisk();
  const first = sessions.signIn({ userId: alice, deviceId: 'PHONE', displayName: 'Phone' });
  const second = sessions.signIn({ userId: alice, deviceId: 'PHONE', displayName: 'Other' });
  expect(() => sessions.byToken(first.accessToken)).toThrow(unknown);
  expect(sessions.byToken(second.accessToken).deviceId).toBe('PHONE');
  expect(sessions.devices(alice)).toMatchObject([{ displayName: 'Phone' }]);
});

test('removing devices ends their tokens, and tells of those that were there', async () => {
  const { sessions, removed } = await sessionsOnDisk();
  const { accessToken } = sessions.signIn({ userId: alice, deviceId: 'A', refreshable: true });
  sessions.remove(alice, ['A', 'B']);
  sessions.remove(alice, ['A']);
  expect(() => sessions.byToken(accessToken)).toThrow(unknown);
  expect(removed).toEqual([[alice, ['A']]]);
});

test('a refreshable token expires softly, and the old refresh token lasts until the new tokens are used', async () => {
  const { sessions, platform } = await sessionsOnDisk();
  const first = sessions.signIn({ userId: alice, refreshable: true });
  const { refreshToken = '', expiresInMs = 0 } = first;
  expect(expiresInMs).toBe(3_600_000);
  await platform.advance(expiresInMs);
  expect(() => sessions.byToken(first.accessToken)).toThrow(expect.objectContaining({ fields: { soft_logout: true } }));

  const lost = sessions.refresh(refreshToken); // the reply never arrived: the client asks again
  const second = sessions.refresh(refreshToken);
  expect(sessions.byToken(second.accessToken)).toEqual({ userId: alice, deviceId: first.deviceId });
  expect(() => sessions.refresh(refreshToken)).toThrow(unknown);
  expect(() => sessions.refresh(first.accessToken)).toThrow(unknown);
  expect(sessions.byToken(lost.accessToken).userId).toBe(alice); // it was given out, too

  const third = sessions.refresh(second.refreshToken ?? '');
  const fourth = sessions.refresh(third.refreshToken ?? '');
  expect(() => sessions.refresh(second.refreshToken ?? '')).toThrow(unknown);
  expect(() => sessions.byToken(second.accessToken)).toThrow(unknown);
  expect(sessions.byToken(fourth.accessToken).userId).toBe(alice);
});

test('a device is noted as seen now and then, not at each request', async () => {
  const { sessions, platform } = await sessionsOnDisk();
  const session = sessions.signIn({ userId: alice, deviceId: 'A' });
  const start = platform.clock.now();
  const lastSeen = () => sessions.device(alice, 'A');
  sessions.seen(session, '127.0.0.1');
  await platform.advance(60_000);
  sessions.seen(session, '127.0.0.1');
  expect(lastSeen()).toMatchObject({ lastSeenTs: start, lastSeenIp: '127.0.0.1' });
  sessions.seen(session, '10.0.0.1');
  expect(lastSeen()).toMatchObject({ lastSeenTs: start + 60_000, lastSeenIp: '10.0.0.1' });
});

test.each([[''], ['x'.repeat(256)]])('the device ID "%s" is refused', async (deviceId) => {
  const { sessions } = await sessionsOnDisk();
  expect(() => sessions.signIn({ userId: alice, deviceId })).toThrow(
    expect.objectContaining({ errcode: 'M_INVALID_PARAM' }),
  );
});
