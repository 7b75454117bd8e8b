import { beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { ServerName } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

const there = 'there.test' as ServerName;
const erin = '@erin:there.test';
const minute = 60_000;
let server: Server;
let dora: Client;
let since: string;

/** dora is here, with erin of another server in a room. */
beforeEach(async () => {
  const network = memoryNetwork();
  const [here, other] = [await network.server('here.test'), await network.server(there)];
  server = await clientServer({ on: here, presence: true });
  dora = await server.signIn('dora', 'PHONE');
  const roomId = await other.room(other.user('erin'));
  await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${there}`, {});
  server.edus.length = 0;
  since = (await dora.sync(undefined, 'set_presence=offline')).next_batch;
});

/** The clock goes on a little with each look at it. */
const about = (ms: number) => expect.closeTo(ms, -3);
const pushes = () =>
  server.edus
    .filter(({ edu }) => edu['edu_type'] === 'm.presence')
    .map(({ to, edu }) => ({ to, push: (edu['content'] as { push: JsonObject[] }).push }));
const push = (...push: JsonObject[]) => server.receiveEdu(there, { type: 'm.presence', content: { push } });
const status = (client: Client, userId = client.userId) => client.get('GET', `/presence/${userId}/status`);
const told = async (query = '&set_presence=offline') => {
  const { presence, next_batch } = await dora.sync(since, query);
  since = next_batch;
  return presence?.events ?? [];
};

test('who syncs is online, goes idle, and is away when no client comes back; servers in the rooms are told', async () => {
  expect(await status(dora)).toEqual({ presence: 'offline' });
  await dora.sync(since, '&timeout=0');
  const online = { presence: 'online', last_active_ago: about(0), currently_active: true };
  expect(await status(dora)).toEqual(online);
  expect(pushes()).toEqual([{ to: there, push: [{ user_id: dora.userId, ...online }] }]);
  for (let passed = 0; passed < 5 * minute; passed += 20_000) {
    await dora.sync(since, '&timeout=0');
    await server.platform.advance(20_000);
  }
  expect(await status(dora)).toMatchObject({ presence: 'unavailable', currently_active: false });
  await server.platform.advance(minute);
  expect(await status(dora)).toMatchObject({ presence: 'offline', last_active_ago: about(6 * minute) });
  expect(pushes().map(({ push: [first] }) => first?.['presence'])).toEqual([...['online', 'unavailable', 'offline']]);
});

test('one says what one is doing; others who share a room are told, strangers are not', async () => {
  const [fred, gwen] = [await server.signIn('fred'), await server.signIn('gwen')];
  const roomId = await dora.createRoom({ invite: [fred.userId] });
  await fred.get('POST', `/join/${roomId}`, {});
  await told();
  await fred.get('PUT', `/presence/${fred.userId}/status`, { presence: 'unavailable', status_msg: 'at lunch' });
  const content = {
    presence: 'unavailable',
    status_msg: 'at lunch',
    last_active_ago: about(0),
    currently_active: false,
  };
  expect(await told()).toEqual([{ type: 'm.presence', sender: fred.userId, content }]);
  expect(await told()).toEqual([]);
  expect(await status(dora, fred.userId)).toEqual(content);
  expect(await gwen.ask('GET', `/presence/${fred.userId}/status`)).toMatchObject({ status: 403 });
  expect(await gwen.ask('PUT', `/presence/${fred.userId}/status`, { presence: 'online' })).toMatchObject({
    status: 403,
  });
  expect(await dora.ask('PUT', `/presence/${dora.userId}/status`, { presence: 'busy' })).toMatchObject({ status: 400 });
});

test('another server’s users, until it says no more', async () => {
  push({ user_id: erin, presence: 'online', last_active_ago: 5000, status_msg: 'hi', currently_active: true, more: 1 });
  const content = { presence: 'online', last_active_ago: about(5000), status_msg: 'hi', currently_active: true };
  expect(await told()).toEqual([{ type: 'm.presence', sender: erin, content }]);
  expect(await told(`&set_presence=offline&filter=${encodeURIComponent('{"presence":{"types":[]}}')}`)).toEqual([]);
  await server.platform.advance(30 * minute);
  expect(await told()).toMatchObject([{ sender: erin, content: { presence: 'offline' } }]);
});

test('what another server may not say is ignored, and the rest taken', async () => {
  push(
    { user_id: dora.userId, presence: 'online', last_active_ago: 0 },
    { user_id: '@stranger:there.test', presence: 'online', last_active_ago: 0 },
    { user_id: erin, presence: 'busy', last_active_ago: 0 },
    { user_id: erin, presence: 'unavailable', last_active_ago: -7 },
  );
  expect(await told()).toMatchObject([
    { sender: erin, content: { presence: 'unavailable', last_active_ago: about(0) } },
  ]);
  expect(server.dropped).toEqual([`m.presence: ${dora.userId} is no user of ${there}`]);
});
