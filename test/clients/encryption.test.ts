import '../support/with-resolvers.ts';
import { ClientEvent, createClient, EventType, type MatrixClient as SdkClient, SyncState } from 'matrix-js-sdk';
import { expect, test } from 'vitest';
import { atEnd } from '../support/at-end.ts';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { register, until } from '../support/matrix-client.ts';

const quiet = { trace() {}, debug() {}, info() {}, warn() {}, error() {}, getChild: () => quiet };

/** A person on a device that can encrypt. */
async function encrypting({ clientUrl }: Hearth, user: string): Promise<SdkClient> {
  await register(clientUrl, user);
  const guest = createClient({ baseUrl: clientUrl, logger: quiet });
  const { access_token, user_id, device_id } = await guest.loginRequest({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user },
    password: `pass-${user}`,
  });
  const client = createClient({
    ...{ baseUrl: clientUrl, accessToken: access_token, userId: user_id, deviceId: device_id, logger: quiet },
  });
  await client.initRustCrypto({ useIndexedDB: false });
  const synced = new Promise<void>((resolve) => {
    client.on(ClientEvent.Sync, (state) => state === SyncState.Prepared && resolve());
  });
  await client.startClient({ initialSyncLimit: 20 });
  atEnd(() => client.stopClient());
  await synced;
  return client;
}

/** What the SDK could decrypt. */
const read = (client: SdkClient, roomId: string) =>
  (client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? [])
    .filter((event) => event.getWireType() === 'm.room.encrypted' && event.getType() === 'm.room.message')
    .map((event) => event.getContent()['body']);

test('two people write to each other what the server cannot read', async () => {
  const hearth = await startHearth(await createTestCa());
  const [ann, bob] = await Promise.all([encrypting(hearth, 'ann'), encrypting(hearth, 'bob')]);
  const { room_id: roomId } = await ann.createRoom({
    invite: [String(bob.getUserId())],
    initial_state: [
      { type: EventType.RoomEncryption, state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } },
    ] as never,
  });
  await until(
    async () => bob.getRoom(roomId)?.getMyMembership(),
    (membership) => membership === 'invite',
  );
  await bob.joinRoom(roomId);
  await until(
    async () => ann.getRoom(roomId)?.getMember(String(bob.getUserId()))?.membership,
    (membership) => membership === 'join',
  );
  await ann.sendTextMessage(roomId, 'can you read this?');
  await until(
    async () => read(bob, roomId),
    (seen) => seen.includes('can you read this?'),
  );
  await bob.sendTextMessage(roomId, 'yes');
  await until(
    async () => read(ann, roomId),
    (seen) => seen.includes('yes'),
  );

  // Cross-signing, which wants the password for later keys only.
  await ann.getCrypto()?.bootstrapCrossSigning({ authUploadDeviceSigningKeys: (upload) => upload(null) as never });
  expect(await ann.getCrypto()?.isCrossSigningReady()).toBe(true);
  await until(
    async () => (await bob.getCrypto()?.getUserVerificationStatus(String(ann.getUserId())))?.known,
    (known) => known === true,
  );
});
