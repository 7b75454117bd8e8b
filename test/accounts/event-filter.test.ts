import { expect, test } from 'vitest';
import { parseRoomEventFilter, parseSyncFilter, passesInRoom } from '../../main/accounts/event-filter.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import type { RoomId } from '../../shared/ids.ts';

const room = '!r:a.test' as RoomId;
const passes = (filter: JsonObject, event: { type: string; sender?: string; content?: JsonObject }) =>
  passesInRoom(parseRoomEventFilter(filter), room, event);

// https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3useruseridfilter: "A `*` can be used as a wildcard"
test.each<[pattern: string, type: string, matches: boolean]>([
  ['m.room.message', 'm.room.message', true],
  ['m.room.message', 'm.room.messages', false],
  ['m.room.*', 'm.room.message', true],
  ['m.room.*', 'm.reaction', false],
  ['*', '', true],
  ['*.message', 'm.room.message', true],
  ['m.*.message', 'm.room.message', true],
  ['m.*.message', 'm.message', false],
  ['m*m*e', 'm.room.message', true],
  ['m.room.m?ssage', 'm.room.message', false], // only the star is special
  ['a*a', 'a', false],
  ['a*b*c', 'acb', false],
])('%s and %s: %s', (pattern, type, matches) => {
  expect(passes({ types: [pattern] }, { type })).toBe(matches);
  expect(passes({ not_types: [pattern] }, { type })).toBe(!matches);
});

test('what is excluded is excluded even if it is included', () => {
  const sender = '@a:a.test';
  expect(passes({ senders: [sender], not_senders: [sender] }, { type: 'x', sender })).toBe(false);
  expect(passes({ rooms: [room], not_rooms: [room] }, { type: 'x' })).toBe(false);
  expect(passes({ rooms: ['!other:a.test'] }, { type: 'x' })).toBe(false);
  expect(passes({ types: [] }, { type: 'x' })).toBe(false);
});

test('contains_url looks at the content', () => {
  const [image, text] = [
    { type: 'x', content: { url: 'mxc://a' } },
    { type: 'x', content: {} },
  ];
  expect([passes({ contains_url: true }, image), passes({ contains_url: true }, text)]).toEqual([true, false]);
  expect([passes({ contains_url: false }, image), passes({ contains_url: false }, text)]).toEqual([false, true]);
});

test.each<[JsonObject]>([
  [{ room: 'all' }],
  [{ room: { timeline: { limit: 'ten' } } }],
  [{ room: { rooms: room } }],
  [{ room: { state: { lazy_load_members: 'yes' } } }],
  [{ event_format: 'raw' }],
  [{ event_fields: 'content' }],
  [{ presence: { types: [1] } }],
])('%j is no filter', (filter) => {
  expect(() => parseSyncFilter(filter)).toThrow(expect.objectContaining({ status: 400, errcode: 'M_BAD_JSON' }));
});
