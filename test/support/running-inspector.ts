import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { FlowOpening, OpenFlow } from '../../main/inspector/inspector.ts';
import { createInspector, type RunningInspector } from '../../main/inspector/recorder.ts';
import type { PduOutcome } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { type FakePlatform, fakePlatform } from './fake-platform.ts';
import { memoryLog } from './memory-log.ts';
import { sqlWasm } from './sql-wasm.ts';
import { tempFolder } from './temp-folder.ts';

interface Running {
  readonly inspector: RunningInspector;
  readonly platform: FakePlatform;
  readonly path: string;
  readonly lines: readonly string[];
}

/** An inspector with a file of its own and a clock that stands still, closed when the test is over. */
export async function runningInspector(
  options: Partial<Parameters<typeof createInspector>[0]> & { readonly platform?: FakePlatform } = {},
): Promise<Running> {
  const { platform = fakePlatform(), path = join(tempFolder(), 'inspector.db') } = options;
  const { log, lines } = memoryLog();
  const inspector = await createInspector({ log, wasm: sqlWasm, ...options, path, platform });
  onTestFinished(() => inspector.close());
  return { inspector, platform, path, lines };
}

export const server = (name: string) => name as ServerName;
export const eventId = (name: string) => `$${name.padEnd(43, '0')}` as EventId;
export const roomId = (name: string) => `!${name}:a.test` as RoomId;

export const inboundSend: FlowOpening = {
  direction: 'inbound',
  method: 'PUT',
  uri: '/_matrix/federation/v1/send/1',
  endpoint: 'send',
};

export const outbound = (endpoint: string, peer: string): FlowOpening => ({
  direction: 'outbound',
  method: 'GET',
  uri: `/_matrix/federation/v1/${endpoint}`,
  endpoint,
  peer: server(peer),
});

/** A PDU that passed all checks, unless said otherwise. */
export const outcome = (change: Partial<PduOutcome> = {}): PduOutcome => ({
  eventId: eventId('event'),
  roomId: roomId('room'),
  type: 'm.room.message',
  sender: '@a:a.test',
  source: 'live',
  outcome: 'accepted',
  step: undefined,
  rule: undefined,
  reason: undefined,
  decidedBy: [],
  missing: [],
  ...change,
});

export const json = (value: unknown) => Buffer.from(JSON.stringify(value));

export const answer = (flow: OpenFlow, status = 200, body: unknown = {}) =>
  flow.close({ status, headers: { 'content-type': 'application/json' }, body: json(body) });
