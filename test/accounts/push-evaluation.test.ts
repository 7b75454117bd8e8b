import { expect, test } from 'vitest';
import { defaultRules, type PushRule, type RuleKind, type Ruleset } from '../../main/accounts/default-push-rules.ts';
import { evaluate, type PushContext } from '../../main/accounts/push-evaluation.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { UserId } from '../../shared/ids.ts';

const alice = '@alice:hearth.test' as UserId;
const bob = '@bob:other.test';
const message = (content: JsonObject, fields: JsonObject = {}): JsonObject => ({
  type: 'm.room.message',
  sender: bob,
  room_id: '!r:hearth.test',
  content: { msgtype: 'm.text', body: 'hello', ...content },
  ...fields,
});
const context: PushContext = { memberCount: 3, displayName: 'Alice A.', mayNotify: () => false };
const judge = (event: JsonObject, given: Partial<PushContext> = {}, rules: Ruleset = defaultRules(alice)) => {
  const { notify, highlight } = evaluate(rules, event, alice, { ...context, ...given });
  return highlight ? 'highlight' : notify ? 'notify' : 'nothing';
};

const mentions = { 'm.mentions': { user_ids: [alice] } };
const room = { 'm.mentions': { room: true } };

test.each<[what: string, event: JsonObject, given: Partial<PushContext>, verdict: string]>([
  ['a message', message({}), {}, 'notify'],
  ['one of my own', message({}, { sender: alice }), {}, 'nothing'],
  ['a notice', message({ msgtype: 'm.notice' }), {}, 'nothing'],
  ['an edit', message({ 'm.relates_to': { rel_type: 'm.replace', event_id: '$x' } }), {}, 'nothing'],
  ['a mention', message(mentions), {}, 'highlight'],
  ['a mention of somebody else', message({ 'm.mentions': { user_ids: [bob] } }), {}, 'notify'],
  ['a mention of the room by who may not', message(room), {}, 'notify'],
  ['a mention of the room', message(room), { mayNotify: (key) => key === 'room' }, 'highlight'],
  ['something encrypted', message({}, { type: 'm.room.encrypted' }), {}, 'notify'],
  ['a reaction', message({}, { type: 'm.reaction' }), {}, 'nothing'],
  ['a tombstone', message({}, { type: 'm.room.tombstone', state_key: '' }), {}, 'highlight'],
  ['somebody joining', message({ membership: 'join' }, { type: 'm.room.member', state_key: bob }), {}, 'nothing'],
  ['an invite', message({ membership: 'invite' }, { type: 'm.room.member', state_key: alice }), {}, 'notify'],
  ['a call', message({}, { type: 'm.call.invite' }), {}, 'notify'],
])('%s', (_what, event, given, verdict) => {
  expect(judge(event, given)).toBe(verdict);
});

const with_ = (kind: RuleKind, rule: Partial<PushRule>): Ruleset => ({
  ...{ override: [], content: [], room: [], sender: [], underride: [] },
  [kind]: [{ rule_id: 'mine', default: false, enabled: true, actions: ['notify'], ...rule }],
});

// https://spec.matrix.org/v1.19/client-server-api/#conditions-1: its examples, and some more
test.each<[key: string, pattern: string, value: string, matches: boolean]>([
  ['content.topic', 'lunc?*', 'Lunch plans', true],
  ['content.topic', 'lunc?*', 'LUNCH', true],
  ['content.topic', 'lunc?*', ' lunch', false],
  ['content.topic', 'lunc?*', 'lunc', false],
  ['content.body', 'ex*ple', 'An example event.', true],
  ['content.body', 'ex*ple', 'exple', true],
  ['content.body', 'ex*ple', 'An exciting triple-whammy', true],
  ['content.body', 'cake', 'pancakes', false],
  ['content.body', 'cake', 'cake_', false],
  ['content.body', 'cake', 'let them eat CAKE!', true],
  ['content.body', 'größe', 'die Größe.', true],
  ['content.body', 'a.c', 'abc', false],
])('%s: %s is in "%s": %s', (key, pattern, value, matches) => {
  const conditions = [{ kind: 'event_match', key, pattern }];
  const event = message({ [key.slice('content.'.length)]: value });
  expect(judge(event, {}, with_('override', { conditions }))).toBe(matches ? 'notify' : 'nothing');
  if (key === 'content.body')
    expect(judge(event, {}, with_('content', { pattern }))).toBe(matches ? 'notify' : 'nothing');
});

test.each<[what: string, condition: JsonObject, matches: boolean]>([
  ['an unknown condition', { kind: 'moon_phase' }, false],
  ['a property that is no string', { kind: 'event_match', key: 'content', pattern: '*' }, false],
  ['a member that is inherited', { kind: 'event_match', key: 'content.constructor.name', pattern: '*' }, false],
  ['the right boolean', { kind: 'event_property_is', key: 'content.m\\.federate', value: true }, true],
  ['the right string instead of it', { kind: 'event_property_is', key: 'content.m\\.federate', value: 'true' }, false],
  ['a member of an array', { kind: 'event_property_contains', key: 'content.list', value: 2 }, true],
  ['no member of it', { kind: 'event_property_contains', key: 'content.list', value: '2' }, false],
  ['three members', { kind: 'room_member_count', is: '3' }, true],
  ['less than three', { kind: 'room_member_count', is: '<3' }, false],
  ['three or more', { kind: 'room_member_count', is: '>=3' }, true],
  ['a number that is none', { kind: 'room_member_count', is: 'many' }, false],
])('%s', (_what, condition, matches) => {
  const event = message({ 'm.federate': true, list: [1, 2] });
  expect(judge(event, {}, with_('underride', { conditions: [condition] }))).toBe(matches ? 'notify' : 'nothing');
});

test('a display name is taken as it is written', () => {
  const rules = with_('override', { conditions: [{ kind: 'contains_display_name' }] });
  expect(judge(message({ body: 'ask alice a.!' }), {}, rules)).toBe('notify');
  expect(judge(message({ body: 'ask alice ab' }), {}, rules)).toBe('nothing');
});

test('the kinds are asked in order, and disabled rules never', () => {
  const rules = { ...defaultRules(alice), sender: with_('sender', { rule_id: bob, actions: [] }).sender };
  expect(judge(message({}), {}, rules)).toBe('nothing');
  expect(judge(message(mentions), {}, rules)).toBe('highlight'); // override comes before sender
  const off = { ...rules, override: rules.override.map((rule) => ({ ...rule, enabled: !rule.enabled })) };
  expect(judge(message(mentions), {}, off)).toBe('nothing'); // the master rule
});

test('no pattern takes long', () => {
  const conditions = [{ kind: 'event_match', key: 'content.body', pattern: `${'*a'.repeat(30)}b` }];
  const before = performance.now();
  expect(judge(message({ body: 'a'.repeat(20_000) }), {}, with_('override', { conditions }))).toBe('nothing');
  expect(performance.now() - before).toBeLessThan(2000);
});
