import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { ServerName } from '../../shared/ids.ts';
import { clientServer } from '../support/client-server.ts';
import { memoryNetwork } from '../support/memory-servers.ts';

type Server = Awaited<ReturnType<typeof clientServer>>;
type Client = Awaited<ReturnType<Server['signIn']>>;

const there = 'there.test' as ServerName;
const erin = '@erin:there.test';
let server: Server;
let dora: Client;
let roomId: string;
let since: string;

beforeAll(async () => {
  const network = memoryNetwork();
  const [here, other] = [await network.server('here.test'), await network.server(there)];
  server = await clientServer({ on: here });
  dora = await server.signIn('dora', 'PHONE');
  roomId = await other.room(other.user('erin'));
  await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${there}`, {});
});
beforeEach(async () => {
  since = (await dora.sync()).next_batch;
});

const edu = (type: string, content: JsonObject, origin = there) => server.receiveEdu(origin, { type, content });
const told = async () => (await dora.sync(since)) as Record<string, never>;
const ephemeral = async () => (await dora.sync(since)).rooms?.join?.[roomId]?.ephemeral.events ?? [];

test('typing of a user of the origin who is in the room', async () => {
  edu('m.typing', { room_id: roomId, user_id: erin, typing: true });
  expect(await ephemeral()).toEqual([{ type: 'm.typing', content: { user_ids: [erin] } }]);
  await server.platform.advance(30_000); // and nobody says that she goes on
  expect(await ephemeral()).toEqual([{ type: 'm.typing', content: { user_ids: [] } }]);
});

test('receipts of the origin’s users, and no private ones', async () => {
  const eventId = await dora.send(roomId, 'have you read this?');
  const receipt = { data: { ts: 7, thread_id: 'main', more: 1 }, event_ids: [eventId] };
  const content = {
    [roomId]: { 'm.read': { [erin]: receipt, [dora.userId]: receipt }, 'm.read.private': { [erin]: receipt } },
  };
  edu('m.receipt', content);
  expect(await ephemeral()).toEqual([
    { type: 'm.receipt', content: { [eventId]: { 'm.read': { [erin]: { ts: 7, thread_id: 'main' } } } } },
  ]);
});

test('messages to devices, each once', async () => {
  const content = {
    sender: erin,
    type: 'm.test',
    message_id: 'one',
    messages: { [dora.userId]: { PHONE: { n: 1 }, '*': 7 }, '@x:other.test': { A: {} } },
  };
  edu('m.direct_to_device', content);
  edu('m.direct_to_device', content);
  expect((await dora.sync(since)).to_device.events).toEqual([{ sender: erin, type: 'm.test', content: { n: 1 } }]);
});

test('changed devices of who is around', async () => {
  edu('m.device_list_update', { user_id: erin, device_id: 'X', stream_id: 1 });
  expect((await dora.sync(since)).device_lists.changed).toEqual([erin]);
});

const message = { sender: erin, type: 'm.test', message_id: 'two', messages: { '@dora:here.test': { PHONE: {} } } };
test.each<[what: string, type: string, content: () => JsonObject, origin?: string]>([
  [
    'typing of another server’s user',
    'm.typing',
    () => ({ room_id: roomId, user_id: erin, typing: true }),
    'evil.test',
  ],
  ['typing of who is not in the room', 'm.typing', () => ({ room_id: roomId, user_id: '@x:there.test', typing: true })],
  ['typing in no room', 'm.typing', () => ({ room_id: '!no:a.test', user_id: erin, typing: true })],
  ['typing without a user', 'm.typing', () => ({ room_id: roomId })],
  ['receipts that are none', 'm.receipt', () => ({ [roomId]: { 'm.read': { [erin]: { event_ids: 'x' } } } })],
  ['receipts in no shape', 'm.receipt', () => ({ [roomId]: 7, nonsense: {} })],
  ['messages of another server’s user', 'm.direct_to_device', () => message, 'evil.test'],
  ['messages without an ID', 'm.direct_to_device', () => ({ ...message, message_id: 7 })],
  ['messages in no shape', 'm.direct_to_device', () => ({ ...message, messages: [] })],
  ['devices of a stranger', 'm.device_list_update', () => ({ user_id: '@stranger:there.test' })],
  ['presence', 'm.presence', () => ({ push: [] })],
])('%s: ignored', async (_what, type, content, origin) => {
  edu(type, content(), origin as ServerName | undefined);
  const { rooms, to_device, device_lists } = await told();
  expect({ rooms, to_device, device_lists }).toEqual({});
});
