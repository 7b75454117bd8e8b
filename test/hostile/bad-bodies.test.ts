import { beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../main/protocol/json.ts';
import { type JoinedRoom, type Scene, setScene, unique } from '../support/hostile-scene.ts';

let scene: Scene;
let room: JoinedRoom;
beforeAll(async () => {
  scene = await setScene();
  room = await scene.room('12');
});

const send = () => `/_matrix/federation/v1/send/${unique()}`;
const transaction = (rest: JsonObject = {}) => JSON.stringify({ origin_server_ts: 1, pdus: [], ...rest });

interface BadBody {
  readonly what: string;
  readonly body: string | Uint8Array;
  readonly status: number;
  readonly errcode: string;
}

const notJson = { status: 400, errcode: 'M_NOT_JSON' };
const badJson = { status: 400, errcode: 'M_BAD_JSON' };
const tooLarge = { status: 413, errcode: 'M_TOO_LARGE' };
const deep = (levels: number, inside: string) => `${'['.repeat(levels)}${inside}${']'.repeat(levels)}`;

const bodies: readonly BadBody[] = [
  { what: 'nothing', body: '', ...notJson },
  { what: 'half an object', body: '{"pdus":[', ...notJson },
  { what: 'words', body: 'pdus=none', ...notJson },
  { what: 'single quotes', body: "{'pdus':[]}", ...notJson },
  { what: 'a trailing comma', body: '{"pdus":[],}', ...notJson },
  { what: 'a comment', body: '{"pdus":[]/* none */}', ...notJson },
  { what: 'NaN', body: '{"origin_server_ts":NaN,"pdus":[]}', ...notJson },
  { what: 'a number with a leading zero', body: '{"origin_server_ts":01,"pdus":[]}', ...notJson },
  { what: 'two objects', body: '{"pdus":[]}{"pdus":[]}', ...notJson },
  { what: 'a raw line break in a string', body: '{"pdus":[],"x":"a\nb"}', ...notJson },
  { what: 'a byte order mark', body: '\ufeff{"pdus":[]}', ...notJson },
  { what: 'bytes that are no UTF-8', body: Buffer.from('7b22706475733b3a5bff5d7d', 'hex'), ...notJson },
  { what: 'UTF-8 in too many bytes', body: Buffer.from('7b22c0af223a317d', 'hex'), ...notJson },
  { what: 'half a character in UTF-8', body: Buffer.from('7b22eda080223a317d', 'hex'), ...notJson },
  { what: 'UTF-16', body: Buffer.from('{"pdus":[]}', 'utf16le'), ...notJson },
  { what: '1,000 levels', body: `{"pdus":${deep(1000, '')}}`, ...notJson },
  { what: '100,000 levels that never end', body: '['.repeat(100_000), ...notJson },
  { what: 'a list', body: '[]', ...badJson },
  { what: 'null', body: 'null', ...badJson },
  { what: 'a string', body: '"pdus"', ...badJson },
  { what: 'PDUs that are no list', body: transaction({ pdus: { length: 1 } }), ...badJson },
  { what: 'EDUs that are no list', body: transaction({ edus: 'many' }), ...badJson },
  { what: '51 PDUs', body: transaction({ pdus: new Array(51).fill({}) }), ...badJson },
  {
    what: '101 EDUs',
    body: transaction({ edus: new Array(101).fill({ edu_type: 'm.presence', content: {} }) }),
    ...badJson,
  },
  { what: '11 MB', body: transaction({ x: 'x'.repeat(11_000_000) }), ...tooLarge },
  { what: '11 MB of blanks', body: ' '.repeat(11_000_000), ...tooLarge },
];

test.each(bodies)('a transaction of $what: $status $errcode', async ({ body, status, errcode }) => {
  const reply = await scene.ask('PUT', send(), body);
  expect([reply.status, reply.body]).toEqual([status, { errcode, error: expect.stringMatching(/\w/) }]);
  expect(reply.flow).toMatchObject({ endpoint: 'send', status, errcode, outcomes: {} });
  await room.expectOnly([]);
});

/** What is strange, but not wrong. */
const harmless: readonly { readonly what: string; readonly body: string }[] = [
  { what: 'nothing in it', body: transaction() },
  { what: 'no PDUs', body: '{"origin_server_ts":1}' },
  { what: 'a float outside of its PDUs', body: '{"origin_server_ts":1.5,"pdus":[]}' },
  { what: 'a key twice outside of its PDUs', body: '{"origin_server_ts":1,"pdus":[],"pdus":[]}' },
  { what: 'another server named as its origin', body: transaction({ origin: 'other.test' }) },
  { what: 'keys that nobody knows', body: transaction({ x: { y: [1, null, true] }, constructor: 1, toString: 'x' }) },
  { what: '__proto__', body: '{"__proto__":{"pdus":7,"polluted":true},"pdus":[],"edus":[]}' },
  { what: '90 levels', body: `{"pdus":[],"x":${deep(90, '')}}` },
  { what: 'EDUs that are none', body: transaction({ edus: [null, 7, [], {}, { edu_type: 7 }, { edu_type: 'x' }] }) },
];

test.each(harmless)('a transaction with $what is taken', async ({ body }) => {
  const reply = await scene.ask('PUT', send(), body);
  expect([reply.status, reply.body]).toEqual([200, { pdus: {} }]);
  expect(reply.flow).toMatchObject({ endpoint: 'send', status: 200 });
  await room.expectOnly([]);
});
