import { describe, expect, test } from 'vitest';
import { RemoteError } from '../../main/network/remote-servers.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { EventId } from '../../shared/ids.ts';
import {
  type CaseRoom,
  caseRoom,
  eventsAt,
  everyoneTalks,
  expectSame,
  expectSound,
  forge,
  give,
  topicAt,
  topicBy,
} from '../support/case-room.ts';
import { message } from '../support/room-server.ts';

const versions = ['1', '3', '11', '12'];
const greatestDepth = Number.MAX_SAFE_INTEGER;

/** Events of eve, each after the one before, which nobody has been told of yet. */
async function told({ e, roomId, eve }: CaseRoom, count: number): Promise<readonly RoomEvent[]> {
  const list: RoomEvent[] = [];
  for (let number = 0; number < count; number++) {
    const [sent] = await e.rooms.append(roomId, [message(eve, `eve ${number}`)]);
    if (sent !== undefined) list.push(sent.event);
  }
  return list;
}
/** Nothing of what e.test has to say goes out by itself. */
const keepQuiet = ({ network }: CaseRoom) => network.calm();
const count = ({ db }: CaseRoom['a'], sql: string) =>
  db.prepare<[], { n: number }>(`SELECT count(*) AS n ${sql}`).get()?.n;

describe.each(versions)('a server that, in a room of version %s,', (version) => {
  test('withholds what its event follows: it waits, the room goes on, and all is well once it gives in', async () => {
    const room = await caseRoom(version);
    const { network, roomId, a, b, c, e, ann, bob } = room;
    const events = await told(room, 3);
    keepQuiet(room);
    network.meddle(async ({ to }, go) => {
      if (to === e.name)
        throw new RemoteError(to, 'not from me', { stage: 'reply', status: 403, errcode: 'M_FORBIDDEN' });
      return go();
    });
    expect(await give(a, e, events[2] as RoomEvent)).toEqual(['parked']);
    expect(a.rooms.info(roomId)?.gap).toBe(true);
    await a.send(roomId, ann, 'never mind');
    await b.send(roomId, bob, 'indeed');
    await network.settle();
    for (const server of [b, c]) expectSound(server, roomId);

    network.calm();
    await a.platform.advance(120_000);
    await expect.poll(() => a.rooms.info(roomId)?.gap).toBe(false);
    await everyoneTalks(room);
    expectSame(room, a, b, c, e);
  });

  test('gives to one what it withholds from another: who lacks it gets it there', async () => {
    const room = await caseRoom(version);
    const { network, roomId, a, b, c, e, bob } = room;
    const events = await told(room, 3);
    keepQuiet(room);
    network.meddle(async ({ to, from }, go) => {
      if (to === e.name && from !== b.name)
        throw new RemoteError(to, 'not from me', { stage: 'reply', status: 403, errcode: 'M_FORBIDDEN' });
      return go();
    });
    expect(await give(b, e, ...events)).toEqual(['accepted', 'accepted', 'accepted']);
    await b.send(roomId, bob, 'have you heard?'); // which follows what eve said
    await network.settle();
    expect(await give(a, e, events[2] as RoomEvent)).toEqual(['duplicate']);
    expectSame(room, a, b, c);
    network.calm();
    await everyoneTalks(room);
    expectSame(room, a, b, c, e);
  });

  test('tells all in another order', async () => {
    const room = await caseRoom(version);
    const { a, b, c, e } = room;
    const events = await told(room, 12);
    keepQuiet(room);
    expect(new Set(await give(a, e, ...[...events].reverse()))).toEqual(new Set(['accepted'])); // in one transaction
    for (const event of [...events].reverse()) await give(b, e, event); // one after the other: the first asks for the rest
    await Promise.all([3, 1, 0, 2].map((part) => give(c, e, ...events.slice(part * 3, part * 3 + 3)))); // at once
    expectSame(room, a, b, c, e);
    await everyoneTalks(room);
    expectSame(room, a, b, c, e);
  });

  test('repeats itself', async () => {
    const room = await caseRoom(version);
    const { roomId, a, b, c, e } = room;
    const events = await told(room, 2);
    keepQuiet(room);
    const [first, second] = events as [RoomEvent, RoomEvent];
    expect(await give(a, e, first, first, second, first)).toEqual(['accepted', 'duplicate', 'accepted', 'duplicate']);
    for (let times = 0; times < 5; times++) expect(await give(a, e, ...events)).toEqual(['duplicate', 'duplicate']);
    await Promise.all([1, 2, 3].map(() => give(b, e, ...events)));
    const pdus = events.map(({ pdu }) => ({ ...pdu, unsigned: { age: 1 } }));
    for (const txn of ['x', 'x', 'y']) {
      const body = { origin: e.name, origin_server_ts: 0, pdus };
      const { status } = await c.ask(e.name, 'PUT', `/_matrix/federation/v1/send/${txn}`, body);
      expect(status).toBe(200);
    }
    for (const server of [a, b, c]) {
      expect(
        [...eventsAt(server, roomId).keys()].filter((id) => id === first.eventId || id === second.eventId),
      ).toHaveLength(2);
      expect(
        count(server, `FROM event_edges WHERE event = (SELECT id FROM event_ids WHERE event_id = '${second.eventId}')`),
      ).toBe(1);
    }
    expectSame(room, a, b, c, e);
  });

  test('tells two truths, each to another: both are known in the end, and one stands', async () => {
    const room = await caseRoom(version);
    const { network, roomId, a, b, c, e, eve } = room;
    const [one, other] = [forge(e, roomId, topicBy(eve, 'one truth')), forge(e, roomId, topicBy(eve, 'the other'))];
    expect(await give(a, e, one)).toEqual(['accepted']);
    expect(await give(b, e, other)).toEqual(['accepted']);
    expect([topicAt(a, roomId), topicAt(b, roomId)]).toEqual(['one truth', 'the other']);
    network.meddle(async ({ to }, go) => {
      if (to === e.name) throw new RemoteError(to, 'I said nothing', { stage: 'reply', status: 404 });
      return go();
    });
    await everyoneTalks(room, e.name);
    await everyoneTalks(room, e.name);
    expectSame(room, a, b, c);
    expect(['one truth', 'the other']).toContain(topicAt(a, roomId));
    const known = [...eventsAt(c, roomId).keys()]; // whom it has told nothing
    expect(known).toEqual(expect.arrayContaining([one.eventId, other.eventId]));
  });

  test('lives in the future: the room does not follow it there', async () => {
    const room = await caseRoom(version);
    const { network, roomId, a, b, c, e, ann, bob, eve } = room;
    const far = { depth: greatestDepth, origin_server_ts: greatestDepth };
    const event = forge(e, roomId, topicBy(eve, 'from the future'), far);
    for (const server of [a, b, c, e]) expect(await give(server, e, event)).toEqual(['accepted']);
    const next = await a.send(roomId, ann, 'here and now');
    expect(next.event.depth).toBe(greatestDepth); // no event can be deeper
    expect(next.event.originServerTs).toBeLessThan(2_000_000_000_000);
    await network.settle();
    const calm = await b.setState(roomId, bob, 'm.room.topic', { topic: 'of today' });
    await network.settle();
    for (const server of [a, b, c, e]) expect(topicAt(server, roomId)).toBe('of today');
    for (const server of [a, b, c]) {
      const newest = server.rooms.page(roomId, { from: undefined, towards: 'start', limit: 3 });
      expect(newest.map(({ event: { eventId } }) => eventId)).toEqual([
        calm.event.eventId,
        next.event.eventId,
        event.eventId,
      ]);
    }
    expectSame(room, a, b, c, e);
    // who comes later sees the same
    await e.memberships.leave({ userId: eve, roomId });
    await network.settle();
    await e.memberships.join({ userId: eve, room: roomId, via: [a.name] });
    await network.settle();
    expectSame(room, a, b, c);
  });
});

/** Servers choose IDs there: nothing tells which of the two is meant, and each server stays with what it has heard first. */
test.each(['1', '2'])('two events of one ID, as room version %s lets one make', async (version) => {
  const room = await caseRoom(version);
  const { network, roomId, a, b, c, e, ann, bob, eve } = room;
  const one = forge(e, roomId, topicBy(eve, 'one truth'));
  const other = forge(e, roomId, topicBy(eve, 'the other'), { event_id: one.eventId as EventId });
  expect(await give(a, e, one)).toEqual(['accepted']);
  expect(await give(b, e, other)).toEqual(['accepted']);
  expect(await give(a, e, other)).toEqual(['duplicate']);
  await everyoneTalks(room, e.name);
  expect([topicAt(a, roomId), topicAt(b, roomId)]).toEqual(['one truth', 'the other']);
  for (const server of [a, b, c]) expectSound(server, roomId);
  // a new topic ends it
  await a.setState(roomId, ann, 'm.room.topic', { topic: 'of the house' });
  await network.settle();
  await b.send(roomId, bob, 'fine');
  await network.settle();
  expectSame(room, a, b, c);
});
