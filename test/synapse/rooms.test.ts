import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { startHomeserver } from '../../main/homeserver.ts';
import { pageIn } from '../../main/page.ts';
import { realPlatform } from '../../main/platform.ts';
import { readConfig } from '../../main/settings.ts';
import { atEnd } from '../support/at-end.ts';
import { createTestCa, type TestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { type MatrixClient, Refused, register, until } from '../support/matrix-client.ts';
import { memoryLog } from '../support/memory-log.ts';
import { freePorts } from '../support/processes.ts';
import { sqlWasm } from '../support/sql-wasm.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';
import { tempFolder } from '../support/temp-folder.ts';

interface Side {
  readonly serverName: string;
  readonly user: MatrixClient;
}

let ca: TestCa;
let synapse: Synapse;
let hearth: Hearth;
let theirs: Side;
let ours: Side;

beforeAll(async () => {
  if (noSynapse) return;
  ca = await createTestCa();
  [synapse, hearth] = await Promise.all([
    startSynapse(ca, { room_list_publication_rules: [{ action: 'allow' }] }),
    startHearth(ca, { settings: ['--public-directory', 'on'], host: 'localhost' }), // by another host than Synapse, for ACLs,
  ]);
  const side = async ({ serverName, clientUrl }: Synapse | Hearth, name: string): Promise<Side> => ({
    serverName,
    user: await register(clientUrl, name),
  });
  [theirs, ours] = await Promise.all([side(synapse, 'sylvia'), side(hearth, 'harold')]);
});

const part = encodeURIComponent;
const forbidden = { status: 403 };

const setState = (person: MatrixClient, roomId: string, type: string, content: object, key = '') =>
  person.request('PUT', `/rooms/${part(roomId)}/state/${type}/${part(key)}`, content);
const state = <T = Record<string, unknown>>(person: MatrixClient, roomId: string, type: string) =>
  person.request<T>('GET', `/rooms/${part(roomId)}/state/${type}/`);
const knock = (person: MatrixClient, roomId: string, via: string) =>
  person.request('POST', `/knock/${part(roomId)}?via=${part(via)}&server_name=${part(via)}`, { reason: 'let me in' });
const isMember = (watcher: MatrixClient, roomId: string, userId: string, membership: string) =>
  until(
    () => watcher.membership(roomId, userId),
    (is) => is === membership,
    { what: `${userId} is ${membership} for ${watcher.userId}` },
  );
const hears = (person: MatrixClient, roomId: string, body: string) =>
  until(
    () => person.bodies(roomId),
    (bodies) => bodies.includes(body),
    { what: `${person.userId} hears ${body}` },
  );
const section = async (person: MatrixClient, name: 'invite' | 'knock' | 'leave', roomId: string) => {
  const filter = part(JSON.stringify({ room: { include_leave: true } }));
  const { rooms = {} } = await person.request<{ rooms?: Record<string, Record<string, Stripped>> }>(
    'GET',
    `/sync?timeout=0&filter=${filter}`,
  );
  return rooms[name]?.[roomId];
};
interface Stripped {
  readonly invite_state?: { readonly events: readonly { readonly type: string }[] };
  readonly knock_state?: { readonly events: readonly { readonly type: string }[] };
}
const restrictedTo = (roomId: string) => ({
  join_rule: 'restricted',
  allow: [{ type: 'm.room_membership', room_id: roomId }],
});

const directions = [
  ['Synapse hosts', () => [theirs, ours] as const],
  ['Hearth hosts', () => [ours, theirs] as const],
] as const;

describe.each(directions)('%s', (where, sides) => {
  const scene = (name: string, tell: (host: Side, guest: Side) => Promise<void>) =>
    test(name, async ({ skip }) => {
      if (noSynapse) return skip(noSynapse);
      await tell(...sides());
    });

  describe.each(['10', '12'])('a room of version %s', (room_version) => {
    const knockable = (host: Side) =>
      host.user.createRoom({
        room_version,
        name: 'Behind a door',
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
      });

    scene('is knocked on, and the knock is answered by an invite', async (host, guest) => {
      const roomId = await knockable(host);
      await knock(guest.user, roomId, host.serverName);
      await isMember(host.user, roomId, guest.user.userId, 'knock');
      const shown = await section(guest.user, 'knock', roomId);
      const types = shown?.knock_state?.events.map(({ type }) => type);
      expect(types).toEqual(expect.arrayContaining(['m.room.create', 'm.room.name', 'm.room.join_rules']));
      await host.user.invite(roomId, guest.user.userId);
      const invite = await until(
        () => section(guest.user, 'invite', roomId),
        (found) => found !== undefined,
        { what: 'the knock is answered' },
      );
      expect(invite?.invite_state?.events.map(({ type }) => type)).toContain('m.room.create');
      await guest.user.join(roomId, host.serverName);
      await guest.user.send(roomId, 'thanks');
      await hears(host.user, roomId, 'thanks');
    });

    scene('a knock is refused', async (host, guest) => {
      const roomId = await knockable(host);
      await knock(guest.user, roomId, host.serverName);
      await isMember(host.user, roomId, guest.user.userId, 'knock');
      await host.user.kick(roomId, guest.user.userId); // Synapse 1.163 neither tells nor hears this as the knocker's server
      await isMember(host.user, roomId, guest.user.userId, 'leave');
      await expect(guest.user.join(roomId, host.serverName)).rejects.toMatchObject(forbidden);
    });

    scene('a knock is taken back', async (host, guest) => {
      const roomId = await knockable(host);
      await knock(guest.user, roomId, host.serverName);
      await isMember(host.user, roomId, guest.user.userId, 'knock');
      await guest.user.leave(roomId);
      expect(await section(guest.user, 'knock', roomId)).toBeUndefined();
      if (guest === theirs) return; // Synapse 1.163 does not yet tell other servers
      await isMember(host.user, roomId, guest.user.userId, 'leave');
    });

    scene('is entered by being in a space', async (host, guest) => {
      const space = await host.user.createRoom({
        room_version,
        preset: 'public_chat',
        creation_content: { type: 'm.space' },
      });
      const roomId = await host.user.createRoom({
        room_version,
        initial_state: [{ type: 'm.room.join_rules', state_key: '', content: restrictedTo(space) }],
      });
      await expect(guest.user.join(roomId, host.serverName)).rejects.toThrow(Refused);
      await guest.user.join(space, host.serverName);
      await isMember(host.user, space, guest.user.userId, 'join');
      await guest.user.join(roomId, host.serverName);
      await isMember(host.user, roomId, guest.user.userId, 'join');
      const member = await host.user.request<{ join_authorised_via_users_server: string }>(
        'GET',
        `/rooms/${part(roomId)}/state/m.room.member/${part(guest.user.userId)}`,
      );
      expect(member.join_authorised_via_users_server).toBe(host.user.userId);
      await guest.user.send(roomId, 'through the space');
      await hears(host.user, roomId, 'through the space');
    });
  });

  scene('the public directory is read by the other server, and searched', async (host, guest) => {
    const names = ['Aviary', 'Aquarium'].map((name) => `${name} of ${where}`);
    for (const name of names) await host.user.createRoom({ visibility: 'public', preset: 'public_chat', name });
    const server = `server=${part(host.serverName)}`;
    type List = { chunk: { name?: string }[]; next_batch?: string };
    const namesOf = ({ chunk }: List) => chunk.flatMap(({ name }) => name ?? []);
    expect(namesOf(await guest.user.request<List>('GET', `/publicRooms?${server}`)).sort()).toEqual(
      expect.arrayContaining([...names].sort()),
    );
    const first = await guest.user.request<List>('GET', `/publicRooms?${server}&limit=1`);
    const second = await guest.user.request<List>(
      'GET',
      `/publicRooms?${server}&limit=1&since=${part(first.next_batch ?? '')}`,
    );
    expect(namesOf(first)).not.toEqual(namesOf(second));
    const found = await guest.user.request<List>('POST', `/publicRooms?${server}`, {
      filter: { generic_search_term: 'aquarium' },
    });
    expect(namesOf(found)).toEqual([names[1]]);
  });

  scene('a space is seen from a space of the other server', async (host, guest) => {
    const make = (user: MatrixClient, name: string, more = {}) =>
      user.createRoom({ name, preset: 'public_chat', room_version: '12', ...more });
    const asSpace = { creation_content: { type: 'm.space' } };
    const put = (user: MatrixClient, space: string, child: string, server: string) =>
      setState(user, space, 'm.space.child', { via: [server] }, child);
    const inner = await make(host.user, 'inner', asSpace);
    const room = await make(host.user, 'open');
    const secret = await make(host.user, 'secret', { preset: 'private_chat' });
    for (const child of [room, secret]) await put(host.user, inner, child, host.serverName);
    const outer = await make(guest.user, 'outer', asSpace);
    await put(guest.user, outer, inner, host.serverName);
    const path = `../v1/rooms/${part(outer)}/hierarchy`;
    const { rooms } = await guest.user.request<{ rooms: { name: string; room_id: string }[] }>('GET', `/${path}`);
    expect(rooms.map(({ name, room_id }) => [name, room_id])).toEqual([
      ['outer', outer],
      ['inner', inner],
      ['open', room],
    ]);
  });

  scene('profiles and aliases are asked for', async (host, guest) => {
    const name = `The host, ${where}`;
    await host.user.request('PUT', `/profile/${part(host.user.userId)}/displayname`, { displayname: name });
    const profile = await guest.user.request('GET', `/profile/${part(host.user.userId)}`);
    expect(profile).toMatchObject({ displayname: name });
    const unknown = `@nobody:${host.serverName}`;
    await expect(guest.user.request('GET', `/profile/${part(unknown)}`)).rejects.toMatchObject({ status: 404 });
    const alias = where.toLowerCase().replace(' ', '-');
    const roomId = await host.user.createRoom({ room_alias_name: alias });
    const found = await guest.user.request('GET', `/directory/room/${part(`#${alias}:${host.serverName}`)}`);
    expect(found).toEqual({ room_id: roomId, servers: [host.serverName] });
    const nowhere = part(`#nowhere:${host.serverName}`);
    await expect(guest.user.request('GET', `/directory/room/${nowhere}`)).rejects.toMatchObject({ status: 404 });
  });

  scene('a room is upgraded from version 10 to 12, and the other side follows', async (host, guest) => {
    const alias = `old-${where.slice(0, 3).toLowerCase()}`;
    const old = await host.user.createRoom({
      room_version: '10',
      preset: 'public_chat',
      room_alias_name: alias,
      name: 'Old',
    });
    await guest.user.join(`#${alias}:${host.serverName}`);
    const { replacement_room: next } = await host.user.request<{ replacement_room: string }>(
      'POST',
      `/rooms/${part(old)}/upgrade`,
      { new_version: '12' },
    );
    await until(
      () => state(guest.user, old, 'm.room.tombstone'),
      ({ replacement_room }) => replacement_room === next,
      { what: 'the tombstone arrives' },
    );
    expect(await guest.user.join(`#${alias}:${host.serverName}`)).toBe(next);
    expect(await state(guest.user, next, 'm.room.name')).toEqual({ name: 'Old' });
    const create = await state<{ predecessor: { room_id: string } }>(guest.user, next, 'm.room.create');
    expect(create).toMatchObject({ room_version: '12', predecessor: { room_id: old } });
    await guest.user.send(next, 'here we are');
    await hears(host.user, next, 'here we are');
  });

  scene('a server that is denied by the ACL is not heard any more, until it is allowed again', async (host, guest) => {
    const alias = `acl-${where.slice(0, 3).toLowerCase()}`;
    const roomId = await host.user.createRoom({
      room_version: '12',
      preset: 'public_chat',
      room_alias_name: alias,
    });
    await guest.user.join(`#${alias}:${host.serverName}`);
    await guest.user.send(roomId, 'before');
    await hears(host.user, roomId, 'before');
    const acl = (deny: readonly string[]) =>
      setState(host.user, roomId, 'm.room.server_acl', { allow: ['*'], deny, allow_ip_literals: true });
    await acl([guest.serverName.replace(/:\d+$/, '')]);
    await until(
      () => state<{ deny: string[] }>(guest.user, roomId, 'm.room.server_acl'),
      ({ deny }) => deny.length === 1,
      { what: 'the ACL is seen' },
    );
    await guest.user.send(roomId, 'denied').catch((error: unknown) => expect(error).toBeInstanceOf(Refused));
    await host.user.send(roomId, 'still heard'); // who is denied may listen
    await hears(guest.user, roomId, 'still heard');
    await setTimeout(2000);
    expect(await host.user.bodies(roomId)).not.toContain('denied');
    await acl([]);
    await until(
      () => state<{ deny: string[] }>(guest.user, roomId, 'm.room.server_acl'),
      ({ deny }) => deny.length === 0,
      { what: 'the ban is lifted' },
    );
    await guest.user.send(roomId, 'after');
    await hears(host.user, roomId, 'after');
  });
});

/** A whole Hearth of this process, whose insides the test can reach. */
async function hearthHere() {
  const folder = tempFolder();
  const [clientPort = 0, port = 0] = await freePorts(2);
  const { cert, key } = await ca.issue('127.0.0.1');
  const file = (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  const argv = [
    ...['--server-name', `127.0.0.1:${port}`, '--federation-listen', `127.0.0.1:${port}`],
    ...['--client-listen', `127.0.0.1:${clientPort}`, '--console-listen', '127.0.0.1:0'],
    ...['--tls-cert', file('tls.crt', cert), '--tls-key', file('tls.key', key)],
    ...['--allow-address-range', '127.0.0.0/8', '--registration', 'open', '--rate-limits', 'off'],
  ];
  const homeserver = await startHomeserver({
    config: readConfig({ argv, env: {}, defaultDataDir: folder }),
    platform: realPlatform({ verifyTls: true, extraCa: [ca.cert] }),
    log: memoryLog().log,
    page: pageIn(folder),
    wasm: sqlWasm,
  });
  atEnd(() => homeserver.close());
  const services = homeserver.matrix()?.services;
  if (services === undefined) throw new Error('there is no server');
  return { clientUrl: `http://127.0.0.1:${clientPort}`, services, keyFile: join(folder, 'signing.key') };
}

test('Synapse believes what we sign after a rotation, and what we signed before', async ({ skip }) => {
  if (noSynapse) return skip(noSynapse);
  const { clientUrl, services, keyFile } = await hearthHere();
  const kim = await register(clientUrl, 'kim');
  const roomId = await kim.createRoom({ room_version: '12', preset: 'public_chat', room_alias_name: 'keys' });
  await theirs.user.join(`#keys:${services.serverName}`);
  await kim.send(roomId, 'with the old key');
  await hears(theirs.user, roomId, 'with the old key');

  const before = services.federation.ownKeys.current().keyId;
  const { keyId } = services.federation.ownKeys.rotate();
  expect(keyId).not.toBe(before);
  expect(readFileSync(keyFile, 'utf8')).toContain(keyId.slice('ed25519:'.length));
  const eventId = await kim.send(roomId, 'with the new key');
  const { signatures } = services.rooms.event(eventId as never)?.event.pdu ?? {};
  expect(signatures).toEqual({ [services.serverName]: { [keyId]: expect.any(String) } });
  await hears(theirs.user, roomId, 'with the new key');
  await theirs.user.send(roomId, 'heard');
  await hears(kim, roomId, 'heard');

  const sam = await register(synapse.clientUrl, 'sam'); // whose join is checked against all that we have signed
  await kim.invite(roomId, sam.userId);
  await sam.join(roomId);
  await hears(sam, roomId, 'with the new key');
});
