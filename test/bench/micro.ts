import { join } from 'node:path';
import { createInspector } from '../../main/inspector/recorder.ts';
import { createLog } from '../../main/log.ts';
import { realPlatform } from '../../main/platform.ts';
import { canonicalJson } from '../../main/protocol/canonical-json.ts';
import { parseEvent } from '../../main/protocol/event.ts';
import { authorize } from '../../main/protocol/event-auth.ts';
import { contentHash, referenceHash } from '../../main/protocol/event-hash.ts';
import { eventMessage, signEvent } from '../../main/protocol/event-signing.ts';
import { parseJson } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { signatureOf, signingKeyFromSeed, verifySignature, verifySignatureAsync } from '../../main/protocol/signing.ts';
import { resolveSets, sourceFrom } from '../../main/protocol/state-res.ts';
import type { PduOutcome } from '../../shared/flow.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import { testRoom } from '../support/pdu-factory.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { tempFolder } from '../support/temp-folder.ts';
import { type Measure, median, timed } from './measure.ts';

/** A part of Hearth by itself. `value` is the median of the rounds. */
export interface MicroResult extends Measure {
  readonly value: number;
}

const serverName = 'a.test' as ServerName;
const rounds = 7;

/** Runs `work` for so many operations, a first time for nothing, and tells how many it does in a second. */
async function perSecond(name: string, operations: number, work: () => unknown): Promise<MicroResult> {
  const rates: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const [ms] = await timed(async () => void (await work()));
    if (round > 0) rates.push((operations * 1000) / ms);
  }
  return { name, unit: '/s', better: 'higher', value: median(rates) };
}

const repeat = (times: number, work: (index: number) => unknown) => () => {
  for (let index = 0; index < times; index++) work(index);
};

export async function micro(): Promise<readonly MicroResult[]> {
  const rules = rulesOf('11');
  if (rules === undefined) throw new Error('there is no room version 11');
  const key = signingKeyFromSeed('ed25519:1', Buffer.alloc(32, 1));
  const pdus = Array.from({ length: 500 }, (_, index) => {
    const hash = Buffer.alloc(32, index).toString('base64url');
    const pdu = {
      ...{ type: 'm.room.message', sender: `@user:${serverName}`, room_id: `!room:${serverName}` },
      ...{ depth: index + 5, origin_server_ts: 1_700_000_000_000 + index },
      content: { msgtype: 'm.text', body: `Message ${index}, about as long as people write them: à bientôt!` },
      ...{ prev_events: [`$${hash}`], auth_events: [`$A${hash.slice(1)}`, `$B${hash.slice(1)}`, `$C${hash.slice(1)}`] },
    };
    return signEvent(pdu, rules, serverName, key);
  });
  const first = pdus[0] ?? {};
  const transaction = Buffer.from(JSON.stringify({ origin: serverName, pdus: pdus.slice(0, 50) }));
  const signed = pdus.map((pdu) => ({
    message: eventMessage(pdu, rules),
    signature: signatureOf(pdu, serverName, key.keyId) ?? '',
  }));
  const pduAt = (index: number) => pdus[index % pdus.length] ?? first;

  return [
    await perSecond(
      'parse a transaction of 50 PDUs',
      100,
      repeat(100, () => parseJson(transaction)),
    ),
    await perSecond(
      'canonical JSON of a PDU',
      5000,
      repeat(5000, (index) => canonicalJson(pduAt(index))),
    ),
    await perSecond(
      'content hash',
      5000,
      repeat(5000, (index) => contentHash(pduAt(index))),
    ),
    await perSecond(
      'reference hash',
      5000,
      repeat(5000, (index) => referenceHash(pduAt(index), rules)),
    ),
    await perSecond(
      'parse and check an event',
      5000,
      repeat(5000, (index) => parseEvent(pduAt(index), rules)),
    ),
    await perSecond(
      'verify a signature, on the loop',
      500,
      repeat(500, (index) =>
        verifySignature(key.publicKey, signed[index]?.message ?? '', signed[index]?.signature ?? ''),
      ),
    ),
    await perSecond('verify a signature, in a batch of 500', 500, () =>
      Promise.all(signed.map(({ message, signature }) => verifySignatureAsync(key.publicKey, message, signature))),
    ),
    await authorization(),
    await resolution(100, 20),
    await resolution(2000, 20),
    await recording(transaction),
  ];
}

async function authorization(): Promise<MicroResult> {
  const room = roomOf(100);
  const event = room.event({ type: 'm.room.message', sender: '@u50:a.test', content: { body: 'x' } });
  const state = room.authState();
  return perSecond(
    'authorise a message',
    20_000,
    repeat(20_000, () => authorize(event, state)),
  );
}

function roomOf(members: number) {
  const room = testRoom('11', { creator: '@u0:a.test' });
  room.join('@u0:a.test');
  room.powerLevels('@u0:a.test', { users: { '@u0:a.test': 100 } });
  room.joinRules('@u0:a.test', 'public');
  for (let index = 1; index < members; index++) room.join(`@u${index}:a.test`);
  return room;
}

/** Two sides of a room, each of which has changed so many members, the name, and the power levels. */
async function resolution(members: number, changes: number): Promise<MicroResult> {
  const room = roomOf(members);
  const sides = [room.fork(), room.fork()].map((side, number) => {
    side.powerLevels('@u0:a.test', { users: { '@u0:a.test': 100, [`@u${number + 1}:a.test`]: 50 } });
    for (let index = 1; index <= changes; index++) side.join(`@u${index}:a.test`, { displayname: `${number}` });
    side.send({ type: 'm.room.name', sender: '@u0:a.test', stateKey: '', content: { name: `${number}` } });
    return side.state;
  });
  const events = room.events;
  return perSecond(`resolve a fork of ${2 * changes + 4} events, ${members} members`, 20, () => {
    for (let time = 0; time < 20; time++) resolveSets(room.rules, sides, sourceFrom(events, sides));
  });
}

/** The record of a transaction of 50 PDUs: both bodies, 50 outcomes, the rows written. CPU of this process. */
async function recording(transaction: Uint8Array): Promise<MicroResult> {
  const platform = realPlatform({ verifyTls: true, extraCa: [] });
  const log = createLog({ level: 'error', clock: platform.clock, write: (line) => void process.stderr.write(line) });
  const inspector = await createInspector({ platform, log, wasm: sqlWasm, path: join(tempFolder(), 'inspector.db') });
  const outcomes = Array.from(
    { length: 50 },
    (_, index): PduOutcome => ({
      eventId: `$${Buffer.alloc(32, index).toString('base64url')}` as EventId,
      roomId: `!room:${serverName}` as RoomId,
      ...{ type: 'm.room.message', sender: `@user:${serverName}`, source: 'live', outcome: 'accepted' },
      ...{ step: undefined, rule: undefined, reason: undefined, decidedBy: [], missing: [] },
    }),
  );
  const reply = Buffer.from(JSON.stringify({ pdus: Object.fromEntries(outcomes.map(({ eventId }) => [eventId, {}])) }));
  const headers = {
    'content-type': 'application/json',
    authorization: 'X-Matrix origin="a.test",key="ed25519:1",sig="x"',
  };
  const flows = 100;
  const costs: number[] = [];
  for (let round = 0; round <= rounds; round++) {
    const before = process.cpuUsage();
    for (let index = 0; index < flows; index++) {
      const uri = `/_matrix/federation/v1/send/${round}-${index}`;
      const flow = inspector.open({
        direction: 'inbound',
        method: 'PUT',
        uri,
        endpoint: 'send',
        address: '127.0.0.1:1',
      });
      flow.request(headers, transaction);
      flow.auth({ verified: true, origin: serverName, keyId: 'ed25519:1' });
      flow.pdus(outcomes);
      flow.close({ status: 200, headers: { 'content-type': 'application/json' }, body: reply });
    }
    await inspector.log.list({ limit: 1 }); // all of it is written when this answers
    const { user, system } = process.cpuUsage(before);
    if (round > 0) costs.push((user + system) / 1000 / flows / outcomes.length);
  }
  await inspector.close();
  return { name: recordingName, unit: 'ms CPU/PDU', better: 'lower', value: median(costs) };
}

export const recordingName = 'inspector: record a PDU and its part of the request';
