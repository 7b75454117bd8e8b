import { beforeEach, expect, test } from 'vitest';
import { RemoteError } from '../../main/network/remote-servers.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { parseEvent } from '../../main/protocol/event.ts';
import { eventMessage } from '../../main/protocol/event-signing.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { signingKeyFromSeed } from '../../main/protocol/signing.ts';
import type { RoomId } from '../../shared/ids.ts';
import { createRoom, join, message, type RoomServer, receive, roomServer, user } from '../support/room-server.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');
const key = signingKeyFromSeed('ed25519:policy_server', Buffer.alloc(32, 'policy'));

let a: RoomServer;
let b: RoomServer;
let roomId: RoomId;
/** What the policy server has been asked to sign. */
let asked: string[];

/** b.test is the policy server, and recommends all but spam. */
beforeEach(async () => {
  [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
  asked = [];
  for (const { answers } of [a, b]) {
    answers.request = async (server, { body, uri }) => {
      expect([server, uri]).toEqual(['b.test', '/_matrix/policy/v1/sign']);
      const event = parseEvent(body as JsonObject, rulesOf('11') as never);
      asked.push(String(event.content['body'] ?? event.type));
      if (event.content['body'] === 'spam') {
        const error = { errcode: 'M_FORBIDDEN', error: 'This looks like spam' };
        throw new RemoteError(server, 'refused', { stage: 'reply', status: 400, errcode: 'M_FORBIDDEN', body: error });
      }
      const signature = key.sign(eventMessage(event.pdu, event.rules));
      return { status: 200, body: { 'b.test': { 'ed25519:policy_server': signature } }, violations: [] };
    };
  }
});

const enable = async (content: JsonObject = { via: 'b.test', public_keys: { ed25519: key.publicKey } }) => {
  const [policy] = await a.rooms.append(roomId, [{ type: 'm.room.policy', sender: alice, stateKey: '', content }]);
  await receive(b, a, policy as never);
};
/** An event of b.test, from when it did not know of the policy. */
const sayUnsigned = async (body: string): Promise<RoomEvent> =>
  ((await b.rooms.append(roomId, [message(bob, body)]))[0] as { event: RoomEvent }).event;

test('our own event is signed by the policy server before it goes anywhere', async () => {
  await enable();
  expect(asked).toEqual([]); // it is not asked about itself
  const [stored] = await a.rooms.append(roomId, [message(alice, 'hello')]);
  expect(stored?.event.pdu['signatures']).toMatchObject({ 'b.test': { 'ed25519:policy_server': expect.any(String) } });
  expect(a.sent.at(-1)?.event.pdu).toEqual(stored?.event.pdu);
});

test('what it refuses is told to the client in its words, and not sent', async () => {
  await enable();
  const events = a.count('FROM events');
  const refused = a.rooms.append(roomId, [message(alice, 'spam')]);
  await expect(refused).rejects.toMatchObject({ status: 400, errcode: 'M_FORBIDDEN', message: 'This looks like spam' });
  expect(a.count('FROM events')).toBe(events);
});

test('an event without its signature is asked about once, and soft-failed if it is not recommended', async () => {
  const [spam, ham] = [await sayUnsigned('spam'), await sayUnsigned('ham')];
  await enable();
  asked = [];
  const list = await receive(a, b, spam, ham);
  expect(list).toMatchObject([
    { outcome: 'softFailed', step: 'policyServer', rule: 'policy server recommends it' },
    { outcome: 'accepted' },
  ]);
  expect(asked).toEqual(['spam', 'ham']);
  expect(a.rooms.event(ham.eventId)?.event.pdu['signatures']).toMatchObject({
    'b.test': { 'ed25519:policy_server': expect.any(String), 'ed25519:a': expect.any(String) },
  });
});

test('an event that has it is not asked about', async () => {
  await enable();
  const signed = await sayUnsigned('hello'); // b.test knows of the policy now
  asked = [];
  expect(await receive(a, b, signed)).toMatchObject([{ outcome: 'accepted' }]);
  expect(asked).toEqual([]);
});

test.each([
  { via: 'c.test', public_keys: { ed25519: 'key' } }, // nobody of it is in the room
  { via: 'b.test' },
  { via: 7, public_keys: { ed25519: 'key' } },
  { via: 'b.test', public_keys: { ed25519: 7 } },
] as JsonObject[])('a policy of %j is none', async (content) => {
  await enable(content);
  await a.rooms.append(roomId, [message(alice, 'spam')]);
  expect(asked).toEqual([]);
});
