import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { openMedia } from '../../main/media/media.ts';
import { followRedirects } from '../../main/network/follow-redirects.ts';
import type { ServerName } from '../../shared/ids.ts';
import { type FakePage, fakeNet, json, netError } from '../support/fake-net.ts';
import { clientOver, us } from '../support/federation-client.ts';
import { memoryLog } from '../support/memory-log.ts';
import { picture } from '../support/pictures.ts';
import { tempFolder } from '../support/temp-folder.ts';

const them = 'them.test:1' as ServerName;
const id = { origin: them, mediaId: 'abc' };
const wish = { width: 32, height: 32, method: 'crop', animated: undefined } as const;
const site = `https://${them}`;
const newest = `${site}/_matrix/federation/v1/media/download/abc*`;
const newestThumbnail = `${site}/_matrix/federation/v1/media/thumbnail/abc*`;
const legacy = `${site}/_matrix/media/v3/download/them.test%3A1/abc*`;
const unrecognized = () => json({ errcode: 'M_UNRECOGNIZED', error: 'what?' }, {}, 404);
const refused = (status: number, errcode: string) => () => json({ errcode, error: 'no' }, {}, status);

/** A page of two parts. */
const parts = (bytes: Uint8Array | string, headers = 'Content-Type: text/plain') => ({
  headers: { 'content-type': 'multipart/mixed; boundary=B' },
  body: Buffer.concat([
    Buffer.from(`--B\r\nContent-Type: application/json\r\n\r\n{}\r\n--B\r\n${headers}\r\n\r\n`),
    Buffer.from(bytes as string),
    Buffer.from('\r\n--B--\r\n'),
  ]),
});

/** Our repository, in a world of these pages. */
async function scene(web: Record<string, FakePage>, limits: { maxFileBytes?: number; maxFetchedBytes?: number } = {}) {
  const hosts = { 'them.test': ['1.1.1.1'], 'cdn.test': ['2.2.2.2'], 'inside.test': ['10.0.0.1'] };
  const net = fakeNet({ hosts, web });
  const { client, discovery, platform, peers, db, flows } = await clientOver(net);
  const folder = tempFolder();
  const media = openMedia({
    ...{ db, folder, platform, serverName: us, download: client.download },
    log: memoryLog().log,
    follow: followRedirects({ net, addressesOf: discovery.addressesOf }),
    maxFileBytes: limits.maxFileBytes ?? 1_000_000,
    maxFetchedBytes: limits.maxFetchedBytes ?? 10_000_000,
  });
  const patience = { timeoutMs: 20_000, allowRemote: true, signal: new AbortController().signal };
  const read = async ({ stream, ...about }: { readonly stream: Readable }) => ({
    ...about,
    text: (await buffer(stream)).toString(),
  });
  return {
    ...{ net, peers, flows, media, patience, platform },
    download: async (which = id) => read(await media.download(which, patience)),
    thumbnail: async (which = id) => read(await media.thumbnail(which, wish, patience)),
    files: () =>
      readdirSync(join(folder, 'media'), { recursive: true, withFileTypes: true }).filter((each) => each.isFile()),
  };
}

test('a file is fetched once, however many want it, and served from here from then on', async () => {
  const page = () => parts('hello', 'Content-Type: text/html\r\nContent-Disposition: inline; filename="a.html"');
  const { download, net, flows } = await scene({ [newest]: page });
  const wanted = { type: 'text/html', name: 'a.html', size: 5, text: 'hello' };
  expect(await Promise.all([download(), download(), download()])).toEqual([wanted, wanted, wanted]);
  expect(await download()).toEqual(wanted);
  expect(net.requests.map(({ path }) => path)).toEqual(['/_matrix/federation/v1/media/download/abc?timeout_ms=20000']);
  expect(net.requests[0]?.headers['Authorization']).toMatch(/^X-Matrix /);
  expect(flows).toMatchObject([{ opening: { endpoint: 'media/download', peer: them }, status: 200 }]);
});

test('who is not to ask others does not', async () => {
  const { media, patience, net } = await scene({ [newest]: () => parts('hello') });
  const asked = media.download(id, { ...patience, allowRemote: false });
  await expect(asked).rejects.toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' });
  expect(net.requests).toEqual([]);
});

test('a server that knows no such endpoint is asked the old way, and then not to ask others', async () => {
  const page = () => ({ headers: { 'content-type': 'text/plain' }, body: Buffer.from('old') });
  const { download, net } = await scene({ [newest]: unrecognized, [legacy]: page });
  expect(await download()).toMatchObject({ text: 'old', type: 'text/plain', name: null });
  const [, old] = net.requests;
  expect(old?.path).toContain('allow_remote=false');
  expect(old?.headers['Authorization']).toBeUndefined();
});

test.each([
  ['M_NOT_FOUND', refused(404, 'M_NOT_FOUND'), { status: 404, errcode: 'M_NOT_FOUND' }],
  [
    'a 404 that says nothing',
    () => ({ status: 404, body: Buffer.from('<html>') }),
    { status: 404, errcode: 'M_NOT_FOUND' },
  ],
  ['502 M_TOO_LARGE', refused(502, 'M_TOO_LARGE'), { status: 502, errcode: 'M_TOO_LARGE' }],
  ['413 M_TOO_LARGE', refused(413, 'M_TOO_LARGE'), { status: 502, errcode: 'M_TOO_LARGE' }],
  ['504', refused(504, 'M_NOT_YET_UPLOADED'), { status: 504, errcode: 'M_NOT_YET_UPLOADED' }],
  ['403', refused(403, 'M_FORBIDDEN'), { status: 502, errcode: 'M_UNKNOWN' }],
  ['500', refused(500, 'M_UNKNOWN'), { status: 502, errcode: 'M_UNKNOWN' }],
  ['no answer', () => Promise.reject(netError('connect', 'ECONNREFUSED')), { status: 502, errcode: 'M_UNKNOWN' }],
  ['JSON', () => json({}), { status: 502, errcode: 'M_UNKNOWN' }],
  [
    'half of it',
    () => ({ ...parts('x'), body: parts('x').body.subarray(0, -8) }),
    { status: 502, errcode: 'M_UNKNOWN' },
  ],
])('%s', async (_what, page, error) => {
  const { download, net, files } = await scene({ [newest]: page });
  await expect(download()).rejects.toMatchObject(error);
  expect(net.requests.some(({ path }) => path.startsWith('/_matrix/media/'))).toBe(false);
  expect(files()).toEqual([]);
});

test('a file that is too large is the fault of nobody', async () => {
  const tooLong = () => Promise.reject(Object.assign(netError('reply', 'too long'), { isTooLong: true }));
  for (const page of [tooLong, refused(502, 'M_TOO_LARGE'), refused(504, 'M_NOT_YET_UPLOADED')]) {
    const { download, peers } = await scene({ [newest]: page });
    await expect(download()).rejects.toThrow();
    expect(peers.waitUntil(them)).toBeUndefined();
  }
  const { download, net } = await scene({ [newest]: () => parts('x'.repeat(11)) }, { maxFileBytes: 10 });
  await expect(download()).rejects.toMatchObject({ status: 502, errcode: 'M_TOO_LARGE' });
  expect(net.requests[0]?.maxBytes).toBeLessThan(110_000);
});

test('a file may be somewhere else', async () => {
  const moved = () => ({ status: 307, headers: { location: 'https://cdn.test/two?sig=1' } });
  const page = () => ({ headers: { 'content-type': 'image/png' }, body: Buffer.from('png') });
  const { download, net } = await scene({
    [newest]: () => parts('', 'Location: https://cdn.test/one'),
    'https://cdn.test/one': moved,
    'https://cdn.test/two?sig=1': page,
  });
  expect(await download()).toMatchObject({ type: 'image/png', text: 'png' });
  for (const { headers, hostHeader } of net.requests.slice(1)) {
    expect([hostHeader, headers['Authorization']]).toEqual(['cdn.test', undefined]);
  }
});

test.each([
  ['http://cdn.test/x'],
  ['file:///etc/passwd'],
  ['https://user:pass@cdn.test/x'],
  ['https://inside.test/x'],
  ['https://10.0.0.1/x'],
  ['https://[::1]/x'],
  ['https://127.0.0.1:8008/x'],
  ['/relative'],
  ['https://cdn.test/circle'],
  ['https://cdn.test/inside'],
  ['https://cdn.test/far-0'],
  ['https://cdn.test/gone'],
])('a file at %s is not fetched', async (location) => {
  const { download, net, files } = await scene({
    [newest]: () => parts('', `Location: ${location}`),
    'https://cdn.test/circle': () => ({ status: 302, headers: { location: '/circle' } }),
    'https://cdn.test/inside': () => ({ status: 302, headers: { location: 'https://inside.test/x' } }),
    'https://cdn.test/far-*': ({ path }) => ({
      status: 302,
      headers: { location: `/far-${Number(path.slice(5)) + 1}` },
    }),
    'https://cdn.test/gone': () => ({ status: 410 }),
  });
  await expect(download()).rejects.toMatchObject({ status: 502, errcode: 'M_UNKNOWN' });
  expect(net.requests.length).toBeLessThan(8);
  expect(net.requests.filter(({ connectTo }) => !['1.1.1.1', '2.2.2.2'].includes(connectTo.address))).toEqual([]);
  expect(files()).toEqual([]);
});

test('thumbnails are asked of the server that has the picture, and made here where it makes none', async () => {
  const small = await picture('png', 32, 32);
  const one = await scene({ [newestThumbnail]: () => parts(small, 'Content-Type: text/html') });
  expect(await one.thumbnail()).toMatchObject({ type: 'image/png', size: small.length });
  expect(await one.thumbnail()).toMatchObject({ type: 'image/png' });
  expect(one.net.requests.map(({ path }) => path)).toEqual([
    '/_matrix/federation/v1/media/thumbnail/abc?width=32&height=32&method=crop&animated=false&timeout_ms=20000',
  ]);

  const large = await picture('png', 300, 300);
  for (const page of [refused(400, 'M_UNKNOWN'), unrecognized, () => parts('<svg/>', 'Content-Type: image/png')]) {
    const { thumbnail } = await scene({
      [newestThumbnail]: page,
      [`${site}/_matrix/media/*`]: refused(404, 'M_NOT_FOUND'),
      [newest]: () => parts(large, 'Content-Type: image/png'),
    });
    expect(await thumbnail()).toMatchObject({ type: 'image/jpeg', name: 'thumbnail.jpeg' });
  }
});

test('of what was fetched, what nobody has looked at for longest makes room', async () => {
  const { media, platform, download, files, net } = await scene(
    { [`${site}/_matrix/federation/v1/media/download/*`]: ({ path }) => parts(path.padEnd(400, '.')) },
    { maxFetchedBytes: 1000 },
  );
  for (const mediaId of ['a', 'b', 'c', 'd']) {
    await download({ ...id, mediaId });
    await platform.advance(1);
  }
  expect(files()).toHaveLength(2);
  const before = net.requests.length;
  await download({ ...id, mediaId: 'd' });
  expect(net.requests).toHaveLength(before);
  await download({ ...id, mediaId: 'a' });
  expect(net.requests).toHaveLength(before + 1);
  expect(media.maxFileBytes).toBe(1_000_000);
});
