import { expect, test } from 'vitest';
import { oneLine, summarise } from '../../main/bridge/event-summary.ts';
import type { RoomEvent } from '../../main/protocol/event.ts';
import { type JsonObject, RawNumber } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';

const alice = '@alice:a.test';
const bob = '@bob:b.test';

const event = (type: string, content: JsonObject, stateKey?: string, sender = alice): RoomEvent =>
  ({ type, content, stateKey, sender, rules: rulesOf('11'), redacts: content['redacts'] }) as unknown as RoomEvent;
const member = (membership: string, content: JsonObject = {}, sender = alice, target = sender) =>
  event('m.room.member', { membership, ...content }, target, sender);
const say = (given: RoomEvent, before?: RoomEvent, isRedacted = false) => summarise(given, before, isRedacted);

test.each([
  [event('m.room.message', { msgtype: 'm.text', body: 'hello' }), 'hello'],
  [event('m.room.message', { msgtype: 'm.emote', body: 'waves' }), '* waves'],
  [event('m.room.message', { msgtype: 'm.image', body: 'cat.jpg' }), 'image: cat.jpg'],
  [event('m.room.message', { body: '* new', 'm.new_content': { body: 'new' } }), 'new'],
  [event('m.room.message', { body: 5 }), 'm.room.message'],
  [event('m.room.message', {}), 'm.room.message'],
  [event('m.room.encrypted', { algorithm: 'm.megolm.v1.aes-sha2' }), 'encrypted with m.megolm.v1.aes-sha2'],
  [event('m.reaction', { 'm.relates_to': { key: '👍', event_id: '$x' } }), 'reacted with 👍 to $x'],
  [event('m.room.redaction', { redacts: '$x', reason: 'spam' }), 'redacted $x: “spam”'],
  [event('org.example.thing', { a: 1 }), 'org.example.thing'],
  [event('org.example.thing', { a: 1 }, 'key'), 'set org.example.thing of key'],
  [event('constructor', {}), 'constructor'],
  [event('__proto__', {}, ''), 'set __proto__'],
  [event('m.room.create', {}, ''), 'created the room, version 11'],
  [event('m.room.name', { name: 'Tea' }, ''), 'set the name to “Tea”'],
  [event('m.room.name', { name: '' }, ''), 'removed the name'],
  [event('m.room.topic', { topic: ['x'] }, ''), 'removed the topic'],
  [event('m.room.join_rules', { join_rule: 'invite' }, ''), 'set the join rule to invite'],
  [event('m.room.pinned_events', { pinned: ['$a'] }, ''), 'pinned 1 event'],
  [event('m.room.server_acl', { allow: ['*'], deny: [] }, ''), 'set the server ACL: 1 allowed, 0 denied'],
  [event('m.space.child', { via: ['a.test'] }, '!room:a.test'), 'added !room:a.test to the space'],
])('%# an event says %s', (given, said) => {
  expect(say(given)).toBe(said);
});

test.each([
  [member('join'), undefined, 'joined'],
  [member('join', { join_authorised_via_users_server: bob }), undefined, `joined, let in by ${bob}`],
  [member('join', { displayname: 'Al' }), member('join'), 'is now called “Al”'],
  [member('join'), member('join', { displayname: 'Al' }), 'removed their name'],
  [member('join', { avatar_url: 'mxc://b' }), member('join', { avatar_url: 'mxc://a' }), 'changed their avatar'],
  [member('join'), member('join'), 'joined again'],
  [member('join'), member('leave'), 'joined'],
  [member('invite', {}, alice, bob), undefined, `invited ${bob}`],
  [member('knock', { reason: 'tea?' }), undefined, 'knocked: “tea?”'],
  [member('ban', { reason: 'spam' }, alice, bob), member('join', {}, bob), `banned ${bob}: “spam”`],
  [member('leave'), member('join'), 'left'],
  [member('leave'), member('invite', {}, bob, alice), 'declined the invite'],
  [member('leave'), member('knock'), 'took back the knock'],
  [member('leave', {}, alice, bob), member('join', {}, bob), `kicked ${bob}`],
  [member('leave', {}, alice, bob), member('ban', {}, alice, bob), `unbanned ${bob}`],
  [member('leave', {}, alice, bob), member('invite', {}, alice, bob), `took back the invite of ${bob}`],
  [member('leave', {}, alice, bob), member('knock', {}, bob), `refused the knock of ${bob}`],
  [member('nonsense'), undefined, `set m.room.member of ${alice}`],
])('%# a change of membership', (now, before, said) => {
  expect(say(now, before)).toBe(said);
});

test('power levels tell whose changed', () => {
  const levels = (users: JsonObject) => event('m.room.power_levels', { users }, '');
  expect(say(levels({ [alice]: 100, [bob]: 50 }), levels({ [alice]: 100 }))).toBe(`changed power: ${bob} default → 50`);
  expect(say(levels({ [bob]: new RawNumber('0') }), levels({ [bob]: 50 }))).toBe(`changed power: ${bob} 50 → 0`);
  expect(say(levels({ [alice]: 1 }), levels({ [alice]: 1 }))).toBe('changed the power levels');
  expect(say(event('m.room.power_levels', { users: [1] }, ''))).toBe('changed the power levels');
});

test('redacted messages say nothing, redacted state says what is left of it', () => {
  expect(say(event('m.room.message', {}), undefined, true)).toBe('redacted');
  expect(say(member('join'), undefined, true)).toBe('joined (redacted)');
});

test('what strangers write stays in one line, runs in one direction, and is short', () => {
  expect(oneLine('a\n\tb\u0000\u202ec\u2066d')).toBe('a b c d');
  expect(oneLine('👍'.repeat(500))).toBe(`${'👍'.repeat(160)}…`);
  expect(oneLine('x'.repeat(160))).toBe('x'.repeat(160));
  expect(oneLine('  \n ')).toBe('');
  expect(oneLine('<b>bold</b>')).toBe('<b>bold</b>'); // text, whoever shows it
});
