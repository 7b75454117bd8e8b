import { expect, test } from 'vitest';
import { outboxTable } from '../../main/db/outbox.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { isObject, type JsonObject, parseJson } from '../../main/protocol/json.ts';
import { createSender, type Sender } from '../../main/sending/sender.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { type FakePage, fakeNet, json, netError } from '../support/fake-net.ts';
import { clientOver, us } from '../support/federation-client.ts';
import { memoryLog } from '../support/memory-log.ts';

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const [a, b, c] = ['a.test:1', 'b.test:1', 'c.test:1'] as [ServerName, ServerName, ServerName];
const room = '!r:us.test' as RoomId;

interface Sent {
  readonly to: string;
  readonly txnId: string;
  readonly at: number;
  readonly body: JsonObject;
}

/** us.test with its sender, and three servers that take transactions as told. */
async function start() {
  const sent: Sent[] = [];
  /** What each server answers, in turn; after that, 200. */
  const answers = new Map<string, FakePage[]>();
  const net = fakeNet({ hosts: { 'a.test': ['1.1.1.1'], 'b.test': ['1.1.1.2'], 'c.test': ['1.1.1.3'] } });
  const world = await clientOver(net);
  const { platform, db, peers, remote, client } = world;
  for (const name of [a, b, c]) {
    net.web[`https://${name}/_matrix/federation/v1/send/*`] = (request) => {
      const { value } = parseJson(request.body ?? new Uint8Array());
      const txnId = request.path.split('/').at(-1) ?? '';
      sent.push({ to: name, txnId, at: platform.clock.now(), body: isObject(value) ? value : {} });
      return answers.get(name)?.shift()?.(request) ?? json({ pdus: {} });
    };
    net.web[`https://${name}/_matrix/federation/v1/version`] = () =>
      json({ server: { name: 'Synapse', version: '1' } });
  }
  const table = outboxTable(db);
  const { log, lines } = memoryLog();
  const gone = new Set<string>();
  const left = new Set<string>();
  let sharing: ServerName[] = [];
  const make = (): Sender =>
    createSender({
      us,
      db,
      table,
      remote,
      peers,
      platform,
      log,
      mayFederate: (server) => server !== 'no.test',
      pduOf: (eventId) => (gone.has(eventId) ? undefined : { event_id: eventId }),
      isInRoom: (server, roomId) => !left.has(`${server} ${roomId}`),
      sharingServers: () => sharing,
    });
  const sender = make();
  let events = 0;
  const enqueue = (to: readonly ServerName[], roomId = room, by = sender): EventId => {
    const eventId = `$${++events}` as EventId;
    db.transaction(() => by.enqueue({ eventId, roomId, type: 'm.room.message' } as RoomEvent, to));
    by.wake(to);
    return eventId;
  };
  return {
    ...world,
    net,
    sent,
    sender,
    make,
    table,
    log,
    lines,
    gone,
    left,
    client,
    enqueue,
    answer: (server: string, ...pages: FakePage[]) => void answers.set(server, pages),
    share: (...servers: ServerName[]) => {
      sharing = servers;
    },
    advance: async (ms: number) => {
      await settled();
      await platform.advance(ms);
      await settled();
    },
  };
}

/** Until all that can happen without the clock has happened. */
async function settled() {
  for (let i = 0; i < 200; i++) await new Promise(setImmediate);
}

const ids = ({ body }: Sent) => (body['pdus'] as readonly JsonObject[]).map((pdu) => pdu['event_id']);
const edusOf = ({ body }: Sent) => body['edus'] as readonly JsonObject[];
const down: FakePage = () => {
  throw netError('connect', 'ECONNREFUSED');
};
const hang: FakePage = () => new Promise(() => undefined);
const refusal =
  (status: number, errcode: string): FakePage =>
  () =>
    json({ errcode, error: 'no' }, {}, status);

test('an event goes to each of its destinations, once', async () => {
  const { sent, enqueue, table, advance, sender } = await start();
  const event = enqueue([a, b, us, a, 'no.test' as ServerName]);
  await settled();
  expect(sent.map(({ to }) => to)).toEqual([a, b]);
  for (const one of sent) {
    expect(ids(one)).toEqual([event]);
    expect(one.body).toMatchObject({ origin: us, origin_server_ts: 1_700_000_000_000, edus: [] });
  }
  expect(new Set(sent.map(({ txnId }) => txnId)).size).toBe(2);
  await advance(second);
  expect(table.destinations()).toEqual([]);
  expect(sender.counts()).toEqual(new Map());
});

test('what is enqueued in a transaction that fails is never sent', async () => {
  const { db, sender, sent } = await start();
  const event = { eventId: '$x' as EventId, roomId: room, type: 'm.x' } as RoomEvent;
  expect(() =>
    db.transaction(() => {
      sender.enqueue(event, [a]);
      sender.wake([a]);
      throw new Error('no');
    }),
  ).toThrow('no');
  await settled();
  expect(sent).toEqual([]);
});

test('fifty PDUs at a time, in order, one transaction in flight', async () => {
  const { sent, enqueue, answer } = await start();
  let release: () => void = () => undefined;
  answer(a, () => new Promise((resolve) => (release = () => resolve(json({})))));
  const events = Array.from({ length: 121 }, () => enqueue([a]));
  await settled();
  expect(sent.map(ids)).toEqual([events.slice(0, 50)]);
  release();
  await settled();
  expect(sent.map(ids)).toEqual([events.slice(0, 50), events.slice(50, 100), events.slice(100)]);
});

test('a hundred EDUs at a time; those that must arrive go first', async () => {
  const { sent, sender, db, answer } = await start();
  let release: () => void = () => undefined;
  answer(a, () => new Promise((resolve) => (release = () => resolve(json({})))));
  sender.enqueueEdu({ edu_type: 'm.typing', n: 0 }, [a], false);
  await settled();
  db.transaction(() => {
    for (let n = 0; n < 99; n++) sender.enqueueEdu({ edu_type: 'm.direct_to_device', n }, [a], true);
  });
  for (let n = 1; n <= 3; n++) sender.enqueueEdu({ edu_type: 'm.typing', n }, [a], false);
  sender.wake([a]);
  release();
  await settled();
  expect(sent.map((one) => edusOf(one).length)).toEqual([1, 100, 2]);
  expect(sent[1] && edusOf(sent[1])[0]).toEqual({ edu_type: 'm.direct_to_device', n: 0 });
  expect(sent[2] && edusOf(sent[2])).toEqual([
    { edu_type: 'm.typing', n: 2 },
    { edu_type: 'm.typing', n: 3 },
  ]);
});

test('a transaction that failed goes out again as it was, later and later', async () => {
  const { sent, enqueue, answer, advance, flows } = await start();
  answer(
    a,
    down,
    () => json('<html>', {}, 502),
    () => json({}),
  );
  const first = enqueue([a]);
  await settled();
  const later = enqueue([a]);
  await settled();
  expect(sent).toHaveLength(1);
  await advance(3700);
  expect(sent).toHaveLength(1);
  await advance(1300);
  expect(sent).toHaveLength(2);
  await advance(10 * second);
  expect(sent.map(ids)).toEqual([[first], [first], [first], [later]]);
  const [one, two, three, four] = sent;
  expect([two?.txnId, three?.txnId]).toEqual([one?.txnId, one?.txnId]);
  expect([two?.body, three?.body]).toEqual([one?.body, one?.body]);
  expect(four?.txnId).not.toBe(one?.txnId);
  const attempts = flows.filter(({ opening }) => opening.endpoint === 'send').map(({ opening }) => opening.attempt);
  expect(attempts).toEqual([1, 2, 3, 1]);
});

test('one destination that fails holds up no other', async () => {
  const { sent, enqueue, answer } = await start();
  answer(a, hang);
  enqueue([a, b]);
  await settled();
  enqueue([a, b]);
  await settled();
  expect(sent.map(({ to }) => to)).toEqual([a, b, b]);
});

test('a restart in the middle keeps ID and content, whatever came since', async () => {
  const { sent, enqueue, answer, sender, make, advance, table, gone } = await start();
  answer(a, hang);
  const first = enqueue([a]);
  await settled();
  const next = enqueue([a]);
  await sender.close();
  expect(table.tried(a)).toMatchObject({ txnId: sent[0]?.txnId });
  gone.add(first); // redacted in between: what was tried stays as it was
  const again = make();
  again.start();
  await settled();
  expect(sent.map(ids)).toEqual([[first], [first], [next]]);
  expect(sent[1]).toMatchObject({ txnId: sent[0]?.txnId, body: sent[0]?.body });
  await advance(second);
  expect(table.destinations()).toEqual([]);
  await again.close();
});

test('IDs never come again after a restart', async () => {
  const { sent, enqueue, sender, make, platform } = await start();
  enqueue([a]);
  await settled();
  await sender.close();
  const again = make();
  enqueue([a], room, again);
  await settled();
  expect(sent).toHaveLength(2);
  expect(sent[0]?.txnId).not.toBe(sent[1]?.txnId);
  expect(platform.clock.now()).toBe(sent[1]?.at);
});

test('close ends at once what is in flight', async () => {
  const { enqueue, answer, sender, sent } = await start();
  answer(a, hang);
  enqueue([a]);
  await settled();
  await sender.close();
  enqueue([b]);
  await settled();
  expect(sent).toHaveLength(1);
});

test('429 is waited for as long as it says', async () => {
  const { sent, enqueue, answer, advance, peers } = await start();
  answer(a, () => json({ errcode: 'M_LIMIT_EXCEEDED' }, { 'retry-after': '90' }, 429));
  enqueue([a]);
  await advance(89 * second);
  expect(sent).toHaveLength(1);
  expect(peers.contact(a).failures).toBe(0);
  await advance(second);
  expect(sent).toHaveLength(2);
});

test('a request of theirs ends the wait; a refusal of theirs does not let them hurry us', async () => {
  const { sent, enqueue, answer, peers } = await start();
  answer(a, down);
  answer(b, refusal(400, 'M_BAD_JSON'));
  enqueue([a, b]);
  await settled();
  peers.heardFrom(a);
  peers.heardFrom(b);
  await settled();
  expect(sent.map(({ to }) => to)).toEqual([a, b, a]);
});

test('a transaction that is refused for a day is given up for another', async () => {
  const { sent, enqueue, answer, advance, lines } = await start();
  const refuse: FakePage = (request) =>
    ids(sent.at(-1) ?? expect.fail()).includes('$1') ? refusal(400, 'M_BAD_JSON')(request) : json({});
  answer(a, ...Array.from({ length: 100 }, () => refuse));
  enqueue([a]);
  await advance(hour);
  const later = enqueue([a]);
  await advance(day);
  await advance(day);
  await advance(day);
  expect(lines.join('')).toContain('refused for a day');
  expect(ids(sent.at(-1) ?? expect.fail())).toEqual([later]);
  expect(sent.length).toBeLessThan(60);
});

test('404 of a proxy is tried again, and not in a circle', async () => {
  const { sent, enqueue, answer, advance } = await start();
  answer(a, ...Array.from({ length: 3 }, () => () => json('<html>', {}, 404)));
  enqueue([a]);
  await settled();
  expect(sent).toHaveLength(1);
  for (let i = 0; i < 40; i++) await advance(second);
  expect(sent).toHaveLength(4);
});

test('a backlog of more than a thousand is the newest event of each room that they are still in', async () => {
  const { sent, enqueue, answer, advance, left, lines, sender } = await start();
  answer(a, down);
  const tried = enqueue([a]);
  await settled();
  const [one, two, three] = ['!1:us.test', '!2:us.test', '!3:us.test'] as [RoomId, RoomId, RoomId];
  let [lastOne, lastTwo]: EventId[] = [];
  for (let i = 0; i < 500; i++) {
    lastOne = enqueue([a], one);
    lastTwo = enqueue([a], two);
  }
  enqueue([a], three);
  left.add(`${a} ${three}`);
  expect(sender.counts().get(a)).toEqual({ pdus: 1002, edus: 0 });
  await advance(5 * second);
  const latest = enqueue([a], one);
  await settled();
  expect(sent.map(ids)).toEqual([[tried], [tried], [lastOne, lastTwo], [latest]]);
  expect(lines.join('')).toContain('a backlog was too long');
});

test('a backlog of up to a thousand is sent whole', async () => {
  const { sent, enqueue, answer, advance } = await start();
  answer(a, down);
  const events = Array.from({ length: 1001 }, () => enqueue([a]));
  await advance(5 * second);
  expect(sent.slice(1).flatMap(ids)).toEqual(events);
});

test('what has waited for more than a day is caught up with, to-device messages are all there', async () => {
  const { sent, enqueue, sender, db, answer, advance, peers } = await start();
  answer(a, ...Array.from({ length: 100 }, () => down));
  enqueue([a]);
  await settled();
  enqueue([a]);
  const newest = enqueue([a]);
  db.transaction(() => sender.enqueueEdu({ edu_type: 'm.direct_to_device' }, [a], true));
  await advance(30 * hour);
  answer(a);
  peers.heardFrom(a);
  await settled();
  expect(sent.slice(-2).map(ids)).toEqual([['$1'], [newest]]);
  expect(edusOf(sent.at(-1) ?? expect.fail())).toEqual([{ edu_type: 'm.direct_to_device' }]);
});

test('typing to a server that is down is dropped', async () => {
  const { sent, sender, enqueue, answer, peers } = await start();
  answer(a, down);
  enqueue([a]);
  await settled();
  sender.enqueueEdu({ edu_type: 'm.typing' }, [a, b], false);
  await settled();
  peers.heardFrom(a);
  await settled();
  expect(sent.map((one) => [one.to, edusOf(one).length])).toEqual([
    [a, 0],
    [b, 1],
    [a, 0],
  ]);
});

test('events that are no longer there are passed over', async () => {
  const { sent, enqueue, gone, table, advance } = await start();
  gone.add('$1').add('$2');
  for (let i = 0; i < 2; i++) enqueue([a]);
  await settled();
  const third = enqueue([a]);
  await advance(second);
  expect(sent.map(ids)).toEqual([[third]]);
  expect(table.destinations()).toEqual([]);
});

test('wake-up: every server of our rooms hears from us, down or not, with what waits or with nothing', async () => {
  const { sent, sender, share, enqueue, answer, peers, advance, platform } = await start();
  share(a, b, c, us, 'no.test' as ServerName);
  peers.heardFrom(b);
  await platform.advance(minute);
  peers.heardFrom(c);
  answer(a, down);
  answer(b, down);
  enqueue([b]);
  await settled();
  peers.failed(a, 'down');
  expect(peers.waitUntil(a)).toBeDefined();
  const waking = sender.wakeUp();
  await advance(minute);
  await waking;
  const woken = sent.slice(1);
  expect(woken.map(({ to }) => to).sort()).toEqual([a, b, c]);
  expect(woken.find(({ to }) => to === b)?.txnId).toBe(sent[0]?.txnId);
  expect(woken.find(({ to }) => to === c)?.body).toMatchObject({ origin: us, pdus: [], edus: [] });
});

test('wake-up begins with those that we met last, a few at a time', async () => {
  const { sender, share, peers, net, sent, platform, answer } = await start();
  const servers = Array.from({ length: 20 }, (_, i) => `p${i}.test:1` as ServerName);
  share(...servers);
  for (const server of servers) {
    peers.heardFrom(server);
    await platform.advance(1);
    net.hosts[server.slice(0, -2)] = ['1.1.1.1'];
    net.web[`https://${server}/_matrix/federation/v1/send/*`] = hang;
  }
  answer(a);
  const waking = sender.wakeUp();
  await settled();
  await platform.advance(500);
  await settled();
  const asked = () => net.requests.map(({ hostHeader }) => hostHeader);
  expect(asked().sort()).toEqual(servers.slice(12).sort());
  await sender.close();
  await waking;
  expect(sent).toEqual([]);
  expect(asked()).toHaveLength(8);
});

test('a person tries at once: with what waits, or with nothing', async () => {
  const { sent, sender, enqueue, answer } = await start();
  answer(a, down);
  enqueue([a]);
  await settled();
  sender.retryNow(a);
  sender.retryNow(b);
  await settled();
  expect(sent.map(({ to }) => to).sort()).toEqual([a, a, b].sort());
  expect(sent.find(({ to }) => to === b)?.body).toMatchObject({ pdus: [], edus: [] });
});

test('the console sees what waits', async () => {
  const { sender, enqueue, db, answer, platform } = await start();
  answer(a, hang);
  enqueue([a, b]);
  db.transaction(() => sender.enqueueEdu({ edu_type: 'm.direct_to_device' }, [a], true));
  const queuedTs = platform.clock.now();
  expect(sender.queue(a)).toEqual([
    { kind: 'pdu', what: 'm.room.message', roomId: room, queuedTs },
    { kind: 'edu', what: 'm.direct_to_device', roomId: undefined, queuedTs },
  ]);
  expect(sender.counts()).toEqual(
    new Map([
      [a, { pdus: 1, edus: 1 }],
      [b, { pdus: 1, edus: 0 }],
    ]),
  );
});

test('what a server runs is asked after it took something, once a day', async () => {
  const { enqueue, peers, net, advance } = await start();
  enqueue([a]);
  await advance(second);
  enqueue([a]);
  await settled();
  expect(peers.contact(a).software).toBe('Synapse 1');
  expect(net.asked.filter((one) => one.endsWith('/version'))).toHaveLength(1);
});

test('an error of the database stops nothing for good', async () => {
  const { enqueue, db, sent, advance, table, lines } = await start();
  const { begin } = table;
  let broken = true;
  Object.assign(table, {
    begin: (...args: Parameters<typeof begin>) => {
      if (broken) throw new Error('database or disk is full');
      begin(...args);
    },
  });
  enqueue([a]);
  await settled();
  expect(sent).toEqual([]);
  expect(lines.join('')).toContain('disk is full');
  broken = false;
  await advance(10 * second);
  expect(sent).toHaveLength(1);
  expect(db).toBeDefined();
});

test('nothing happens by itself when nothing waits', async () => {
  const { enqueue, advance, db, platform, peers } = await start();
  enqueue([a]);
  await advance(2 * minute); // struck out, and the peer written down
  let turns = 0;
  const { transaction } = db;
  Object.assign(db, {
    transaction: (work: () => unknown) => {
      turns++;
      return transaction(work);
    },
  });
  await advance(day);
  expect(turns).toBe(0);
  expect(peers.contact(a).status).toBe('ok');
  expect(platform.clock.now()).toBeGreaterThan(day);
});
