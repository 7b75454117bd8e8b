import { setTimeout } from 'node:timers/promises';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RawRoom } from '../support/raw-peer.ts';
import { cpuMs, type Measure, median, residentMegabytes, type Sample, timed } from './measure.ts';
import { answers, type Bench } from './servers.ts';

/** A load that is put on each server in the same way. It returns what it measured. */
export interface Load {
  readonly name: string;
  readonly what: string;
  run(bench: Bench): Promise<readonly Sample[]>;
}

const rate = (name: string, unit: string): Measure => ({ name, unit, better: 'higher' });
const cost = (name: string, unit: string): Measure => ({ name, unit, better: 'lower' });
const part = encodeURIComponent;
const perTransaction = 50;
const pollMs = 50;

/** A room of the peer that the server's user is in. */
async function joined({ peer, user }: Bench, version = '11'): Promise<RawRoom> {
  const room = peer.createRoom(version);
  await user.join(room.roomId, peer.serverName);
  return room;
}

/**
 * Waits until a client can read the event. Servers may acknowledge a transaction before it is processed, so that is what
 * counts. It is asked seldom, since asking costs the server, too.
 */
async function visible({ user }: Bench, room: RawRoom, pdu: JsonObject): Promise<void> {
  const path = `/rooms/${part(room.roomId)}/event/${part(room.idOf(pdu))}`;
  for (const deadline = performance.now() + 120_000; performance.now() < deadline; await setTimeout(pollMs)) {
    try {
      await user.request('GET', path);
      return;
    } catch {
      // not yet
    }
  }
  throw new Error(`${room.idOf(pdu)} did not arrive within two minutes`);
}

async function send({ peer, serverName }: Bench, pdus: readonly JsonObject[]): Promise<void> {
  const { status, body } = await peer.send(serverName, pdus);
  const refused = Object.values((body['pdus'] ?? {}) as object).filter((result) => 'error' in result);
  if (status !== 200 || refused.length > 0) throw new Error(`/send: ${status} ${JSON.stringify(refused[0] ?? body)}`);
}

/** Time and CPU for a number of PDUs, in transactions that are made beforehand. */
async function ingest(
  bench: Bench,
  name: string,
  transactions: readonly (readonly JsonObject[])[],
  settled: (index: number) => Promise<unknown>,
): Promise<Sample[]> {
  const count = transactions.flat().length;
  const before = cpuMs(bench.pid());
  const [ms] = await timed(async () => {
    for (const [index, pdus] of transactions.entries()) {
      await send(bench, pdus);
      await settled(index);
    }
  });
  const cpu = cpuMs(bench.pid()) - before;
  return [
    [rate(name, 'PDUs/s'), (count * 1000) / ms],
    [cost(`${name}: CPU`, 'ms/PDU'), cpu / count],
  ];
}

const messages = (room: RawRoom, count: number) =>
  Array.from({ length: count }, (_, index) => room.message(`${index}`));

const oneRoom: Load = {
  name: 'ingest',
  what: `500 messages in one room, transactions of ${perTransaction}, each waited for`,
  async run(bench) {
    const room = await joined(bench);
    const transactions = Array.from({ length: 10 }, () => messages(room, perTransaction));
    return ingest(bench, 'ingest, 1 room', transactions, (index) =>
      visible(bench, room, transactions[index]?.at(-1) ?? {}),
    );
  },
};

const tenRooms: Load = {
  name: 'rooms',
  what: `500 messages in ten rooms, transactions of ${perTransaction} with five of each room, waited for at the end`,
  async run(bench) {
    const rooms = await Promise.all(Array.from({ length: 10 }, () => joined(bench)));
    const transactions = Array.from({ length: 10 }, () => rooms.flatMap((room) => messages(room, perTransaction / 10)));
    const last = rooms.map((room, index) => [room, transactions.at(-1)?.[index * 5 + 4] ?? {}] as const);
    return ingest(bench, 'ingest, 10 rooms', transactions, async (index) => {
      if (index === transactions.length - 1) for (const [room, pdu] of last) await visible(bench, room, pdu);
    });
  },
};

const forks: Load = {
  name: 'forks',
  what: '50 forks of four state events each, joined by a message: 250 PDUs',
  async run(bench) {
    const room = await joined(bench);
    const transactions = Array.from({ length: 10 }, (_, round) =>
      Array.from({ length: 5 }, (_none, index) => {
        const sides = Array.from({ length: 4 }, (_side, side) => {
          const content = { name: `${round} ${index} ${side}` };
          return room.event(side === 0 ? 'm.room.name' : 'x.state', content, { state_key: '' }, { aside: true });
        });
        const prev_events = room.cite(...sides.map((pdu) => room.idOf(pdu)));
        return [...sides, room.event('m.room.message', { msgtype: 'm.text', body: 'joined' }, { prev_events })];
      }).flat(),
    );
    return ingest(bench, 'fork storm', transactions, (index) =>
      visible(bench, room, transactions[index]?.at(-1) ?? {}),
    );
  },
};

const join: Load = {
  name: 'join',
  what: 'joining a room with 1,000 members, whose state the peer serves in one reply',
  async run(bench) {
    const { peer, user, pid } = bench;
    const room = peer.createRoom('11');
    for (let index = 0; index < 1000; index++) {
      const member = `@member${index}:${peer.serverName}`;
      room.event('m.room.member', { membership: 'join' }, { sender: member, state_key: member });
    }
    const before = cpuMs(pid());
    const [ms] = await timed(() => user.join(room.roomId, peer.serverName));
    return [
      [cost('join, 1,000 members', 'ms'), ms],
      [cost('join, 1,000 members: CPU', 'ms'), cpuMs(pid()) - before],
    ];
  },
};

const local: Load = {
  name: 'local',
  what: '200 messages of a local user one after the other, then 200 ten at a time, in a room of their own',
  async run({ user, pid }) {
    const roomId = await user.createRoom({ preset: 'private_chat' });
    const latencies: number[] = [];
    const before = cpuMs(pid());
    const [ms] = await timed(async () => {
      for (let index = 0; index < 200; index++) {
        const [took] = await timed(() => user.send(roomId, `${index}`));
        latencies.push(took);
      }
    });
    const cpu = cpuMs(pid()) - before;
    const [together] = await timed(async () => {
      for (let round = 0; round < 20; round++) {
        await Promise.all(Array.from({ length: 10 }, (_, index) => user.send(roomId, `${round}.${index}`)));
      }
    });
    return [
      [rate('local sends, one at a time', '/s'), 200_000 / ms],
      [rate('local sends, ten at a time', '/s'), 200_000 / together],
      [cost('local send, median', 'ms'), median(latencies)],
      [cost('local send: CPU', 'ms'), cpu / 200],
    ];
  },
};

interface Synced {
  readonly next_batch: string;
  readonly rooms?: { readonly join?: Readonly<Record<string, { timeline: { events: { event_id: string }[] } }>> };
}

const sync: Load = {
  name: 'sync',
  what: '20 rooms of 20 messages: an initial sync, an empty one, and how soon a waiting one hears of a peer’s message',
  async run(bench) {
    const { user } = bench;
    const rooms = await Promise.all(Array.from({ length: 20 }, () => joined(bench)));
    for (const room of rooms) await send(bench, messages(room, 20));
    for (const room of rooms) {
      const last = room.message('last');
      await send(bench, [last]);
      await visible(bench, room, last);
    }
    const ask = (query: string) => user.request<Synced>('GET', `/sync?${query}`);
    const [initial, { next_batch }] = await timed(() => ask('timeout=0'));
    let since = next_batch;
    const empty: number[] = [];
    for (let index = 0; index < 20; index++) {
      const [ms, synced] = await timed(() => ask(`timeout=0&since=${part(since)}`));
      since = synced.next_batch;
      empty.push(ms);
    }
    const heard: number[] = [];
    for (const room of rooms) {
      const pdu = room.message('news');
      const [ms] = await timed(async () => {
        const sent = setTimeout(20).then(() => send(bench, [pdu])); // the sync is waiting by then
        for (let isHeard = false; !isHeard; ) {
          const synced = await ask(`timeout=10000&since=${part(since)}`);
          since = synced.next_batch;
          const events = synced.rooms?.join?.[room.roomId]?.timeline.events ?? [];
          isHeard = events.some(({ event_id }) => event_id === room.idOf(pdu));
        }
        await sent;
      });
      heard.push(ms - 20);
    }
    return [
      [cost('initial sync, 20 rooms', 'ms'), initial],
      [cost('sync without news', 'ms'), median(empty)],
      [cost('peer’s message to waiting sync', 'ms'), median(heard)],
    ];
  },
};

const start: Load = {
  name: 'start',
  what: 'stopped and started again on its data, until /versions answers; memory ten seconds later',
  async run(bench) {
    await bench.stop();
    const [ms] = await timed(async () => {
      const starting = bench.start();
      await answers(bench.clientUrl);
      await starting.catch((error: unknown) => {
        throw error;
      });
    });
    await setTimeout(10_000);
    return [
      [cost('start to /versions', 'ms'), ms],
      [cost('memory when idle', 'MB'), residentMegabytes(bench.pid())],
    ];
  },
};

/** In this order: the last one restarts the server. */
export const loads: readonly Load[] = [oneRoom, tenRooms, forks, join, local, sync, start];
