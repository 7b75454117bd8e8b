import { beforeAll, describe, expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { type MatrixClient, Refused, register, until } from '../support/matrix-client.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';

interface Side {
  readonly serverName: string;
  readonly user: MatrixClient;
  readonly second: MatrixClient;
}

let synapse: Synapse;
let hearth: Hearth;
let theirs: Side;
let ours: Side;

const side = async ({ serverName, clientUrl }: Synapse | Hearth, name: string): Promise<Side> => ({
  serverName,
  user: await register(clientUrl, name),
  second: await register(clientUrl, `${name}2`),
});

beforeAll(async () => {
  if (noSynapse) return;
  const ca = await createTestCa();
  [synapse, hearth] = await Promise.all([startSynapse(ca), startHearth(ca)]);
  [theirs, ours] = await Promise.all([side(synapse, 'sylvia'), side(hearth, 'harold')]);
});

let rooms = 0;
const aliasName = () => `room-${++rooms}`;
const numbered = (prefix: string, count: number) => Array.from({ length: count }, (_, index) => `${prefix} ${index}`);

/** Each person sees these messages, in this order, perhaps among others. */
async function bothSee(people: readonly MatrixClient[], roomId: string, bodies: readonly string[]): Promise<void> {
  const wanted = new Set(bodies);
  for (const person of people) {
    await until(
      async () => (await person.bodies(roomId)).filter((body) => wanted.has(body)),
      (seen) => JSON.stringify(seen) === JSON.stringify(bodies),
      { what: `${person.userId} sees ${bodies.length} messages in order` },
    );
  }
}

async function sendAll(person: MatrixClient, roomId: string, bodies: readonly string[]): Promise<void> {
  for (const body of bodies) await person.send(roomId, body);
}

describe.each(['10', '11', '12'])('a room of version %s', (room_version) => {
  describe.each([
    ['Synapse', () => [theirs, ours] as const],
    ['Hearth', () => [ours, theirs] as const],
  ])('made at %s', (_where, sides) => {
    test('is found by alias, joined, talked in, scrolled back in', async ({ skip }) => {
      if (noSynapse) return skip(noSynapse);
      const [{ user: host, serverName }, { user: guest }] = sides();
      const alias = aliasName();
      const roomId = await host.createRoom({
        room_version,
        preset: 'public_chat',
        room_alias_name: alias,
        name: 'One',
      });
      const early = numbered('early', 40);
      await sendAll(host, roomId, early);

      expect(await guest.join(`#${alias}:${serverName}`)).toBe(roomId);
      await until(
        () => host.membership(roomId, guest.userId),
        (is) => is === 'join',
        { what: 'the join arrives' },
      );
      const dialogue: string[] = [];
      for (let turn = 0; turn < 6; turn++) {
        const speaker = turn % 2 === 0 ? host : guest;
        dialogue.push(`${room_version} turn ${turn}`);
        await speaker.send(roomId, `${room_version} turn ${turn}`);
        await bothSee([host, guest], roomId, dialogue);
      }
      await bothSee([guest], roomId, early); // past the join: fetched by /backfill
      expect(await guest.bodies(roomId)).toEqual(await host.bodies(roomId));
    });

    test('takes guests by invite, and lets them go by leave, kick and ban', async ({ skip }) => {
      if (noSynapse) return skip(noSynapse);
      const [{ user: host }, { user: guest, second }] = sides();
      const roomId = await host.createRoom({ room_version, preset: 'private_chat' });
      for (const invited of [guest, second]) {
        await expect(invited.join(roomId, sides()[0].serverName)).rejects.toThrow(Refused); // not yet
        await host.invite(roomId, invited.userId);
        await until(
          () => invited.invites(),
          (rooms) => rooms.includes(roomId),
          { what: 'the invite arrives' },
        );
        await invited.join(roomId);
        await until(
          () => host.membership(roomId, invited.userId),
          (is) => is === 'join',
          { what: 'join by invite' },
        );
      }
      await guest.send(roomId, 'thank you');
      await bothSee([host, guest, second], roomId, ['thank you']);

      await guest.leave(roomId);
      await until(
        () => host.membership(roomId, guest.userId),
        (is) => is === 'leave',
        { what: 'the leave arrives' },
      );
      await host.kick(roomId, second.userId);
      await until(
        () => joinedTo(second),
        (rooms) => !rooms.includes(roomId),
        { what: 'the kick arrives' },
      );

      await host.invite(roomId, guest.userId);
      await until(
        () => guest.invites(),
        (rooms) => rooms.includes(roomId),
        { what: 'the second invite arrives' },
      );
      await guest.join(roomId);
      await until(
        () => host.membership(roomId, guest.userId),
        (is) => is === 'join',
        { what: 'the join after a leave' },
      );
      await host.ban(roomId, guest.userId);
      await until(
        () => joinedTo(guest),
        (rooms) => !rooms.includes(roomId),
        { what: 'the ban arrives' },
      );
      await expect(guest.join(roomId, sides()[0].serverName)).rejects.toThrow(Refused);
      await host.unban(roomId, guest.userId);
    });

    test('redacts for everybody', async ({ skip }) => {
      if (noSynapse) return skip(noSynapse);
      const [{ user: host, serverName }, { user: guest }] = sides();
      const alias = aliasName();
      const roomId = await host.createRoom({ room_version, preset: 'public_chat', room_alias_name: alias });
      await guest.join(`#${alias}:${serverName}`);
      for (const [author, reader] of [
        [host, guest],
        [guest, host],
      ] as const) {
        const eventId = await author.send(roomId, `secret of ${author.userId}`);
        await bothSee([reader], roomId, [`secret of ${author.userId}`]);
        await author.redact(roomId, eventId);
        for (const person of [author, reader]) {
          await until(
            async () => (await person.history(roomId)).find(({ event_id }) => event_id === eventId)?.content,
            (content) => content !== undefined && Object.keys(content).length === 0,
            { what: `${person.userId} sees nothing of a redacted message` },
          );
        }
      }
      const byGuest = await guest.send(roomId, 'moderate me');
      await bothSee([host], roomId, ['moderate me']);
      await host.redact(roomId, byGuest); // by power, not as the author
      await until(
        () => guest.bodies(roomId),
        (bodies) => !bodies.includes('moderate me'),
      );
    });

    test('an invite can be refused', async ({ skip }) => {
      if (noSynapse) return skip(noSynapse);
      const [{ user: host }, { user: guest }] = sides();
      const roomId = await host.createRoom({ room_version, preset: 'private_chat' });
      await host.invite(roomId, guest.userId);
      await until(
        () => guest.invites(),
        (rooms) => rooms.includes(roomId),
      );
      await guest.leave(roomId);
      await until(
        () => host.membership(roomId, guest.userId),
        (is) => is === 'leave',
        { what: 'the refusal arrives' },
      );
      expect(await guest.invites()).not.toContain(roomId);
    });
  });
});

const joinedTo = async (person: MatrixClient) =>
  (await person.request<{ joined_rooms: string[] }>('GET', '/joined_rooms')).joined_rooms;
