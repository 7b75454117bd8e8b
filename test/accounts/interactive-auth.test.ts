import { expect, test } from 'vitest';
import type { Accounts } from '../../main/accounts/accounts.ts';
import { type AuthFlows, createInteractiveAuth } from '../../main/accounts/interactive-auth.ts';
import { createRateLimit } from '../../main/accounts/rate-limit.ts';
import type { ServerName, UserId } from '../../shared/ids.ts';
import { fakePlatform } from '../support/fake-platform.ts';

const alice = '@alice:hearth.test' as UserId;

function interactiveAuth() {
  const platform = fakePlatform();
  const accounts: Pick<Accounts, 'serverName' | 'verifyPassword' | 'isGoodToken'> = {
    serverName: 'hearth.test' as ServerName,
    verifyPassword: async (userId, password) => userId === alice && password === 'right',
    isGoodToken: (token) => token === 'good',
  };
  const limit = createRateLimit({ clock: platform.clock, burst: 3, everyMs: 1000 });
  const auth = createInteractiveAuth({ accounts: accounts as Accounts, limit, platform });
  const step = (flows: AuthFlows, given?: Readonly<Record<string, unknown>>, operation = 'do it') =>
    auth.step({ auth: given, operation, flows, userId: alice });
  return { step, platform };
}

const identifier = { type: 'm.id.user', user: 'alice' };
const password = (session?: string) => ({ type: 'm.login.password', identifier, password: 'right', session });

test('without auth there is a challenge, with the password of the caller it is done', async () => {
  const { step } = interactiveAuth();
  const first = await step([['m.login.password']]);
  if (first.done) throw new Error('too early');
  expect(first.challenge).toEqual({
    flows: [{ stages: ['m.login.password'] }],
    params: {},
    session: expect.any(String),
    completed: [],
  });
  expect(await step([['m.login.password']], password(first.challenge.session))).toMatchObject({ done: true });
});

test('old clients name the user otherwise, and some send their stage without a session', async () => {
  const { step } = interactiveAuth();
  const old = { type: 'm.login.password', user: alice, password: 'right' };
  expect(await step([['m.login.password']], old)).toMatchObject({ done: true });
  expect(await step([['m.login.dummy']], { type: 'm.login.dummy' })).toMatchObject({ done: true });
});

test.each<[what: string, auth: Readonly<Record<string, unknown>>, errcode: string]>([
  ['a wrong password', { ...password(), password: 'wrong' }, 'M_FORBIDDEN'],
  ["somebody else's", { ...password(), identifier: { type: 'm.id.user', user: 'bob' } }, 'M_FORBIDDEN'],
  ['another kind of identifier', { ...password(), identifier: { type: 'm.id.phone' }, user: alice }, 'M_FORBIDDEN'],
  ['no password', { type: 'm.login.password', identifier }, 'M_MISSING_PARAM'],
])('%s is told and may be tried again in the same session', async (_what, auth, errcode) => {
  const { step } = interactiveAuth();
  const first = await step([['m.login.password']]);
  const session = first.done ? undefined : first.challenge.session;
  const again = await step([['m.login.password']], { ...auth, session });
  expect(again).toMatchObject({ done: false, challenge: { errcode, error: expect.any(String), session } });
  expect(await step([['m.login.password']], password(session))).toMatchObject({ done: true });
});

test('stages are done in order, and remembered', async () => {
  const { step } = interactiveAuth();
  const flows: AuthFlows = [['m.login.registration_token', 'm.login.dummy']];
  const early = await step(flows, { type: 'm.login.dummy' });
  expect(early).toMatchObject({ done: false, challenge: { completed: [] } });
  const session = early.done ? undefined : early.challenge.session;
  const half = await step(flows, { type: 'm.login.registration_token', token: 'good', session });
  expect(half).toMatchObject({ done: false, challenge: { completed: ['m.login.registration_token'], session } });
  expect(await step(flows, { type: 'm.login.dummy', session })).toEqual({ done: true, registrationToken: 'good' });
});

test('a session is good for its own operation only, and for half an hour', async () => {
  const { step, platform } = interactiveAuth();
  const flows: AuthFlows = [['m.login.registration_token', 'm.login.dummy']];
  const half = await step(flows, { type: 'm.login.registration_token', token: 'good' });
  const session = half.done ? undefined : half.challenge.session;
  expect(await step(flows, { type: 'm.login.dummy', session }, 'something else')).toMatchObject({ done: false });
  await platform.advance(30 * 60_000);
  expect(await step(flows, { type: 'm.login.dummy', session })).toMatchObject({ done: false });
});

test('who guesses too often has to wait', async () => {
  const { step, platform } = interactiveAuth();
  const wrong = { ...password(), password: 'wrong' };
  for (let i = 0; i < 3; i++) expect(await step([['m.login.password']], wrong)).toMatchObject({ done: false });
  await expect(step([['m.login.password']], password())).rejects.toMatchObject({
    status: 429,
    errcode: 'M_LIMIT_EXCEEDED',
    fields: { retry_after_ms: 1000 },
  });
  await platform.advance(1000);
  expect(await step([['m.login.password']], password())).toMatchObject({ done: true });
});
