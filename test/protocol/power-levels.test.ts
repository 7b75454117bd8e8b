import { expect, test } from 'vitest';
import { type JsonObject, type JsonValue, RawNumber } from '../../main/protocol/json.ts';
import { creatorsOf, powerLevels, readLevel, unreadable } from '../../main/protocol/power-levels.ts';
import { rulesOf, testRoom } from '../support/pdu-factory.ts';

const alice = '@alice:a.test';
const bob = '@bob:b.test';

function levelsOf(version: string, content: JsonObject | undefined, create: JsonObject = {}) {
  const room = testRoom(version, { creator: alice, content: create });
  if (content !== undefined) room.powerLevels(alice, content);
  return powerLevels(room.authState(), room.rules);
}

// https://spec.matrix.org/v1.19/rooms/v1/#mroompower_levels-events-accept-values-as-strings and -as-floats
test.each<[JsonValue, number]>([
  [50, 50],
  [-50, -50],
  ['100', 100],
  ['000100', 100],
  ['+100', 100],
  ['-100', -100],
  [' 100 ', 100],
  [' 00100 ', 100],
  [' +100 ', 100],
  [' -100 ', -100],
  ['\t\n100', 100],
  [new RawNumber('50.57'), 50],
  [new RawNumber('-50.57'), -50],
  [new RawNumber('5.114698E4'), 51146],
  [new RawNumber('-0'), 0],
  [50.57, 50],
  ['1.5', unreadable],
  ['1e3', unreadable],
  ['+ 100', unreadable],
  ['--1', unreadable],
  ['1_000', unreadable],
  ['0x10', unreadable],
  ['١', unreadable],
  ['', unreadable],
  ['Infinity', unreadable],
  ['9'.repeat(400), unreadable],
  [new RawNumber('1e999'), unreadable],
  [true, unreadable],
  [null, unreadable],
  [[], unreadable],
  [[1], unreadable],
  [{}, unreadable],
])('%j is %d in versions 1 to 9', (value, level) => {
  expect(readLevel(value, rulesOf('1'))).toBe(level);
  expect(readLevel(value, rulesOf('9'))).toBe(level);
});

test.each<[JsonValue, number]>([
  [50, 50],
  [0, 0],
  ['50', unreadable],
  [50.5, unreadable],
  [new RawNumber('50.0'), unreadable],
  [null, unreadable],
])('%j is %d since version 10', (value, level) => {
  expect(readLevel(value, rulesOf('10'))).toBe(level);
});

test('without power levels the creator has 100 and all others 0', () => {
  const levels = levelsOf('11', undefined);
  expect([levels.userLevel(alice), levels.userLevel(bob)]).toEqual([100, 0]);
  expect(levelsOf('10', undefined, { creator: bob }).userLevel(bob)).toBe(100);
  expect(levelsOf('10', undefined, { creator: bob }).userLevel(alice)).toBe(0);
});

test('defaults are the same without power levels and with empty ones', () => {
  for (const levels of [levelsOf('11', undefined), levelsOf('11', {})]) {
    const { invite, kick, ban, redact } = levels;
    expect({ invite, kick, ban, redact }).toEqual({ invite: 0, kick: 50, ban: 50, redact: 50 });
    expect([levels.required('m.x', true), levels.required('m.x', false)]).toEqual([50, 0]);
    expect(levels.notification('room')).toBe(50);
  }
});

test('with power levels the creator has what is said', () => {
  const levels = levelsOf('11', { users: { [bob]: 7 }, users_default: 3 });
  expect([levels.userLevel(alice), levels.userLevel(bob)]).toEqual([3, 7]);
});

test('what is said of an event type comes before the defaults', () => {
  const levels = levelsOf('11', {
    events: { 'm.x': 1 },
    events_default: 2,
    state_default: 3,
    notifications: { room: 4 },
  });
  expect([levels.required('m.x', true), levels.required('m.x', false)]).toEqual([1, 1]);
  expect([levels.required('m.y', true), levels.required('m.y', false)]).toEqual([3, 2]);
  expect([levels.notification('room'), levels.notification('other')]).toEqual([4, 50]);
});

test('only what is there is read', () => {
  const levels = levelsOf('11', { events: {}, users: {} });
  expect([levels.required('toString', false), levels.required('__proto__', false)]).toEqual([0, 0]);
  expect(levels.userLevel('constructor')).toBe(0);
});

test('in version 12 creators outrank all, whatever is said', () => {
  for (const content of [undefined, { users: { [bob]: 100 } }]) {
    const levels = levelsOf('12', content, { additional_creators: [bob, 1] });
    expect([levels.userLevel(alice), levels.userLevel(bob)]).toEqual([
      Number.POSITIVE_INFINITY,
      Number.POSITIVE_INFINITY,
    ]);
    expect(levels.userLevel('@carol:c.test')).toBe(0);
  }
  expect(levelsOf('11', undefined, { additional_creators: [bob] }).userLevel(bob)).toBe(0);
});

test('what cannot be read lets nobody do anything; null is as good as nothing', () => {
  const levels = levelsOf('9', {
    ban: [],
    users_default: {},
    users: { [bob]: '5' },
    kick: null,
    events: { 'm.x': 'x' },
  });
  expect([levels.ban, levels.kick]).toEqual([unreadable, 50]);
  expect(levels.userLevel(bob)).toBe(5);
  expect(levels.userLevel('@carol:c.test')).toBe(Number.NEGATIVE_INFINITY);
  expect(levels.required('m.x', false)).toBe(unreadable);
  expect(levelsOf('9', { users: [], events: 'x' }).userLevel(bob)).toBe(0);
});

test('creators are told by version', () => {
  const creators = (version: string, content: JsonObject) => {
    const create = testRoom(version, { creator: alice, content }).get('m.room.create');
    return create === undefined ? undefined : creatorsOf(create);
  };
  expect(creators('10', { creator: bob, additional_creators: [bob] })).toEqual([bob]);
  expect(creators('10', { creator: 1 })).toEqual([]);
  expect(creators('11', { creator: bob, additional_creators: [bob] })).toEqual([alice]);
  expect(creators('12', { creator: bob, additional_creators: ['@c:c.test'] })).toEqual([alice, '@c:c.test']);
});
