import { readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import inject from 'light-my-request';
import { expect, test } from 'vitest';
import { clientServer } from '../support/client-server.ts';
import { problemsWith } from '../support/openapi.ts';
import { about, picture } from '../support/pictures.ts';
import { tempFolder } from '../support/temp-folder.ts';

type Options = Parameters<typeof clientServer>[0];
type Headers = Readonly<Record<string, string>>;

/** A server with one person on it, whose uploads and downloads are bytes. */
async function scene(options: Options = {}) {
  const folder = tempFolder();
  const server = await clientServer({ ...options, media: { folder, ...options?.media } });
  const ann = await server.signIn('ann');
  const request = async (method: 'GET' | 'PUT' | 'POST', url: string, headers: Headers = {}, payload?: Uint8Array) => {
    const reply = await inject(server.app, { method, url, headers, ...(payload && { payload: Buffer.from(payload) }) });
    const isJson = String(reply.headers['content-type']).startsWith('application/json');
    const json = isJson ? JSON.parse(reply.payload) : undefined;
    if (isJson) expect(problemsWith('client-server', method, url, reply.statusCode, json)).toEqual([]);
    return { status: reply.statusCode, headers: reply.headers, bytes: reply.rawPayload, json };
  };
  const signedIn = { authorization: `Bearer ${ann.token}` };
  const upload = async (bytes: Uint8Array, type = 'text/plain', name?: string): Promise<string> => {
    const query = name === undefined ? '' : `?filename=${encodeURIComponent(name)}`;
    const headers = { ...signedIn, 'content-type': type };
    const { status, json } = await request('POST', `/_matrix/media/v3/upload${query}`, headers, bytes);
    expect([status, json]).toEqual([200, { content_uri: expect.stringMatching(/^mxc:\/\/hearth\.test\/[\w-]{16}$/) }]);
    return json.content_uri.slice('mxc://'.length);
  };
  const get = (path: string) => request('GET', `/_matrix/client/v1/media/${path}`, signedIn);
  const files = () =>
    readdirSync(join(folder, 'media'), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return { ...server, ann, folder, request, signedIn, upload, get, files };
}

const text = Buffer.from('hello, file');
const error = (errcode: string) => ({ errcode, error: expect.any(String) });

test('a file comes back as it went in, with its type and name', async () => {
  const { upload, get } = await scene();
  const path = await upload(text, 'text/plain; charset=utf-8', 'notes.txt');
  const reply = await get(`download/${path}`);
  expect([reply.status, reply.bytes.toString()]).toEqual([200, 'hello, file']);
  expect(reply.headers).toMatchObject({
    'content-type': 'text/plain; charset=utf-8',
    'content-length': '11',
    'content-disposition': 'inline; filename="notes.txt"',
    'content-security-policy': expect.stringMatching(/^sandbox; default-src 'none'; script-src 'none'/),
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
  });
  const renamed = await get(`download/${path}/${encodeURIComponent('Grüße "x".txt')}`);
  expect(renamed.headers['content-disposition']).toBe("inline; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%22x%22.txt");
});

test.each([
  ['text/html', 'attachment'],
  ['image/svg+xml', 'attachment'],
  ['application/javascript', 'attachment'],
  ['application/xhtml+xml', 'attachment'],
  ['application/pdf', 'attachment'],
  ['image/png', 'inline'],
  ['TEXT/PLAIN;charset=utf-8', 'inline'],
])('%s is served as %s', async (type, disposition) => {
  const { upload, get } = await scene();
  const { headers } = await get(`download/${await upload(Buffer.from('<script>alert(1)</script>'), type)}`);
  expect(headers['content-disposition']).toBe(disposition);
  expect(headers['content-type']).toBe(type);
});

test.each(['', 'nonsense', 'text/html\u00e9', 'image/png; x="\u0001"', 'text/html, image/png'])(
  'the type %j is none',
  async (type) => {
    const { upload, get } = await scene();
    const { headers } = await get(`download/${await upload(text, type)}`);
    expect([headers['content-type'], headers['content-disposition']]).toEqual([
      'application/octet-stream',
      'attachment',
    ]);
  },
);

test('the same twice is one file, which only its owner can read', async () => {
  const { upload, files } = await scene();
  const paths = [await upload(text), await upload(text)];
  expect(new Set(paths).size).toBe(2);
  expect(files()).toHaveLength(1);
  for (const { parentPath, name } of files()) expect(statSync(join(parentPath, name)).mode & 0o777).toBe(0o600);
});

test('what is too large leaves nothing behind', async () => {
  const { request, signedIn, files } = await scene({ media: { maxFileBytes: 10 } });
  const url = '/_matrix/media/v3/upload';
  expect(await request('POST', url, signedIn, text)).toMatchObject({ status: 413, json: error('M_TOO_LARGE') });
  expect(files()).toEqual([]);
  expect((await request('GET', '/_matrix/client/v1/media/config', signedIn)).json).toEqual({ 'm.upload.size': 10 });
});

test('an empty file is one', async () => {
  const { upload, get } = await scene();
  expect(await get(`download/${await upload(new Uint8Array())}`)).toMatchObject({
    status: 200,
    bytes: Buffer.alloc(0),
  });
});

test('nobody gets in without signing in', async () => {
  const { upload, request } = await scene();
  const path = await upload(text);
  for (const url of ['config', `download/${path}`, `download/${path}/x`, `thumbnail/${path}?width=1&height=1`]) {
    const reply = await request('GET', `/_matrix/client/v1/media/${url}`);
    expect(reply).toMatchObject({ status: 401, json: error('M_MISSING_TOKEN') });
  }
  for (const url of ['/_matrix/media/v3/upload', '/_matrix/media/v1/create']) {
    expect(await request('POST', url, {}, text)).toMatchObject({ status: 401 });
  }
});

test.each([
  'download/hearth.test/..%2f..%2fhearth.db',
  'download/..%2f..%2f/abc',
  'download/not%20a%20name/abc',
  'download/hearth.test/a.b',
])('%s leads nowhere', async (path) => {
  const { get } = await scene();
  expect(await get(path)).toMatchObject({ status: 400, json: error('M_INVALID_PARAM') });
});

test('what is not there is not found', async () => {
  const { get, upload, folder, media, lines } = await scene();
  expect(await get('download/hearth.test/abc')).toMatchObject({ status: 404, json: error('M_NOT_FOUND') });
  expect(await get('download/away.test/abc')).toMatchObject({ status: 502, json: error('M_UNKNOWN') });
  const path = await upload(text);
  const [, mediaId = ''] = path.split('/');
  media.quarantine({ origin: 'hearth.test' as never, mediaId }, true);
  expect(await get(`download/${path}`)).toMatchObject({ status: 404, json: error('M_NOT_FOUND') });
  media.quarantine({ origin: 'hearth.test' as never, mediaId }, false);
  rmSync(join(folder, 'media'), { recursive: true });
  expect(await get(`download/${path}`)).toMatchObject({ status: 404, json: error('M_NOT_FOUND') });
  expect(lines.join()).toContain('a file is not where it was put');
});

test('a URI may be given out before its file is there', async () => {
  const { request, signedIn, get, platform } = await scene();
  const { json } = await request('POST', '/_matrix/media/v1/create', signedIn);
  expect(json.unused_expires_at - platform.clock.now()).toBeCloseTo(86_400_000, -2);
  const path = json.content_uri.slice('mxc://'.length);
  expect(await get(`download/${path}?timeout_ms=0`)).toMatchObject({ status: 504, json: error('M_NOT_YET_UPLOADED') });

  const late = get(`download/${path}?timeout_ms=1000`);
  await new Promise(setImmediate);
  await platform.advance(1001);
  expect(await late).toMatchObject({ status: 504, json: error('M_NOT_YET_UPLOADED') });

  const waiting = get(`download/${path}`);
  await new Promise(setImmediate);
  const put = () => request('PUT', `/_matrix/media/v3/upload/${path}?filename=a.txt`, signedIn, text);
  expect(await put()).toMatchObject({ status: 200, json: {} });
  expect(await waiting).toMatchObject({ status: 200, bytes: text });
  expect(await put()).toMatchObject({ status: 409, json: error('M_CANNOT_OVERWRITE_MEDIA') });
});

test('a URI is for whom it was given to, for a day, and one of few', async () => {
  const { request, signedIn, signIn, platform } = await scene();
  const create = () => request('POST', '/_matrix/media/v1/create', signedIn);
  const path = (await create()).json.content_uri.slice('mxc://'.length);
  const put = (headers: Headers, to = path) => request('PUT', `/_matrix/media/v3/upload/${to}`, headers, text);
  const bob = await signIn('bob');
  expect(await put({ authorization: `Bearer ${bob.token}` })).toMatchObject({
    status: 403,
    json: error('M_FORBIDDEN'),
  });
  expect(await put(signedIn, 'hearth.test/unknown')).toMatchObject({ status: 404, json: error('M_NOT_FOUND') });
  expect(await put(signedIn, `other.test/${path.split('/')[1]}`)).toMatchObject({ status: 404 });
  for (let count = 1; count < 50; count++) expect((await create()).status).toBe(200);
  const refused = await create();
  expect([refused.status, refused.json.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED']);
  expect(refused.headers['retry-after']).toBe('86400');
  await platform.advance(86_400_000);
  expect(await put(signedIn)).toMatchObject({ status: 404, json: error('M_NOT_FOUND') });
  expect((await create()).status).toBe(200);
});

test('of two uploads to one URI the first to be done counts', async () => {
  const { request, signedIn, get, files } = await scene();
  const path = (await request('POST', '/_matrix/media/v1/create', signedIn)).json.content_uri.slice('mxc://'.length);
  const put = (body: string) => request('PUT', `/_matrix/media/v3/upload/${path}`, signedIn, Buffer.from(body));
  const statuses = (await Promise.all([put('one'), put('two'), put('three')])).map(({ status }) => status);
  expect(statuses.sort()).toEqual([200, 409, 409]);
  expect(['one', 'two', 'three']).toContain((await get(`download/${path}`)).bytes.toString());
  expect(files()).toHaveLength(1);
});

test('thumbnails are made once, of pictures', async () => {
  const { upload, get, files } = await scene();
  const path = await upload(await picture('png', 900, 600), 'image/png');
  const crop = await get(`thumbnail/${path}?width=64&height=64&method=crop`);
  expect(crop.headers).toMatchObject({
    'content-type': 'image/jpeg',
    'content-disposition': 'inline; filename="thumbnail.jpeg"',
  });
  expect(await about(crop.bytes)).toMatchObject({ format: 'jpeg', width: 96, height: 96 });
  const before = files().length;
  expect((await get(`thumbnail/${path}?width=90&height=90&method=crop&animated=false`)).bytes).toEqual(crop.bytes);
  expect(files()).toHaveLength(before);
  const scaled = await get(`thumbnail/${path}?width=300&height=200`);
  expect(await about(scaled.bytes)).toMatchObject({ width: 360, height: 240 });
});

test('what is no picture has no thumbnail, whatever its type says', async () => {
  const { upload, get } = await scene();
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg" width="900" height="900"/>');
  const broken = (await picture('jpeg', 900, 900)).subarray(0, 20_000);
  for (const bytes of [svg, text, new Uint8Array(), broken]) {
    const reply = await get(`thumbnail/${await upload(bytes, 'image/png')}?width=10&height=10`);
    expect(reply).toMatchObject({ status: 400, json: error('M_UNKNOWN') });
  }
  const path = await upload(text);
  for (const query of ['width=0&height=1', 'width=-1&height=1', 'width=1.5&height=1', 'width=1&height=1&method=melt']) {
    expect(await get(`thumbnail/${path}?${query}`)).toMatchObject({ status: 400, json: error('M_INVALID_PARAM') });
  }
  expect(await get(`thumbnail/${path}?width=1`)).toMatchObject({ status: 400, json: error('M_MISSING_PARAM') });
});

test('a picture may have only so many pixels', async () => {
  const { upload, get } = await scene({ media: { maxPixels: 9_999 } });
  const reply = await get(`thumbnail/${await upload(await picture('png', 100, 100), 'image/png')}?width=10&height=10`);
  expect(reply).toMatchObject({ status: 413, json: error('M_TOO_LARGE') });
});

test('the endpoints without authentication are frozen, and can be opened for files of ours', async () => {
  for (const unauthenticatedMedia of [false, true]) {
    const { upload, request } = await scene({ unauthenticatedMedia });
    const path = await upload(await picture('png', 100, 100), 'image/png', 'a.png');
    for (const version of ['v3', 'r0']) {
      const old = (rest: string) => request('GET', `/_matrix/media/${version}/${rest}`);
      for (const url of [`download/${path}`, `download/${path}/b.png`, `thumbnail/${path}?width=32&height=32`]) {
        const reply = await old(url);
        expect(reply.status).toBe(unauthenticatedMedia ? 200 : 404);
        if (!unauthenticatedMedia) expect(reply.json).toEqual(error('M_NOT_FOUND'));
      }
      expect(await old('download/other.test/abc?allow_remote=true')).toMatchObject({ status: 404 });
      expect(await old('config')).toMatchObject({ status: 401 });
    }
  }
});

test('previews of URLs are not made', async () => {
  const { get } = await scene();
  expect(await get('preview_url?url=https://example.org')).toMatchObject({
    status: 404,
    json: error('M_UNRECOGNIZED'),
  });
});
