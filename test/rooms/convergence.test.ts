import { expect, test } from 'vitest';
import type { RemoteServers } from '../../main/network/remote-servers.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { EventDraft } from '../../main/rooms/rooms.ts';
import type { RoomId, ServerName, UserId } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import {
  answersFrom,
  createRoom,
  join,
  member,
  message,
  type RoomServer,
  receive,
  roomServer,
  user,
} from '../support/room-server.ts';

/** Whoever is asked answers from what that server has. */
function connect(servers: ReadonlyMap<ServerName, RoomServer>, server: RoomServer) {
  for (const method of ['event', 'eventAuth', 'missingEvents', 'backfill', 'stateIds', 'state'] as const) {
    const answer = async (to: ServerName, ...rest: unknown[]) => {
      const answers = answersFrom((servers.get(to) as RoomServer).rooms) as unknown as Record<
        string,
        (...all: unknown[]) => unknown
      >;
      return answers[method]?.(to, ...rest);
    };
    Object.assign(server.answers, { [method]: answer } as Partial<RemoteServers>);
  }
}

/** Small and the same everywhere. */
function chance(seed: number) {
  let state = seed * 2654435761;
  return (below: number): number => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x6d2b79f5) | 0;
    return ((state ^ (state >>> 13)) >>> 0) % below;
  };
}

const levelsOf = (of: Record<string, number>): EventDraft['content'] => ({ users: of });

/**
 * Three servers talk, ban, promote and rename at once, and hear of one another late, in bits, in any order. Then they hear
 * of everything. What each of them thinks the state was at an event must be what the others think.
 */
test.each([
  ['6', 1],
  ['6', 2],
  ['10', 3],
  ['11', 4],
  ['11', 5],
  ['11', 6],
  ['12', 7],
  ['12', 8],
  ['12', 9],
] as const)('servers agree on the state at every event: version %s, seed %i', async (version, seed) => {
  const pick = chance(seed);
  const names = ['a.test', 'b.test', 'c.test'];
  const users = names.map((name) => user(`@u:${name}`)) as [UserId, UserId, UserId];
  const list = await Promise.all(names.map((name) => roomServer(name)));
  const [a, b, c] = list as [RoomServer, RoomServer, RoomServer];
  const byName = new Map(list.map((server) => [server.serverName, server]));
  for (const server of list) connect(byName, server);
  const roomId: RoomId = await createRoom(a, users[0], version);
  await join(a, b, roomId, users[1]);
  const joined = await join(a, c, roomId, users[2]);
  await receive(b, a, joined);
  const base = version === '12' ? {} : { [users[0]]: 100 };
  const [levels] = await a.rooms.append(roomId, [
    {
      type: 'm.room.power_levels',
      sender: users[0],
      stateKey: '',
      content: levelsOf({ ...base, [users[1]]: 50, [users[2]]: 50 }),
    },
  ]);
  for (const server of [b, c]) await receive(server, a, levels as never);

  const sent: { readonly event: RoomEvent; readonly from: RoomServer }[] = [];
  const draft = (sender: UserId): EventDraft => {
    const other = users[pick(3)] as UserId;
    const options: EventDraft[] = [
      message(sender, `${pick(1000)}`),
      { type: 'm.room.topic', sender, stateKey: '', content: { topic: `${pick(1000)}` } },
      { ...member(sender, sender, 'join'), content: { membership: 'join', displayname: `${pick(1000)}` } },
      {
        type: 'm.room.power_levels',
        sender,
        stateKey: '',
        content: levelsOf({ ...base, [users[1]]: 50, [users[2]]: pick(60) }),
      },
      { type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: pick(2) === 0 ? 'public' : 'invite' } },
      member(sender, other, ['leave', 'ban', 'invite'][pick(3)] as string),
    ];
    return options[pick(options.length)] as EventDraft;
  };
  for (let step = 0; step < 60; step++) {
    const at = pick(3);
    const server = list[at] as RoomServer;
    await server.platform.advance(pick(3000));
    try {
      const [stored] = await server.rooms.append(roomId, [draft(users[at] as UserId)]);
      sent.push({ event: (stored as { event: RoomEvent }).event, from: server });
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error; // the room did not allow it
    }
    const heard = sent[pick(sent.length || 1)];
    if (heard !== undefined && pick(2) === 0) await receive(list[pick(3)] as RoomServer, heard.from, heard.event);
  }
  for (const server of list) {
    for (const { event, from } of sent) if (from !== server) await receive(server, from, event);
  }

  let compared = 0;
  for (const { event } of sent) {
    const views = list
      .map(({ rooms }) => rooms.stateBefore(event.eventId))
      .filter((state) => state !== undefined)
      .map((state) => [...state.entries()].map(([key, id]) => `${key} ${id}`).sort());
    for (const view of views.slice(1)) expect(view).toEqual(views[0]);
    compared += views.length - 1;
  }
  expect(compared).toBeGreaterThan(20);
});
