import { describe, expect, test } from 'vitest';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { type EventSource, type ResolutionStep, separate } from '../../main/protocol/resolution.ts';
import { type StateKey, type StateMap, stateKeyOf } from '../../main/protocol/state-map.ts';
import { resolveInSteps, resolveSets, resolveState, sourceFrom } from '../../main/protocol/state-res.ts';
import type { EventId } from '../../shared/ids.ts';
import { type TestRoom, testRoom } from '../support/pdu-factory.ts';

const alice = '@alice:a.test'; // the creator, at 100
const bob = '@bob:b.test'; // at 50
const carol = '@carol:c.test'; // at 0
const frank = '@frank:f.test'; // not in
const topic = stateKeyOf('m.room.topic', '');
const levels = stateKeyOf('m.room.power_levels', '');
const rules = stateKeyOf('m.room.join_rules', '');
const member = (user: string) => stateKeyOf('m.room.member', user);

function users(room: TestRoom, others: JsonObject = {}): JsonObject {
  return { ...(room.rules.privilegedCreators ? {} : { [alice]: 100 }), [bob]: 50, ...others };
}

function publicRoom(version: string): TestRoom {
  const room = testRoom(version, { creator: alice });
  room.join(alice);
  room.powerLevels(alice, { users: users(room) });
  room.joinRules(alice, 'public');
  room.join(bob);
  room.join(carol);
  room.topic(alice, 'at first');
  return room;
}

/** What becomes of the forks when they meet, whichever comes first. */
function meet(...forks: readonly TestRoom[]): StateMap {
  const [first] = forks as readonly [TestRoom];
  const sets = forks.map((fork) => fork.state);
  const state = resolveSets(first.rules, sets, sourceFrom(first.events, sets));
  const turned = [...sets].reverse();
  const other = resolveSets(first.rules, turned, sourceFrom(first.events, turned));
  expect(new Map([...other].sort())).toEqual(new Map([...state].sort()));
  return state;
}

describe.each(['2', '6', '11', '12'])('forks of version %s', (version) => {
  test('what is the same on both is not looked at', () => {
    const room = publicRoom(version);
    const input = separate([room.state, room.fork().state]);
    const nothing: EventSource = {
      event: () => expect.fail('asked'),
      isRejected: () => expect.fail('asked'),
      authDifference: () => expect.fail('asked'),
      conflictedSubgraph: () => expect.fail('asked'),
    };
    expect(resolveState(room.rules, input, nothing)).toEqual(new Map());
  });

  test('what only one fork has is kept', () => {
    const [one, other] = forksOf(publicRoom(version));
    const name = one.send({ type: 'm.room.name', sender: bob, stateKey: '', content: { name: 'x' } });
    expect(meet(one, other).get(stateKeyOf('m.room.name', ''))).toBe(name.eventId);
  });

  test('the later of two topics stands; of two at the same time that with the higher ID', () => {
    const [one, other] = forksOf(publicRoom(version));
    const set = (line: TestRoom, originServerTs: number, eventId: string) =>
      line.send({ type: 'm.room.topic', sender: bob, stateKey: '', originServerTs, eventId });
    const later = set(one, 9000, '$a');
    set(other, 8000, '$z');
    expect(meet(one, other).get(topic)).toBe(later.eventId);

    set(one, 9500, '$b:b.test');
    const higher = set(other, 9500, '$c:b.test');
    expect(meet(one, other).get(topic)).toBe(higher.eventId);
  });

  test('a topic that rests on newer power levels stands, however early it says to be', () => {
    const [one, other] = forksOf(publicRoom(version));
    one.powerLevels(alice, { users: users(one), ban: 60 });
    const newer = one.send({ type: 'm.room.topic', sender: bob, stateKey: '', originServerTs: 1 });
    other.send({ type: 'm.room.topic', sender: bob, stateKey: '', originServerTs: 1_000_000 });
    expect(meet(one, other).get(topic)).toBe(newer.eventId);
  });

  test('who is banned on one fork has no say on the other', () => {
    const room = publicRoom(version);
    const before = room.get('m.room.power_levels');
    const [one, other] = forksOf(room);
    const ban = one.ban(alice, bob);
    other.powerLevels(bob, { users: users(other, { [carol]: 50 }) });
    other.topic(bob, 'before you throw me out');
    other.topic(carol, 'with what bob gave me');
    const state = meet(one, other);
    expect(state.get(member(bob))).toBe(ban.eventId);
    expect(state.get(levels)).toBe(before?.eventId);
    expect(state.get(topic)).toBe(room.get('m.room.topic')?.eventId);
  });

  test('a ban stands against a new join of the banned', () => {
    const [one, other] = forksOf(publicRoom(version));
    const ban = one.ban(bob, carol);
    other.join(carol, { displayname: 'Carol again' });
    expect(meet(one, other).get(member(carol))).toBe(ban.eventId);
  });

  test('of power levels at once those of higher power come first, and the others must be allowed by them', () => {
    const [one, other] = forksOf(publicRoom(version));
    const high = one.powerLevels(alice, { users: users(one), ban: 60 });
    other.powerLevels(bob, { users: users(other), kick: 40 }); // which would lower `ban`, out of bob's reach by now
    expect(meet(one, other).get(levels)).toBe(high.eventId);

    const [left, right] = forksOf(publicRoom(version));
    left.powerLevels(alice, { users: users(left, { [carol]: 10 }) });
    const allowed = right.powerLevels(bob, { users: users(right), kick: 40 }); // and carol back to 0, which bob may
    expect(meet(left, right).get(levels)).toBe(allowed.eventId);
  });

  test('who is demoted on one fork cannot act on the other', () => {
    const room = publicRoom(version);
    const [one, other] = forksOf(room);
    const demotion = one.powerLevels(alice, { users: users(one, { [bob]: 0 }) });
    other.topic(bob, 'I still can');
    other.kick(bob, carol);
    const state = meet(one, other);
    expect(state.get(levels)).toBe(demotion.eventId);
    expect(state.get(topic)).toBe(room.get('m.room.topic')?.eventId);
    expect(state.get(member(carol))).toBe(room.get('m.room.member', carol)?.eventId);
  });

  test('who joins while the room is being closed is out', () => {
    const [one, other] = forksOf(publicRoom(version));
    const closed = one.joinRules(alice, 'invite');
    other.join(frank);
    other.message(frank, 'I am in');
    const state = meet(one, other);
    expect(state.get(rules)).toBe(closed.eventId);
    expect(state.has(member(frank))).toBe(false);
  });

  test('who joins while a key that nobody else has is changed is in', () => {
    const [one, other] = forksOf(publicRoom(version));
    one.topic(alice, 'elsewhere');
    const join = other.join(frank);
    expect(meet(one, other).get(member(frank))).toBe(join.eventId);
  });

  test('three forks', () => {
    const room = publicRoom(version);
    const [one, two] = forksOf(room);
    const three = room.fork();
    const closed = one.joinRules(alice, 'invite');
    two.join(frank);
    const name = three.send({ type: 'm.room.name', sender: bob, stateKey: '' });
    const state = meet(one, two, three);
    expect([state.get(rules), state.has(member(frank))]).toEqual([closed.eventId, false]);
    expect(state.get(stateKeyOf('m.room.name', ''))).toBe(name.eventId);
  });

  test('an event that is not known here is left out', () => {
    const room = publicRoom(version);
    const [one, other] = forksOf(room);
    const known = one.topic(bob, 'known');
    const unknown = other.topic(alice, 'unknown');
    const sets = [one.state, other.state];
    const events = new Map([...room.events].filter(([id]) => id !== unknown.eventId));
    expect(resolveSets(room.rules, sets, sourceFrom(events, sets)).get(topic)).toBe(known.eventId);
  });
});

// https://github.com/matrix-org/matrix-spec-proposals/pull/4297, the two problems that made version 2.1
describe('state resets', () => {
  test.each([
    ['11', false],
    ['12', true],
  ])('A: join rules of someone who has left since; version %s keeps them: %s', (version, isKept) => {
    const room = testRoom(version, { creator: alice });
    const powers = { users: room.rules.privilegedCreators ? {} : { [alice]: 100 } };
    for (const act of [
      () => room.join(alice),
      () => room.powerLevels(alice, powers),
      () => room.joinRules(alice, 'public'),
    ])
      act();
    const oldRules = room.get('m.room.join_rules');
    const [oldBob, oldCarol] = [room.join(bob), room.join(carol)];
    const newRules = room.joinRules(alice, 'invite');
    room.leave(alice);
    const [newBob, newCarol] = [
      room.fork().join(bob, { displayname: 'b' }),
      room.fork().join(carol, { displayname: 'c' }),
    ];

    const ofBobsServer = having(room, newRules, newBob, oldCarol);
    const ofCarolsServer = having(room, oldRules, oldBob, newCarol);
    const state = resolve(room, ofBobsServer, ofCarolsServer);
    expect(state.get(rules)).toBe(isKept ? newRules.eventId : undefined);
    expect([state.get(member(bob)), state.get(member(carol))]).toEqual([newBob.eventId, newCarol.eventId]);
  });

  test.each([
    ['11', false],
    ['12', true],
  ])('B: power levels that fell back on one server; version %s restores the newest: %s', (version, isRestored) => {
    const room = testRoom(version, { creator: alice });
    room.join(alice);
    const creator: JsonObject = room.rules.privilegedCreators ? {} : { [alice]: 100 };
    const first = room.powerLevels(alice, { users: creator });
    room.joinRules(alice, 'public');
    room.join(bob);
    room.powerLevels(alice, { users: { ...creator, [bob]: 50 } });
    const newest = room.powerLevels(bob, { users: { ...creator, [bob]: 50, [carol]: 50 } });
    const zoe = room.fork().join('@zoe:z.test');
    const line = room.fork();
    line.join(frank);
    const renamed = line.join(frank, { displayname: 'f' });

    // Both servers know the levels between the first and the newest only from auth chains: of `renamed`, and of the newest.
    const state = resolve(room, having(room, first, renamed), having(room, newest, zoe));
    expect(state.get(levels)).toBe(isRestored ? newest.eventId : first.eventId);
  });

  function having(room: TestRoom, ...events: readonly (RoomEvent | undefined)[]): StateMap {
    const state = new Map(room.state);
    for (const event of events)
      if (event?.stateKey !== undefined) state.set(stateKeyOf(event.type, event.stateKey), event.eventId);
    return state;
  }
  const resolve = (room: TestRoom, ...sets: readonly StateMap[]) =>
    resolveSets(room.rules, sets, sourceFrom(room.events, sets));
});

describe('state that is missing while an event is judged', () => {
  /** bob's topic is in conflict. No set has bob's membership, which all of them know from the name that bob has set. */
  function withoutBob(isRejected: (id: EventId) => boolean) {
    const room = publicRoom('10');
    room.send({ type: 'm.room.name', sender: bob, stateKey: '' });
    const [one, other] = forksOf(room);
    const set = one.topic(bob, 'x');
    const sets = [one.state, other.state].map((state) => new Map([...state].filter(([key]) => key !== member(bob))));
    return { set, state: resolveSets(room.rules, sets, sourceFrom(room.events, sets, isRejected)) };
  }

  test('is taken from what the event cites', () => {
    const { set, state } = withoutBob(() => false);
    expect(state.get(topic)).toBe(set.eventId);
  });

  test('but not if that was rejected', () => {
    const { set, state } = withoutBob((id) => id.includes('member'));
    expect(state.get(topic)).not.toBe(set.eventId);
  });
});

test('a trace tells what was judged, in order', () => {
  const room = publicRoom('11');
  const [one, other] = forksOf(room);
  const open = room.get('m.room.join_rules');
  const closed = one.joinRules(alice, 'invite');
  const join = other.join(frank);
  const sets = [one.state, other.state];
  const steps: ResolutionStep[] = [];
  resolveSets(room.rules, sets, sourceFrom(room.events, sets), (step) => steps.push(step));
  expect(steps.map(({ phase, event, verdict }) => [phase, event.eventId, verdict.allowed])).toEqual([
    ['power events', open?.eventId, true],
    ['power events', closed.eventId, true],
    ['other events', join.eventId, false],
  ]);
  expect(steps.at(-1)?.verdict).toMatchObject({ rule: 'join rule allows the join', decidedBy: [closed.eventId] });
});

describe('version 1', () => {
  const forked = () => forksOf(publicRoom('1'));
  const set = (line: TestRoom, draft: { depth: number; eventId?: string; sender?: string }) =>
    line.send({ type: 'm.room.topic', sender: alice, stateKey: '', ...draft });

  test('the deepest topic stands, and of two as deep that whose ID has the lower SHA-1', () => {
    const [one, other] = forked();
    const deep = set(one, { depth: 90 });
    set(other, { depth: 80 });
    expect(meet(one, other).get(topic)).toBe(deep.eventId);

    set(one, { depth: 99, eventId: '$d:a.test' }); // 73ed…
    const lower = set(other, { depth: 99, eventId: '$f:a.test' }); // 2f27…
    expect(meet(one, other).get(topic)).toBe(lower.eventId);
    const lowest = set(one, { depth: 99, eventId: '$i:a.test' }); // 0a03…
    expect(meet(one, other).get(topic)).toBe(lowest.eventId);
  });

  test('a topic that is refused gives way to the next; if all are refused the oldest stands', () => {
    const [one, other] = forked();
    set(one, { depth: 90, sender: carol });
    const allowed = set(other, { depth: 80 });
    expect(meet(one, other).get(topic)).toBe(allowed.eventId);

    const [left, right] = forked();
    const oldest = set(left, { depth: 70, sender: carol });
    set(right, { depth: 90, sender: carol });
    expect(meet(left, right).get(topic)).toBe(oldest.eventId);
  });

  test('members after the first that is refused are not asked for', () => {
    const room = publicRoom('1');
    const first = room.get('m.room.member', carol);
    const [one, other] = forksOf(room);
    one.member(frank, carol, 'ban');
    other.message(carol, 'x');
    other.message(carol, 'y');
    other.join(carol, { displayname: 'allowed after the first, but deeper than the ban' });
    expect(meet(room, one, other).get(member(carol))).toBe(first?.eventId);
  });

  test('what only some forks have is no conflict, allowed or not', () => {
    const [one, other] = forked();
    const closed = one.joinRules(alice, 'invite');
    const join = other.join(frank);
    const state = meet(one, other);
    expect([state.get(rules), state.get(member(frank))]).toEqual([closed.eventId, join.eventId]);
  });

  test('power levels go before join rules, these before members, and each chain ends at the first refusal', () => {
    const room = publicRoom('1');
    const [one, other] = forksOf(room);
    const demotion = one.powerLevels(alice, { users: users(one, { [bob]: 0 }) });
    other.powerLevels(bob, { users: users(other), kick: 40 });
    other.joinRules(bob, 'invite');
    one.joinRules(alice, 'public', { again: true });
    const state = meet(one, other);
    expect(state.get(levels)).toBe(demotion.eventId); // bob's comes after it, and bob is nobody by then
    expect(state.get(rules)).toBe(one.get('m.room.join_rules')?.eventId);
    const ban = one.ban(alice, carol);
    other.join(carol, { displayname: 'still here' });
    other.join(carol, { displayname: 'deeper' });
    expect(meet(one, other).get(member(carol))).toBe(ban.eventId);
  });
});

describe('large rooms', () => {
  test('a fork in a room of 30,000 reads a handful of events', () => {
    const room = publicRoom('11');
    const state = new Map(room.state);
    for (let number = 0; number < 30_000; number++) state.set(member(`@m${number}:m.test`), `$m${number}` as EventId);
    const [one, other] = forksOf(room);
    const [first, second] = [one.topic(alice, '1'), other.topic(bob, '2')];
    let reads = 0;
    const source: EventSource = {
      ...sourceFrom(room.events, [one.state, other.state]),
      event(id) {
        reads++;
        return room.events.get(id);
      },
    };
    const conflicted = new Map<StateKey, readonly EventId[]>([[topic, [first.eventId, second.eventId]]]);
    const input = { conflicted, unconflicted: (key: StateKey) => (key === topic ? undefined : state.get(key)) };
    expect(resolveState(room.rules, input, source)).toEqual(new Map([[topic, second.eventId]]));
    expect(reads).toBeLessThan(40);
  });

  test.each(['1', '11', '12'])('many conflicts are resolved in small steps, to the same end: version %s', (version) => {
    const room = publicRoom(version);
    const [one, other] = forksOf(room);
    for (let number = 0; number < 1000; number++) {
      one.join(`@one${number}:m.test`);
      other.join(`@other${number}:m.test`);
      other.topic(alice, `${number}`);
    }
    const sets = [one.state, other.state];
    const source = sourceFrom(room.events, sets);
    let reads = 0;
    let most = 0;
    let steps = 0;
    const counted = (id: EventId) => {
      reads++;
      return source.event(id);
    };
    const counting: EventSource = { ...source, event: counted };
    const resolving = resolveInSteps(room.rules, separate(sets), counting);
    for (let step = resolving.next(); ; step = resolving.next(), steps++) {
      most = Math.max(most, reads);
      reads = 0;
      if (step.done !== true) continue;
      expect(step.value).toEqual(resolveState(room.rules, separate(sets), source));
      break;
    }
    expect(steps).toBeGreaterThan(5);
    expect(most).toBeLessThan(2500);
  });

  test('power levels may have been changed 20,000 times', () => {
    const room = publicRoom('11');
    const start = room.fork();
    for (let time = 0; time < 20_000; time++) room.powerLevels(alice, { users: users(room), ban: time % 100 });
    const newest = room.topic(bob, 'in the end');
    start.topic(bob, 'in the beginning');
    const state = meet(room, start);
    expect(state.get(levels)).toBe(room.get('m.room.power_levels')?.eventId);
    expect(state.get(topic)).toBe(newest.eventId);
  });
});

function forksOf(room: TestRoom): [TestRoom, TestRoom] {
  return [room.fork(), room.fork()];
}
