import { createEventIdOf, neededAuthEvents } from '../../main/protocol/auth-events.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { JsonObject, JsonValue } from '../../main/protocol/json.ts';
import { type RoomVersionRules, roomVersions } from '../../main/protocol/room-versions.ts';
import { type AuthState, type StateKey, stateKeyOf } from '../../main/protocol/state-map.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';

/** What an event of a test is about. The rest is filled in from where it is sent. */
export interface EventDraft {
  readonly type: string;
  readonly sender: string;
  readonly content?: JsonObject;
  readonly stateKey?: string;
  readonly redacts?: string;
  /** Default: one more than the last. */
  readonly originServerTs?: number;
  readonly depth?: number;
  /** Default: `$7-topic`, and in room versions 1 and 2 the sender's server after it. */
  readonly eventId?: string;
  readonly roomId?: string;
  readonly prevEvents?: readonly RoomEvent[];
  readonly authEvents?: readonly RoomEvent[];
}

/** A line of a room's history: events are sent to its end. Nothing is signed, and nobody asks whether it is allowed. */
export interface TestRoom {
  readonly rules: RoomVersionRules;
  readonly roomId: RoomId;
  /** Those of all forks. */
  readonly events: ReadonlyMap<EventId, RoomEvent>;
  /** At the end of this line. */
  readonly state: ReadonlyMap<StateKey, EventId>;
  readonly heads: readonly RoomEvent[];
  /** The state as auth rules ask for it, with `events` instead of what stands there. */
  authState(...events: readonly RoomEvent[]): AuthState;
  get(type: string, stateKey?: string): RoomEvent | undefined;

  /** Makes the next event without sending it. */
  event(draft: EventDraft): RoomEvent;
  send(draft: EventDraft): RoomEvent;
  /** Puts an event at the end that was made before. */
  add(event: RoomEvent): RoomEvent;
  /** Another line that goes on from here. */
  fork(): TestRoom;
  /** The lines become one, with the state that somebody has resolved. */
  merge(others: readonly TestRoom[], state: ReadonlyMap<StateKey, EventId>): TestRoom;

  member(sender: string, target: string, membership: string, content?: JsonObject): RoomEvent;
  join(user: string, content?: JsonObject): RoomEvent;
  leave(user: string): RoomEvent;
  invite(sender: string, target: string): RoomEvent;
  kick(sender: string, target: string): RoomEvent;
  ban(sender: string, target: string): RoomEvent;
  powerLevels(sender: string, content: JsonObject): RoomEvent;
  joinRules(sender: string, rule: string, content?: JsonObject): RoomEvent;
  topic(sender: string, topic: string): RoomEvent;
  message(sender: string, body: string): RoomEvent;
}

export function rulesOf(version: string): RoomVersionRules {
  const rules = roomVersions.get(version);
  if (rules === undefined) throw new Error(`there is no room version ${version}`);
  return rules;
}

/**
 * A room that has its create event, and nobody in it. `testRoom('10').join('@alice:a.test')`
 */
export function testRoom(version: string, options: { creator?: string; content?: JsonObject } = {}): TestRoom {
  const { creator = '@alice:a.test' } = options;
  const rules = rulesOf(version);
  const creatorProperty: JsonObject = rules.implicitCreator ? {} : { creator };
  const content = { room_version: version, ...creatorProperty, ...options.content };
  const roomId = rules.roomIdIsCreateHash ? '!0-create' : `!room:${serverOf(creator)}`;
  const create = makeEvent(rules, {
    ...{ type: 'm.room.create', sender: creator, stateKey: '', content, roomId },
    ...{ eventId: idOf(rules, 0, 'create', creator), depth: 1, originServerTs: 1000, prevEvents: [], authEvents: [] },
  });
  const shared = { events: new Map([[create.eventId, create]]), made: 1 };
  return line(rules, create, shared, new Map([[stateKeyOf('m.room.create', ''), create.eventId]]), [create]);
}

function line(
  rules: RoomVersionRules,
  create: RoomEvent,
  shared: { readonly events: Map<EventId, RoomEvent>; made: number },
  state: Map<StateKey, EventId>,
  startHeads: readonly RoomEvent[],
): TestRoom {
  let heads = startHeads;
  const standing = (key: StateKey) => shared.events.get(state.get(key) ?? ('' as EventId));
  const get = (type: string, stateKey = '') => standing(stateKeyOf(type, stateKey));

  const room: TestRoom = {
    rules,
    roomId: create.roomId,
    events: shared.events,
    state,
    get heads() {
      return heads;
    },
    authState: (...events) => ({
      get: (type, stateKey) => events.find((e) => e.type === type && e.stateKey === stateKey) ?? get(type, stateKey),
    }),
    get,
    event(draft) {
      const number = shared.made++;
      const name = draft.type.replace(/^m\.room\./, '');
      const selected = () =>
        neededAuthEvents({ content: {}, ...draft, ...ids(draft), stateKey: draft.stateKey, rules })
          .map(standing)
          .filter((event) => event !== undefined);
      return makeEvent(rules, {
        eventId: idOf(rules, number, name, draft.sender),
        roomId: create.roomId,
        depth: Math.max(...heads.map((head) => head.depth)) + 1,
        originServerTs: 1000 + number,
        prevEvents: heads,
        ...draft,
        authEvents: draft.authEvents ?? selected(),
      });
    },
    add(event) {
      shared.events.set(event.eventId, event);
      if (event.stateKey !== undefined) state.set(stateKeyOf(event.type, event.stateKey), event.eventId);
      heads = [event];
      return event;
    },
    send: (draft) => room.add(room.event(draft)),
    fork: () => line(rules, create, shared, new Map(state), heads),
    merge: (others, resolved) =>
      line(rules, create, shared, new Map(resolved), [...heads, ...others.flatMap((other) => other.heads)]),

    member: (sender, target, membership, content = {}) =>
      room.send({ type: 'm.room.member', sender, stateKey: target, content: { membership, ...content } }),
    join: (user, content) => room.member(user, user, 'join', content),
    leave: (user) => room.member(user, user, 'leave'),
    invite: (sender, target) => room.member(sender, target, 'invite'),
    kick: (sender, target) => room.member(sender, target, 'leave'),
    ban: (sender, target) => room.member(sender, target, 'ban'),
    powerLevels: (sender, content) => room.send({ type: 'm.room.power_levels', sender, stateKey: '', content }),
    joinRules: (sender, rule, content = {}) =>
      room.send({ type: 'm.room.join_rules', sender, stateKey: '', content: { join_rule: rule, ...content } }),
    topic: (sender, topic) => room.send({ type: 'm.room.topic', sender, stateKey: '', content: { topic } }),
    message: (sender, body) => room.send({ type: 'm.room.message', sender, content: { msgtype: 'm.text', body } }),
  };
  return room;
}

/** An event as it would come in, complete but for hashes and signatures. */
function makeEvent(
  rules: RoomVersionRules,
  draft: EventDraft &
    Required<Pick<EventDraft, 'eventId' | 'roomId' | 'depth' | 'originServerTs' | 'prevEvents' | 'authEvents'>>,
): RoomEvent {
  const { type, stateKey, content = {}, depth, originServerTs } = draft;
  const { sender, eventId, roomId, redacts } = ids(draft);
  const prevEvents = draft.prevEvents.map((event) => event.eventId);
  const authEvents = draft.authEvents.map((event) => event.eventId);
  const reference = (id: string): JsonValue => (rules.eventIdFormat === 'serverGiven' ? [id, { sha256: '' }] : id);
  const isNameless = rules.roomIdIsCreateHash && type === 'm.room.create' && createEventIdOf(roomId) === eventId;
  const pdu: JsonObject = {
    ...{ type, sender, content, depth, origin_server_ts: originServerTs, hashes: { sha256: '' }, signatures: {} },
    ...{ prev_events: prevEvents.map(reference), auth_events: authEvents.map(reference) },
    ...(isNameless ? {} : { room_id: roomId }),
    ...(stateKey === undefined ? {} : { state_key: stateKey }),
    ...(rules.eventIdFormat === 'serverGiven' ? { event_id: eventId } : {}),
    ...(redacts === undefined || rules.redactsInContent ? {} : { redacts }),
  };
  const origin = serverOf(sender);
  return {
    ...{ eventId, roomId, type, stateKey, sender, origin, content, depth, originServerTs, prevEvents, authEvents },
    ...{ redacts, rules, pdu },
  };
}

/** The strings of a test as identifiers. They are not parsed: some tests want wrong ones. */
const ids = <D extends EventDraft>(draft: D) => ({
  sender: draft.sender as UserId,
  eventId: draft.eventId as EventId,
  roomId: draft.roomId as RoomId,
  redacts: draft.redacts as EventId | undefined,
});

const serverOf = (id: string) => id.slice(id.indexOf(':') + 1) as ServerName;

const idOf = (rules: RoomVersionRules, number: number, name: string, sender: string) =>
  `$${number}-${name}${rules.eventIdFormat === 'serverGiven' ? `:${serverOf(sender)}` : ''}`;
