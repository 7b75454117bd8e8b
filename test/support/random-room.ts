import fc from 'fast-check';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { authorize } from '../../main/protocol/event-auth.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { StateMap } from '../../main/protocol/state-map.ts';
import type { EventId } from '../../shared/ids.ts';
import { type EventDraft, type TestRoom, testRoom } from './pdu-factory.ts';

const users = ['@alice:a.test', '@bob:b.test', '@carol:c.test', '@dave:d.test'] as const;
const [alice, bob, carol] = users;

/** Something that somebody tries to do somewhere in the room. */
interface Step {
  /** After which of the events that there are, counted from the newest: mostly new ones, so that forks are long. */
  readonly after: readonly number[];
  readonly sender: number;
  readonly target: number;
  readonly kind: (typeof kinds)[number];
  readonly level: number;
  readonly ts: number;
  /** For IDs that tell nothing of the order in which they were made. */
  readonly salt: number;
}

const kinds = ['levels', 'rules', 'ban', 'kick', 'invite', 'join', 'leave', 'topic', 'name', 'own', 'knock'] as const;

const step: fc.Arbitrary<Step> = fc.record({
  after: fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat(2) }, fc.nat(30)), { minLength: 1, maxLength: 3 }),
  sender: fc.oneof(fc.nat(1), fc.nat(3)),
  target: fc.nat(3),
  kind: fc.constantFrom(...kinds),
  level: fc.constantFrom(0, 25, 50, 75, 100),
  ts: fc.nat(6),
  salt: fc.nat(999),
});

/** What a random room is made of. Every one can be shrunk to the steps that matter. */
export const randomSteps = fc.record({
  steps: fc.array(step, { minLength: 4, maxLength: 24 }),
  /** Whose states after them are resolved in the end. */
  ends: fc.array(fc.nat(30), { minLength: 2, maxLength: 4 }),
});

export interface Resolving {
  readonly room: TestRoom;
  readonly sets: readonly StateMap[];
}

/** Plays the steps: each is judged by the state before it, which `resolve` makes of its forks. Refused ones are not sent. */
export function playRoom(
  version: string,
  { steps, ends }: { readonly steps: readonly Step[]; readonly ends: readonly number[] },
  resolve: (resolving: Resolving) => StateMap,
): void {
  const start = testRoom(version, { creator: alice });
  start.join(alice);
  const creator: JsonObject = start.rules.privilegedCreators ? {} : { [alice]: 100 };
  start.powerLevels(alice, { users: { ...creator, [bob]: 50 }, events: { 'm.room.topic': 0 }, invite: 0 });
  start.joinRules(alice, 'public');
  start.join(bob);
  start.join(carol);

  const lines = [start]; // the room as it is after each event, in the order in which they are sent
  const fromNewest = (index: number) => lines[Math.max(0, lines.length - 1 - index)] as TestRoom;
  for (const each of steps) {
    const parents = [...new Set(each.after.map(fromNewest))];
    const [first, ...others] = parents as [TestRoom, ...TestRoom[]];
    const sets = parents.map((line) => line.state);
    const line = others.length === 0 ? first.fork() : first.merge(others, resolve({ room: start, sets }));
    const event = line.event(draftOf(each, line));
    if (!authorize(event, line.authState()).allowed) continue;
    line.add(event);
    lines.push(line);
  }
  const last = [...new Set(ends.map(fromNewest))].map((line) => line.state);
  if (last.length > 1) resolve({ room: start, sets: last });
}

function draftOf({ kind, level, ts, salt, ...who }: Step, line: TestRoom): EventDraft {
  const sender = users[who.sender] ?? alice;
  const target = users[who.target] ?? bob;
  const number = line.events.size;
  const about = {
    sender,
    originServerTs: 2000 + ts,
    eventId: `$${(salt * 7919) % 1000}-${number}-${kind}${line.rules.eventIdFormat === 'serverGiven' ? ':a.test' : ''}`,
    ...(salt % 5 === 0 ? { depth: salt % 40 } : {}), // nobody has to tell the truth
  };
  const member = (stateKey: string, membership: string): EventDraft => ({
    ...about,
    ...{ type: 'm.room.member', stateKey, content: { membership } },
  });
  const state = (type: string, stateKey: string, content: JsonObject): EventDraft => ({
    ...about,
    type,
    stateKey,
    content,
  });
  switch (kind) {
    case 'levels': {
      const { users: before, ...rest } = line.get('m.room.power_levels')?.content ?? {};
      const changed = salt % 4 === 0 ? { ...rest, [salt % 8 === 0 ? 'ban' : 'kick']: level } : rest;
      const isListed = !(line.rules.privilegedCreators && target === alice);
      return state('m.room.power_levels', '', {
        ...changed,
        users: { ...(before as JsonObject), ...(isListed ? { [target]: level } : {}) },
      });
    }
    case 'rules':
      return state('m.room.join_rules', '', { join_rule: ['public', 'invite', 'knock'][salt % 3] ?? 'public' });
    case 'ban':
      return member(target, 'ban');
    case 'kick':
      return member(target, 'leave');
    case 'invite':
      return member(target, 'invite');
    case 'join':
      return member(sender, 'join');
    case 'leave':
      return member(sender, 'leave');
    case 'knock':
      return member(sender, 'knock');
    case 'own':
      return state('org.test.own', sender, { salt });
    default:
      return state(`m.room.${kind}`, '', { salt });
  }
}

/** The same events, put in from the other end. */
export const reversed = (events: ReadonlyMap<EventId, RoomEvent>): ReadonlyMap<EventId, RoomEvent> =>
  new Map([...events].reverse());
