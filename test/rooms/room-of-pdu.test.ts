import { expect, test } from 'vitest';
import { referenceHash } from '../../main/protocol/event-hash.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { roomOfPdu } from '../../main/rooms/room-of-pdu.ts';

const create = (version: string): JsonObject => ({
  type: 'm.room.create',
  state_key: '',
  sender: '@ann:one.test',
  content: { room_version: version },
  depth: 1,
  origin_server_ts: 1,
  prev_events: [],
  auth_events: [],
  hashes: { sha256: 'x' },
  signatures: {},
});

test('a create event of version 12 is of the room that its own ID names', () => {
  const rules = rulesOf('12');
  if (rules === undefined) throw new Error('there is no version 12');
  expect(roomOfPdu(create('12'))).toBe(`!${referenceHash(create('12'), rules)}`);
});

test.each<[what: string, pdu: JsonObject]>([
  ['a create event of an earlier version', create('11')],
  ['a create event of no known version', create('99')],
  ['another event without a room', { ...create('12'), type: 'm.room.topic' }],
  ['a create event that is none', { ...create('12'), depth: 'deep' }],
  ['a room that is no ID', { ...create('11'), room_id: 'room' }],
])('%s is of no room', (_what, pdu) => {
  expect(roomOfPdu(pdu)).toBeUndefined();
});

test('a room_id says it', () => {
  expect(roomOfPdu({ ...create('11'), room_id: '!a:one.test' })).toBe('!a:one.test');
});
