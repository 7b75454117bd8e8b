import { beforeAll, describe, expect, test } from 'vitest';
import { cosignEvent } from '../../main/protocol/event-signing.ts';
import { type SigningKey, signingKeyFromSeed } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';
import { aside, type BadPdu, spoilt, testBadPdus } from '../support/bad-pdus.ts';
import { type JoinedRoom, type Scene, setScene } from '../support/hostile-scene.ts';
import { startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

const dropped = { outcome: 'dropped', step: 'signatures' } as const;

const signedAgain = (room: JoinedRoom, key: SigningKey) => {
  const { signatures, ...unsigned } = aside(room);
  return cosignEvent(unsigned, room.rules, scene.peer.serverName, key);
};

const badSignatures: readonly BadPdu[] = [
  { what: 'no signature', make: (room) => spoilt(room, { signatures: {} }), ...dropped },
  {
    what: 'the signature of another event',
    make: (room) => spoilt(room, { signatures: room.stateEvent('m.room.join_rules')['signatures'] ?? null }),
    ...dropped,
  },
  {
    what: 'a signature that is no base64',
    make: (room) => spoilt(room, { signatures: { [scene.peer.serverName]: { [scene.peer.key.keyId]: '%%%' } } }),
    ...dropped,
  },
  {
    what: 'a signature that is no string',
    make: (room) => spoilt(room, { signatures: { [scene.peer.serverName]: { [scene.peer.key.keyId]: 7 } } }),
    ...dropped,
  },
  {
    what: "another key under our key's name",
    make: (room) => signedAgain(room, signingKeyFromSeed(scene.peer.key.keyId, Buffer.alloc(32, 7))),
    ...dropped,
  },
  {
    what: 'a key that its server does not publish',
    make: (room) => signedAgain(room, signingKeyFromSeed('ed25519:unknown', Buffer.alloc(32, 7))),
    ...dropped,
    reason: /ed25519:unknown/,
  },
  {
    what: 'a signature of a server that cannot be asked for its key',
    versions: ['5', '11', '12'], // in older ones the server that made the ID must have signed, too
    make: (room) => {
      const [server, key] = ['127.0.0.1:1' as ServerName, signingKeyFromSeed('ed25519:1', Buffer.alloc(32, 7))];
      const { signatures, ...unsigned } = aside(room, {}, { sender: `@x:${server}` });
      return cosignEvent(unsigned, room.rules, server, key);
    },
    outcome: 'parked', // it may come back
    step: 'signatures',
  },
  {
    what: 'a depth that was changed after signing',
    make: (room) => spoilt(room, { depth: 3 }),
    ...dropped,
  },
  {
    what: 'a sender who was changed after signing',
    make: (room) => spoilt(room, { sender: `@another:${scene.peer.serverName}` }),
    ...dropped,
  },
  {
    what: 'a user of ours for a sender',
    make: (room) => aside(room, {}, { sender: scene.owner.userId }),
    ...dropped,
    reason: /signature/,
  },
  {
    what: "a third server's user for a sender",
    make: async (room) => aside(room, {}, { sender: (await startRawPeer(scene.peer.ca)).userId }),
    ...dropped,
    reason: /signature/,
  },
  {
    what: 'an event ID of ours',
    versions: ['1', '2'],
    make: (room) => aside(room, {}, { event_id: `$forged:${scene.hearth.serverName}` }),
    ...dropped,
    reason: /signature/,
  },
  {
    what: 'a time at which its key is not valid any more',
    versions: ['5', '11', '12'],
    make: (room) => aside(room, {}, { origin_server_ts: 2 ** 53 - 1 }),
    ...dropped,
  },
  {
    what: 'a time at which its key is not valid any more, where that does not count',
    versions: ['1', '4'], // https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period
    make: (room) => aside(room, {}, { origin_server_ts: 2 ** 53 - 1 }),
    outcome: 'accepted',
  },
  {
    what: 'a content that was changed after signing',
    make: (room) => spoilt(room, { content: { msgtype: 'm.text', body: 'changed' } }),
    outcome: 'redacted',
  },
];

describe('signatures', () => testBadPdus(() => scene, badSignatures));

test('of an event whose content does not have its hash, no more is shown than the signature covers', async () => {
  const room = await scene.room('11');
  const pdu = spoilt(room, { content: { msgtype: 'm.text', body: 'changed' } });
  const eventId = room.idOf(pdu);
  const { flow } = await scene.deliver([pdu]);
  expect(flow.pdus).toMatchObject([{ eventId, outcome: 'redacted' }]);
  const path = `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(eventId)}`;
  expect(await scene.owner.request('GET', path)).toMatchObject({ event_id: eventId, content: {} });
});

test('an ID that an event gives itself counts for nothing where IDs are hashes', async () => {
  const room = await scene.room('11');
  const event_id = '$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';
  const pdu = aside(room, {}, { event_id });
  const eventId = room.idOf(pdu);
  const { results, flow } = await scene.deliver([pdu]);
  expect(flow.pdus).toMatchObject([{ eventId, outcome: 'accepted' }]);
  expect(results).toEqual({ [eventId]: {} });
  await room.expectOnly([eventId]);
  const served = await scene.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(event_id)}`);
  expect([served.status, served.body['errcode']]).toEqual([404, 'M_NOT_FOUND']);
});

test('what others wrote into `unsigned` reaches nobody', async () => {
  const room = await scene.room('11');
  const unsigned = { age: -1, transaction_id: 'mine', redacted_because: {}, 'm.relations': { 'm.replace': {} }, x: 1 };
  const pdu = { ...aside(room), unsigned };
  const eventId = room.idOf(pdu);
  const { flow } = await scene.deliver([pdu]);
  expect(flow.pdus).toMatchObject([{ eventId, outcome: 'accepted' }]);
  const path = `/rooms/${encodeURIComponent(room.roomId)}/event/${encodeURIComponent(eventId)}`;
  const shown = await scene.owner.request<{ unsigned: Record<string, unknown> }>('GET', path);
  const { age, membership, ...rest } = shown.unsigned; // which are our own words
  expect([Number(age) >= 0, membership, rest]).toEqual([true, 'join', {}]);
  const served = await scene.ask('GET', `/_matrix/federation/v1/event/${encodeURIComponent(eventId)}`);
  expect(JSON.stringify(served.body)).not.toContain('transaction_id');
});
