import { beforeAll, describe, expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';
import { memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;

let server: Server;
beforeAll(async () => {
  server = await clientServer();
});

const part = encodeURIComponent;
const proof = (name: string, password = `pass-${name}`) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: name },
  password,
});
const login = (name: string, password: string) => server.ask('POST', '/login', proof(name, password));

describe('devices', () => {
  test('are listed and renamed', async () => {
    const alice = await server.signIn('alice', 'PHONE');
    await server.signIn('alice', 'TABLET');
    await alice.get('PUT', '/devices/PHONE', { display_name: 'Phone' });
    const { devices } = await alice.get('GET', '/devices');
    expect(devices).toMatchObject([{ device_id: 'PHONE', display_name: 'Phone' }, { device_id: 'TABLET' }]);
    expect(await alice.get('GET', '/devices/PHONE')).toMatchObject({ last_seen_ts: expect.any(Number) });
    expect(await alice.ask('GET', '/devices/NONE')).toMatchObject({ status: 404 });
    expect(await alice.ask('PUT', '/devices/NONE', {})).toMatchObject({ status: 404 });
  });

  test('are removed with the password of their owner', async () => {
    const bob = await server.signIn('bob', 'A');
    for (const id of ['B', 'C', 'D']) await server.signIn('bob', id);
    const challenge = await bob.ask('DELETE', '/devices/B');
    expect(challenge).toMatchObject({ status: 401, body: { session: expect.any(String) } });
    const { session } = challenge.body;
    const wrong = await bob.ask('DELETE', '/devices/B', { auth: { ...proof('bob', 'wrong'), session } });
    expect(wrong).toMatchObject({ status: 401, body: { errcode: 'M_FORBIDDEN', session } });
    await bob.get('DELETE', '/devices/B', { auth: { ...proof('bob'), session } });
    await bob.get('POST', '/delete_devices', { devices: ['C', 'D', 'NONE'], auth: proof('bob') });
    expect((await bob.get('GET', '/devices')).devices).toMatchObject([{ device_id: 'A' }]);
  });
});

describe('the account', () => {
  test('a new password signs the other devices out, or not', async () => {
    const carol = await server.signIn('carol', 'A');
    const other = await server.signIn('carol', 'B');
    const change = (new_password: string, old: string, more = {}) =>
      carol.ask('POST', '/account/password', { new_password, auth: proof('carol', old), ...more });
    expect(await carol.ask('POST', '/account/password', { new_password: 'x' })).toMatchObject({ status: 401 });
    expect(await change('second', 'pass-carol', { logout_devices: false })).toMatchObject({ status: 200 });
    expect(await other.ask('GET', '/account/whoami')).toMatchObject({ status: 200 });
    expect(await change('third', 'second')).toMatchObject({ status: 200 });
    expect(await other.ask('GET', '/account/whoami')).toMatchObject({ status: 401 });
    expect(await carol.ask('GET', '/account/whoami')).toMatchObject({ status: 200 });
    expect(await login('carol', 'pass-carol')).toMatchObject({ status: 403 });
    expect(await login('carol', 'third')).toMatchObject({ status: 200 });
  });

  test('who deactivates it leaves all rooms and never comes back', async () => {
    const dave = await server.signIn('dave');
    const erin = await server.signIn('erin');
    const roomId = await erin.createRoom({ preset: 'public_chat' });
    await dave.get('POST', `/join/${part(roomId)}`, {});
    expect(await dave.ask('POST', '/account/deactivate', {})).toMatchObject({ status: 401 });
    const ended = await dave.get('POST', '/account/deactivate', { auth: proof('dave'), erase: true });
    expect(ended).toEqual({ id_server_unbind_result: 'success' });
    expect(await dave.ask('GET', '/account/whoami')).toMatchObject({ status: 401 });
    expect(await login('dave', 'pass-dave')).toMatchObject({ status: 403, body: { errcode: 'M_USER_DEACTIVATED' } });
    expect((await erin.room(roomId, `state/m.room.member/${part(dave.userId)}`)).membership).toBe('leave');
    expect(await server.ask('GET', '/register/available?username=dave')).toMatchObject({
      body: { errcode: 'M_USER_IN_USE' },
    });
    expect(await server.ask('GET', `/profile/${part(dave.userId)}`)).toMatchObject({ status: 404 });
  });

  test('admins make registration tokens, others do not', async () => {
    const owner = await server.signIn('alice');
    const other = await server.signIn('bob');
    const path = '/_synapse/admin/v1/registration_tokens/new';
    expect(await owner.get('POST', path, { token: 'sesame', uses_allowed: 1 })).toMatchObject({ token: 'sesame' });
    expect(server.accounts.isGoodToken('sesame')).toBe(true);
    expect(await other.ask('POST', path, { token: 'mine' })).toMatchObject({ status: 403 });
  });
});

describe('profiles', () => {
  test('have fields of many kinds; name and picture go into the rooms', async () => {
    const frank = await server.signIn('frank');
    const roomId = await frank.createRoom();
    const path = `/profile/${part(frank.userId)}`;
    const put = (field: string, value: unknown) => frank.ask('PUT', `${path}/${field}`, { [field]: value });
    expect(await server.ask('GET', path)).toMatchObject({ status: 200, body: {} });
    expect(await server.ask('GET', `${path}/displayname`)).toMatchObject({ status: 404 });
    await put('displayname', 'Frank');
    await put('avatar_url', 'mxc://hearth.test/face');
    await put('org.example.pets', { cats: 2.5 });
    expect((await server.ask('GET', path)).body).toEqual({
      displayname: 'Frank',
      avatar_url: 'mxc://hearth.test/face',
      'org.example.pets': { cats: 2.5 },
    });
    expect(await frank.room(roomId, `state/m.room.member/${part(frank.userId)}`)).toEqual({
      membership: 'join',
      displayname: 'Frank',
      avatar_url: 'mxc://hearth.test/face',
    });
    const later = await frank.createRoom();
    expect((await frank.room(later, 'joined_members')).joined[frank.userId]).toEqual({
      display_name: 'Frank',
      avatar_url: 'mxc://hearth.test/face',
    });
    await frank.get('DELETE', `${path}/avatar_url`);
    expect((await frank.room(later, 'joined_members')).joined[frank.userId]).toEqual({ display_name: 'Frank' });
    const { results } = await frank.get('POST', '/user_directory/search', { search_term: 'FRAN' });
    expect(results).toEqual([{ user_id: frank.userId, display_name: 'Frank' }]);
  });

  test.each<[field: string, body: object, status: number, errcode: string]>([
    ['displayname', { displayname: 7 }, 400, 'M_BAD_JSON'],
    ['displayname', {}, 400, 'M_MISSING_PARAM'],
    ['Shouting', { Shouting: 1 }, 400, 'M_INVALID_PARAM'],
    ['org.example.big', { 'org.example.big': 'x'.repeat(70_000) }, 400, 'M_PROFILE_TOO_LARGE'],
    [`a.${'b'.repeat(255)}`, { [`a.${'b'.repeat(255)}`]: 1 }, 400, 'M_KEY_TOO_LARGE'],
  ])('%s is refused as %j', async (field, body, status, errcode) => {
    const grace = await server.signIn('grace');
    const path = `/profile/${part(grace.userId)}/${field}`;
    expect(await grace.ask('PUT', path, body)).toMatchObject({ status, body: { errcode } });
    const heidi = await server.signIn('heidi');
    expect(await heidi.ask('PUT', path, body)).toMatchObject({ status: 403 });
  });

  test("others' are asked of their server", async () => {
    const network = memoryNetwork();
    const [here, there] = [await network.server('here.test'), await network.server('there.test')];
    const ours = await clientServer({ on: here });
    const path = `/profile/${part(there.user('ivan'))}`;
    expect((await ours.ask('GET', path)).body).toEqual({ displayname: 'ivan' });
    expect((await ours.ask('GET', `${path}/displayname`)).body).toEqual({ displayname: 'ivan' });
    expect(await ours.ask('GET', `/profile/${part('@nobody:there.test')}`)).toMatchObject({ status: 404 });
    expect(await ours.ask('GET', `/profile/${part('@x:gone.test')}`)).toMatchObject({ status: 502 });
  });
});

test('what clients ask for at the start is answered', async () => {
  const judy = await server.signIn('judy');
  expect(await judy.get('GET', '/voip/turnServer')).toEqual({});
  expect(await judy.get('GET', '/thirdparty/protocols')).toEqual({});
  expect(await judy.get('GET', '/account/3pid')).toEqual({ threepids: [] });
  expect(await judy.get('GET', `/presence/${part(judy.userId)}/status`)).toEqual({ presence: 'offline' });
  await judy.get('PUT', `/presence/${part(judy.userId)}/status`, { presence: 'online' });
  expect((await judy.get('GET', '/pushrules')).global).toHaveProperty('override');
  expect((await judy.get('GET', '/pushrules/global/')).underride[0]).toMatchObject({ rule_id: '.m.rule.call' });
  expect(await judy.get('GET', '/pushrules/global/override/.m.rule.master/enabled')).toEqual({ enabled: false });
});
