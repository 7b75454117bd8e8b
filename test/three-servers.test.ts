import { expect, test } from 'vitest';
import { type MatrixClient, matrixClient, register, until } from './support/matrix-client.ts';
import { type TestServer, testNetwork } from './support/test-network.ts';

/** What a server holds of a room, in an order of its own making: events with their outcome, state, forward extremities. */
async function holdings(server: TestServer, roomId: string) {
  const console = server.console();
  const room = await console.call('room.get', roomId as never);
  const rows = await console.call('room.timeline', {
    roomId: roomId as never,
    order: 'topological',
    limit: 500,
    refused: true,
    outliers: false,
  });
  const state = await console.call('room.state', roomId as never);
  return {
    events: rows.map(({ eventId, outcome }) => `${eventId} ${outcome}`).sort(),
    state: state.map(({ type, stateKey, eventId }) => `${type} ${stateKey} ${eventId}`).sort(),
    extremities: [...(room?.extremities ?? [])].sort(),
  };
}

async function people() {
  const network = testNetwork();
  const servers = await Promise.all(['one.test', 'two.test', 'three.test'].map((name) => network.server(name)));
  const [one, two, three] = servers as [TestServer, TestServer, TestServer];
  const [ann, bob, cat] = await Promise.all([
    register(one.clientUrl(), 'ann'),
    register(two.clientUrl(), 'bob'),
    register(three.clientUrl(), 'cat'),
  ]);
  return { network, servers, one, two, three, ann, bob, cat };
}

async function allSee(persons: readonly MatrixClient[], roomId: string, bodies: readonly string[]): Promise<void> {
  for (const person of persons) {
    await until(
      async () => {
        const seen = new Set(await person.bodies(roomId));
        return bodies.filter((body) => !seen.has(body));
      },
      (missing) => missing.length === 0,
      { what: `${person.userId} sees ${bodies.join(', ')}`, timeoutMs: 30_000 },
    );
  }
}

async function allAgree(servers: readonly TestServer[], roomId: string): Promise<void> {
  const [first, ...others] = servers;
  if (first === undefined) return;
  await until(
    async () => Promise.all(servers.map((server) => holdings(server, roomId))),
    ([one, ...rest]) => rest.every((other) => JSON.stringify(other) === JSON.stringify(one)),
    { what: 'all hold the same events, state and extremities', timeoutMs: 30_000 },
  );
  for (const other of others) expect(await holdings(other, roomId)).toEqual(await holdings(first, roomId));
}

test('a message is sent; a server joins and fetches history; links are cut and healed: all three agree', async () => {
  const { network, servers, one, two, three, ann, bob, cat } = await people();
  const roomId = await ann.createRoom({ preset: 'public_chat', room_alias_name: 'room' });

  // 1. A message is sent.
  await bob.join('#room:one.test');
  await ann.send(roomId, 'first');
  await bob.send(roomId, 'second');
  await allSee([ann, bob], roomId, ['first', 'second']);

  // 2. A server joins, and fetches what was said before.
  await cat.join('#room:one.test', 'two.test');
  await cat.send(roomId, 'third');
  await allSee([ann, bob, cat], roomId, ['first', 'second', 'third']);
  await allAgree(servers, roomId);

  // 3. Links are cut, all go on talking and changing the room, links are healed.
  network.cut(one, two);
  network.cut(one, three);
  for (let index = 0; index < 15; index++) await ann.send(roomId, `alone ${index}`);
  await ann.request('PUT', `/rooms/${encodeURIComponent(roomId)}/state/m.room.topic/`, { topic: 'as ann sees it' });
  for (let index = 0; index < 5; index++) await bob.send(roomId, `without ann ${index}`);
  await cat.send(roomId, 'nor me');
  network.cut(two, three);
  await bob.send(roomId, 'all alone');
  await cat.send(roomId, 'me too');
  network.heal(one, two);
  network.heal(one, three);
  network.heal(two, three);
  // Whoever speaks now is heard, and its words tell the others what they lack.
  await ann.send(roomId, 'there you are');
  await bob.send(roomId, 'hello again');
  await cat.send(roomId, 'so many words');
  const said = ['alone 0', 'alone 14', 'without ann 4', 'nor me', 'all alone', 'me too', 'so many words'];
  await allSee([ann, bob, cat], roomId, said);
  await ann.send(roomId, 'the last word');
  await allSee([ann, bob, cat], roomId, ['the last word']);
  await allAgree(servers, roomId);
}, 120_000);

test('a server goes away, misses more than one transaction holds, comes back and catches up', async () => {
  const { servers, three, ann, bob, cat } = await people();
  const roomId = await ann.createRoom({ preset: 'public_chat', room_alias_name: 'room' });
  await bob.join('#room:one.test');
  await cat.join('#room:one.test');
  await cat.send(roomId, 'see you');
  await allSee([ann, bob, cat], roomId, ['see you']);
  await three.stop();
  const missed: string[] = [];
  for (let index = 0; index < 60; index++) {
    const person = index % 2 === 0 ? ann : bob;
    missed.push(`missed ${index}`);
    await person.send(roomId, `missed ${index}`);
  }
  await three.start();
  const again = matrixClient(three.clientUrl(), cat.token, cat.userId); // the same session at another port
  await allSee([again], roomId, missed);
  await again.send(roomId, 'I am back');
  await allSee([ann, bob, again], roomId, ['I am back']);
  await allAgree(servers, roomId);
}, 120_000);
