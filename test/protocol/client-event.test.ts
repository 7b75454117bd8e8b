import { expect, test } from 'vitest';
import { clientEvent } from '../../main/protocol/client-event.ts';
import { parseEvent } from '../../main/protocol/event.ts';
import type { JsonObject } from '../../main/protocol/json.ts';
import { type RoomVersionRules, roomVersions } from '../../main/protocol/room-versions.ts';

const each = [...roomVersions];

function parse(rules: RoomVersionRules, changes: JsonObject) {
  const pdu = {
    type: 'm.room.message',
    ...(rules.eventIdFormat === 'serverGiven' && { event_id: '$e:a.test' }),
    ...((changes['type'] !== 'm.room.create' || !rules.roomIdIsCreateHash) && {
      room_id: rules.roomIdIsCreateHash ? `!${'a'.repeat(43)}` : '!r:a.test',
    }),
    sender: '@a:a.test',
    content: { body: 'hello' },
    depth: 3,
    origin: 'a.test',
    origin_server_ts: 1000,
    prev_events: [],
    auth_events: [],
    hashes: { sha256: 'x' },
    signatures: {},
    unsigned: { age_ts: 7, 'org.example.injected': true },
    'org.example': 'unknown',
    ...changes,
  };
  return parseEvent(pdu, rules);
}

test.each(each)('clients get what the specification lists, in version %s', (_, rules) => {
  const event = parse(rules, {});
  expect(clientEvent(event)).toStrictEqual({
    content: { body: 'hello' },
    event_id: event.eventId,
    origin_server_ts: 1000,
    room_id: event.roomId,
    sender: '@a:a.test',
    type: 'm.room.message',
  });
});

test.each(each)('a create event of version %s has its room, too', (_, rules) => {
  const event = parse(rules, { type: 'm.room.create', state_key: '' });
  expect(clientEvent(event)).toMatchObject({ room_id: event.roomId, state_key: '' });
});

test.each(each)('a redaction of version %s tells old and new clients what it redacts', (_, rules) => {
  const redacts = rules.redactsInContent
    ? { content: { reason: 'x', redacts: '$r' } }
    : { content: { reason: 'x' }, redacts: '$r' };
  const event = parse(rules, { type: 'm.room.redaction', ...redacts });
  expect(clientEvent(event)).toMatchObject({ redacts: '$r', content: { reason: 'x', redacts: '$r' } });
  expect(event.pdu).toMatchObject(redacts); // and what hashes cover stays as it was
  expect(event.content).toEqual(redacts.content);
});

test('what we add is ours alone', () => {
  const event = parse(roomVersions.get('12') as RoomVersionRules, {});
  expect(clientEvent(event, { unsigned: { age: 5 } })['unsigned']).toEqual({ age: 5 });
  expect(Object.keys(clientEvent(event, { unsigned: {}, withoutRoomId: true })).sort()).toEqual([
    'content',
    'event_id',
    'origin_server_ts',
    'sender',
    'type',
  ]);
});
