import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { register, until } from '../support/matrix-client.ts';
import { mediaClient } from '../support/media-client.ts';
import { about, picture } from '../support/pictures.ts';
import { type TestServer, testNetwork } from '../support/test-network.ts';

const network = testNetwork();
type Person = ReturnType<typeof mediaClient>;
let [one, two]: readonly TestServer[] = [];
let ann: Person;
let bob: Person;
let annsToken: string;

beforeAll(async () => {
  [one, two] = [await network.server('one.test', '--max-upload-mb', '2'), await network.server('two.test')];
  const registered = await register(one.clientUrl(), 'ann');
  annsToken = registered.token;
  ann = mediaClient(one.clientUrl(), registered);
  bob = mediaClient(two.clientUrl(), await register(two.clientUrl(), 'bob'));
});

const url = () => one?.clientUrl() ?? '';
const drafts = () => readdirSync(join(one?.folder ?? '', 'media/drafts'));

test('a file goes from one server to the other, once', async () => {
  const bytes = randomBytes(1_500_000);
  const path = await ann.upload(bytes, 'video/mp4', 'Ferien im Süden.mp4');
  const file = await bob.get(`download/${path}`);
  expect([file.status, file.type, file.bytes.equals(bytes)]).toEqual([200, 'video/mp4', true]);
  expect(file.disposition).toBe("inline; filename*=UTF-8''Ferien%20im%20S%C3%BCden.mp4");
  await bob.get(`download/${path}`);
  const asked = network.requests.filter(({ path: uri }) => uri.includes('/media/'));
  expect(asked.map(({ path: uri }) => uri)).toEqual([
    `/_matrix/federation/v1/media/download/${path.split('/')[1]}?timeout_ms=20000`,
  ]);
});

test('thumbnails are made by the server of the picture', async () => {
  const path = await ann.upload(await picture('png', 500, 400), 'image/png');
  const small = await bob.get(`thumbnail/${path}?width=96&height=96&method=crop`);
  expect(small).toMatchObject({ status: 200, type: 'image/jpeg', disposition: 'inline; filename="thumbnail.jpeg"' });
  expect(await about(small.bytes)).toMatchObject({ width: 96, height: 96 });
  const asked = network.requests.filter(({ path: uri }) => uri.includes(path.split('/')[1] ?? ''));
  expect(asked.map(({ path: uri }) => uri.split('/')[5])).toEqual(['thumbnail']);
});

test('who waits for a file at the other server gets it when it comes', async () => {
  const path = await ann.create();
  const waiting = bob.get(`download/${path}?timeout_ms=15000`);
  await until(
    async () => network.requests.at(-1)?.path ?? '',
    (uri) => uri.includes(path.split('/')[1] ?? '…'),
  );
  await ann.put(path, Buffer.from('here it is'), 'text/plain');
  expect(await waiting).toMatchObject({ status: 200, bytes: Buffer.from('here it is') });
});

test('a larger file than this server takes is refused, with a reply that arrives', async () => {
  await expect(ann.upload(randomBytes(2_000_001), 'a/b')).rejects.toThrow('413 {"errcode":"M_TOO_LARGE"');
  expect((await ann.upload(randomBytes(2_000_000), 'a/b')).startsWith('one.test/')).toBe(true);
  expect(drafts()).toEqual([]);
});

test('an upload that breaks off leaves nothing', async () => {
  const headers = { authorization: `Bearer ${annsToken}`, 'content-length': '1000000' };
  const broken = httpRequest(`${url()}/_matrix/media/v3/upload`, { method: 'POST', headers });
  broken.on('error', () => undefined);
  broken.write(randomBytes(100_000));
  await until(
    async () => drafts(),
    (names) => names.length === 1,
  );
  broken.destroy();
  await until(
    async () => drafts(),
    (names) => names.length === 0,
  );
});

test('a reader that goes away half-way does no harm', async () => {
  const path = await ann.upload(randomBytes(2_000_000), 'a/b');
  const options = { headers: { authorization: `Bearer ${annsToken}` } };
  await new Promise<void>((resolve, reject) => {
    const asked = httpRequest(`${url()}/_matrix/client/v1/media/download/${path}`, options, (reply) => {
      reply.once('data', () => {
        reply.destroy();
        resolve();
      });
    });
    asked.once('error', reject).end();
  });
  const head = await fetch(`${url()}/_matrix/client/v1/media/download/${path}`, { ...options, method: 'HEAD' });
  expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '2000000', '']);
  expect((await ann.get(`download/${path}`)).bytes).toHaveLength(2_000_000);
});

test('a file that was fetched stays when its server is away', async () => {
  const path = await ann.upload(Buffer.from('keep me'), 'text/plain');
  await bob.get(`download/${path}`);
  await one?.stop();
  expect(await bob.get(`download/${path}`)).toMatchObject({ status: 200, bytes: Buffer.from('keep me') });
  expect(await bob.get('download/one.test/other')).toMatchObject({ status: 502, errcode: 'M_UNKNOWN' });
  await one?.start();
  ann = mediaClient(url(), { token: annsToken });
  expect((await ann.get(`download/${path}`)).bytes.toString()).toBe('keep me');
});
