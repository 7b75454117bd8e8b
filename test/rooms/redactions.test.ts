import { beforeEach, expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { EventDraft } from '../../main/rooms/rooms.ts';
import type { EventId, RoomId } from '../../shared/ids.ts';
import {
  createRoom,
  join,
  message,
  outcomes,
  type RoomServer,
  receive,
  roomServer,
  user,
} from '../support/room-server.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');

let a: RoomServer;
let b: RoomServer;

beforeEach(async () => {
  [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
});

const room = async (version: string): Promise<RoomId> => {
  const roomId = await createRoom(a, alice, version);
  await join(a, b, roomId, bob);
  return roomId;
};
const send = async (server: RoomServer, roomId: RoomId, draft: EventDraft): Promise<RoomEvent> => {
  const [stored] = await server.rooms.append(roomId, [draft]);
  return (stored as { event: RoomEvent }).event;
};
const redaction = (sender: typeof alice, redacts: EventId): EventDraft => ({
  ...{ type: 'm.room.redaction', sender, redacts },
  content: { reason: 'why not' },
});

test.each(['1', '6', '11', '12'])(
  'in version %s one’s own message is redacted for everyone, and stays redacted',
  async (version) => {
    const roomId = await room(version);
    const said = await send(b, roomId, message(bob, 'regrets'));
    const redacts = await send(b, roomId, redaction(bob, said.eventId));
    expect(outcomes(await receive(a, b, said, redacts))).toEqual(['accepted', 'accepted']);
    for (const { rooms } of [a, b]) {
      expect(rooms.event(said.eventId)).toMatchObject({ redactedBy: redacts.eventId, event: { content: {} } });
      expect(rooms.event(said.eventId)?.event.pdu['content']).toEqual({});
      expect(rooms.event(said.eventId)?.event.pdu['signatures']).toEqual(said.pdu['signatures']);
      expect(rooms.event(redacts.eventId)?.redactedBy).toBeUndefined();
    }
    await a.close();
    const again = await roomServer('a.test', { path: a.path });
    expect(again.rooms.event(said.eventId)).toMatchObject({ redactedBy: redacts.eventId, event: { content: {} } });
  },
);

test('the redaction may come before what it redacts', async () => {
  const roomId = await room('11');
  const said = await send(b, roomId, message(bob, 'regrets'));
  const redacts = await send(b, roomId, redaction(bob, said.eventId));
  expect(outcomes(await receive(a, b, redacts))).toEqual(['parked']);
  await receive(a, b, said);
  await a.platform.advance(2000);
  await expect.poll(() => a.rooms.event(said.eventId)?.redactedBy).toBe(redacts.eventId);
  // Or be there as an event, when what it redacts comes by another branch.
  const [other] = await a.rooms.append(roomId, [message(alice, 'later')]);
  const early = await send(a, roomId, redaction(alice, '$unknown-yet' as EventId));
  expect(early.redacts).toBe('$unknown-yet');
  expect(other?.outcome).toBe('accepted');
});

test('who has not the level redacts nothing of others, though the event is accepted', async () => {
  const roomId = await room('11');
  const said = await send(a, roomId, message(alice, 'mine'));
  await receive(b, a, said);
  const redacts = await send(b, roomId, redaction(bob, said.eventId));
  expect(outcomes(await receive(a, b, redacts))).toEqual(['accepted']);
  expect(a.rooms.event(said.eventId)).toMatchObject({ redactedBy: undefined, event: { content: { body: 'mine' } } });
  const byModerator = await send(a, roomId, redaction(alice, (await send(a, roomId, message(alice, 'x'))).eventId));
  expect(a.rooms.event(byModerator.redacts as EventId)?.redactedBy).toBe(byModerator.eventId);
});

test('an event that comes after its redaction on another branch is redacted as it comes', async () => {
  const roomId = await room('11');
  const base = a.rooms.forwardExtremities(roomId);
  const said = await send(b, roomId, message(bob, 'regrets'));
  const draft = redaction(alice, said.eventId);
  const redacts = await send(a, roomId, draft); // alice knows of it, a.test does not yet
  expect(redacts.prevEvents).toEqual(base);
  expect(outcomes(await receive(a, b, said))).toEqual(['accepted']);
  expect(a.rooms.event(said.eventId)).toMatchObject({ redactedBy: redacts.eventId, event: { content: {} } });
});

test('a redacted event stands in the state as before, as the rules see it', async () => {
  const roomId = await room('10');
  const levels = await send(a, roomId, {
    ...{ type: 'm.room.power_levels', sender: alice, stateKey: '' },
    content: { users: { [alice]: 100 }, invite: 50 },
  });
  await send(a, roomId, redaction(alice, levels.eventId));
  expect(a.rooms.currentState(roomId).get('m.room.power_levels', '')?.content).toEqual({ users: { [alice]: 100 } });
  const invite = { type: 'm.room.member', sender: bob, stateKey: '@carol:c.test', content: { membership: 'invite' } };
  expect(() => a.rooms.template(roomId, invite)).toThrow('needs 50');
});
