import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RoomState } from '../../main/rooms/rooms.ts';
import { compileServerAcl, hostOf, matchesGlob, serverAcls } from '../../main/rooms/server-acl.ts';
import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';

const everyone = { allow: ['*'] };

// The steps of https://spec.matrix.org/v1.19/client-server-api/#mroomserver_acl, then what strangers send
const table: readonly [what: string, content: JsonObject, server: string, allowed: boolean][] = [
  ['anyone', everyone, 'a.test', true],
  ['an empty list admits nobody', { allow: [] }, 'a.test', false],
  ['no list admits nobody', {}, 'a.test', false],
  ['deny comes before allow', { ...everyone, deny: ['a.test'] }, 'a.test', false],
  ['a port does not count', { ...everyone, deny: ['a.test'] }, 'a.test:8448', false],
  ['case does not count', { ...everyone, deny: ['EVIL.test'] }, 'evil.TEST', false],
  ['a star is any number of characters', { ...everyone, deny: ['*.evil.test'] }, 'a.b.evil.test', false],
  ['and needs the rest', { ...everyone, deny: ['*.evil.test'] }, 'evil.test', true],
  ['a question mark is one character', { ...everyone, deny: ['evil?.test'] }, 'evil1.test', false],
  ['and not none', { ...everyone, deny: ['evil?.test'] }, 'evil.test', true],
  ['a dot is a dot', { ...everyone, deny: ['a.test'] }, 'aXtest', true],
  ['regular expressions are plain text', { ...everyone, deny: ['(a|b).test'] }, 'a.test', true],
  ['IPv4 literals can be denied', { ...everyone, allow_ip_literals: false }, '192.0.2.1:8448', false],
  ['IPv6 literals too', { ...everyone, allow_ip_literals: false }, '[2001:db8::1]:8448', false],
  ['names of digits are no literals', { ...everyone, allow_ip_literals: false }, '1.2.3.4.test', true],
  ['nor is 999.1.1.1', { ...everyone, allow_ip_literals: false }, '999.1.1.1', true],
  ['literals are allowed by default', everyone, '[::1]', true],
  ['what is not a boolean is the default', { ...everyone, allow_ip_literals: 'false' }, '192.0.2.1', true],
  ['literals match patterns without their port', { ...everyone, deny: ['[2001:*]'] }, '[2001:db8::1]:1', false],
  ['a list that is none is empty', { allow: '*' }, 'a.test', false],
  ['what is no string is skipped', { allow: [1, null, {}, '*'], deny: [['a.test']] }, 'a.test', true],
];

test.each(table)('%s', (_, content, server, allowed) => {
  expect(compileServerAcl(content)(hostOf(server as ServerName))).toBe(allowed);
});

test('globs match as the regular expression would', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 12 });
  const text = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 12 });
  fc.assert(
    fc.property(letters, text, (pattern, name) => {
      const expression = new RegExp(`^${pattern.replaceAll('*', '[ab]*').replaceAll('?', '[ab]')}$`);
      expect(matchesGlob(pattern, name)).toBe(expression.test(name));
    }),
    { numRuns: 500 },
  );
});

test('a pattern made to be slow is not', () => {
  expect(matchesGlob(`${'*a'.repeat(20_000)}b`, 'a'.repeat(230))).toBe(false);
});

test('a room without the event admits everyone, and the newest event counts', () => {
  let acl: { eventId: EventId; content: JsonObject } | undefined;
  let reads = 0;
  const state = {
    id: () => acl?.eventId,
    get: () => {
      reads++;
      return acl;
    },
  } as unknown as RoomState;
  const { allows, check } = serverAcls({ currentState: () => state });
  const room = '!a:a.test' as RoomId;
  const evil = 'evil.test' as ServerName;

  expect(allows(room, evil)).toBe(true);
  acl = { eventId: '$1:a.test' as EventId, content: { ...everyone, deny: ['evil.test'] } };
  expect(allows(room, evil)).toBe(false);
  expect(() => check(room, evil)).toThrow(expect.objectContaining({ status: 403, errcode: 'M_FORBIDDEN' }));
  acl = { eventId: '$2:a.test' as EventId, content: everyone };
  expect(allows(room, evil)).toBe(true);
  expect(() => check(room, evil)).not.toThrow();
  expect(reads).toBe(2); // one for each event
});
