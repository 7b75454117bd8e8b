import { expect, test } from 'vitest';
import { noOpenApi, problemsWith } from './openapi.ts';

const login = (status: number, body: unknown) =>
  problemsWith('client-server', 'POST', '/_matrix/client/v3/login', status, body);

test('a reply that is not what the specification says is found out', ({ skip }) => {
  if (noOpenApi) skip(noOpenApi);
  const right = { user_id: '@a:b.test', access_token: 'x', device_id: 'D' };
  expect(login(200, right)).toEqual([]);
  expect(login(200, { ...right, device_id: 7 })).toEqual(['/device_id must be string']);
  expect(login(200, {})).toContain("it must have required property 'access_token'");
  expect(login(500, { errcode: 'M_UNKNOWN', error: 'No.' })).toEqual([]);
  expect(login(500, 'no')).toEqual(['it is no Matrix error']);
});

test('references are followed, also in circles', ({ skip }) => {
  if (noOpenApi) skip(noOpenApi);
  const event = { type: 'a', sender: '@a:b.test', origin_server_ts: 1, content: {}, event_id: '$x' };
  const messages = (chunk: unknown) =>
    problemsWith('client-server', 'GET', '/_matrix/client/v3/rooms/!r:b.test/messages?dir=b', 200, {
      start: 's',
      chunk,
    });
  expect(messages([{ ...event, room_id: '!r:b.test' }])).toEqual([]);
  expect(messages([event])).toEqual(["/chunk/0 must have required property 'room_id'"]);
});
