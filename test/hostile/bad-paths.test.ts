import { beforeAll, describe, expect, test } from 'vitest';
import { type JoinedRoom, type Scene, setScene, unique } from '../support/hostile-scene.ts';
import { startRawPeer } from '../support/raw-peer.ts';

let scene: Scene;
let room: JoinedRoom;
beforeAll(async () => {
  scene = await setScene();
  room = await scene.room('12');
});

const v1 = '/_matrix/federation/v1';
const unrecognized = { errcode: 'M_UNRECOGNIZED', error: expect.stringMatching(/\w/) };

test.each([
  ['GET', `${v1}/nonsense`],
  ['PUT', `${v1}/sned/1`],
  ['GET', '/_matrix/federation/v9/version'],
  ['GET', '/_matrix/federation/'],
  ['GET', `${v1}/version/`],
  ['GET', `${v1}//version`],
  ['GET', '/_matrix/federation/V1/version'],
  ['PUT', `${v1}/send/`],
  ['GET', '/_matrix/key/v3/server'],
  ['GET', `${v1}/../../client/versions`],
  ['GET', `${v1}/%2e%2e/version`],
])('%s %s is nothing: 404 M_UNRECOGNIZED', async (method, path) => {
  const reply = await scene.ask(method, `${path}?${unique()}`);
  expect([reply.status, reply.body]).toEqual([404, unrecognized]);
  expect(reply.flow).toMatchObject({ status: 404, errcode: 'M_UNRECOGNIZED' });
});

test.each([
  ['GET', 'send/1'],
  ['POST', 'send/1'],
  ['DELETE', 'send/1'],
  ['PATCH', 'send/1'],
  ['PUT', 'version'],
  ['POST', 'event/$x'],
  ['GET', 'get_missing_events/!x:y.test'],
  ['POST', 'make_join/!x:y.test/@a:y.test'],
  ['GET', 'user/keys/claim'],
])('%s of %s is not how it is asked: 405 M_UNRECOGNIZED', async (method, path) => {
  const reply = await scene.ask(method, `${v1}/${path}?${unique()}`);
  expect([reply.status, reply.body]).toEqual([405, unrecognized]);
  expect(reply.flow).toMatchObject({ status: 405, errcode: 'M_UNRECOGNIZED' });
});

/** https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events, and what is asked like it */
const questions: readonly [
  what: string,
  method: string,
  path: (room: JoinedRoom) => string,
  status: number,
  errcode: string,
][] = [
  ['a path that cannot be decoded', 'GET', () => '/event/%zz', 400, 'M_INVALID_PARAM'],
  ['bytes that are no UTF-8', 'GET', () => '/event/%ff', 400, 'M_INVALID_PARAM'],
  ['an event ID that is none', 'GET', () => '/event/x', 400, 'M_INVALID_PARAM'],
  ['an event that nobody has', 'GET', () => `/event/$${'A'.repeat(43)}`, 404, 'M_NOT_FOUND'],
  ['a room ID that is none', 'GET', () => '/state/x?event_id=$x', 400, 'M_INVALID_PARAM'],
  ['state of no event', 'GET', ({ roomId }) => `/state/${roomId}`, 400, 'M_MISSING_PARAM'],
  ['state ids of no event', 'GET', ({ roomId }) => `/state_ids/${roomId}`, 400, 'M_MISSING_PARAM'],
  [
    'state of two events',
    'GET',
    ({ roomId, tip }) => `/state/${roomId}?event_id=${tip()}&event_id=${tip()}`,
    400,
    'M_INVALID_PARAM',
  ],
  ['state of a room that is not here', 'GET', ({ tip }) => `/state/!x:y.test?event_id=${tip()}`, 404, 'M_NOT_FOUND'],
  [
    'state of an event that is not here',
    'GET',
    ({ roomId }) => `/state/${roomId}?event_id=$${'A'.repeat(43)}`,
    404,
    'M_NOT_FOUND',
  ],
  ['history from nowhere', 'GET', ({ roomId }) => `/backfill/${roomId}?limit=10`, 400, 'M_MISSING_PARAM'],
  [
    'history from an event that is not here',
    'GET',
    ({ roomId }) => `/backfill/${roomId}?v=$${'A'.repeat(43)}&limit=10`,
    404,
    'M_NOT_FOUND',
  ],
  [
    'less than nothing of history',
    'GET',
    ({ roomId, tip }) => `/backfill/${roomId}?v=${tip()}&limit=-1`,
    400,
    'M_INVALID_PARAM',
  ],
  [
    'half an event of history',
    'GET',
    ({ roomId, tip }) => `/backfill/${roomId}?v=${tip()}&limit=0.5`,
    400,
    'M_INVALID_PARAM',
  ],
  ['the auth chain of nothing', 'GET', ({ roomId }) => `/event_auth/${roomId}/$${'A'.repeat(43)}`, 404, 'M_NOT_FOUND'],
  ['the profile of nobody', 'GET', () => '/query/profile', 400, 'M_MISSING_PARAM'],
  ['the profile of a user of others', 'GET', () => '/query/profile?user_id=@a:other.test', 400, 'M_INVALID_PARAM'],
  ['the directory without an alias', 'GET', () => '/query/directory', 400, 'M_MISSING_PARAM'],
  ['a query that there is not', 'GET', () => '/query/anything', 404, 'M_UNRECOGNIZED'],
];

describe.each(questions)('%s', (_what, method, path, status, errcode) => {
  test(`is answered by ${status} ${errcode}`, async () => {
    const base = `${v1}${path(room)}`;
    const reply = await scene.ask(method, `${base}${base.includes('?') ? '&' : '?'}${unique()}`);
    expect([reply.status, reply.body]).toEqual([status, { errcode, error: expect.stringMatching(/\w/) }]);
    expect(reply.flow).toMatchObject({ status, errcode });
    await room.expectOnly([]);
  });
});

test.each([
  ['no object', '[]', 'M_BAD_JSON'],
  ['no lists', '{"earliest_events":"x","latest_events":7}', 'M_BAD_JSON'],
  ['no event IDs', '{"earliest_events":["x"],"latest_events":["y"]}', 'M_BAD_JSON'],
  ['nothing', '{}', 'M_MISSING_PARAM'],
])('missing events asked for with %s: 400 %s', async (_what, body, errcode) => {
  const reply = await scene.ask('POST', `${v1}/get_missing_events/${room.roomId}?${unique()}`, body);
  expect([reply.status, reply.body['errcode']]).toEqual([400, errcode]);
  expect(reply.flow).toMatchObject({ status: 400, errcode });
});

test('more missing events than there are, from more starts than there are, are given as far as they go', async () => {
  const latest_events = Array.from({ length: 5000 }, (_, index) => `$${String(index).padStart(43, 'A')}`);
  const body = { earliest_events: [], latest_events: [...latest_events, room.tip()], limit: 1e15, min_depth: -5 };
  const reply = await scene.ask('POST', `${v1}/get_missing_events/${room.roomId}?${unique()}`, body);
  expect(reply.status).toBe(200);
  expect(reply.body['events']).toBeInstanceOf(Array);
});

describe('a server that is not in the room', () => {
  test.each(['state', 'state_ids', 'backfill', 'event_auth', 'get_missing_events', 'event'])(
    'gets no %s: 403',
    async (api) => {
      const stranger = await startRawPeer(scene.peer.ca);
      const closed = scene.peer.createRoom('12');
      closed.event('m.room.history_visibility', { history_visibility: 'joined' }, { state_key: '' });
      await scene.owner.join(closed.roomId, scene.peer.serverName);
      const tip = closed.tip();
      const [method, path, body] = {
        state: ['GET', `/state/${closed.roomId}?event_id=${tip}`],
        state_ids: ['GET', `/state_ids/${closed.roomId}?event_id=${tip}`],
        backfill: ['GET', `/backfill/${closed.roomId}?v=${tip}&limit=5`],
        event_auth: ['GET', `/event_auth/${closed.roomId}/${tip}`],
        get_missing_events: [
          'POST',
          `/get_missing_events/${closed.roomId}`,
          { earliest_events: [], latest_events: [tip], limit: 10 },
        ],
        event: ['GET', `/event/${tip}`],
      }[api] as [string, string, Record<string, never>?];
      const reply = await stranger.ask(scene.hearth.serverName, method, `${v1}${path}`, body);
      expect([reply.status, reply.body['errcode']]).toEqual([403, 'M_FORBIDDEN']);
      expect(await scene.flow(`${v1}${path}`)).toMatchObject({ status: 403, errcode: 'M_FORBIDDEN' });
    },
  );
});
