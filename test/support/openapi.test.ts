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

test('errors between servers are those that the operation lists, and those that hold for all', ({ skip }) => {
  if (noOpenApi) skip(noOpenApi);
  const wrong = (uri: string, status: number, body: object) =>
    problemsWith('server-server', 'GET', `/_matrix/federation/v1/${uri}`, status, body);
  const error = (errcode: string, more: object = {}) => ({ errcode, error: 'No.', ...more });
  expect(wrong('version', 404, error('M_UNRECOGNIZED'))).toEqual([]);
  expect(wrong('version', 404, error('M_FORBIDDEN'))).toEqual([
    '404 is for M_NOT_FOUND, M_UNRECOGNIZED, and not for M_FORBIDDEN',
  ]);
  expect(wrong('version', 500, error('M_UNKNOWN'))).toEqual(['the operation does not answer 500']);
  expect(wrong('nothing/at/all', 502, error('M_UNKNOWN'))).toEqual(['the operation does not answer 502']);
  expect(wrong('media/download/x', 504, error('M_NOT_YET_UPLOADED'))).toEqual([]);
  expect(wrong('event/x', 504, error('M_NOT_YET_UPLOADED'))).toEqual(['the operation does not answer 504']);
  expect(wrong('event/x', 401, { errcode: 'M_UNAUTHORIZED' })).toEqual(['it is no Matrix error']);
  expect(wrong('event/x', 429, error('M_LIMIT_EXCEEDED'))).toEqual(['retry_after_ms is missing']);
  expect(wrong('event/x', 429, error('M_LIMIT_EXCEEDED', { retry_after_ms: 1 }))).toEqual([]);
  const version = { room_version: '9' };
  expect(wrong('make_join/r/u', 400, error('M_INCOMPATIBLE_ROOM_VERSION', version))).toEqual([]);
  expect(wrong('make_leave/r/u', 400, error('M_INCOMPATIBLE_ROOM_VERSION', version))).not.toEqual([]);
});

test('of two operations that fit a path, the one without a parameter is meant', ({ skip }) => {
  if (noOpenApi) skip(noOpenApi);
  const path = '/_matrix/federation/v1/query/directory';
  expect(problemsWith('server-server', 'GET', path, 200, {})).toContain("it must have required property 'room_id'");
});
