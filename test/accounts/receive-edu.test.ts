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
let elsewhere: string;
let since: string;

beforeAll(async () => {
  const network = memoryNetwork();
  const [here, other] = [await network.server('here.test'), await network.server(there)];
  server = await clientServer({ on: here });
  dora = await server.signIn('dora', 'PHONE');
  roomId = await other.room(other.user('erin'));
  await dora.get('POST', `/join/${encodeURIComponent(roomId)}?via=${there}`, {});
  elsewhere = await dora.send(await dora.createRoom(), 'in another room');
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
  await server.platform.advance(60_000); // and nobody says that she goes on
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
const shapeless = 'not in the shape';
test.each<[what: string, why: string | undefined, type: string, content: () => JsonObject, origin?: string]>([
  [
    'typing of another server’s user',
    'is no user of evil.test',
    'm.typing',
    () => ({ room_id: roomId, user_id: erin, typing: true }),
    'evil.test',
  ],
  [
    'typing of who is not in the room',
    '@x:there.test is not in !',
    'm.typing',
    () => ({ room_id: roomId, user_id: '@x:there.test', typing: true }),
  ],
  ['typing in no room', 'is not in !no', 'm.typing', () => ({ room_id: '!no:a.test', user_id: erin, typing: true })],
  ['typing without a user', 'is no user of', 'm.typing', () => ({ room_id: roomId, typing: true })],
  ['typing, perhaps', shapeless, 'm.typing', () => ({ room_id: roomId, user_id: erin, typing: 'yes' })],
  [
    'receipts that are none',
    shapeless,
    'm.receipt',
    () => ({ [roomId]: { 'm.read': { [erin]: { event_ids: 'x' } } } }),
  ],
  ['receipts in no shape', undefined, 'm.receipt', () => ({ [roomId]: 7, nonsense: {} })],
  [
    'receipts of another room’s event',
    'is not in !',
    'm.receipt',
    () => ({ [roomId]: { 'm.read': { [erin]: { event_ids: [elsewhere], data: { ts: 1 } } } } }),
  ],
  [
    'receipts in threads that nobody knows',
    'a thread is not known',
    'm.receipt',
    () => ({
      [roomId]: { 'm.read': { [erin]: { event_ids: ['$x:a.test'], data: { ts: 1, thread_id: '$y:a.test' } } } },
    }),
  ],
  [
    'more receipts than anybody sends',
    'more than 500',
    'm.receipt',
    () => ({ [roomId]: { 'm.read': Object.fromEntries(Array.from({ length: 501 }, (_, n) => [`@${n}:x.test`, {}])) } }),
  ],
  ['messages of another server’s user', 'is no user of evil.test', 'm.direct_to_device', () => message, 'evil.test'],
  ['messages without an ID', shapeless, 'm.direct_to_device', () => ({ ...message, message_id: 7 })],
  ['messages in no shape', shapeless, 'm.direct_to_device', () => ({ ...message, messages: [] })],
  [
    'messages to others',
    'no user of this server',
    'm.direct_to_device',
    () => ({ ...message, messages: { [erin]: {} } }),
  ],
  [
    'a message that is too long',
    'too long',
    'm.direct_to_device',
    () => ({ ...message, messages: { '@dora:here.test': { PHONE: { x: 'x'.repeat(70_000) } } } }),
  ],
  ['an ID that is too long', 'too long', 'm.direct_to_device', () => ({ ...message, message_id: 'x'.repeat(256) })],
  ['devices of a stranger', 'nobody here shares', 'm.device_list_update', () => ({ user_id: '@stranger:there.test' })],
  ['devices of another’s user', 'is no user of', 'm.device_list_update', () => ({ user_id: erin }), 'evil.test'],
  ['keys of a stranger', 'nobody here shares', 'm.signing_key_update', () => ({ user_id: '@stranger:there.test' })],
  ['presence, which is off', undefined, 'm.presence', () => ({ push: [{ user_id: erin, presence: 'online' }] })],
  ['what nobody knows', undefined, 'org.example', () => ({})],
])('%s: ignored', async (_what, why, type, content, origin) => {
  server.dropped.length = 0;
  edu(type, content(), origin as ServerName | undefined);
  const { rooms, to_device, device_lists, presence } = await told();
  expect({ rooms, to_device, device_lists, presence }).toEqual({});
  expect(server.dropped).toEqual(why === undefined ? [] : [expect.stringContaining(why)]);
});
