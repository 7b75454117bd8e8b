import { expect, test } from 'vitest';
import { allKeys, peerDetail, peerList } from '../../main/bridge/peer-views.ts';
import { consoleSources, neverTried } from '../support/console-sources.ts';
import { createRoom, join, roomServer, user } from '../support/room-server.ts';
import { answer, outbound, runningInspector, server } from '../support/running-inspector.ts';

const alice = user('@alice:a.test');

async function setUp() {
  const home = await roomServer('a.test');
  const rooms = [await createRoom(home, alice), await createRoom(home, alice)] as const;
  for (const roomId of rooms) await join(home, await roomServer('b.test'), roomId, user('@bob:b.test'));
  await home.rooms.append(rooms[0], [{ type: 'm.room.name', sender: alice, stateKey: '', content: { name: 'Tea' } }]);
  const { inspector } = await runningInspector({ platform: home.platform });
  return { home, rooms, inspector, ...consoleSources(home, inspector) };
}

const key = (name: string, validUntilTs: number, expiredTs?: number) => ({
  server: server(name),
  keyId: `ed25519:${validUntilTs}`,
  publicKey: 'x',
  validUntilTs,
  usableUntilTs: validUntilTs,
  fetchedTs: 0,
  expiredTs,
  source: 'direct',
});

test('peers are those that we share rooms with and those that we have talked with, not ourselves', async () => {
  const { federation, sources, world, inspector } = await setUp();
  world.contacts = [
    { ...neverTried(server('c.test')), status: 'ok', latencyMs: 7, success24h: 1, lastOutboundTs: 3 },
    neverTried(server('a.test')),
  ];
  world.remoteKeys = [key('b.test', 10), key('b.test', 20), key('b.test', 99, 50)];
  world.queued.set(server('b.test'), [
    { kind: 'pdu', what: '$x', roomId: undefined, queuedTs: 0 },
    { kind: 'edu', what: 'm.direct_to_device', roomId: undefined, queuedTs: 1 },
  ]);
  answer(inspector.open(outbound('event', 'b.test')));
  const peers = await peerList(federation, sources.inspector);
  expect([...peers].sort((x, y) => (x.server < y.server ? -1 : 1))).toEqual([
    {
      ...neverTried(server('b.test')),
      sharedRooms: 2,
      queuedPdus: 1,
      queuedEdus: 1,
      keyValidUntil: 20, // of a key that it still uses
      lastOutboundTs: 1_700_000_000_000, // from the log, where the sending side does not know
      latencyMs: 0,
      success24h: 1,
    },
    {
      ...neverTried(server('c.test')),
      status: 'ok',
      latencyMs: 7,
      success24h: 1,
      lastOutboundTs: 3,
      sharedRooms: 0,
      queuedPdus: 0,
      queuedEdus: 0,
      keyValidUntil: undefined,
    },
  ]);
});

test('a peer opened', async () => {
  const { federation, sources, world, inspector, rooms } = await setUp();
  const run = { ts: 1, ok: true, steps: [], result: undefined, expiresAt: undefined, error: undefined };
  inspector.discovered(server('b.test'), run);
  inspector.peerChanged({ server: server('b.test'), from: 'ok', to: 'slow', why: 'it takes long' });
  const flow = inspector.open(outbound('event', 'b.test'));
  answer(flow);
  answer(inspector.open(outbound('event', 'other.test')));
  const item = { kind: 'pdu', what: '$x', roomId: rooms[0], queuedTs: 0 } as const;
  world.queued.set(server('b.test'), [item]);
  world.remoteKeys = [key('b.test', 10), key('c.test', 10)];
  const detail = await peerDetail(federation, sources.inspector, server('b.test'));
  expect(detail).toMatchObject({
    server: 'b.test',
    sharedRooms: 2,
    queuedPdus: 1,
    discovery: run,
    keys: [key('b.test', 10)],
    rooms: [
      { roomId: rooms[0], name: 'Tea' },
      { roomId: rooms[1], name: undefined },
    ],
    queue: [item],
    transitions: [{ ts: 1_700_000_000_000, from: 'ok', to: 'slow', why: 'it takes long' }],
  });
  expect(detail?.recent.map(({ id }) => id)).toEqual([flow.id]);
  expect(await peerDetail(federation, sources.inspector, server('nobody.test'))).toBeUndefined();
  expect(await peerDetail(federation, sources.inspector, server('a.test'))).toBeUndefined();
  expect(await peerDetail(federation, sources.inspector, server('other.test'))).toMatchObject({ sharedRooms: 0 });
});

test('keys are ours and theirs', async () => {
  const { federation, world } = await setUp();
  world.remoteKeys = [key('b.test', 10)];
  expect(allKeys(federation)).toEqual({ own: federation.keys.own(), remote: [key('b.test', 10)] });
});
