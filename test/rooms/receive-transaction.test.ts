import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openDb } from '../../main/db/db.ts';
import type { EduDrop } from '../../main/db/observations.ts';
import { schema, transactionsTable } from '../../main/db/transactions.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { roomVersions } from '../../main/protocol/room-versions.ts';
import { type IncomingEdu, transactionReceiver } from '../../main/rooms/receive-transaction.ts';
import type { IncomingPdu, RoomInfo } from '../../main/rooms/rooms.ts';
import type { PduOutcome } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { memoryLog } from '../support/memory-log.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { tempFolder } from '../support/temp-folder.ts';

const b = 'b.test' as ServerName;
const c = 'c.test' as ServerName;
const ours = '!ours:a.test' as RoomId;
const closed = '!closed:a.test' as RoomId; // its ACL denies b.test

const outcomeOf = (pdu: JsonValue): PduOutcome => {
  const { event_id: eventId, fate = 'accepted', reason } = pdu as Record<string, string>;
  const none = { roomId: undefined, type: undefined, sender: undefined, step: undefined, rule: 'a rule' };
  return {
    ...none,
    eventId: eventId as EventId | undefined,
    outcome: fate as PduOutcome['outcome'],
    reason,
    source: 'live',
    decidedBy: [],
    missing: [],
  };
};

/** The room engine is not what is tested here: it gives each PDU the fate that stands in it. */
async function receiver() {
  const db = await openDb({ path: join(tempFolder(), 'hearth.db'), wasm: sqlWasm, synchronous: 'NORMAL' });
  onTestFinished(() => db.close());
  db.exec(schema);
  const judged: JsonValue[] = [];
  const edus: IncomingEdu[] = [];
  const dropped: EduDrop[] = [];
  const { log, lines } = memoryLog();
  let hold: Promise<void> | undefined;
  const make = () =>
    transactionReceiver({
      rooms: {
        info: (roomId) =>
          roomId === ours || roomId === closed
            ? ({ roomId, rules: roomVersions.get('1') } as unknown as RoomInfo)
            : undefined,
        async receive(pdus) {
          await hold;
          judged.push(...pdus.map(({ pdu }) => pdu));
          if (pdus.some(({ pdu }) => (pdu as JsonObject)['fate'] === 'disk full')) throw new Error('disk full');
          return pdus.map(({ pdu }) => outcomeOf(pdu));
        },
      },
      acls: { allows: (roomId, server) => !(roomId === closed && server === b), check: () => undefined },
      table: transactionsTable(db),
      log,
      inspector: { eduDropped: (drop) => void dropped.push(drop) },
      onEdu(_origin, edu) {
        if (edu.type === 'bad') throw new Error('what a pity');
        edus.push(edu);
      },
    });
  return {
    make,
    receive: make(),
    judged,
    edus,
    dropped,
    lines,
    holdUntil: (promise: Promise<void>) => (hold = promise),
  };
}

const incoming = (...pdus: JsonValue[]): IncomingPdu[] => pdus.map((pdu) => ({ pdu, violations: [] }));
const event = (name: string, more: JsonObject = {}, roomId = ours): JsonObject => ({
  event_id: `$${name}:b.test`,
  room_id: roomId,
  ...more,
});

test('each PDU has its own result: nothing for what was handled, a sentence for what was refused', async () => {
  const { receive } = await receiver();
  const pdus = ['accepted', 'duplicate', 'redacted', 'parked', 'softFailed', 'rejected', 'dropped'].map((fate) =>
    event(fate, { fate, reason: `it is ${fate}` }),
  );
  const { reply, outcomes } = await receive({ origin: b, txnId: '1', pdus: incoming(...pdus), edus: [] });
  expect(reply.pdus).toEqual({
    '$accepted:b.test': {},
    '$duplicate:b.test': {},
    '$redacted:b.test': {},
    '$parked:b.test': {},
    '$softFailed:b.test': {},
    '$rejected:b.test': { error: 'it is rejected' },
    '$dropped:b.test': { error: 'it is dropped' },
  });
  expect(outcomes).toHaveLength(7);
});

test('what cannot be told by an ID is in the outcomes only', async () => {
  const { receive } = await receiver();
  const pdus = incoming({ fate: 'dropped' }, null, 'text', event('good'));
  const { reply, outcomes } = await receive({
    origin: b,
    txnId: '1',
    pdus: pdus.filter(({ pdu }) => typeof pdu === 'object' && pdu !== null),
    edus: [],
  });
  expect(reply.pdus).toEqual({ '$good:b.test': {} });
  expect(outcomes).toHaveLength(2);
});

test('a PDU for a room whose ACL denies the origin gets an error, the others go on', async () => {
  const { receive, judged } = await receiver();
  const pdus = incoming(event('one'), event('denied', { sender: '@x:c.test' }, closed), event('two'));
  const { reply, outcomes } = await receive({ origin: b, txnId: '1', pdus, edus: [] });
  expect(reply.pdus).toEqual({
    '$one:b.test': {},
    '$denied:b.test': { error: 'b.test is denied by the server ACL of !closed:a.test' },
    '$two:b.test': {},
  });
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['accepted', 'dropped', 'accepted']);
  expect(judged).toHaveLength(2);
  // it is the server that asks which is judged, not the sender's
  const other = await receive({
    origin: c,
    txnId: '1',
    pdus: incoming(event('x', { sender: '@x:b.test' }, closed)),
    edus: [],
  });
  expect(other.reply.pdus).toEqual({ '$x:b.test': {} });
});

test('a transaction sent again gets the same reply and does nothing, also after a restart', async () => {
  const { receive, make, judged, edus } = await receiver();
  const transaction = {
    origin: b,
    txnId: '1',
    pdus: incoming(event('no', { fate: 'rejected', reason: 'no' })),
    edus: [{ edu_type: 'm.presence', content: {} }],
  };
  const { reply } = await receive(transaction);
  expect(await receive(transaction)).toEqual({ reply, outcomes: [] });
  expect(await make()(transaction)).toEqual({ reply, outcomes: [] });
  expect(judged).toHaveLength(1);
  expect(edus).toHaveLength(1);
  await receive({ ...transaction, origin: c }); // the same ID of another server is another transaction
  expect(judged).toHaveLength(2);
});

test('the same transaction twice at once is worked on once', async () => {
  const { receive, judged, holdUntil } = await receiver();
  let release = () => {};
  holdUntil(new Promise((resolve) => (release = resolve)));
  const transaction = { origin: b, txnId: '1', pdus: incoming(event('slow')), edus: [] };
  const both = [receive(transaction), receive(transaction)];
  release();
  const [first, second] = await Promise.all(both);
  expect(second?.reply).toEqual(first?.reply);
  expect(judged).toHaveLength(1);
});

test('what could not be worked on has no reply, and is taken again', async () => {
  const { receive, judged } = await receiver();
  const transaction = { origin: b, txnId: '1', pdus: incoming(event('x', { fate: 'disk full' })), edus: [] };
  await expect(receive(transaction)).rejects.toThrow('disk full');
  await expect(receive(transaction)).rejects.toThrow('disk full');
  expect(judged).toHaveLength(2);
});

test('EDUs: nonsense is skipped, what fails fails alone, denied rooms are taken out', async () => {
  const { receive, edus, dropped, lines } = await receiver();
  const edu = (edu_type: string, content: JsonObject) => ({ edu_type, content });
  await receive({
    origin: b,
    txnId: '1',
    pdus: [],
    edus: [
      null,
      7,
      'm.typing',
      [],
      {},
      { edu_type: 1, content: {} },
      { edu_type: 'm.typing', content: null },
      edu('bad', {}),
      edu('m.typing', { room_id: closed }),
      edu('m.typing', { room_id: ours }),
      edu('m.typing', { room_id: 7 }),
      edu('m.receipt', { [closed]: { 'm.read': {} }, [ours]: { 'm.read': {} } }),
      edu('m.device_list_update', { room_id: closed }), // not of a room
    ],
  });
  expect(edus).toEqual([
    { type: 'm.typing', content: { room_id: ours } },
    { type: 'm.typing', content: { room_id: 7 } },
    { type: 'm.receipt', content: { [ours]: { 'm.read': {} } } },
    { type: 'm.device_list_update', content: { room_id: closed } },
  ]);
  const why = `b.test is denied by the server ACL of ${closed}`;
  expect(dropped).toEqual([
    { type: 'm.typing', why },
    { type: 'm.receipt', why },
  ]);
  expect(lines.join('')).toContain('what a pity');
});
