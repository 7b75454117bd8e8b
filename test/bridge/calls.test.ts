import { expect, test } from 'vitest';
import { createCalls } from '../../main/bridge/calls.ts';
import { createOverview } from '../../main/bridge/overview.ts';
import type { Sources } from '../../main/bridge/sources.ts';
import { type Calls, connectBridge, serveBridge } from '../../shared/bridge.ts';
import type { FlowId } from '../../shared/ids.ts';
import { consoleSources, listening } from '../support/console-sources.ts';
import { memoryLog } from '../support/memory-log.ts';
import { portPair } from '../support/port-pair.ts';
import { roomServer } from '../support/room-server.ts';
import { answer, inboundSend, runningInspector } from '../support/running-inspector.ts';

async function called(change: Partial<Sources> = {}) {
  const server = await roomServer('a.test');
  const { inspector } = await runningInspector({ platform: server.platform });
  const { sources, world } = consoleSources(server, inspector);
  const all = { ...sources, ...change };
  const calls = createCalls({ ...all, overview: createOverview(all, memoryLog().log) });
  const { ends } = portPair();
  serveBridge(ends[1], calls);
  const bridge = connectBridge(ends[0]);
  /** As a page that is not ours may call. */
  const raw = (name: string, ...args: unknown[]) => bridge.call(name as keyof Calls, ...(args as never));
  return { inspector, bridge, raw, calls, world };
}

const longLimit = { limit: 10 };
const page = { roomId: '!r:a.test', order: 'stream', limit: 10, refused: true, outliers: true };
const garbage: readonly (readonly [call: string, ...args: unknown[]])[] = [
  ['overview.get', 1],
  ['rooms.list', null],
  ['room.get'],
  ['room.get', 'no room'],
  ['room.get', 5],
  ['room.get', '!r:a.test', 'more'],
  ['room.get', { toString: '!r:a.test' }],
  ['room.get', `!${'x'.repeat(600)}:a.test`],
  ['room.timeline', {}],
  ['room.timeline', { ...page, limit: 501 }],
  ['room.timeline', { ...page, limit: 0 }],
  ['room.timeline', { ...page, limit: 1.5 }],
  ['room.timeline', { ...page, order: 'position; DROP TABLE events' }],
  ['room.timeline', { ...page, before: '5' }],
  ['room.timeline', { ...page, more: 1 }],
  ['room.state', '$event'],
  ['room.members', ''],
  ['event.get', '!r:a.test'],
  ['event.get', []],
  ['peer.get', 'b.test/../../x'],
  ['peer.get', 'x'.repeat(300)],
  ['peer.retry', ''],
  ['keys.get', {}],
  ['flows.list'],
  ['flows.list', {}],
  ['flows.list', { limit: 1001 }],
  ['flows.list', { limit: '10' }],
  ['flows.list', { ...longLimit, direction: 'sideways' }],
  ['flows.list', { ...longLimit, status: 'often' }],
  ['flows.list', { ...longLimit, outcome: 'lost' }],
  ['flows.list', { ...longLimit, before: '-1' }],
  ['flows.list', { ...longLimit, before: '1e3' }],
  ['flows.list', { ...longLimit, text: 'x'.repeat(201) }],
  ['flows.list', { ...longLimit, since: 'yesterday' }],
  ['flows.list', { ...longLimit, minMs: -1 }],
  ['flows.list', { ...longLimit, unknown: 1 }],
  ['flow.get', 5],
  ['flow.get', '12345678901234567'],
  ['flow.get', '1 OR 1=1'],
  ['setup.finish', { serverName: 'a.test', owner: 'me' }],
  ['setup.finish', { serverName: 'a.test', owner: 'me', password: 'x'.repeat(1001) }],
  ['no.such.call'],
  ['__proto__'],
  ['constructor'],
];

test('garbage is refused in a sentence, whatever the call', async () => {
  const { raw } = await called();
  for (const [call, ...args] of garbage) {
    const refusal = await raw(call, ...args).then(
      () => 'answered',
      (error: Error) => error.message,
    );
    const what = `${call} ${JSON.stringify(args)}: ${refusal}`;
    expect(refusal, what).not.toBe('answered');
    expect(refusal.length, what).toBeLessThan(300);
    expect(refusal, what).not.toMatch(/SQL|\n/);
  }
});

test('every call has an answer', async () => {
  const { bridge, calls, inspector, world } = await called();
  answer(inspector.open(inboundSend));
  const room = '!nowhere:a.test' as never;
  const asked: { readonly [K in keyof Calls]: Promise<ReturnType<Calls[K]>> } = {
    'overview.get': bridge.call('overview.get'),
    'rooms.list': bridge.call('rooms.list'),
    'room.get': bridge.call('room.get', room),
    'room.timeline': bridge.call('room.timeline', page as never),
    'room.state': bridge.call('room.state', room),
    'room.members': bridge.call('room.members', room),
    'event.get': bridge.call('event.get', '$nothing:a.test' as never),
    'peers.list': bridge.call('peers.list'),
    'peer.get': bridge.call('peer.get', 'nobody.test' as never),
    'peer.retry': bridge.call('peer.retry', 'b.test' as never),
    'keys.get': bridge.call('keys.get'),
    'flows.list': bridge.call('flows.list', { limit: 10, status: '200' }),
    'flow.get': bridge.call('flow.get', '1' as FlowId),
    'setup.finish': bridge.call('setup.finish', { serverName: 'a.test', owner: 'me', password: 'x' }),
  };
  expect(Object.keys(calls).sort()).toEqual(Object.keys(asked).sort());
  expect((await asked['overview.get']).serverName).toBe('a.test');
  expect(await asked['rooms.list']).toEqual([]);
  expect(await asked['room.get']).toBeNull();
  expect(await asked['room.timeline']).toEqual([]);
  expect(await asked['room.state']).toEqual([]);
  expect(await asked['room.members']).toEqual({ members: [], servers: [] });
  expect(await asked['event.get']).toBeNull();
  expect(await asked['peers.list']).toEqual([]);
  expect(await asked['peer.get']).toBeNull();
  expect(await asked['peer.retry']).toBeNull();
  expect((await asked['keys.get']).own).toHaveLength(1);
  expect((await asked['flows.list']).flows).toHaveLength(1);
  expect((await asked['flow.get'])?.endpoint).toBe('send');
  expect(await asked['setup.finish']).toEqual({ ok: false, why: 'this server has a name' });
  expect(world.retried).toEqual(['b.test']);
});

test('before the server has a name there is the overview, the log and the set-up, and nothing else', async () => {
  const unnamed = { ...listening, serverName: undefined, federationMode: 'closed' } as const;
  const { bridge } = await called({
    server: () => unnamed,
    federation: () => undefined,
    finishSetUp: async ({ serverName }) => ({ ok: false, why: `${serverName} is taken` }),
  });
  expect((await bridge.call('overview.get')).verdict).toEqual({
    kind: 'info',
    sentence: 'This server has no name yet. Choose one to begin.',
  });
  expect(await bridge.call('rooms.list')).toEqual([]);
  expect(await bridge.call('peers.list')).toEqual([]);
  expect(await bridge.call('peer.retry', 'b.test' as never)).toBeNull();
  expect(await bridge.call('keys.get')).toEqual({ own: [], remote: [] });
  expect((await bridge.call('flows.list', { limit: 1 })).total).toBe(0);
  const choice = { serverName: 'a.test', owner: 'me', password: 'x' };
  expect(await bridge.call('setup.finish', choice)).toEqual({ ok: false, why: 'a.test is taken' });
});
