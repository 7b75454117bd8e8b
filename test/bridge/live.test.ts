import { expect, test } from 'vitest';
import { createLive, type LiveSources } from '../../main/bridge/live.ts';
import type { Events, ServedBridge } from '../../shared/bridge.ts';
import type { FlowSummary } from '../../shared/flow.ts';
import type { FlowId, RoomId, ServerName } from '../../shared/ids.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { sampleFlow } from '../support/sample-flows.ts';
import { sampleOverview } from '../support/sample-overview.ts';

/** Somebody who tells, and whether anybody listens. */
function source<T>() {
  const listeners = new Set<(value: T) => void>();
  return {
    on: (listener: (value: T) => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    tell: (value: T) => {
      for (const listener of listeners) listener(value);
    },
    count: () => listeners.size,
  };
}

function setUp() {
  const platform = fakePlatform();
  const [flows, rooms, peers] = [source<readonly FlowSummary[]>(), source<RoomId>(), source<ServerName>()];
  const [keys, server] = [source<void>(), source<void>()];
  let overviews = 0;
  const sources: LiveSources = {
    clock: platform.clock,
    overview: () => {
      overviews++;
      return sampleOverview;
    },
    onFlows: flows.on,
    onRoom: rooms.on,
    onPeer: peers.on,
    onKeys: keys.on,
    onServer: server.on,
  };
  return {
    ...{ platform, flows, rooms, peers, keys, server, live: createLive(sources) },
    counts: () => [flows, rooms, peers, keys, server].map(({ count }) => count()),
    overviews: () => overviews,
  };
}

function bridge() {
  const told: [event: keyof Events, data: unknown][] = [];
  const served: ServedBridge = { emit: (event, data) => void told.push([event, data]) };
  const take = () => told.splice(0);
  return { served, take };
}

test('nobody is listened to while nobody looks', async () => {
  const { live, counts, rooms, platform, overviews } = setUp();
  expect(counts()).toEqual([0, 0, 0, 0, 0]);
  const [one, two] = [bridge(), bridge()];
  const [detachOne, detachTwo] = [live.attach(one.served), live.attach(two.served)];
  expect(counts()).toEqual([1, 1, 1, 1, 1]); // once, however many look
  detachOne();
  expect(counts()).toEqual([1, 1, 1, 1, 1]);
  rooms.tell('!a:a.test' as RoomId);
  detachTwo();
  expect(counts()).toEqual([0, 0, 0, 0, 0]);
  await platform.advance(10_000);
  expect([one.take(), two.take(), overviews()]).toEqual([[], [], 0]);
  live.attach(one.served); // and again
  expect(counts()).toEqual([1, 1, 1, 1, 1]);
  live.close();
  expect(counts()).toEqual([0, 0, 0, 0, 0]);
});

test('changes are told to all, together and not too often', async () => {
  const { live, platform, rooms, peers, keys, flows, overviews } = setUp();
  const [one, two] = [bridge(), bridge()];
  live.attach(one.served);
  live.attach(two.served);
  rooms.tell('!a:a.test' as RoomId);
  rooms.tell('!b:a.test' as RoomId);
  rooms.tell('!a:a.test' as RoomId);
  peers.tell('b.test' as ServerName);
  keys.tell();
  keys.tell();
  flows.tell([]); // comes in batches already
  expect(one.take()).toEqual([['flows.changed', []]]);
  await platform.advance(100);
  const batch = [
    ['rooms.changed', ['!a:a.test', '!b:a.test']],
    ['peers.changed', ['b.test']],
    ['keys.changed', null],
  ];
  expect(one.take()).toEqual(batch);
  expect(two.take()).toEqual([['flows.changed', []], ...batch]);
  await platform.advance(900);
  expect(one.take()).toEqual([['overview.changed', sampleOverview]]);

  for (let i = 0; i < 200; i++) {
    rooms.tell('!a:a.test' as RoomId);
    await platform.advance(10);
  }
  const told = one.take().map(([event]) => event);
  expect(told.filter((event) => event === 'rooms.changed').length).toBeLessThanOrEqual(20);
  expect(told.filter((event) => event === 'overview.changed').length).toBeLessThanOrEqual(2);
  await platform.advance(1000);
  one.take();
  const before = overviews();
  await platform.advance(60_000);
  expect(one.take()).toEqual([]); // nothing polls
  expect(overviews()).toBe(before);
});

test('a peer has changed when a request to it is over, or one from it that it proved', async () => {
  const { live, platform, flows } = setUp();
  const one = bridge();
  live.attach(one.served);
  const id = (n: number) => String(n) as FlowId;
  flows.tell([
    sampleFlow({ id: id(1), peer: 'in.test' as ServerName }),
    sampleFlow({ id: id(2), peer: 'out.test' as ServerName, direction: 'outbound', auth: undefined }),
    sampleFlow({ id: id(3), peer: 'liar.test' as ServerName, auth: { verified: false, why: 'a bad signature' } }),
    sampleFlow({ id: id(4), peer: 'open.test' as ServerName, status: undefined, tookMs: undefined }),
    sampleFlow({ id: id(5), peer: undefined }),
  ]);
  one.take();
  await platform.advance(100);
  expect(one.take()).toEqual([['peers.changed', ['in.test', 'out.test']]]);
});
