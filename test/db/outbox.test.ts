import { expect, test } from 'vitest';
import { outboxTable } from '../../main/db/outbox.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { tempDb } from '../support/temp-db.ts';

const [a, b] = ['a.test', 'b.test'] as [ServerName, ServerName];
const most = { pdus: 50, edus: 100 };

async function start() {
  const db = await tempDb();
  const table = outboxTable(db);
  const pdu = (n: number, to: readonly ServerName[], room = '!r:a.test', now = n) =>
    table.addPdu({ eventId: `$${n}` as EventId, roomId: room as RoomId, type: 'm.x' }, to, now);
  const begin = (server: ServerName, txnId: string) => {
    const { pdus, edus, catchUp } = table.waiting(server, most);
    const takes = {
      lastPdu: pdus.at(-1)?.seq ?? 0,
      lastEdu: edus.at(-1)?.seq ?? 0,
      catchUp: catchUp.map((one) => one.eventId),
    };
    table.begin(server, txnId, { txnId }, takes, 1);
  };
  const waiting = (server: ServerName) => {
    const { pdus, catchUp } = table.waiting(server, most);
    return [...catchUp, ...pdus].map(({ eventId }) => eventId);
  };
  const items = db.prepare<[], { n: number }>('SELECT count(*) AS n FROM outbox_items');
  return { table, pdu, begin, waiting, items: () => items.get()?.n };
}

test('what was begun is taken, what came since stays', async () => {
  const { table, pdu, begin, waiting } = await start();
  pdu(1, [a, b]);
  table.addEdu({ edu_type: 'm.direct_to_device', x: 1 }, [a], 1);
  begin(a, 't1');
  pdu(2, [a]);
  expect(table.hasMore(a)).toBe(true);
  expect(table.tried(a)).toMatchObject({ txnId: 't1', body: { txnId: 't1' }, attempts: 0 });
  table.countAttempt(a);
  expect(table.tried(a)?.attempts).toBe(1);
  expect(table.done(a)).toBe(true);
  expect([waiting(a), waiting(b)]).toEqual([['$2'], ['$1']]);
  expect(table.tried(a)).toBeUndefined();
  begin(a, 't2');
  expect(table.hasMore(a)).toBe(false);
  expect(table.done(a)).toBe(false);
  expect(table.hasAny(a)).toBe(false);
  expect(table.destinations()).toEqual([b]);
});

test('things are kept as long as anybody waits for them', async () => {
  const { table, pdu, begin, items } = await start();
  pdu(1, [a, b]);
  begin(a, 't');
  table.done(a);
  table.sweep();
  expect(items()).toBe(1);
  begin(b, 't');
  table.done(b);
  table.sweep();
  expect(items()).toBe(0);
});

test('a backlog is condensed to the newest of each room; what is being tried stays', async () => {
  const { table, pdu, begin, waiting } = await start();
  pdu(1, [a]);
  begin(a, 't');
  for (let n = 2; n <= 9; n++) pdu(n, [a, b], `!${n % 2}:a.test`);
  const limits = { pdus: 5, edus: 5, since: 0 };
  expect(table.condense(a, limits)).toBe(false); // it has not failed
  table.countAttempt(a);
  expect(table.condense(a, limits)).toBe(true);
  pdu(10, [a], '!1:a.test');
  expect(table.condense(a, limits)).toBe(false);
  expect(table.done(a)).toBe(true);
  expect(waiting(a)).toEqual(['$8', '$9', '$10']);
  expect(waiting(b)).toHaveLength(8);
  expect(table.condense(b, { ...limits, since: 3 })).toBe(true); // the oldest is older
  expect(waiting(b)).toEqual(['$8', '$9']);
});

test('a newer event of a room replaces the one to catch up with, also while that is on its way', async () => {
  const { table, pdu, begin, waiting } = await start();
  pdu(1, [a]);
  expect(table.condense(a, { pdus: 5, edus: 5, since: 5 })).toBe(true);
  begin(a, 't');
  pdu(2, [a]);
  expect(table.condense(a, { pdus: 5, edus: 5, since: 5 })).toBe(true);
  expect(table.hasMore(a)).toBe(true);
  expect(table.done(a)).toBe(true);
  expect(waiting(a)).toEqual(['$2']);
});

test('of EDUs the newest are kept', async () => {
  const { table } = await start();
  for (let n = 0; n < 10; n++) table.addEdu({ edu_type: 'm.x', n }, [a], n);
  table.condense(a, { pdus: 5, edus: 3, since: 0 });
  expect(table.waiting(a, most).edus.map(({ edu }) => edu['n'])).toEqual([7, 8, 9]);
});

test('EDUs come out as they went in, with numbers as they were written', async () => {
  const { table } = await start();
  table.addEdu({ edu_type: 'm.x', content: { __proto__: null, a: [1, 'ü😀', null] } }, [a], 1);
  expect(table.waiting(a, most).edus).toMatchObject([{ edu: { edu_type: 'm.x', content: { a: [1, 'ü😀', null] } } }]);
  expect(table.items(a, 5)).toEqual([{ kind: 'edu', what: 'm.x', roomId: undefined, queuedTs: 1 }]);
});
