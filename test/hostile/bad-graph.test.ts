import type { ServerResponse } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { writeJson } from '../../main/protocol/canonical-json.ts';
import { cosignEvent } from '../../main/protocol/event-signing.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventId } from '../../shared/ids.ts';
import { aside, type BadPdu, testBadPdus } from '../support/bad-pdus.ts';
import { type JoinedRoom, type Scene, setScene } from '../support/hostile-scene.ts';
import { until } from '../support/matrix-client.ts';
import { startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
beforeAll(async () => {
  scene = await setScene();
});

const unknown = '$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA' as EventId;
const parkedForPrevs = { outcome: 'parked', step: 'stateBefore' } as const;

const missing: readonly BadPdu[] = [
  {
    what: 'a prev event that nobody has',
    make: (room) => aside(room, {}, { prev_events: room.cite(unknown) }),
    ...parkedForPrevs,
  },
  {
    what: 'a prev event that nobody has beside a known one',
    make: (room) => aside(room, {}, { prev_events: room.cite(room.tip(), unknown) }),
    ...parkedForPrevs,
  },
  {
    what: 'a prev event of another room',
    make: async (room) => {
      const other = await scene.room(room.rules.version);
      return aside(room, {}, { prev_events: other.cite(other.tip()) });
    },
    ...parkedForPrevs,
  },
  {
    what: 'an auth event that nobody has',
    make: (room) => aside(room, {}, { auth_events: room.cite(...room.auth().slice(0, -1), unknown) }),
    outcome: 'parked',
    step: 'authEvents',
  },
];

describe('what is cited and not there', () => {
  testBadPdus(() => scene, missing);

  test('is told by the inspector and seen in the room as a gap', async () => {
    const room = await scene.room('12');
    const { flow } = await scene.deliver([aside(room, {}, { prev_events: room.cite(unknown) })]);
    expect(flow.pdus).toMatchObject([{ outcome: 'parked', missing: [unknown] }]);
    expect(flow.related.map(({ endpoint }) => endpoint)).toContain('get_missing_events');
    const rooms = await scene.console.call('rooms.list');
    expect(rooms.find(({ roomId }) => roomId === room.roomId)?.state).toBe('gap');
    await room.expectOnly([]);
  });
});

/** Only where servers choose IDs can events go round in circles. */
describe.each(['1', '2'])('circles in room version %s', (version) => {
  const named = (name: string) => `$${name}:${scene.peer.serverName}` as EventId;

  test.each(['prev_events', 'auth_events'])('of %s are never judged', async (key) => {
    const room = await scene.room(version);
    const circle = ['a', 'b', 'c'].map((name, index, all) => {
      const next = named(`${name === 'c' ? all[0] : all[index + 1]}-${key}`);
      const cited = key === 'auth_events' ? room.cite(...room.auth(), next) : room.cite(next);
      return aside(room, {}, { event_id: named(`${name}-${key}`), [key]: cited });
    });
    const { status, results, flow } = await scene.deliver(circle);
    expect(flow.pdus.map(({ outcome }) => outcome)).toEqual(['parked', 'parked', 'parked']);
    expect([status, Object.values(results)]).toEqual([200, [{}, {}, {}]]);
    await room.expectOnly([]);
  });

  test('are not walked round and round', async () => {
    const room = await scene.room(version);
    const [first, second] = [named('first'), named('second')];
    const event = (event_id: EventId, prev: EventId) => aside(room, {}, { event_id, prev_events: room.cite(prev) });
    const circle = [event(first, second), event(second, first)];
    let asked = 0;
    answering('get_missing_events', room, (response) => {
      asked++;
      reply(response, 200, writeJson({ events: circle }));
    });
    const { flow } = await scene.deliver([event(named('third'), first)]);
    expect(flow.pdus).toMatchObject([{ outcome: 'parked' }]);
    expect(asked).toBeLessThan(5);
    await room.expectOnly([]);
  });
});

const reply = (response: ServerResponse, status: number, body: string) =>
  response.writeHead(status, { 'content-type': 'application/json' }).end(body);

/** The peer answers so about this room, and knows nothing of others. */
const answering = (
  api: string,
  room: JoinedRoom,
  how: (response: ServerResponse, body: JsonObject, url: string) => unknown,
) =>
  scene.peer.answer(api, ({ url, body }, response) => {
    if (url.includes(encodeURIComponent(room.roomId)) || api === 'event') how(response, body, url);
    else reply(response, 404, '{"errcode":"M_NOT_FOUND"}');
  });

const answers: readonly { what: string; give: (response: ServerResponse, room: JoinedRoom) => unknown }[] = [
  { what: 'no JSON', give: (response) => reply(response, 200, '<html>') },
  { what: 'JSON that is no object', give: (response) => reply(response, 200, '[[[]]]') },
  { what: 'no list of events', give: (response) => reply(response, 200, '{"events":{"length":1e9}}') },
  { what: 'no events in the list', give: (response) => reply(response, 200, '{"events":[null,7,"x",[],{}]}') },
  { what: 'an error', give: (response) => reply(response, 500, '{"errcode":"M_UNKNOWN"}') },
  { what: 'a redirect', give: (response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end() },
  { what: 'a status that there is not', give: (response) => response.writeHead(799).end('{}') },
  { what: 'JSON 1,000 levels deep', give: (response) => reply(response, 200, '['.repeat(1000) + ']'.repeat(1000)) },
  { what: 'a reset', give: (response) => response.socket?.destroy() },
  {
    what: 'less than it announces',
    give: (response) => {
      response.writeHead(200, { 'content-length': '1000' }).write('{"events":[');
      response.socket?.end();
    },
  },
  {
    what: 'more than anybody can take',
    give: (response) => {
      const megabyte = ' '.repeat(1_000_000);
      const pour = () => {
        while (!response.destroyed && response.write(megabyte));
        if (!response.destroyed) response.once('drain', pour);
      };
      pour();
    },
  },
  {
    what: 'events of another room',
    give: (response) => {
      const other = scene.peer.createRoom('11');
      reply(response, 200, writeJson({ events: [other.message('other'), other.message('another')] }));
    },
  },
  {
    what: 'events that were not signed',
    give: (response, room) => reply(response, 200, writeJson({ events: [{ ...aside(room), signatures: {} }] })),
  },
];

describe.each(answers)('a peer that gives $what for missing events', ({ give }) => {
  test('gets its event parked', async () => {
    const room = await scene.room('11');
    answering('get_missing_events', room, (response) => give(response, room));
    const { results, flow } = await scene.deliver([aside(room, {}, { prev_events: room.cite(unknown) })]);
    expect(flow.pdus).toMatchObject([{ ...parkedForPrevs, missing: [unknown] }]);
    expect(Object.values(results)).toEqual([{}]);
    await room.expectOnly([]);
  });
});

test('history without end is walked back for a thousand events and no further', async () => {
  const room = await scene.room('1');
  const named = (index: number) => `$endless${index}:${scene.peer.serverName}` as EventId;
  const event = (index: number) =>
    aside(room, {}, { event_id: named(index), prev_events: room.cite(named(index + 1)) });
  let made = 0;
  answering('get_missing_events', room, (response) => {
    const events = Array.from({ length: 100 }, () => event(++made));
    reply(response, 200, writeJson({ events }));
  });
  const { flow } = await scene.deliver([event(0)]);
  expect(flow.pdus).toMatchObject([{ outcome: 'parked' }]);
  expect(made).toBeGreaterThan(500);
  expect(made).toBeLessThanOrEqual(1_100);
  await room.expectOnly([]);
});

/** Another server whose user is in the room, and what they say there next. */
async function neighbour(room: JoinedRoom) {
  const peer = await startRawPeer(scene.peer.ca);
  const signed = (type: string, content: JsonObject, fields: JsonObject = {}) => {
    const pdu = room.event(type, content, { ...fields, sender: peer.userId });
    return cosignEvent(pdu, room.rules, peer.serverName, peer.key);
  };
  const join = signed('m.room.member', { membership: 'join' }, { state_key: peer.userId });
  expect((await scene.deliver([join])).flow.pdus).toMatchObject([{ outcome: 'accepted' }]);
  await room.mark();
  return {
    /** It gets in at once. */
    async says(body: string) {
      const pdu = signed('m.room.message', { msgtype: 'm.text', body });
      const started = Date.now();
      expect(await peer.send(scene.hearth.serverName, [pdu])).toEqual({
        status: 200,
        body: { pdus: { [room.idOf(pdu)]: {} } },
      });
      expect(await scene.owner.bodies(room.roomId)).toContain(body);
      expect(Date.now() - started).toBeLessThan(10_000);
    },
  };
}

test('a chain of auth events without end holds up nobody else, and no more of it is kept than fits', async () => {
  const [room, other] = [await scene.room('1'), await scene.room('1')];
  const another = await neighbour(room);
  const named = (index: number) => `$endless-auth${index}:${scene.peer.serverName}` as EventId;
  const large = { membership: 'join', displayname: 'x'.repeat(60_000) };
  const event = (index: number) => {
    const auth_events = room.cite(...room.auth(), named(index + 1));
    const fields = { event_id: named(index), state_key: scene.peer.userId, auth_events };
    return room.event('m.room.member', large, fields, { aside: true });
  };
  let asked = 0;
  answering('event', room, (response, _body, url) => {
    asked++;
    const index = Number(/endless-auth(\d+)/.exec(decodeURIComponent(url))?.[1]);
    reply(response, 200, writeJson({ pdus: [event(index)] }));
  });
  const before = scene.residentMegabytes();
  const sent = scene.deliver([event(0)]);
  await until(
    async () => asked,
    (count) => count > 10,
    { what: 'it asks for the chain' },
  );
  await another.says('meanwhile');
  await other.expectOnly([]);
  expect((await sent).flow.pdus).toMatchObject([{ outcome: 'parked' }]);
  const end = await until(
    async () => [asked, await setTimeout(2000, asked)] as const,
    ([then]) => asked === then,
    {
      what: 'it gives up',
      timeoutMs: 90_000,
    },
  );
  expect(end[0]).toBeLessThan(2000);
  expect(scene.residentMegabytes() - before).toBeLessThan(300);
}, 180_000);

test('a peer that never answers holds up its reply for 20 seconds, and nobody else', async () => {
  const [room, other] = [await scene.room('12'), await scene.room('12')];
  const another = await neighbour(room);
  for (const api of ['get_missing_events', 'backfill', 'state_ids', 'event']) answering(api, room, () => {});
  const started = Date.now();
  const sent = Array.from({ length: 5 }, () => scene.deliver([aside(room, {}, { prev_events: room.cite(unknown) })]));
  await another.says('meanwhile');
  await other.expectOnly([]);
  for (const { flow } of await Promise.all(sent)) expect(flow.pdus).toMatchObject([{ outcome: 'parked' }]);
  expect(Date.now() - started).toBeLessThan(30_000);
  await another.says('afterwards');
}, 90_000);
