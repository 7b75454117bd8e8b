import { expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { EventId } from '../../shared/ids.ts';
import {
  createRoom,
  join,
  member,
  message,
  outcomes,
  receive,
  roomServer,
  sign,
  user,
} from '../support/room-server.ts';

const alice = user('@alice:a.test');
const bob = user('@bob:b.test');

test.each(['1', '6', '11', '12'])(
  'a room of version %s is entered by what a resident server answers',
  async (version) => {
    const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
    const roomId = await createRoom(a, alice, version);
    await a.rooms.append(roomId, [message(alice, 'before')]);
    const event = await join(a, b, roomId, bob);
    expect(b.rooms.info(roomId)).toMatchObject({ resident: true, gap: false, rules: { version } });
    expect([...b.rooms.currentState(roomId).entries()].sort()).toEqual(
      [...a.rooms.currentState(roomId).entries()].sort(),
    );
    expect(b.rooms.forwardExtremities(roomId)).toEqual([event.eventId]);
    expect(b.rooms.backwardExtremities(roomId).map(({ citedBy }) => citedBy)).toEqual([event.eventId]);
    expect(b.rooms.memberships(bob)).toMatchObject([
      { roomId, membership: 'join', eventId: event.eventId, sender: bob },
    ]);
    expect([...b.rooms.servers(roomId)].sort()).toEqual(['a.test', 'b.test']);
    expect(b.rooms.event(event.eventId)).toMatchObject({ source: 'join', outlier: false, outcome: 'accepted' });
    expect(b.told.filter(({ outcome }) => outcome === 'accepted')).toHaveLength(1);
    expect(outcomes(await receive(b, a, ...(await a.rooms.append(roomId, [message(alice, 'welcome')]))))).toEqual([
      'accepted',
    ]);
    expect(outcomes(await receive(a, b, ...(await b.rooms.append(roomId, [message(bob, 'thanks')]))))).toEqual([
      'accepted',
    ]);
  },
);

test('the state after the join is seen from both sides alike, and a member that was added since is not lost', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
  const carol = user('@carol:b.test');
  const [joined] = await b.rooms.append(roomId, [member(carol, carol, 'join')]);
  expect(outcomes(await receive(a, b, joined as never))).toEqual(['accepted']);
  expect(b.rooms.localMembers(roomId)).toEqual([bob, carol]);
  expect(a.count(`FROM joined_servers WHERE server = 'b.test' AND members = 2`)).toBe(1);
});

test('what the reply may not hold is left out, and a reply without a room in it is refused', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  const template = a.rooms.template(roomId, member(bob, bob, 'join'));
  const event = sign(template, b, '11');
  const { state } = await a.rooms.admit(event);
  const eve = user('@eve:a.test');
  const base = a.rooms.template(roomId, message(alice, 'x'));
  const forged = sign({ ...base, ...draftOf(eve), auth_events: [state.id('m.room.create', '')] as string[] }, a, '11');
  const entry = { join: event, state: [...state.events(), forged], authChain: [], from: a.serverName };
  await expect(b.rooms.enter({ ...entry, state: [] })).rejects.toMatchObject({ status: 403 });
  expect(b.rooms.info(roomId)?.resident).toBe(false);
  const progress: [number, number][] = [];
  await b.rooms.enter({ ...entry, onProgress: (done, total) => progress.push([done, total]) });
  expect(b.rooms.currentState(roomId).id('m.room.topic', '')).toBeUndefined();
  expect(b.rooms.event(forged.eventId)?.outcome).toBe('rejected');
  expect(progress.at(-1)).toEqual([5, 5]);
});

const draftOf = (sender: string) => ({ type: 'm.room.topic', state_key: '', sender, content: { topic: 'forged' } });

test('PDUs for a room that is being joined wait until it is', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  b.rooms.joining(roomId, true);
  const template = a.rooms.template(roomId, member(bob, bob, 'join'));
  const event = sign(template, b, '11');
  const { state } = await a.rooms.admit(event);
  const said = await a.rooms.append(roomId, [message(alice, 'welcome')]);
  const [outcome] = await receive(b, a, ...said);
  expect(outcome).toMatchObject({ outcome: 'parked', reason: 'The room is being joined.' });
  await b.rooms.enter({ join: event, state: state.events(), authChain: [], from: a.serverName });
  b.rooms.joining(roomId, false);
  await b.platform.advance(2000);
  await expect.poll(() => b.rooms.forwardExtremities(roomId)).toEqual([said[0]?.event.eventId]);
  expect(b.count('FROM staged_pdus')).toBe(0);
});

test('who comes back starts from where the room is then', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
  const [left] = await b.rooms.append(roomId, [member(bob, bob, 'leave')]);
  expect(outcomes(await receive(a, b, left as never))).toEqual(['accepted']);
  expect(b.rooms.info(roomId)?.resident).toBe(false);
  await expect(b.rooms.append(roomId, [message(bob, 'x')])).rejects.toMatchObject({ status: 403 });
  const [missed] = await a.rooms.append(roomId, [
    { type: 'm.room.topic', sender: alice, stateKey: '', content: { topic: 'meanwhile' } },
  ]);
  expect(outcomes(await receive(b, a, missed as never))).toEqual(['dropped']);
  const again = await join(a, b, roomId, bob);
  expect(b.rooms.forwardExtremities(roomId)).toEqual([again.eventId]);
  expect(b.rooms.currentState(roomId).get('m.room.topic', '')?.content['topic']).toBe('meanwhile');
  expect(b.rooms.memberships(bob)).toMatchObject([{ membership: 'join', eventId: again.eventId }]);
  const page = b.rooms.page(roomId, { from: undefined, towards: 'start', limit: 3 });
  expect(page.map(({ event }) => event.eventId)[0]).toBe(again.eventId);
});

test('a member event that the room does not allow is refused, and not kept', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  const template = a.rooms.template(roomId, member(bob, bob, 'join'));
  const early = sign(template, b, '11');
  await a.rooms.append(roomId, [member(alice, bob, 'ban')]);
  const events = a.count('FROM events');
  await expect(a.rooms.admit(early)).rejects.toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
  expect(a.count('FROM events')).toBe(events);
  expect(() => a.rooms.template(roomId, member(bob, bob, 'join'))).toThrow('ban');
});

test('an admitted event goes to the room’s other servers, not to the one that it came from', async () => {
  const [a, b, c] = [await roomServer('a.test'), await roomServer('b.test'), await roomServer('c.test')];
  const roomId = await createRoom(a, alice);
  await join(a, b, roomId, bob);
  a.sent.length = 0;
  const event = await join(a, c, roomId, user('@carol:c.test'));
  expect(a.sent.map(({ event: { eventId }, to }) => [eventId, to])).toEqual([[event.eventId, ['b.test']]]);
  const again = await a.rooms.admit(event);
  expect(again.stored.event.eventId).toBe(event.eventId);
  expect(a.sent).toHaveLength(1);
});

test('an invite from outside is known, can be taken back by the room, and be forgotten', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  const [invite] = await a.rooms.append(roomId, [member(alice, bob, 'invite')]);
  const event = invite?.event as RoomEvent;
  const strippedState = [{ type: 'm.room.name', content: { name: 'x' } }];
  b.rooms.setOutOfRoomMembership({ event, membership: 'invite', userId: bob, strippedState });
  expect(b.count('FROM events WHERE auth_generation = 0')).toBe(1); // nothing is here of what it cites
  expect(b.rooms.memberships(bob)).toMatchObject([{ roomId, membership: 'invite', strippedState, sender: alice }]);
  expect(b.rooms.info(roomId)?.resident).toBe(false);
  expect(b.rooms.forget(bob, roomId)).toBe(false);
  const [noise, kick] = await a.rooms.append(roomId, [message(alice, 'x'), member(alice, bob, 'leave')]);
  expect(outcomes(await receive(b, a, noise as never, kick as never))).toEqual(['dropped', 'accepted']);
  expect(b.rooms.memberships(bob)).toMatchObject([{ roomId, membership: 'leave', forgotten: false }]);
  expect(b.rooms.forget(bob, roomId)).toBe(true);
  expect(b.rooms.memberships(bob)).toMatchObject([{ forgotten: true }]);
});

test('an invite that came before the room is judged with it', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice);
  const [invite] = await a.rooms.append(roomId, [member(alice, bob, 'invite')]);
  const event = invite?.event as RoomEvent;
  b.rooms.setOutOfRoomMembership({ event, membership: 'invite', userId: bob, strippedState: [] });
  const joined = await join(a, b, roomId, bob);
  expect(joined.authEvents).toContain(event.eventId);
  expect(b.rooms.event(event.eventId)).toMatchObject({ outcome: 'accepted', outlier: true, source: 'join' });
  expect(b.count('FROM events WHERE auth_generation = 0')).toBe(0);
  expect(b.rooms.memberships(bob)).toMatchObject([{ membership: 'join', eventId: joined.eventId }]);
});

test('a version that an invite made up is corrected by the join', async () => {
  const [a, b] = [await roomServer('a.test'), await roomServer('b.test')];
  const roomId = await createRoom(a, alice, '10');
  const [invite] = await a.rooms.append(roomId, [member(alice, bob, 'invite')]);
  const asOther = sign({ ...(invite?.event.pdu ?? {}), signatures: {} }, a, '11');
  b.rooms.setOutOfRoomMembership({ event: asOther, membership: 'invite', userId: bob, strippedState: [] });
  expect(b.rooms.info(roomId)?.rules.version).toBe('11');
  await join(a, b, roomId, bob);
  expect(b.rooms.info(roomId)?.rules.version).toBe('10');
  expect(b.rooms.currentState(roomId).size).toBe(5);
});

test('a room of 5,000 members: entered, and every event costs a few rows', async () => {
  const b = await roomServer('b.test');
  const a = await roomServer('a.test');
  const roomId = await createRoom(a, alice);
  const others = Array.from({ length: 5000 }, (_, number) => user(`@user${number}:a.test`));
  for (let done = 0; done < others.length; done += 250) {
    await a.rooms.append(
      roomId,
      others.slice(done, done + 250).map((each) => member(each, each, 'join')),
    );
  }
  await join(a, b, roomId, bob);
  expect(b.rooms.currentState(roomId).size).toBe(5005);
  const rows = () => ({
    nodes: b.count('FROM state_nodes'),
    events: b.count('FROM events'),
    edges: b.count('FROM event_edges'),
    state: b.count('FROM current_state'),
    changes: b.count('FROM current_state_changes'),
    keys: b.count('FROM state_keys'),
  });
  const start = rows();
  await b.rooms.append(roomId, [message(bob, 'hello')]);
  const afterMessage = rows();
  await b.platform.advance(1000); // of two that are equal otherwise, resolution takes the younger one
  expect(afterMessage).toEqual({ ...start, events: start.events + 1, edges: start.edges + 1 });
  await b.rooms.append(roomId, [{ ...member(bob, bob, 'join'), content: { membership: 'join', displayname: 'Bob' } }]);
  const afterRename = rows();
  expect(afterRename.nodes - afterMessage.nodes).toBeLessThanOrEqual(5);
  expect(afterRename).toMatchObject({ state: start.state, keys: start.keys, changes: start.changes + 1 });
  const [renamed] = await a.rooms.append(roomId, [
    { ...member(alice, alice, 'join'), content: { membership: 'join', displayname: 'Alice' } },
  ]);
  expect(outcomes(await receive(b, a, renamed as never))).toEqual(['accepted']); // a fork: two states of 5,005 meet
  expect(rows().nodes - afterRename.nodes).toBeLessThanOrEqual(10);
  expect(b.rooms.currentState(roomId).get('m.room.member', alice)?.content['displayname']).toBe('Alice');
  expect(b.rooms.currentState(roomId).get('m.room.member', bob)?.content['displayname']).toBe('Bob');
}, 60_000);

test('reading a state does not write', async () => {
  const a = await roomServer('a.test');
  const roomId = await createRoom(a, alice);
  const before = a.count('FROM state_nodes');
  expect(
    a.rooms
      .currentState(roomId)
      .ofType('m.room.member')
      .map(({ sender }) => sender),
  ).toEqual([alice]);
  expect(a.rooms.currentState(roomId).id('m.room.nothing', 'x')).toBeUndefined();
  expect(a.count('FROM state_nodes')).toBe(before);
  const chain = await a.rooms.authChain(a.rooms.forwardExtremities(roomId));
  expect(chain.size).toBe(3);
  expect(await a.rooms.authChain(['$unknown' as EventId])).toEqual(new Set());
});
