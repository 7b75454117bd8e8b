import { expect, test } from 'vitest';
import type { AuthContext } from '../../main/protocol/auth-rule.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { authorize } from '../../main/protocol/event-auth.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { roomVersions } from '../../main/protocol/room-versions.ts';
import type { AuthState } from '../../main/protocol/state-map.ts';
import { type EventDraft, type TestRoom, testRoom } from './pdu-factory.ts';

export const alice = '@alice:a.test'; // created the room: 100, in version 12 infinite
export const bob = '@bob:b.test'; // 50
export const carol = '@carol:c.test'; // 0
export const dave = '@dave:d.test'; // invited
export const eve = '@eve:e.test'; // banned
export const frank = '@frank:f.test'; // was never in

/** The room in which the rules are tried. It is public, and one needs 10 to invite. */
export function scene(version: string, create: JsonObject = {}): TestRoom {
  const room = testRoom(version, { content: create });
  room.join(alice);
  room.powerLevels(alice, { users: usersOf(room), invite: 10 });
  room.joinRules(alice, 'public');
  room.join(bob);
  room.join(carol);
  room.invite(alice, dave);
  room.ban(alice, eve);
  return room;
}

/** The scene's `users`, and others. Creators of version 12 rooms are not listed. */
export function usersOf(room: TestRoom, others: JsonObject = {}): JsonObject {
  return { ...(room.rules.privilegedCreators ? {} : { [alice]: 100 }), [bob]: 50, ...others };
}

/** A line of its own, on which something has happened first. */
export function after(room: TestRoom, happen: (line: TestRoom) => unknown): TestRoom {
  const line = room.fork();
  happen(line);
  return line;
}

/** An event that somebody tries to send, and the state that judges it. */
export interface Attempt {
  readonly event: RoomEvent;
  readonly state: AuthState;
}

export const attempt = (room: TestRoom, draft: EventDraft): Attempt => ({
  event: room.event(draft),
  state: room.authState(),
});
export const setState = (room: TestRoom, sender: string, type: string, stateKey: string, content: JsonObject = {}) =>
  attempt(room, { type, sender, stateKey, content });
export const setMember = (room: TestRoom, sender: string, target: string, membership: string, more: JsonObject = {}) =>
  setState(room, sender, 'm.room.member', target, { membership, ...more });

/** A rule with what it allows and what it rejects, in the room versions that have it so. */
export interface Row {
  readonly rule: string;
  readonly since?: number;
  readonly until?: number;
  readonly allows: Readonly<Record<string, (room: TestRoom, version: string) => Attempt>>;
  readonly rejects: Readonly<Record<string, (room: TestRoom, version: string) => Attempt>>;
}

/** One attempt of a table, in one room version. */
export interface Trial extends Attempt {
  readonly version: string;
  readonly rule: string;
  readonly what: string;
  readonly allowed: boolean;
}

/** Each row in each of its versions. */
export function* trialsOf(rows: readonly Row[]): Iterable<Omit<Trial, keyof Attempt> & { make(): Trial }> {
  for (const version of roomVersions.keys()) {
    for (const { rule, since = 1, until = 12, allows, rejects } of rows) {
      if (Number(version) < since || Number(version) > until) continue;
      for (const [allowed, attempts] of [[true, allows] as const, [false, rejects] as const]) {
        for (const [what, make] of Object.entries(attempts)) {
          const trial = { version, rule, what, allowed };
          yield { ...trial, make: () => ({ ...trial, ...make(scene(version), version) }) };
        }
      }
    }
  }
}

/** Signatures of `signed.test` are there; third-party signatures are `good` if both keys of the invite were looked at. */
const context: AuthContext = {
  verifiedBy: (server) => server === 'signed.test',
  verifyThirdParty: (signed, keys) =>
    JSON.stringify(signed['signatures']).includes('good') && keys.join() === 'key 1,key 2',
};

/** A test for each trial. A rejection must be by that very rule. */
export function tryRules(rows: readonly Row[]): void {
  for (const { version, rule, what, allowed, make } of trialsOf(rows)) {
    test(`version ${version}: ${rule}: ${allowed ? 'allows' : 'rejects'} ${what}`, () => {
      const { event, state } = make();
      const expected = allowed ? { allowed } : { allowed, rule, reason: expect.any(String) };
      expect(authorize(event, state, context)).toMatchObject(expected);
    });
  }
}
