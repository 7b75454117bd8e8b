import { readFileSync } from 'node:fs';
import { expect } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { Bridge } from '../../shared/bridge.ts';
import type { Flow } from '../../shared/flow.ts';
import type { EventId } from '../../shared/ids.ts';
import { createTestCa } from './certificates.ts';
import { openConsole } from './console.ts';
import { type Hearth, startHearth } from './hearth.ts';
import { type MatrixClient, register, until } from './matrix-client.ts';
import { type RawPeer, type RawReply, type RawRoom, startRawPeer } from './raw-peer.ts';

/** A real Hearth with an owner, its console open, and a peer that does as it is told. */
export interface Scene {
  readonly hearth: Hearth;
  readonly peer: RawPeer;
  readonly owner: MatrixClient;
  readonly console: Bridge;
  /** A new room of the peer, which the owner has joined. */
  room(version: string): Promise<JoinedRoom>;
  /** A request of the peer to this Hearth, with what the inspector has recorded of it. */
  ask(method: string, uri: string, ...rest: Rest): Promise<Recorded>;
  /** A transaction of these PDUs: objects, or JSON that no object can say. */
  deliver(pdus: readonly Pdu[], txnId?: string): Promise<Delivered>;
  /** The record of the newest request with this URI, once it is closed. */
  flow(uri: string): Promise<Flow>;
  /** What the server's process has in memory. */
  residentMegabytes(): number;
}

/** An event, or the JSON of what no object can say. */
export type Pdu = JsonObject | string;

type Rest = Parameters<RawPeer['ask']> extends [string, string, string, ...infer R] ? R : never;

interface Recorded extends RawReply {
  readonly flow: Flow;
}

interface Delivered extends Recorded {
  /** By event ID, as the reply has them. */
  readonly results: Readonly<Record<string, { readonly error?: string }>>;
}

export interface JoinedRoom extends RawRoom {
  /** What the owner's client shows of the room is from now on what `expectOnly` begins from. */
  mark(): Promise<void>;
  /** What the owner's client shows has grown by these events alone, and a good one still gets in. Begins anew from there. */
  expectOnly(added: readonly EventId[]): Promise<void>;
}

let cases = 0;
/** A transaction ID or part of a path that nothing else has. */
export const unique = () => `case-${++cases}-`;
const part = encodeURIComponent;

export async function setScene(): Promise<Scene> {
  const ca = await createTestCa();
  const [peer, hearth] = await Promise.all([startRawPeer(ca), startHearth(ca)]);
  const owner = await register(hearth.clientUrl, 'owner');
  const console = await openConsole(hearth.consoleUrl());

  const flow = (uri: string) =>
    until(
      async () => {
        const { flows } = await console.call('flows.list', { direction: 'inbound', text: uri, limit: 100 });
        const newest = flows.find((each) => each.uri === uri);
        return newest && (await console.call('flow.get', newest.id));
      },
      (found) => found?.tookMs !== undefined,
      { what: `the inspector has ${uri}` },
    ) as Promise<Flow>;

  const ask: Scene['ask'] = async (method, uri, ...rest) => {
    const reply = await peer.ask(hearth.serverName, method, uri, ...rest);
    return { ...reply, flow: await flow(uri) };
  };

  const shown = async (roomId: string): Promise<{ history: string[]; state: string[] }> => {
    const ids = (events: readonly { event_id: string }[]) => events.map(({ event_id }) => event_id);
    const state = await owner.request<{ event_id: string }[]>('GET', `/rooms/${part(roomId)}/state`);
    return { history: ids(await owner.history(roomId)), state: ids(state).sort() };
  };

  return {
    hearth,
    peer,
    owner,
    console,
    flow,
    ask,
    residentMegabytes() {
      const status = readFileSync(`/proc/${hearth.pid()}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
    },
    async deliver(pdus, txnId = unique()) {
      const list = pdus.map((pdu) => (typeof pdu === 'string' ? pdu : writeJson(pdu))).join(',');
      const text = `{"origin":"${peer.serverName}","origin_server_ts":${Date.now()},"pdus":[${list}]}`;
      const recorded = await ask('PUT', `/_matrix/federation/v1/send/${txnId}`, text);
      return { ...recorded, results: (recorded.body['pdus'] ?? {}) as Delivered['results'] };
    },
    async room(version) {
      const room = peer.createRoom(version);
      await owner.join(room.roomId, peer.serverName);
      let before = await shown(room.roomId);
      return {
        ...room,
        async mark() {
          before = await shown(room.roomId);
        },
        async expectOnly(added) {
          const good = room.message('good');
          const goodId = room.idOf(good);
          const { status, body } = await peer.send(hearth.serverName, [good]);
          expect([status, body]).toEqual([200, { pdus: { [goodId]: {} } }]);
          const now = await shown(room.roomId);
          expect(now).toEqual({ history: [...before.history, ...added, goodId], state: before.state });
          before = now;
        },
      };
    },
  };
}
