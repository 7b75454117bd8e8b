import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';

const dummy = { type: 'm.login.dummy' };
const password = (user: string) => ({ type: 'm.login.password', identifier: { type: 'm.id.user', user } });

test('a client finds the versions and how to sign in', async () => {
  const { ask } = await clientServer();
  expect((await ask('GET', '/_matrix/client/versions')).body.versions).toContain('v1.11');
  expect((await ask('GET', '/login')).body).toEqual({ flows: [{ type: 'm.login.password' }] });
  expect(await ask('GET', '/.well-known/matrix/client')).toMatchObject({ status: 404 });
});

test('registering is answered with a challenge first, and signs in', async () => {
  const { ask, owner } = await clientServer().then((server) => ({ ...server, owner: server.accounts.owner }));
  const challenge = await ask('POST', '/register', { username: 'alice', password: 'secret' });
  expect(challenge).toMatchObject({ status: 401, body: { flows: [{ stages: ['m.login.dummy'] }] } });
  expect(challenge.body).not.toHaveProperty('errcode');
  const { session } = challenge.body;
  const given = { username: 'alice', password: 'secret', auth: { ...dummy, session }, device_id: 'PHONE' };
  const { status, body } = await ask('POST', '/register', given);
  expect(status).toBe(200);
  expect(body).toMatchObject({ user_id: '@alice:hearth.test', device_id: 'PHONE', home_server: 'hearth.test' });
  expect(owner()).toBe('@alice:hearth.test');
  const whoami = await ask('GET', '/account/whoami', undefined, body.access_token);
  expect(whoami.body).toEqual({ user_id: '@alice:hearth.test', device_id: 'PHONE', is_guest: false });
});

test('a name is made for who gives none, and a login is inhibited on demand', async () => {
  const { ask } = await clientServer();
  const { body } = await ask('POST', '/register', { password: 'x', auth: dummy, inhibit_login: true });
  expect(body).toEqual({ user_id: expect.stringMatching(/^@[0-9a-f]{16}:hearth\.test$/) });
});

test.each([
  ['alice', 'by localpart'],
  ['@alice:hearth.test', 'by user ID'],
  ['@Alice:Hearth.test', 'by user ID in another case'],
])('%s signs in (%s), under r0 too', async (user) => {
  const { ask, signIn } = await clientServer();
  await signIn('alice');
  const given = { ...password(user), password: 'pass-alice', initial_device_display_name: null };
  expect(await ask('POST', '/login', given)).toMatchObject({ status: 200, body: { user_id: '@alice:hearth.test' } });
  const old = { type: 'm.login.password', user, password: 'pass-alice' };
  expect(await ask('POST', '/_matrix/client/r0/login', old)).toMatchObject({ status: 200 });
});

test.each<[what: string, body: unknown, status: number, errcode: string]>([
  ['a wrong password', { ...password('alice'), password: 'wrong' }, 403, 'M_FORBIDDEN'],
  ['an unknown user', { ...password('bob'), password: 'x' }, 403, 'M_FORBIDDEN'],
  ["another server's user", { ...password('@alice:other.test'), password: 'pass-alice' }, 403, 'M_FORBIDDEN'],
  ['another kind of identifier', { ...password('alice'), identifier: { type: 'm.id.phone' } }, 400, 'M_MISSING_PARAM'],
  ['no password', password('alice'), 400, 'M_MISSING_PARAM'],
  ['no user', { type: 'm.login.password', password: 'x' }, 400, 'M_MISSING_PARAM'],
  ['another type', { type: 'm.login.token', token: 'x' }, 400, 'M_UNKNOWN'],
  ['no type', {}, 400, 'M_MISSING_PARAM'],
  ['a type that is no string', { type: 7 }, 400, 'M_BAD_JSON'],
  ['what is no JSON', '{"type"', 400, 'M_NOT_JSON'],
])('%s does not sign in', async (_what, body, status, errcode) => {
  const { ask, signIn } = await clientServer();
  await signIn('alice');
  expect(await ask('POST', '/login', body)).toMatchObject({ status, body: { errcode } });
});

test('a token ends with its device, and logout/all ends all', async () => {
  const { ask, signIn } = await clientServer();
  const { token } = await signIn('alice');
  const login = { ...password('alice'), password: 'pass-alice' };
  const [second, third] = [await ask('POST', '/login', login), await ask('POST', '/login', login)];
  const whoami = async (of: string) => (await ask('GET', '/account/whoami', undefined, of)).body;
  expect(await ask('POST', '/logout', undefined, token)).toMatchObject({ status: 200, body: {} });
  expect(await whoami(token)).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: false });
  expect(await whoami(second.body.access_token)).toMatchObject({ user_id: '@alice:hearth.test' });
  await ask('POST', '/logout/all', {}, second.body.access_token);
  expect(await whoami(third.body.access_token)).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' });
});

test('who has no token is told so; one in the query counts', async () => {
  const { ask, signIn } = await clientServer();
  const { token } = await signIn('alice');
  expect(await ask('GET', '/account/whoami')).toMatchObject({ status: 401, body: { errcode: 'M_MISSING_TOKEN' } });
  expect(await ask('GET', `/account/whoami?access_token=${token}`)).toMatchObject({ status: 200 });
});

test('tokens are renewed', async () => {
  const { ask, signIn } = await clientServer();
  await signIn('alice');
  const { body } = await ask('POST', '/login', { ...password('alice'), password: 'pass-alice', refresh_token: true });
  expect(body).toMatchObject({ expires_in_ms: 3_600_000 });
  const renewed = await ask('POST', '/refresh', { refresh_token: body.refresh_token });
  expect(renewed).toMatchObject({ status: 200, body: { refresh_token: expect.any(String) } });
  expect(await ask('GET', '/account/whoami', undefined, renewed.body.access_token)).toMatchObject({ status: 200 });
  expect(await ask('POST', '/refresh', { refresh_token: body.refresh_token })).toMatchObject({ status: 401 });
});

test('who guesses passwords has to wait', async () => {
  const { ask, signIn, platform } = await clientServer({ rateLimits: true });
  await signIn('alice');
  const wrong = { ...password('alice'), password: 'wrong' };
  for (let i = 0; i < 10; i++) expect(await ask('POST', '/login', wrong)).toMatchObject({ status: 403 });
  const { status, headers, body } = await ask('POST', '/login', { ...wrong, password: 'pass-alice' });
  expect({ status, body }).toMatchObject({
    status: 429,
    body: { errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: expect.any(Number) },
  });
  expect(headers['retry-after']).toBe('10');
  await platform.advance(10_000);
  expect(await ask('POST', '/login', { ...wrong, password: 'pass-alice' })).toMatchObject({ status: 200 });
});

test.each([
  ['Alice', 'M_INVALID_USERNAME'],
  ['taken', 'M_USER_IN_USE'],
])('%s is not available: %s, before any authentication', async (username, errcode) => {
  const { ask, signIn } = await clientServer();
  await signIn('taken');
  expect(await ask('POST', '/register', { username, password: 'x' })).toMatchObject({ status: 400, body: { errcode } });
  expect(await ask('GET', `/register/available?username=${username}`)).toMatchObject({
    status: 400,
    body: { errcode },
  });
  expect((await ask('GET', '/register/available?username=free')).body).toEqual({ available: true });
});

test('closed means closed, for guests anyway', async () => {
  const { ask } = await clientServer({ registration: 'closed' });
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN' } };
  expect(await ask('POST', '/register', { username: 'a', password: 'x', auth: dummy })).toMatchObject(forbidden);
  expect(await ask('POST', '/register?kind=guest', {})).toMatchObject(forbidden);
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity?token=x';
  expect(await ask('GET', validity)).toMatchObject(forbidden);
});

test('a registration token opens the door once', async () => {
  const { ask, accounts } = await clientServer({ registration: 'token' });
  accounts.addToken('sesame', 1, undefined);
  const validity = '/_matrix/client/v1/register/m.login.registration_token/validity?token=';
  expect((await ask('GET', `${validity}sesame`)).body).toEqual({ valid: true });
  expect((await ask('GET', `${validity}guess`)).body).toEqual({ valid: false });
  const register = (username: string, token: string) =>
    ask('POST', '/register', { username, password: 'x', auth: { type: 'm.login.registration_token', token } });
  expect(await register('alice', 'guess')).toMatchObject({ status: 401, body: { errcode: 'M_UNAUTHORIZED' } });
  expect(await register('alice', 'sesame')).toMatchObject({ status: 200 });
  expect(await register('bob', 'sesame')).toMatchObject({ status: 401 });
});

test('who knows the shared secret makes accounts in every mode', async () => {
  const { ask, accounts } = await clientServer({ registration: 'closed', sharedSecret: 'shh' });
  const path = '/_synapse/admin/v1/register';
  const { nonce } = (await ask('GET', path)).body;
  const mac = createHmac('sha1', 'shh').update(`${nonce}\0root\0pass\0admin`).digest('hex');
  const { status, body } = await ask('POST', path, { nonce, username: 'root', password: 'pass', admin: true, mac });
  expect({ status, body }).toMatchObject({ status: 200, body: { user_id: '@root:hearth.test' } });
  expect(accounts.get(body.user_id)).toMatchObject({ isAdmin: true });
  expect(await ask('GET', '/account/whoami', undefined, body.access_token)).toMatchObject({ status: 200 });
});
