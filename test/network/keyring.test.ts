import { expect, test } from 'vitest';
import type { KeyHints, SignatureVerdict } from '../../main/network/keyring.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { signJson } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';
import { us } from '../support/federation-client.ts';
import { day, hour, keyReply, keyWorld, newKey, now, signedEvent } from './key-world.ts';

type World = Awaited<ReturnType<typeof keyWorld>>;

async function verify({ keyring }: World, event: RoomEvent, hints?: KeyHints): Promise<SignatureVerdict> {
  return (await keyring.verifyEvents([event], hints)).get(event.eventId) ?? expect.fail();
}

const good = { ok: true, why: undefined, keyMissing: false };

test('an event is good by a key that its server shows, which is asked for once', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const events = Array.from({ length: 20 }, (_, i) => signedEvent([[a.name, key]], { body: `${i}` }));
  const verdicts = await world.keyring.verifyEvents(events);
  for (const event of events) {
    expect(verdicts.get(event.eventId)).toEqual({ ...good, verifiedBy: new Set([a.name]) });
  }
  expect(await verify(world, signedEvent([[a.name, key]]))).toMatchObject(good);
  expect(world.fetches(a.name)).toBe(1);
  expect(world.keys).toEqual([
    { server: a.name, keyId: key.keyId, publicKey: key.publicKey, validUntilTs: now + day, source: 'direct' },
  ]);
  expect(world.keyring.remoteKeysOf(a.name)).toMatchObject([
    { server: a.name, keyId: 'ed25519:k1', usableUntilTs: now + day, fetchedTs: now, source: 'direct' },
  ]);
});

test('many calls at the same time ask each server once', async () => {
  const world = await keyWorld();
  const [keyA, keyB] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [keyA]));
  const b = world.peer('b.test', (name) => keyReply(name, [keyB]));
  const events = [signedEvent([[a.name, keyA]]), signedEvent([[b.name, keyB]])];
  const all = await Promise.all(Array.from({ length: 5 }, () => world.keyring.verifyEvents(events)));
  for (const verdicts of all) expect([...verdicts.values()].every(({ ok }) => ok)).toBe(true);
  expect([world.fetches(a.name), world.fetches(b.name)]).toEqual([1, 1]);
});

test('an event without its signature, with a wrong one or by an unknown key', async () => {
  const world = await keyWorld();
  const [key, other] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const b = world.peer('b.test', (name) => keyReply(name, [key]));
  const unsigned = signedEvent([[b.name, key]], { more: { sender: `@u:${a.name}` } });
  expect(await verify(world, unsigned)).toMatchObject({
    ok: false,
    why: `no signature of ${a.name}`,
    keyMissing: false,
  });
  expect(world.fetches(a.name)).toBe(0);
  const wrong = await verify(world, signedEvent([[a.name, other]]));
  expect(wrong).toEqual({
    ok: false,
    why: `the signature of ${a.name} does not hold`,
    keyMissing: false,
    verifiedBy: new Set(),
  });
  const unknown = await verify(world, signedEvent([[a.name, newKey('ed25519:k9')]]));
  expect(unknown).toMatchObject({ ok: false, why: expect.stringContaining('ed25519:k9'), keyMissing: false });
});

test('content that was changed passes the signature check, what redaction keeps does not', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const event = signedEvent([[a.name, key]]);
  expect(await verify(world, { ...event, pdu: { ...event.pdu, content: { body: 'bye' } } })).toMatchObject(good);
  expect(await verify(world, { ...event, pdu: { ...event.pdu, depth: 7 } })).toMatchObject({ ok: false });
});

test('one good signature is enough; unknown and odd ones are skipped', async () => {
  const world = await keyWorld();
  const [key, lost] = [newKey('ed25519:k1'), newKey('ed25519:lost')];
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const event = signedEvent([
    [a.name, lost],
    [a.name, key],
  ]);
  const odd = { 'rsa:1': 'x', 'ed25519:a-b': 'y', 'ed25519:policy_server': 'z' };
  const signatures = { [a.name]: { ...odd, ...(event.pdu['signatures'] as Record<string, object>)[a.name] } };
  expect(await verify(world, { ...event, pdu: { ...event.pdu, signatures } })).toMatchObject(good);
});

test('a server that is down: the event waits for its key', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test');
  expect(await verify(world, signedEvent([[a.name, key]]))).toMatchObject({ ok: false, keyMissing: true });
  a.reply = keyReply(a.name, [key]);
  expect(await verify(world, signedEvent([[a.name, key]]))).toMatchObject({ ok: false, keyMissing: true });
  expect(world.fetches(a.name)).toBe(1); // not asked again at once
  await world.platform.advance(5000);
  expect(await verify(world, signedEvent([[a.name, key]]))).toMatchObject(good);
});

test('the keys of a dead server are asked of others, who cannot make them up for one that lives', async () => {
  const world = await keyWorld();
  const [key, forged] = [newKey(), newKey()];
  const dead = world.peer('dead.test');
  const resident = world.peer('resident.test');
  resident.notary = () => [keyReply(dead.name, [key], { validUntilTs: now + hour })];
  const event = signedEvent([[dead.name, key]]);
  expect(await verify(world, event)).toMatchObject({ ok: false, keyMissing: true });
  expect(await verify(world, event, { askAlso: [resident.name] })).toMatchObject(good);
  expect(world.keyring.remoteKeysOf(dead.name)).toMatchObject([{ source: resident.name }]);
  // but not for requests: whoever sends one is alive
  expect(await world.keyring.keysForRequest(dead.name, [key.keyId])).toEqual(new Map());

  await world.platform.advance(1000_000);
  dead.reply = keyReply(dead.name, [key], { validUntilTs: now + day });
  expect(await world.keyring.keysForRequest(dead.name, [key.keyId])).toEqual(new Map([[key.keyId, key.publicKey]]));
  dead.reply = undefined;
  await world.platform.advance(2 * day);
  resident.notary = () => [keyReply(dead.name, [forged], { validUntilTs: now + 9 * day })];
  const lie = signedEvent([[dead.name, forged]], { ts: now + 2 * day });
  expect(await verify(world, lie, { askAlso: [resident.name] })).toMatchObject({ ok: false });
});

test('notaries are asked for all that is missing at once', async () => {
  const world = await keyWorld();
  const keys = Array.from({ length: 30 }, () => newKey());
  const dead = keys.map((_, i) => world.peer(`dead${i}.test`).name);
  const resident = world.peer('resident.test');
  resident.notary = (asked) =>
    dead.flatMap((name, i) => (name in asked ? [keyReply(name, [keys[i] ?? newKey()])] : []));
  const events = dead.map((name, i) => signedEvent([[name, keys[i] ?? newKey()]]));
  const verdicts = await world.keyring.verifyEvents(events, { askAlso: [resident.name] });
  expect([...verdicts.values()].map(({ ok }) => ok)).toEqual(dead.map(() => true));
  expect(world.queries(resident.name)).toBe(1);
});

test('a trusted notary has to sign what it says, and its word counts for requests, too', async () => {
  const world = await keyWorld({ trustedNotaries: ['notary.test'] });
  const [key, notaryKey] = [newKey(), newKey()];
  const dead = world.peer('dead.test');
  const notary = world.peer('notary.test', (name) => keyReply(name, [notaryKey]));
  const reply = keyReply(dead.name, [key]);
  notary.notary = () => [signJson(reply, notary.name, newKey())];
  expect(await verify(world, signedEvent([[dead.name, key]]))).toMatchObject({ ok: false, keyMissing: true });
  await world.platform.advance(5000);
  notary.notary = () => [signJson(reply, notary.name, notaryKey)];
  expect(await verify(world, signedEvent([[dead.name, key]]))).toMatchObject(good);
  expect(await world.keyring.keysForRequest(dead.name, [key.keyId])).toEqual(new Map([[key.keyId, key.publicKey]]));
});

test('hostile answers of a notary are left alone', async () => {
  const world = await keyWorld();
  const [key, other] = [newKey(), newKey()];
  const dead = world.peer('dead.test');
  const third = world.peer('third.test');
  const evil = world.peer('evil.test');
  evil.notary = () => [
    null as never,
    {},
    { server_name: dead.name },
    keyReply(dead.name, [key], { signedBy: [other] }),
    keyReply(dead.name, [key], { signedBy: [] }),
    keyReply(third.name, [other]), // not asked for
  ];
  expect(await verify(world, signedEvent([[dead.name, key]]), { askAlso: [evil.name] })).toMatchObject({ ok: false });
  expect(world.table.all(10)).toEqual([]);
});

test('no longer than the deadline, whoever does not answer', async () => {
  const world = await keyWorld();
  const [key, deadKey] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const slow = world.peer('slow.test');
  world.net.web[`https://${slow.name}/_matrix/key/v2/server`] = () => new Promise(() => undefined);
  const resident = world.peer('resident.test');
  resident.notary = () => [keyReply(slow.name, [deadKey])];
  const events = [signedEvent([[a.name, key]]), signedEvent([[slow.name, deadKey]])];
  const running = world.keyring.verifyEvents(events, { askAlso: [resident.name], deadlineMs: 4000 });
  for (let i = 0; i < 5; i++) await new Promise(setImmediate);
  await world.platform.advance(2000); // half of it is left for others
  expect([...(await running).values()].map(({ ok }) => ok)).toEqual([true, true]);
});

const times: readonly [what: string, version: string, ts: number, ok: boolean][] = [
  ['before the key ends', '5', now + day, true],
  ['after it', '5', now + day + 1, false],
  ['after it', '4', now + 100 * day, true],
  ['after it', '1', now + 100 * day, true],
  ['long before we knew it', '11', 1, true],
];
test.each(times)('an event %s, in room version %s, at %d', async (_what, version, ts, ok) => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key], { validUntilTs: now + day }));
  const verdict = await verify(world, signedEvent([[a.name, key]], { version, ts }));
  expect(verdict).toMatchObject(
    ok ? good : { ok: false, keyMissing: false, why: expect.stringContaining('not valid at its time') },
  );
});

test('a key is trusted for seven days, whatever its server says', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key], { validUntilTs: now + 1000 * day }));
  expect(await verify(world, signedEvent([[a.name, key]], { ts: now + 7 * day }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[a.name, key]], { ts: now + 7 * day + 1 }))).toMatchObject({ ok: false });
  a.reply = undefined;
  await world.platform.advance(8 * day);
  expect(await world.keyring.keysForRequest(a.name, [key.keyId])).toEqual(new Map());
  expect(await verify(world, signedEvent([[a.name, key]], { ts: now + 8 * day }))).toMatchObject({
    ok: false,
    keyMissing: true,
  });
  expect(await verify(world, signedEvent([[a.name, key]], { ts: now }))).toMatchObject(good);
});

test('a key that has run out is asked for again', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key], { validUntilTs: now + day }));
  await verify(world, signedEvent([[a.name, key]]));
  await world.platform.advance(2 * day);
  a.reply = keyReply(a.name, [key], { validUntilTs: now + 4 * day });
  expect(await verify(world, signedEvent([[a.name, key]], { ts: now + 2 * day }))).toMatchObject(good);
  expect(await world.keyring.keysForRequest(a.name, [key.keyId])).toEqual(new Map([[key.keyId, key.publicKey]]));
  expect(world.fetches(a.name)).toBe(2);
});

test('after a rotation the old key verifies what it signed before, and no requests', async () => {
  const world = await keyWorld();
  const [old, key] = [newKey('ed25519:old'), newKey('ed25519:new')];
  const a = world.peer('a.test', (name) => keyReply(name, [old]));
  expect(await world.keyring.keysForRequest(a.name, [old.keyId])).toHaveProperty('size', 1);
  await world.platform.advance(hour);
  a.reply = keyReply(a.name, [key], { old: [{ key: old, expiredTs: now + hour / 2 }] });
  expect(await world.keyring.keysForRequest(a.name, [key.keyId])).toEqual(new Map([[key.keyId, key.publicKey]]));
  expect(await world.keyring.keysForRequest(a.name, [old.keyId])).toEqual(new Map());
  expect(await verify(world, signedEvent([[a.name, old]], { ts: now + hour / 2 }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[a.name, old]], { ts: now + hour / 2 + 1 }))).toMatchObject({
    ok: false,
    keyMissing: false,
  });
  expect(await verify(world, signedEvent([[a.name, old]], { ts: now + day, version: '4' }))).toMatchObject(good);
  expect(world.keyring.remoteKeysOf(a.name)).toMatchObject([
    { keyId: key.keyId, expiredTs: undefined },
    { keyId: old.keyId, expiredTs: now + hour / 2, usableUntilTs: now + hour / 2 },
  ]);
});

test('a key that a server no longer shows at all signs nothing from then on', async () => {
  const world = await keyWorld();
  const [gone, key] = [newKey('ed25519:gone'), newKey('ed25519:new')];
  const a = world.peer('a.test', (name) => keyReply(name, [gone]));
  await verify(world, signedEvent([[a.name, gone]]));
  await world.platform.advance(hour);
  a.reply = keyReply(a.name, [key]);
  await world.keyring.keysForRequest(a.name, [key.keyId]);
  await world.platform.advance(1);
  expect(await world.keyring.keysForRequest(a.name, [gone.keyId])).toEqual(new Map());
  expect(await verify(world, signedEvent([[a.name, gone]], { ts: now }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[a.name, gone]], { ts: now + 2 * hour }))).toMatchObject({ ok: false });
});

test('a server that was set up anew shows another key under the same ID: each stands for its time', async () => {
  const world = await keyWorld();
  const [before, after] = [newKey('ed25519:auto'), newKey('ed25519:auto')];
  const a = world.peer('a.test', (name) => keyReply(name, [before]));
  expect(await world.keyring.keysForRequest(a.name, ['ed25519:auto'])).toEqual(
    new Map([['ed25519:auto', before.publicKey]]),
  );
  await world.platform.advance(hour);
  a.reply = keyReply(a.name, [after], { validUntilTs: now + 2 * day });
  const keys = await world.keyring.keysForRequest(a.name, ['ed25519:auto'], { anew: true });
  expect(keys).toEqual(new Map([['ed25519:auto', after.publicKey]]));
  expect(await verify(world, signedEvent([[a.name, before]], { ts: now }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[a.name, after]], { ts: now + 2 * hour }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[a.name, before]], { ts: now + 2 * hour }))).toMatchObject({ ok: false });
});

test('keys that a server does not hold are not taken from it', async () => {
  const world = await keyWorld();
  const [key, stolen] = [newKey('ed25519:k1'), newKey('ed25519:k2')];
  const a = world.peer('a.test', (name) => keyReply(name, [key, stolen], { signedBy: [key] }));
  await world.keyring.keysForRequest(a.name, ['ed25519:k1', 'ed25519:k2']);
  expect(world.table.of(a.name).map(({ keyId }) => keyId)).toEqual(['ed25519:k1']);
});

test.each<[what: string, reply: (name: ServerName) => object]>([
  ['of another server', () => keyReply('b.test' as ServerName, [newKey()])],
  ['without a time', (name) => ({ ...keyReply(name, [newKey()]), valid_until_ts: 'tomorrow' })],
  ['without keys', (name) => keyReply(name, [])],
  ['changed after it was signed', (name) => ({ ...keyReply(name, [newKey()]), valid_until_ts: now + 5 })],
  ['that is a list', () => []],
  [
    'with a key of the wrong length',
    (name) => ({ ...keyReply(name, [newKey()]), verify_keys: { 'ed25519:k1': { key: 'AAAA' } } }),
  ],
])('a reply %s is not believed', async (_what, reply) => {
  const world = await keyWorld();
  const a = world.peer('a.test', reply as never);
  expect(await world.keyring.keysForRequest(a.name, ['ed25519:k1'])).toEqual(new Map());
  expect(world.table.all(10)).toEqual([]);
  expect(world.lines.join('')).toContain('not believed');
});

test('requests make us ask a server once in five seconds at most', async () => {
  const world = await keyWorld();
  const a = world.peer('a.test', (name) => keyReply(name, [newKey()]));
  for (let i = 0; i < 10; i++) await world.keyring.keysForRequest(a.name, [`ed25519:x${i}`]);
  expect(world.fetches(a.name)).toBe(1);
  await world.platform.advance(5000);
  await world.keyring.keysForRequest(a.name, ['ed25519:x']);
  expect(world.fetches(a.name)).toBe(2);
});

// -- who has to sign: https://spec.matrix.org/v1.19/server-server-api/#validating-hashes-and-signatures-on-received-events

test('in room versions 1 and 2 the server of the event ID has to sign, too', async () => {
  const world = await keyWorld();
  const [keyA, keyB] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [keyA]));
  const b = world.peer('b.test', (name) => keyReply(name, [keyB]));
  const more = { event_id: `$x:${b.name}` };
  expect(await verify(world, signedEvent([[a.name, keyA]], { version: '2', more }))).toMatchObject({
    ok: false,
    why: `no signature of ${b.name}`,
  });
  const both = signedEvent(
    [
      [a.name, keyA],
      [b.name, keyB],
    ],
    { version: '2', more },
  );
  expect(await verify(world, both)).toEqual({ ...good, verifiedBy: new Set([a.name, b.name]) });
});

test('who let a user into a restricted room is among those who verified, and not among those who must', async () => {
  const world = await keyWorld();
  const [keyA, keyB] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [keyA]));
  const b = world.peer('b.test', (name) => keyReply(name, [keyB]));
  const more = {
    type: 'm.room.member',
    state_key: `@u:${a.name}`,
    content: { membership: 'join', join_authorised_via_users_server: `@admin:${b.name}` },
  };
  const signed = signedEvent(
    [
      [a.name, keyA],
      [b.name, keyB],
    ],
    { more },
  );
  expect(await verify(world, signed)).toEqual({ ...good, verifiedBy: new Set([a.name, b.name]) });
  expect(await verify(world, signedEvent([[a.name, keyA]], { more }))).toEqual({
    ...good,
    verifiedBy: new Set([a.name]),
  });
  const forged = await verify(
    world,
    signedEvent(
      [
        [a.name, keyA],
        [b.name, newKey()],
      ],
      { more },
    ),
  );
  expect(forged).toEqual({ ...good, verifiedBy: new Set([a.name]) });
});

test('others who signed are named where their keys are here; nobody is asked for them', async () => {
  const world = await keyWorld();
  const [keyA, keyB] = [newKey(), newKey()];
  const a = world.peer('a.test', (name) => keyReply(name, [keyA]));
  const b = world.peer('b.test', (name) => keyReply(name, [keyB]));
  const event = signedEvent([
    [a.name, keyA],
    [b.name, keyB],
  ]);
  expect((await verify(world, event)).verifiedBy).toEqual(new Set([a.name]));
  expect(world.fetches(b.name)).toBe(0);
  await world.keyring.keysForRequest(b.name, [keyB.keyId]);
  expect((await verify(world, event)).verifiedBy).toEqual(new Set([a.name, b.name]));
});

test('our own events are good by our keys, old and new', async () => {
  const world = await keyWorld();
  const before = world.ownKeys.current();
  await world.platform.advance(hour);
  const after = world.ownKeys.rotate();
  expect(await verify(world, signedEvent([[us, before]]))).toMatchObject(good);
  expect(await verify(world, signedEvent([[us, after]], { ts: now + 30 * day }))).toMatchObject(good);
  expect(await verify(world, signedEvent([[us, before]], { ts: now + hour + 1 }))).toMatchObject({
    ok: false,
    keyMissing: false,
  });
  expect(await verify(world, signedEvent([[us, newKey('ed25519:lost')]]))).toMatchObject({
    ok: false,
    keyMissing: false,
  });
  expect(world.net.asked).toEqual([]);
});

test('a key of ours that we have lost is known again by a trusted notary, and by nobody else', async () => {
  const world = await keyWorld({ trustedNotaries: ['notary.test'] });
  const [lost, notaryKey] = [newKey('ed25519:lost'), newKey()];
  const [notary, other] = [world.peer('notary.test', (name) => keyReply(name, [notaryKey])), world.peer('other.test')];
  other.notary = () => [keyReply(us, [lost])];
  expect(await verify(world, signedEvent([[us, lost]]), { askAlso: [other.name] })).toMatchObject({ ok: false });
  expect(world.queries(other.name)).toBe(0);
  await world.platform.advance(5000);
  notary.notary = () => [signJson(keyReply(us, [lost]), notary.name, notaryKey)];
  expect(await verify(world, signedEvent([[us, lost]]))).toMatchObject(good);
});

test('signed JSON, by keys that are valid now', async () => {
  const world = await keyWorld();
  const key = newKey();
  const a = world.peer('a.test', (name) => keyReply(name, [key]));
  const object = signJson({ mxid: '@u:us.test', token: 't' }, a.name, key);
  expect(await world.keyring.verifyJson(object, a.name)).toEqual({ ok: true });
  expect(await world.keyring.verifyJson({ ...object, token: 'x' }, a.name)).toMatchObject({
    ok: false,
    why: expect.stringContaining('does not hold'),
  });
  expect(await world.keyring.verifyJson(object, 'b.test:1' as ServerName)).toEqual({
    ok: false,
    why: 'no signature of b.test:1',
  });
});
