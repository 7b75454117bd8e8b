import { expect, test } from 'vitest';
import { checkAuthEvents, createEventIdOf, neededAuthEvents } from '../../main/protocol/auth-events.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { EventId, RoomId } from '../../shared/ids.ts';
import { alice, bob, carol, dave, scene } from '../support/auth-table.ts';
import type { EventDraft, TestRoom } from '../support/pdu-factory.ts';

const versions = Array.from({ length: 12 }, (_, index) => String(index + 1));
const isOld = (version: string) => Number(version) < 12;

/** The keys that an event needs, as one reads them. */
function needed(version: string, draft: Omit<EventDraft, 'sender'>): string[] {
  const event = scene(version).event({ sender: alice, ...draft });
  return neededAuthEvents(event).map((key) => key.replace('\0', ' ').trim());
}
const member = (version: string, stateKey: string, content: JsonObject) =>
  needed(version, { type: 'm.room.member', stateKey, content });
const always = (version: string) => [
  ...(isOld(version) ? ['m.room.create'] : []),
  'm.room.power_levels',
  `m.room.member ${alice}`,
];

test.each(versions)('what events of version %s need', (version) => {
  const target = `m.room.member ${bob}`;
  const withRules = [...always(version), target, 'm.room.join_rules'];
  expect(needed(version, { type: 'm.room.create', stateKey: '' })).toEqual([]);
  expect(needed(version, { type: 'm.room.message' })).toEqual(always(version));
  expect(needed(version, { type: 'm.room.topic', stateKey: '' })).toEqual(always(version));
  expect(needed(version, { type: 'm.room.member', content: { membership: 'join' } })).toEqual(always(version));
  for (const membership of ['leave', 'ban', 'other']) {
    expect(member(version, bob, { membership })).toEqual([...always(version), target]);
  }
  for (const membership of ['join', 'invite', 'knock']) expect(member(version, bob, { membership })).toEqual(withRules);
  expect(member(version, alice, { membership: 'join' })).toEqual([...always(version), 'm.room.join_rules']);

  const proof = { third_party_invite: { signed: { token: 'tok' } } };
  expect(member(version, bob, { membership: 'invite', ...proof })).toEqual([
    ...withRules,
    'm.room.third_party_invite tok',
  ]);
  expect(member(version, bob, { membership: 'join', ...proof })).toEqual(withRules);
  expect(member(version, bob, { membership: 'invite', third_party_invite: { signed: { token: 1 } } })).toEqual(
    withRules,
  );

  const via = { join_authorised_via_users_server: carol };
  const authorising = Number(version) >= 8 ? [`m.room.member ${carol}`] : [];
  expect(member(version, bob, { membership: 'join', ...via })).toEqual([...withRules, ...authorising]);
  expect(member(version, bob, { membership: 'invite', ...via })).toEqual(withRules);
});

/** The verdict on a topic of alice that cites what she needs to cite, and what `change` makes of it. */
function check(
  version: string,
  change: (cited: readonly RoomEvent[], room: TestRoom) => readonly RoomEvent[],
  rejected?: string,
) {
  const room = scene(version);
  const types = ['m.room.create', 'm.room.power_levels', 'm.room.member'].slice(isOld(version) ? 0 : 1);
  const usual = types.map((type) => room.get(type, type === 'm.room.member' ? alice : ''));
  const cited = change(
    usual.filter((event) => event !== undefined),
    room,
  );
  const event = room.event({ type: 'm.room.topic', sender: alice, stateKey: '', authEvents: cited });
  const isRejected = (id: EventId) => rejected !== undefined && room.events.get(id)?.type === rejected;
  return checkAuthEvents(event, cited, isRejected, room.get('m.room.create'));
}
const thatIs = (event: RoomEvent | undefined): RoomEvent[] => (event === undefined ? [] : [event]);

test.each(versions)('auth events of version %s', (version) => {
  expect(check(version, (cited) => cited)).toEqual({ allowed: true });
  // Nothing else is obligatory: what is missing is missing in the state that they make.
  expect(check(version, (cited) => cited.filter(({ type }) => type === 'm.room.create'))).toEqual({ allowed: true });

  const duplicates = { allowed: false, rule: 'auth events have no duplicates' };
  expect(check(version, (cited) => [...cited, ...cited.slice(-1)])).toMatchObject(duplicates);
  expect(check(version, (cited, room) => [...cited, room.fork().powerLevels(alice, {})])).toMatchObject(duplicates);

  const superfluous = { allowed: false, rule: 'auth events are those selected' };
  expect(check(version, (cited, room) => [...cited, ...thatIs(room.get('m.room.member', bob))])).toMatchObject(
    superfluous,
  );
  expect(check(version, (cited, room) => [...cited, ...thatIs(room.get('m.room.join_rules'))])).toMatchObject(
    superfluous,
  );
  expect(check(version, (cited, room) => [...cited, room.fork().message(alice, '')])).toMatchObject(superfluous);

  expect(check(version, (cited) => cited, 'm.room.power_levels')).toMatchObject({
    ...{ allowed: false, rule: 'auth events are not rejected' },
    decidedBy: [expect.stringContaining('power_levels')],
  });
  expect(
    check(version, (cited, room) => [
      ...cited.filter(({ type }) => type !== 'm.room.power_levels'),
      room.event({ type: 'm.room.power_levels', sender: alice, stateKey: '', roomId: '!other:a.test' }),
    ]),
  ).toMatchObject({ allowed: false, rule: 'auth events are of the room' });
});

test.each(versions.filter(isOld))('version %s needs the create event among them', (version) => {
  const verdict = check(version, (cited) => cited.filter(({ type }) => type !== 'm.room.create'));
  expect(verdict).toMatchObject({ allowed: false, rule: 'auth events have the create event' });
});

test('version 12 finds the create event by the room ID, and it may not be cited', () => {
  expect(check('12', (cited, room) => [...cited, ...thatIs(room.get('m.room.create'))])).toMatchObject({
    rule: 'auth events are those selected',
  });
  const rule = 'room ID names the create event';
  expect(check('12', (cited) => cited, 'm.room.create')).toMatchObject({ allowed: false, rule });

  const room = scene('12');
  const topic = room.event({ type: 'm.room.topic', sender: alice, stateKey: '' });
  const cited = topic.authEvents.flatMap((id) => thatIs(room.events.get(id)));
  const verdict = (createOfRoom?: RoomEvent) => checkAuthEvents(topic, cited, () => false, createOfRoom);
  expect(verdict(room.get('m.room.create'))).toEqual({ allowed: true });
  expect(verdict()).toMatchObject({ allowed: false, rule });
  expect(verdict(room.get('m.room.power_levels'))).toMatchObject({ allowed: false, rule });
  expect(
    verdict(scene('12', { other: 1 }).event({ type: 'm.room.create', sender: dave, eventId: '$other' })),
  ).toMatchObject({ rule });
  expect(createEventIdOf('!abc' as RoomId)).toBe('$abc');
});
