import '../support/with-resolvers.ts';
import {
  ClientEvent,
  createClient,
  MsgType,
  RoomEvent,
  type MatrixClient as SdkClient,
  SyncState,
} from 'matrix-js-sdk';
import { expect, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { register, until } from '../support/matrix-client.ts';

/** Signs in with a password, as a person does, and syncs. */
async function signIn({ clientUrl }: Hearth, user: string): Promise<SdkClient> {
  const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };
  const guest = createClient({ baseUrl: clientUrl, logger: quiet });
  const { access_token, user_id, device_id } = await guest.loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password: `pass-${user}`,
  });
  const client = createClient({
    baseUrl: clientUrl,
    accessToken: access_token,
    userId: user_id,
    deviceId: device_id,
    logger: quiet,
  });
  const synced = new Promise<void>((resolve, reject) => {
    client.on(ClientEvent.Sync, (state, _before, data) => {
      if (state === SyncState.Prepared) resolve();
      if (state === SyncState.Error) reject(data?.error ?? new Error('the sync failed'));
    });
  });
  await client.startClient({ initialSyncLimit: 20 });
  atEnd(() => client.stopClient());
  await synced;
  return client;
}

/** The bodies of a room's messages as the SDK's own timeline has them. */
const bodies = (client: SdkClient, roomId: string) =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
    .filter((event) => event.getType() === 'm.room.message')
    .map((event) => event.getContent()['body']);

test('matrix-js-sdk signs in, syncs, joins, sends and receives, over federation too', async () => {
  const ca = await createTestCa();
  const [here, there] = await Promise.all([startHearth(ca), startHearth(ca)]);
  await Promise.all([
    register(here.clientUrl, 'ann'),
    register(here.clientUrl, 'bob'),
    register(there.clientUrl, 'cat'),
  ]);
  const ann = await signIn(here, 'ann');
  const bob = await signIn(here, 'bob');
  const cat = await signIn(there, 'cat');

  const { room_id: roomId } = await ann.createRoom({
    name: 'The SDK',
    preset: 'public_chat' as never,
    room_alias_name: 'sdk',
  });
  await ann.sendTextMessage(roomId, 'before anyone came');
  await bob.joinRoom(`#sdk:${here.serverName}`);
  await cat.joinRoom(`#sdk:${here.serverName}`);

  const heard: string[] = [];
  ann.on(RoomEvent.Timeline, (event) => {
    const body = event.getContent()['body'];
    if (typeof body === 'string') heard.push(body);
  });
  await bob.sendTextMessage(roomId, 'from bob');
  await cat.sendMessage(roomId, { msgtype: MsgType.Text, body: 'from cat' });
  for (const person of [ann, bob, cat]) {
    await until(
      async () => bodies(person, roomId),
      (seen) => seen.includes('from bob') && seen.includes('from cat'),
    );
  }
  expect(heard).toEqual(expect.arrayContaining(['from bob', 'from cat']));
  expect(ann.getRoom(roomId)?.name).toBe('The SDK');
  expect(cat.getRoom(roomId)?.getMember(String(ann.getUserId()))?.membership).toBe('join');

  // Scrolling back past the join.
  const room = cat.getRoom(roomId);
  if (room === null) throw new Error('cat has no room');
  for (let pages = 0; pages < 5 && !bodies(cat, roomId).includes('before anyone came'); pages++)
    await cat.scrollback(room);
  expect(bodies(cat, roomId)).toContain('before anyone came');

  // A session goes on where it was after the server starts again.
  await here.stop();
  await here.start();
  await cat.sendTextMessage(roomId, 'after the restart');
  await until(
    async () => bodies(ann, roomId),
    (seen) => seen.includes('after the restart'),
    { timeoutMs: 40_000 },
  );
});
