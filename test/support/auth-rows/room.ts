import type { JsonObject } from '../../../main/protocol/json.ts';
import {
  type Attempt,
  after,
  alice,
  attempt,
  bob,
  carol,
  dave,
  frank,
  type Row,
  scene,
  setMember,
  setState,
  usersOf,
} from '../auth-table.ts';
import { type EventDraft, type TestRoom, testRoom } from '../pdu-factory.ts';

/** The create event once more, changed. */
function create(room: TestRoom, draft: Partial<EventDraft> = {}, content: JsonObject = {}): Attempt {
  const [first] = room.events.values();
  return attempt(room, {
    ...{ type: 'm.room.create', sender: alice, stateKey: '', prevEvents: [], authEvents: [] },
    ...(room.rules.roomIdIsCreateHash && first ? { eventId: first.eventId } : {}),
    ...{ content: { ...first?.content, ...content }, ...draft },
  });
}
const withPdu = ({ event, state }: Attempt, more: JsonObject): Attempt => ({
  event: { ...event, pdu: { ...event.pdu, ...more } },
  state,
});
function withoutContent({ event, state }: Attempt, key: string): Attempt {
  const { [key]: _gone, ...content } = event.content;
  return { event: { ...event, content }, state };
}
const message = (room: TestRoom, sender: string, type = 'm.room.message') => attempt(room, { type, sender });
const redaction = (room: TestRoom, sender: string, redacts?: string) =>
  attempt(room, { type: 'm.room.redaction', sender, ...(redacts === undefined ? {} : { redacts }) });
const withEvents = (room: TestRoom, events: JsonObject) =>
  after(room, (line) => line.powerLevels(alice, { users: usersOf(line), events }));
const justCreated = (version: string) => after(testRoom(version), (line) => line.join(alice));

/** The rules of all other events. */
export const roomRows: readonly Row[] = [
  // -- If type is m.room.create
  {
    rule: 'create has no prev events',
    allows: { none: (room) => create(room) },
    rejects: { one: (room) => create(room, { prevEvents: room.heads }) },
  },
  {
    rule: 'room ID is of the sender’s server',
    until: 11,
    allows: { its: (room) => create(room) },
    rejects: { 'another’s': (room) => create(room, { roomId: '!room:b.test' }) },
  },
  {
    rule: 'create has no room ID',
    since: 12,
    allows: { none: (room) => create(room) },
    rejects: {
      any: (room) => withPdu(create(room), { room_id: room.roomId }),
      null: (room) => withPdu(create(room), { room_id: null }),
    },
  },
  {
    rule: 'room version is known',
    allows: { known: (room) => create(room), 'not said': (room) => withoutContent(create(room), 'room_version') },
    rejects: {
      unknown: (room) => create(room, {}, { room_version: 'org.example.none' }),
      'no string': (room, version) => create(room, {}, { room_version: Number(version) }),
    },
  },
  {
    rule: 'create names the creator',
    until: 10,
    allows: { 'with creator': (room) => create(room) },
    rejects: { 'without creator': (room) => withoutContent(create(room), 'creator') },
  },
  {
    rule: 'create names the creator',
    since: 11,
    allows: { 'without creator': (room) => withoutContent(create(room), 'creator') },
    rejects: {},
  },
  {
    rule: 'additional creators are user IDs',
    since: 12,
    allows: {
      'not said': (room) => create(room),
      some: (room) => create(room, {}, { additional_creators: [bob, carol] }),
      none: (room) => create(room, {}, { additional_creators: [] }),
    },
    rejects: {
      'no array': (room) => create(room, {}, { additional_creators: bob }),
      'no string': (room) => create(room, {}, { additional_creators: [bob, 1] }),
      'no user ID': (room) => create(room, {}, { additional_creators: [bob, 'carol'] }),
      'no server name': (room) => create(room, {}, { additional_creators: ['@carol:not a server'] }),
    },
  },
  {
    rule: 'additional creators are user IDs',
    until: 11,
    allows: { 'what means nothing yet': (room) => create(room, {}, { additional_creators: 1 }) },
    rejects: {},
  },
  // -- the room
  {
    rule: 'room is created',
    allows: { 'with create': (room) => message(room, carol) },
    rejects: { 'without create': (room) => ({ ...message(room, carol), state: { get: () => undefined } }) },
  },
  {
    rule: 'room federates',
    allows: {
      'not said': (room) => setMember(room, frank, frank, 'join'),
      true: (_, version) => setMember(scene(version, { 'm.federate': true }), frank, frank, 'join'),
      'false, own server': (_, version) =>
        setMember(scene(version, { 'm.federate': false }), '@x:a.test', '@x:a.test', 'join'),
    },
    rejects: {
      'false, other server': (_, version) => setMember(scene(version, { 'm.federate': false }), frank, frank, 'join'),
      'false, who is in': (_, version) => message(scene(version, { 'm.federate': false }), bob),
    },
  },
  // -- If type is m.room.aliases
  {
    rule: 'aliases are of the sender’s server',
    until: 5,
    allows: {
      its: (room) => setState(room, carol, 'm.room.aliases', 'c.test'),
      'its, of who is not joined': (room) => setState(room, frank, 'm.room.aliases', 'f.test'),
    },
    rejects: {
      'another’s': (room) => setState(room, alice, 'm.room.aliases', 'b.test'),
      'no state key': (room) => message(room, alice, 'm.room.aliases'),
    },
  },
  {
    rule: 'sender has the required level', // aliases are state like any other since version 6
    since: 6,
    allows: { 'aliases of another server': (room) => setState(room, alice, 'm.room.aliases', 'b.test') },
    rejects: { 'own aliases': (room) => setState(room, carol, 'm.room.aliases', 'c.test') },
  },
  // -- what holds for all events but memberships
  {
    rule: 'sender is joined',
    allows: { joined: (room) => message(room, carol) },
    rejects: {
      'never in': (room) => message(room, frank),
      invited: (room) => message(room, dave),
      left: (room) =>
        setState(
          after(room, (line) => line.leave(alice)),
          alice,
          'm.room.topic',
          '',
        ),
      banned: (room) =>
        message(
          after(room, (line) => line.ban(alice, bob)),
          bob,
        ),
    },
  },
  {
    rule: 'sender may invite', // m.room.third_party_invite: "allow if and only if"
    allows: {
      'a third party, below state_default': (room) =>
        setState(
          after(room, (line) => line.powerLevels(alice, { users: usersOf(line, { [carol]: 10 }), invite: 10 })),
          ...([carol, 'm.room.third_party_invite', 'tok'] as const),
        ),
    },
    rejects: { 'a third party': (room) => setState(room, carol, 'm.room.third_party_invite', 'tok') },
  },
  {
    rule: 'sender has the required level',
    allows: {
      'message at events_default': (room) => message(room, carol),
      'message at its own level': (room) => message(withEvents(room, { 'm.x': 50 }), bob, 'm.x'),
      'state at state_default': (room) => setState(room, bob, 'm.room.topic', ''),
      'state at its own level': (room) => setState(withEvents(room, { 'm.x': 0 }), carol, 'm.x', ''),
      'a type named as objects’ methods are': (room) => message(room, carol, 'toString'),
      'creator without power levels': (_, version) => setState(justCreated(version), alice, 'm.room.topic', ''),
    },
    rejects: {
      'message below events_default': (room) =>
        message(
          after(room, (line) => line.powerLevels(alice, { users: usersOf(line), events_default: 1 })),
          carol,
        ),
      'message below its own level': (room) => message(withEvents(room, { 'm.x': 51 }), bob, 'm.x'),
      'state below state_default': (room) => setState(room, carol, 'm.room.topic', ''),
      'state below its own level': (room) => setState(withEvents(room, { 'm.x': 51 }), bob, 'm.x', ''),
      'others without power levels': (_, version) =>
        setState(
          after(justCreated(version), (line) => line.join(bob)),
          bob,
          'm.room.topic',
          '',
        ),
    },
  },
  {
    rule: 'state key is the sender’s own',
    allows: {
      own: (room) => setState(room, bob, 'm.x', bob),
      'no user’s': (room) => setState(room, bob, 'm.x', 'bob'),
    },
    rejects: {
      'another’s': (room) => setState(room, alice, 'm.x', bob),
      'no user ID': (room) => setState(room, alice, 'm.x', '@'),
    },
  },
  // -- If type is m.room.redaction
  {
    rule: 'sender may redact',
    until: 2,
    allows: {
      'at the redact level': (room) => redaction(room, bob, '$x:c.test'),
      'of its own server': (room) => redaction(room, carol, '$x:c.test'),
    },
    rejects: {
      'of another server': (room) => redaction(room, carol, '$x:b.test'),
      'of nothing': (room) => redaction(room, carol),
      'of an ID without server, by one without': (room) =>
        attempt(room, { type: 'm.room.redaction', sender: carol, redacts: '$x', eventId: '$y' }),
    },
  },
  {
    rule: 'sender has the required level', // whether it may redact is judged when the redaction is applied
    since: 3,
    allows: { 'redaction of any event': (room) => redaction(room, carol, '$x') },
    rejects: {
      'redaction below its own level': (room) => redaction(withEvents(room, { 'm.room.redaction': 1 }), carol, '$x'),
    },
  },
];
