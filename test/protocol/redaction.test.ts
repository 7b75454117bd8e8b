import { expect, test } from 'vitest';
import { parseJson } from '../../main/protocol/json.ts';
import { redact } from '../../main/protocol/redaction.ts';
import { type RoomVersionRules, roomVersions } from '../../main/protocol/room-versions.ts';

const each = [...roomVersions.values()].map((rules): [string, RoomVersionRules] => [rules.version, rules]);
const from = (rules: RoomVersionRules, version: number) => Number(rules.version) >= version;

const members = {
  event_id: '$e:a.test',
  type: 'm.room.message',
  room_id: '!r:a.test',
  sender: '@a:a.test',
  state_key: '',
  content: { body: 'hello' },
  hashes: { sha256: 'x' },
  signatures: { 'a.test': { 'ed25519:1': 'y' } },
  depth: 3,
  prev_events: ['$p'],
  auth_events: ['$a'],
  origin_server_ts: 4,
};
const untilVersion10 = { prev_state: [], origin: 'a.test', membership: 'join' };
const never = { unsigned: { age: 5 }, redacts: '$r', age_ts: 6, 'org.example': 7, constructor: 8 };

test.each(each)('version %s keeps these members of the event', (_, rules) => {
  expect(redact({ ...members, ...untilVersion10, ...never }, rules)).toStrictEqual({
    ...members,
    content: {},
    ...(!from(rules, 11) && untilVersion10),
  });
});

test.each(each)('version %s adds nothing that was not there', (_, rules) => {
  expect(redact({ type: 'm.room.member', content: {} }, rules)).toStrictEqual({ type: 'm.room.member', content: {} });
  expect(redact({}, rules)).toStrictEqual({});
});

const levels = {
  ban: 1,
  events: {},
  events_default: 2,
  kick: 3,
  redact: 4,
  state_default: 5,
  users: {},
  users_default: 6,
};

/** A content, and which of its keys stay since which version. https://spec.matrix.org/v1.19/rooms/v11/#redactions */
const contents: readonly [type: string, content: Record<string, unknown>, since: Record<string, number>][] = [
  [
    'm.room.member',
    { membership: 'join', join_authorised_via_users_server: '@b:b.test', displayname: 'A', reason: 'x' },
    { membership: 1, join_authorised_via_users_server: 9 },
  ],
  [
    'm.room.create',
    { creator: '@a:a.test', room_version: '6', 'm.federate': false, predecessor: {}, additional_creators: [] },
    { creator: 1, room_version: 11, 'm.federate': 11, predecessor: 11, additional_creators: 11 },
  ],
  ['m.room.join_rules', { join_rule: 'restricted', allow: [{}], other: 1 }, { join_rule: 1, allow: 8 }],
  [
    'm.room.power_levels',
    { ...levels, invite: 7, notifications: { room: 8 } },
    { ...Object.fromEntries(Object.keys(levels).map((key) => [key, 1])), invite: 11 },
  ],
  ['m.room.history_visibility', { history_visibility: 'shared', other: 1 }, { history_visibility: 1 }],
  ['m.room.redaction', { redacts: '$r', reason: 'spam' }, { redacts: 11 }],
  ['m.room.name', { name: 'A', membership: 'join', creator: '@a:a.test', join_rule: 'public' }, {}],
  ['m.room.third_party_invite', { display_name: 'A', public_key: 'k' }, {}],
];
for (const [type, content, since] of contents) {
  test.each(each)(`version %s keeps what it must of ${type}`, (_, rules) => {
    const kept = Object.entries(content).filter(([key]) => from(rules, since[key] ?? 99));
    expect(redact({ type, content } as never, rules)).toStrictEqual({ type, content: Object.fromEntries(kept) });
  });
}

test.each(each)('version %s on m.room.aliases, which is special until 5', (_, rules) => {
  const content = { aliases: ['#a:a.test'], other: 1 };
  const kept = from(rules, 6) ? {} : { aliases: ['#a:a.test'] };
  expect(redact({ type: 'm.room.aliases', content }, rules)).toStrictEqual({ type: 'm.room.aliases', content: kept });
});

test.each(each)('version %s on third-party invites, of which 11 keeps what was signed', (_, rules) => {
  const redacted = (invite: unknown) =>
    redact({ type: 'm.room.member', content: { membership: 'invite', third_party_invite: invite } } as never, rules)[
      'content'
    ];
  const kept = (invite: object) => ({ membership: 'invite', ...(from(rules, 11) && { third_party_invite: invite }) });
  const signed = { mxid: '@a:a.test', token: 't', signatures: {} };
  expect(redacted({ display_name: 'A', signed })).toStrictEqual(kept({ signed }));
  expect(redacted({ display_name: 'A' })).toStrictEqual(kept({})); // as Synapse has it; the specification does not say
  expect(redacted('nonsense')).toStrictEqual({ membership: 'invite' });
  expect(redacted(null)).toStrictEqual({ membership: 'invite' });
});

test('a key `__proto__` is not protected, but does no harm', () => {
  const { value } = parseJson(
    '{"__proto__":{"creator":"@eve:e.test"},"type":"m.room.create","content":{"__proto__":1}}',
  );
  const [before, after] = ['10', '11'].map((version) => redact(value as never, roomVersions.get(version) as never));
  expect(Object.keys(before?.['content'] as object)).toEqual([]);
  expect(Object.keys(after?.['content'] as object)).toEqual(['__proto__']);
  expect(Object.keys(before ?? {})).toEqual(['content', 'type']);
});

test('the event itself stays as it was', () => {
  const event = { ...members, ...never };
  const copy = structuredClone(event);
  redact(event, roomVersions.get('12') as RoomVersionRules);
  expect(event).toStrictEqual(copy);
});
