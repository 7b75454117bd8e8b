import { join as joinPath } from 'node:path';
import type { SqlValue } from 'sql.js';
import { onTestFinished } from 'vitest';
import { type Db, openDb } from '../../main/db/db.ts';
import { migrate, migrations } from '../../main/db/migrations.ts';
import type { Keyring, SignatureVerdict } from '../../main/network/keyring.ts';
import { RemoteError, type RemotePdus, type RemoteServers } from '../../main/network/remote-servers.ts';
import { parseEvent, type RoomEvent } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { signingKeyFromSeed } from '../../main/protocol/signing.ts';
import { createRooms, type RoomLimits } from '../../main/rooms/room-engine.ts';
import type { EventDraft, IncomingPdu, Rooms, StoredEvent } from '../../main/rooms/rooms.ts';
import type { PduOutcome } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type FakePlatform, fakePlatform } from './fake-platform.ts';
import { memoryInspector } from './memory-inspector.ts';
import { memoryLog } from './memory-log.ts';
import { sqlWasm } from './sql-wasm.ts';
import { tempFolder } from './temp-folder.ts';

/** One server's rooms, with the real database and protocol, and other servers that answer as the test says. */
export interface RoomServer {
  readonly serverName: ServerName;
  readonly rooms: Rooms;
  readonly db: Db;
  readonly platform: FakePlatform;
  readonly path: string;
  /** What it would have sent, and to whom. */
  readonly sent: { readonly event: RoomEvent; readonly to: readonly ServerName[] }[];
  readonly told: readonly PduOutcome[];
  readonly logged: readonly string[];
  /** What it has asked of others: `missingEvents b.test`. */
  readonly asked: string[];
  /** Events whose signatures are not good, or whose keys cannot be had. */
  readonly signatures: Map<EventId, 'bad' | 'keyMissing'>;
  /** How others answer: whatever is not given fails. */
  readonly answers: Partial<RemoteServers>;
  count(sql: string): number;
  close(): Promise<void>;
}

interface RoomServerOptions {
  readonly path?: string;
  readonly limits?: Partial<RoomLimits>;
  readonly platform?: FakePlatform;
  /** The database cannot take what has this in it, as if there were a fault in our code. */
  readonly indigestible?: string;
}

export async function roomServer(name: string, options: RoomServerOptions = {}): Promise<RoomServer> {
  const serverName = name as ServerName;
  const { path = joinPath(tempFolder(), 'hearth.db'), platform = fakePlatform(), limits = {} } = options;
  const db = withFault(await openDb({ path, wasm: sqlWasm, synchronous: 'NORMAL' }), options.indigestible);
  migrate(db, migrations, () => undefined);
  const signatures: RoomServer['signatures'] = new Map();
  const answers: Partial<RemoteServers> = {};
  const asked: string[] = [];
  const sent: { event: RoomEvent; to: readonly ServerName[] }[] = [];
  const { inspector, pdus } = memoryInspector();
  const { log, lines } = memoryLog();
  const seed = Buffer.alloc(32, name);
  const rooms = createRooms({
    ...{ db, platform, log, serverName, inspector, limits },
    signingKey: () => signingKeyFromSeed('ed25519:a', seed),
    keyring: keyringOf(signatures),
    remote: remoteOf(answers, asked),
    outbox: {
      enqueue: (event, destinations) => void sent.push({ event, to: [...destinations].sort() }),
      wake: () => {},
      enqueueEdu: () => {},
    },
  });
  let isOpen = true;
  const close = async () => {
    if (!isOpen) return;
    isOpen = false;
    await rooms.close();
    db.close();
  };
  onTestFinished(close);
  return {
    ...{ serverName, rooms, db, platform, path, sent, asked, signatures, answers, close, told: pdus, logged: lines },
    count: (sql) => db.prepare<[], { count: number }>(`SELECT count(*) AS count ${sql}`).get()?.count ?? 0,
  };
}

function withFault(db: Db, indigestible: string | undefined): Db {
  if (indigestible === undefined) return db;
  const prepare = ((sql: string) => {
    const statement = db.prepare<SqlValue[]>(sql);
    const run = (...params: SqlValue[]) => {
      if (params.some((param) => String(param).includes(indigestible))) throw new Error('this makes me sick');
      statement.run(...params);
    };
    return { ...statement, run };
  }) as Db['prepare'];
  return { ...db, prepare };
}

/** Every signature that stands in an event is good, but for those that the test says are not. */
function keyringOf(signatures: RoomServer['signatures']): Keyring {
  const verdictOn = (event: RoomEvent): SignatureVerdict => {
    const fault = signatures.get(event.eventId);
    const given = event.pdu['signatures'] as JsonObject;
    const verifiedBy = new Set(fault === undefined ? (Object.keys(given) as ServerName[]) : []);
    const ok = fault === undefined && verifiedBy.has(event.origin);
    return { ok, why: ok ? undefined : 'no good signature', keyMissing: fault === 'keyMissing', verifiedBy };
  };
  return {
    verifyEvents: async (events) => new Map(events.map((event) => [event.eventId, verdictOn(event)])),
    verifyJson: async () => ({ ok: true }),
  };
}

function remoteOf(answers: Partial<RemoteServers>, asked: string[]): RemoteServers {
  return new Proxy({} as RemoteServers, {
    get:
      (_target, method: keyof RemoteServers) =>
      async (server: ServerName, ...rest: never[]) => {
        asked.push(`${method} ${server}`);
        const answer = answers[method] as ((server: ServerName, ...rest: never[]) => unknown) | undefined;
        if (answer === undefined) throw new RemoteError(server, `${server} is away`, { stage: 'connect' });
        return answer(server, ...rest);
      },
  });
}

type Answers = Pick<RemoteServers, 'event' | 'eventAuth' | 'missingEvents' | 'backfill' | 'stateIds' | 'state'>;

const pdusOf = (events: readonly RoomEvent[]): RemotePdus => ({
  pdus: events.map(({ pdu }) => ({ pdu, violations: [] })),
});

/** The answers of a resident server that has all of `events`, as `GET /event` and its like give them. */
export function answersFrom(rooms: Rooms, most = 10): Answers {
  const events = (ids: readonly EventId[]) => rooms.events(ids).map(({ event }) => event);
  /** Breadth first, as far as `most`, without what is in `stop`. */
  const walk = (from: readonly EventId[], stop: readonly EventId[], limit: number): RoomEvent[] => {
    const found = new Map<EventId, RoomEvent>();
    const pending = [...from];
    for (let id = pending.shift(); id !== undefined && found.size < limit; id = pending.shift()) {
      const [event] = events([id]);
      if (event === undefined || found.has(id) || stop.includes(id)) continue;
      found.set(id, event);
      pending.push(...event.prevEvents);
    }
    return [...found.values()].reverse();
  };
  return {
    event: async (_server, id) => pdusOf(events([id])),
    eventAuth: async (_server, _room, id) => pdusOf(events([...(await rooms.authChain([id]))])),
    missingEvents: async (_server, _room, { earliest, latest }) =>
      pdusOf(
        walk(
          events(latest).flatMap(({ prevEvents }) => prevEvents),
          earliest,
          most,
        ),
      ),
    backfill: async (_server, _room, from, limit) => pdusOf(walk(from, [], Math.min(limit, most))),
    async stateIds(server, _room, id) {
      const state = rooms.stateBefore(id);
      if (state === undefined) throw new RemoteError(server, 'not found', { stage: 'reply', status: 404 });
      const pduIds = [...state.entries()].map(([, eventId]) => eventId);
      return { pduIds, authChainIds: [...(await rooms.authChain(pduIds))] };
    },
    async state(_server, _room, id) {
      const state = rooms.stateBefore(id)?.events() ?? [];
      const chain = await rooms.authChain(state.map(({ eventId }) => eventId));
      return { ...pdusOf(state), authChain: pdusOf(events([...chain])) };
    },
  };
}

export const user = (name: string) => name as UserId;

/** The drafts of a room that anyone may join. */
export const publicRoom = (creator: UserId, version: string): readonly EventDraft[] => [
  { type: 'm.room.create', sender: creator, stateKey: '', content: {} },
  { type: 'm.room.member', sender: creator, stateKey: creator, content: { membership: 'join' } },
  {
    ...{ type: 'm.room.power_levels', sender: creator, stateKey: '' },
    content: rulesOf(version)?.privilegedCreators ? {} : { users: { [creator]: 100 } },
  },
  { type: 'm.room.join_rules', sender: creator, stateKey: '', content: { join_rule: 'public' } },
];

export async function createRoom(server: RoomServer, creator: UserId, version = '11'): Promise<RoomId> {
  const rules = rulesOf(version);
  if (rules === undefined) throw new Error(`there is no room version ${version}`);
  return (await server.rooms.create(rules, publicRoom(creator, version))).roomId;
}

export const message = (sender: UserId, body: string): EventDraft => ({
  ...{ type: 'm.room.message', sender },
  content: { msgtype: 'm.text', body },
});

export const member = (sender: UserId, target: UserId, membership: string): EventDraft => ({
  ...{ type: 'm.room.member', sender, stateKey: target },
  content: { membership },
});

/** `joiner`'s user comes in through `resident`, as by make_join and send_join. */
export async function join(
  resident: RoomServer,
  joiner: RoomServer,
  roomId: RoomId,
  userId: UserId,
): Promise<RoomEvent> {
  const info = resident.rooms.info(roomId);
  if (info === undefined) throw new Error('the room is not there');
  const template = resident.rooms.template(roomId, member(userId, userId, 'join'));
  const event = sign(template, joiner, info.rules.version);
  const { state, stored } = await resident.rooms.admit(event);
  const events = state.events();
  const chain = await resident.rooms.authChain([stored.event.eventId, ...events.map(({ eventId }) => eventId)]);
  await joiner.rooms.enter({
    join: event,
    state: events,
    authChain: resident.rooms.events([...chain]).map((each) => each.event),
    from: resident.serverName,
  });
  return event;
}

/** A finished event of a server, made by hand. */
export function sign(pdu: JsonObject, server: { readonly serverName: ServerName }, version: string): RoomEvent {
  const rules = rulesOf(version);
  if (rules === undefined) throw new Error(`there is no room version ${version}`);
  const key = signingKeyFromSeed('ed25519:a', Buffer.alloc(32, server.serverName));
  return parseEvent(signEvent(pdu, rules, server.serverName, key), rules);
}

export const incoming = (...events: readonly (RoomEvent | StoredEvent | JsonValue)[]): IncomingPdu[] =>
  events.map((given) => {
    const event = given as Partial<RoomEvent & StoredEvent>;
    return { pdu: event.event?.pdu ?? event.pdu ?? (given as JsonValue), violations: [] };
  });

/** Sends events as by a transaction, and tells what became of them. */
export async function receive(
  to: RoomServer,
  from: RoomServer,
  ...events: readonly (RoomEvent | StoredEvent | JsonValue)[]
) {
  return to.rooms.receive(incoming(...events), { origin: from.serverName, source: 'live' });
}
export const outcomes = (list: readonly PduOutcome[]) => list.map(({ outcome }) => outcome);
