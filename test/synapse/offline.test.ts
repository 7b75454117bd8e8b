import { expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { type MatrixClient, register, until } from '../support/matrix-client.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';

const count = 200;
const away = Array.from({ length: count }, (_, index) => `while away ${index}`);

/** What was said while away has arrived: each message once, in order. */
async function allArrive(reader: MatrixClient, roomId: string, timeoutMs: number): Promise<void> {
  const said = new Set(away);
  const seen = await until(
    async () => (await reader.bodies(roomId)).filter((body) => said.has(body)),
    (bodies) => new Set(bodies).size === count,
    { timeoutMs, what: `all ${count} messages arrive` },
  );
  expect(seen).toEqual(away);
}

/** A room with one person of each server in it, made at Synapse, with a first message that both have. */
async function sharedRoom(synapse: Synapse, hearth: Hearth) {
  const [sylvia, harold] = await Promise.all([
    register(synapse.clientUrl, 'sylvia'),
    register(hearth.clientUrl, 'harold'),
  ]);
  const roomId = await sylvia.createRoom({ preset: 'public_chat', room_alias_name: 'away' });
  await harold.join(`#away:${synapse.serverName}`);
  await harold.send(roomId, 'hello');
  await until(
    () => sylvia.bodies(roomId),
    (bodies) => bodies.includes('hello'),
  );
  return { sylvia, harold, roomId };
}

/** Synapse notices that we are gone, and begins to back off. */
async function speakToTheAbsent(person: MatrixClient, roomId: string): Promise<void> {
  for (const body of away) await person.send(roomId, body);
}

test(`Hearth is away while ${count} messages are sent, then Synapse is`, async ({ skip }) => {
  if (noSynapse) return skip(noSynapse);
  const ca = await createTestCa();
  const [synapse, hearth] = await Promise.all([startSynapse(ca), startHearth(ca)]);
  const { sylvia, harold, roomId } = await sharedRoom(synapse, hearth);

  expect(await hearth.stop()).toBe(0);
  await speakToTheAbsent(sylvia, roomId);
  await hearth.start();
  await allArrive(harold, roomId, 60_000);
  await sylvia.send(roomId, 'welcome back');
  await until(
    () => harold.bodies(roomId),
    (bodies) => bodies.at(-1) === 'welcome back',
  );

  await synapse.stop();
  const replies = away.map((body) => `re: ${body}`);
  for (const body of replies) await harold.send(roomId, body);
  await synapse.start();
  const seen = await until(
    async () => (await sylvia.bodies(roomId)).filter((body) => body.startsWith('re: ')),
    (bodies) => new Set(bodies).size === count,
    { timeoutMs: 90_000, what: 'all replies arrive' },
  );
  expect(seen).toEqual(replies);
}, 300_000);

test("with Synapse's own back-off of ten minutes our wake-up brings its messages within seconds", async ({ skip }) => {
  if (noSynapse) return skip(noSynapse);
  const ca = await createTestCa();
  const [synapse, hearth] = await Promise.all([startSynapse(ca, { federation: {} }), startHearth(ca)]);
  const { sylvia, harold, roomId } = await sharedRoom(synapse, hearth);
  expect(await hearth.stop()).toBe(0);
  await speakToTheAbsent(sylvia, roomId);
  await hearth.start();
  await allArrive(harold, roomId, 30_000);
}, 200_000);
