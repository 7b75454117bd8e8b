import { request } from 'node:http';
import { beforeAll, expect, test } from 'vitest';
import { type JoinedRoom, type Scene, setScene, unique } from '../support/hostile-scene.ts';

let scene: Scene;
let room: JoinedRoom;
beforeAll(async () => {
  scene = await setScene();
  room = await scene.room('12');
});

/** A client's request with a body that no client would write. */
function ask(method: string, path: string, body: string | Uint8Array, token = scene.owner.token) {
  const url = new URL(scene.hearth.clientUrl);
  return new Promise<{ status: number | undefined; body: Record<string, unknown> }>((resolve, reject) => {
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
    const sent = request({ host: url.hostname, port: url.port, method, path, headers, agent: false }, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      reply.once('end', () => resolve({ status: reply.statusCode, body: JSON.parse(text) }));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const roomPath = () => `/_matrix/client/v3/rooms/${encodeURIComponent(room.roomId)}`;
const message = (rest: string) => `{"msgtype":"m.text","body":"bad"${rest}}`;

const events: readonly (readonly [what: string, status: number, errcode: string, body: string | Uint8Array])[] = [
  ['a float', 400, 'M_BAD_JSON', message(',"n":1.5')],
  ['a whole float', 400, 'M_BAD_JSON', message(',"n":1.0')],
  ['an exponent', 400, 'M_BAD_JSON', message(',"n":1e3')],
  ['an integer beyond 2^53', 400, 'M_BAD_JSON', message(',"n":9007199254740993')],
  ['a float deep inside', 400, 'M_BAD_JSON', message(',"a":[{"b":[0.1]}]')],
  ['a key twice', 400, 'M_BAD_JSON', message(',"body":"again"')],
  ['half a character', 400, 'M_BAD_JSON', message(',"x":"\\ud800"')],
  ['no JSON', 400, 'M_NOT_JSON', '{"body":'],
  ['no UTF-8', 400, 'M_NOT_JSON', Buffer.from('7b2278223a22ff227d', 'hex')],
  ['1,000 levels', 400, 'M_NOT_JSON', message(`,"x":${'['.repeat(1000)}${']'.repeat(1000)}`)],
  ['a list', 400, 'M_BAD_JSON', '[]'],
  ['a string', 400, 'M_BAD_JSON', '"text"'],
  ['more than an event can hold', 413, 'M_TOO_LARGE', message(`,"x":"${'x'.repeat(65_536)}"`)],
  ['2 MB', 413, 'M_TOO_LARGE', message(`,"x":"${'x'.repeat(2_000_000)}"`)],
];

test.each(events)('an event with %s is refused: %s %s', async (_what, status, errcode, body) => {
  const reply = await ask('PUT', `${roomPath()}/send/m.room.message/${unique()}`, body);
  expect([reply.status, reply.body]).toEqual([status, { errcode, error: expect.stringMatching(/\w/) }]);
  await room.expectOnly([]);
});

test.each([
  ['a type of 256 bytes', 'PUT', () => `/send/${'t'.repeat(256)}/${unique()}`],
  ['a type of 256 bytes in 128 characters', 'PUT', () => `/send/${encodeURIComponent('é'.repeat(128))}/${unique()}`],
  ['a state key of 256 bytes', 'PUT', () => `/state/x.type/${'s'.repeat(256)}`],
])('an event with %s is refused', async (_what, method, path) => {
  const reply = await ask(method, `${roomPath()}${path()}`, '{}');
  expect([reply.status, reply.body['errcode']]).toEqual([413, 'M_TOO_LARGE']);
  await room.expectOnly([]);
});

test('an event with __proto__ has it as any other key, for everybody', async () => {
  const body = message(',"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}');
  const reply = await ask('PUT', `${roomPath()}/send/m.room.message/${unique()}`, body);
  expect(reply.status).toBe(200);
  const eventId = encodeURIComponent(String(reply.body['event_id']));
  const served = await scene.ask('GET', `/_matrix/federation/v1/event/${eventId}?${unique()}`);
  expect(JSON.stringify(served.body)).toContain('"__proto__":{"polluted":true}');
});

test.each([
  ['GET', '/_matrix/client/v3/nonsense', 404],
  ['GET', '/_matrix/client/v9/sync', 404],
  ['GET', '/_matrix/nonsense', 404],
  ['GET', '/nonsense', 404],
  ['PATCH', '/_matrix/client/v3/login', 405],
  ['DELETE', '/_matrix/client/v3/sync', 405],
  ['POST', '/_matrix/client/versions', 405],
])('%s %s: %s M_UNRECOGNIZED', async (method, path, status) => {
  const reply = await ask(method, path, '');
  expect([reply.status, reply.body['errcode']]).toEqual([status, 'M_UNRECOGNIZED']);
});

test.each([
  ['M_UNKNOWN_TOKEN', 'wrong'],
  ['M_UNKNOWN_TOKEN', '__proto__'],
  ['M_MISSING_TOKEN', ''],
])('401 %s for the token "%s"', async (errcode, token) => {
  const reply = await ask('GET', '/_matrix/client/v3/account/whoami', '', token);
  expect([reply.status, reply.body['errcode']]).toEqual([401, errcode]);
});

test.each([
  ['login', 'null', 'M_BAD_JSON'],
  ['login', '{"type":7}', 'M_BAD_JSON'],
  ['createRoom', '{"preset":7}', 'M_BAD_JSON'],
  ['createRoom', '{"room_version":"__proto__"}', 'M_UNSUPPORTED_ROOM_VERSION'],
  ['createRoom', '{"initial_state":{"length":1}}', 'M_BAD_JSON'],
  ['createRoom', '{"creation_content":{"x":1.5}}', 'M_BAD_JSON'],
])('%s with %s: 400 %s', async (path, body, errcode) => {
  const reply = await ask('POST', `/_matrix/client/v3/${path}`, body);
  expect([reply.status, reply.body['errcode']]).toEqual([400, errcode]);
});
