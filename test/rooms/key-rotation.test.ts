import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { EventId } from '../../shared/ids.ts';
import { register, until } from '../support/matrix-client.ts';
import { testNetwork } from '../support/test-network.ts';

test('after a rotation events are signed with the new key, and others believe them as they do the old ones', async () => {
  const network = testNetwork();
  const [one, two, three] = await Promise.all([
    network.server('one.test'),
    network.server('two.test'),
    network.server('three.test'),
  ]);
  const [ann, bob, cat] = await Promise.all([
    register(one.clientUrl(), 'ann'),
    register(two.clientUrl(), 'bob'),
    register(three.clientUrl(), 'cat'),
  ]);
  const roomId = await ann.createRoom({ preset: 'public_chat', room_alias_name: 'keys' });
  await bob.join('#keys:one.test');
  const before = await ann.send(roomId, 'with the old key');

  await setTimeout(5100); // who has just told its keys is not asked for them again
  const { services } = one.homeserver().matrix() ?? {};
  const old = services?.federation.ownKeys.current().keyId ?? '';
  const { keyId } = services?.federation.ownKeys.rotate() ?? {};
  const after = await ann.send(roomId, 'with the new key');
  await bob.send(roomId, 'heard');
  const signedWith = (eventId: string) => {
    const { signatures } = services?.rooms.event(eventId as EventId)?.event.pdu ?? {};
    return Object.keys((signatures as Record<string, Record<string, string>>)['one.test'] ?? {});
  };
  expect(signedWith(before)).toEqual([old]);
  expect(signedWith(after)).toEqual([keyId]);

  await cat.join('#keys:one.test'); // checks all signatures anew, and signs nothing that it does not believe
  for (const person of [bob, cat]) {
    await until(
      () => person.bodies(roomId),
      (bodies) => ['with the old key', 'with the new key', 'heard'].every((body) => bodies.includes(body)),
      { what: `${person.userId} sees what either key has signed` },
    );
  }
});
