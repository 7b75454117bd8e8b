import { expect } from 'vitest';
import { parseEvent, type RoomEvent } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventDraft, StoredEvent } from '../../main/rooms/rooms.ts';
import type { PduOutcome } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { type MemoryNetwork, type MemoryServer, memoryNetwork } from './memory-servers.ts';
import { incoming } from './room-server.ts';

/** A room that three honest servers are in, and one whose owner writes events by hand: `eve`. All have heard of all. */
export interface CaseRoom {
  readonly network: MemoryNetwork;
  readonly roomId: RoomId;
  readonly a: MemoryServer;
  readonly b: MemoryServer;
  readonly c: MemoryServer;
  readonly e: MemoryServer;
  readonly ann: UserId; // has made it, on a; bob and cleo are at 50, eve is at 25
  readonly bob: UserId;
  readonly cleo: UserId;
  readonly eve: UserId;
  /** The events by which it came to be, which not all servers have in their history. */
  readonly beginning: ReadonlySet<EventId>;
}

export async function caseRoom(version: string): Promise<CaseRoom> {
  const network = memoryNetwork();
  const servers: MemoryServer[] = [];
  for (const name of ['a', 'b', 'c', 'e']) servers.push(await network.server(`${name}.test`));
  const [a, b, c, e] = servers as [MemoryServer, MemoryServer, MemoryServer, MemoryServer];
  const [ann, bob, cleo, eve] = [a.user('ann'), b.user('bob'), c.user('cleo'), e.user('eve')];
  const roomId = await a.room(ann, { version });
  for (const [server, userId] of [[b, bob] as const, [c, cleo] as const, [e, eve] as const]) {
    await server.memberships.join({ userId, room: roomId, via: [a.name] });
    await network.settle();
  }
  const beginning = new Set<EventId>();
  const room = { network, roomId, a, b, c, e, ann, bob, cleo, eve, beginning };
  await a.setState(roomId, ann, 'm.room.power_levels', levelsOf(room));
  await network.settle();
  for (const id of eventsAt(a, roomId).keys()) beginning.add(id);
  expectSame(room, a, b, c, e);
  return room;
}

/** The room's power levels with some of them changed: topics take 25, bans 50. */
export function levelsOf({ a, roomId, ...users }: CaseRoom, change: Readonly<Record<UserId, number>> = {}): JsonObject {
  const { ann, bob, cleo, eve } = users;
  const creator = a.rooms.info(roomId)?.rules.privilegedCreators ? {} : { [ann]: 100 };
  return { state_default: 25, users: { ...creator, [bob]: 50, [cleo]: 50, [eve]: 25, ...change } };
}

/** An event that a server signs, whatever it says: where `fields` say nothing it is what the server would have made. */
export function forge(server: MemoryServer, roomId: RoomId, draft: EventDraft, fields: JsonObject = {}): RoomEvent {
  const rules = server.rooms.info(roomId)?.rules;
  if (rules === undefined) throw new Error('the room is not there');
  const pdu = { ...server.rooms.template(roomId, draft), ...fields };
  return parseEvent(signEvent(pdu, rules, server.name, server.key), rules);
}

export const topicBy = (sender: UserId, topic: string): EventDraft => ({
  ...{ type: 'm.room.topic', sender, stateKey: '' },
  content: { topic },
});

/** As by a transaction of `from`; what became of each. */
export async function give(to: MemoryServer, from: MemoryServer, ...events: readonly (RoomEvent | StoredEvent)[]) {
  const list = await to.rooms.receive(incoming(...events), { origin: from.name, source: 'live' });
  return list.map(({ outcome }: PduOutcome) => outcome);
}

export const topicAt = (server: MemoryServer, roomId: RoomId) =>
  server.rooms.currentState(roomId).get('m.room.topic', '')?.content['topic'];

export const stateAt = (server: MemoryServer, roomId: RoomId): readonly string[] =>
  [...server.rooms.currentState(roomId).entries()].map((entry) => entry.join(' ')).sort();

/** The events of a room's history, with what a server has made of them. */
export function eventsAt({ db, rooms }: MemoryServer, roomId: RoomId): ReadonlyMap<EventId, string> {
  const ids = db.prepare<[], { id: EventId }>('SELECT event_id AS id FROM event_ids').all();
  const all = rooms.events(ids.map(({ id }) => id)).filter(({ event }) => event.roomId === roomId);
  return new Map(all.filter(({ outlier }) => !outlier).map(({ event, outcome }) => [event.eventId, outcome]));
}

/** Nothing waits for ever, nothing has failed inside. */
export function expectSound({ db, rooms, lines }: MemoryServer, roomId: RoomId): void {
  expect(db.prepare<[], { n: number }>('SELECT count(*) AS n FROM staged_pdus').get()?.n).toBe(0);
  expect(rooms.info(roomId)).toMatchObject({ resident: true, gap: false });
  expect(lines.filter((line) => line.startsWith('error') || line.includes('"error"'))).toEqual([]);
}

/**
 * They have the same state, the same extremities, and whatever one has accepted. What one has soft-failed another may have
 * accepted, since that depends on what came first, or may not have heard of. What is rejected is so everywhere.
 */
export function expectSame({ roomId, beginning }: CaseRoom, ...servers: readonly MemoryServer[]): void {
  const histories = servers.map((server) => [...eventsAt(server, roomId)].filter(([id]) => !beginning.has(id)));
  const accepted = histories.flat().filter(([, outcome]) => outcome === 'accepted');
  const rejected = new Set(histories.flat().flatMap(([id, outcome]) => (outcome === 'rejected' ? [id] : [])));
  for (const [index, server] of servers.entries()) {
    expectSound(server, roomId);
    expect(stateAt(server, roomId)).toEqual(stateAt(servers[0] ?? server, roomId));
    const extremities = (of = server) => [...of.rooms.forwardExtremities(roomId)].sort();
    expect(extremities()).toEqual(extremities(servers[0]));
    const history = new Map(histories[index]);
    for (const [id] of accepted) expect([id, history.has(id)]).toEqual([id, true]);
    for (const [id, outcome] of history) expect([id, outcome === 'rejected']).toEqual([id, rejected.has(id)]);
  }
}

/** Both directions, one after the other: who has missed something learns of it by this, and asks for the rest. */
export async function everyoneTalks({ network, roomId, ...room }: CaseRoom, ...silent: readonly ServerName[]) {
  const { a, b, c, e, ann, bob, cleo, eve } = room;
  for (const [server, userId] of [[a, ann] as const, [b, bob] as const, [c, cleo] as const, [e, eve] as const]) {
    if (silent.includes(server.name)) continue;
    await server.send(roomId, userId, 'hello');
    await network.settle();
  }
}
