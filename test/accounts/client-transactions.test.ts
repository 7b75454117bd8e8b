import { expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';

/** As if the process ended, or the disk were full, between what is done and what is noted of it. */
const failing = `
  CREATE TRIGGER full BEFORE INSERT ON client_transactions BEGIN SELECT RAISE(FAIL, 'the disk is full'); END`;

test('an event and its transaction ID are on disk together: a repetition sends it once, whenever the server fell', async () => {
  const server = await clientServer();
  const { db } = server;
  const alice = await server.signIn('alice');
  const roomId = await alice.createRoom();
  const count = (sql: string) => db.prepare<[], { n: number }>(`SELECT count(*) AS n FROM ${sql}`).get()?.n;
  const events = count('events') ?? 0;
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`;
  const message = { msgtype: 'm.text', body: 'once' };

  db.exec(failing);
  expect((await alice.ask('PUT', `${path}/send/m.room.message/1`, message)).status).toBe(500);
  expect(count('events')).toBe(events);
  db.exec('DROP TRIGGER full');

  let known: unknown;
  const off = server.server.rooms.changes.on(() => {
    known = count('client_transactions'); // whoever hears of it, hears of a thing that cannot be sent again
  });
  const first = await alice.send(roomId, 'once', '1');
  off();
  expect(known).toBe(1);
  expect(await alice.send(roomId, 'once', '1')).toBe(first);
  const redact = () => alice.get('PUT', `${path}/redact/${encodeURIComponent(first)}/2`, {});
  expect(await redact()).toEqual(await redact());
  expect(count('events')).toBe(events + 2);
});

test('so it is with messages to devices, here and elsewhere', async () => {
  const server = await clientServer();
  const alice = await server.signIn('alice', 'PHONE');
  const since = (await alice.sync()).next_batch;
  const messages = { [alice.userId]: { PHONE: { n: 1 } }, '@bob:other.test': { '*': { n: 1 } } };
  const send = () => alice.ask('PUT', '/sendToDevice/m.test/1', { messages });
  server.db.exec(failing);
  expect((await send()).status).toBe(500);
  expect((await alice.sync(since)).to_device).toBeUndefined();
  server.db.exec('DROP TRIGGER full');
  for (let times = 0; times < 2; times++) expect((await send()).status).toBe(200);
  expect((await alice.sync(since)).to_device.events).toHaveLength(1);
});
