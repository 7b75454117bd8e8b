import { randomBytes } from 'node:crypto';
import { beforeAll, describe, expect, test } from 'vitest';
import { createTestCa } from '../support/certificates.ts';
import { type Hearth, startHearth } from '../support/hearth.ts';
import { register, until } from '../support/matrix-client.ts';
import { mediaClient } from '../support/media-client.ts';
import { about, picture } from '../support/pictures.ts';
import { noSynapse, type Synapse, startSynapse } from '../support/synapse.ts';

type Person = ReturnType<typeof mediaClient>;
let hearth: Hearth;
let synapse: Synapse;
let theirs: Person;
let ours: Person;

const person = async ({ clientUrl }: Hearth | Synapse, name: string) =>
  mediaClient(clientUrl, await register(clientUrl, name));

beforeAll(async () => {
  if (noSynapse) return;
  const ca = await createTestCa();
  [synapse, hearth] = await Promise.all([startSynapse(ca), startHearth(ca)]);
  [theirs, ours] = await Promise.all([person(synapse, 'sylvia'), person(hearth, 'harold')]);
});

describe.each([
  ['Synapse', 'Hearth', () => [theirs, ours] as const],
  ['Hearth', 'Synapse', () => [ours, theirs] as const],
])('from %s to %s', (_from, to, sides) => {
  test('a file arrives with its type and name', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const [sender, reader] = sides();
    for (const [bytes, type, name] of [
      [Buffer.from('hello'), 'text/plain', 'notes.txt'],
      [randomBytes(3_000_000), 'application/octet-stream', 'Größe ".bin'],
      [Buffer.from('\r\n--boundary\r\n\r\n'), 'text/html', undefined],
    ] as const) {
      const path = await sender.upload(bytes, type, name);
      const file = await reader.get(`download/${path}`);
      expect([file.status, file.bytes.equals(bytes), file.type?.split(';')[0]]).toEqual([200, true, type]); // Synapse adds a charset
      expect(file.disposition).toContain(type === 'text/plain' ? 'inline' : 'attachment');
      if (name === 'notes.txt') expect(file.disposition).toContain('notes.txt');
      if (name?.startsWith('G')) expect(file.disposition?.toLowerCase()).toContain("utf-8''gr%c3%b6%c3%9fe%20%22.bin");
      expect(await reader.get(`download/${path}`)).toMatchObject({ status: 200, type: file.type }); // and from here
    }
  });

  test('a picture has thumbnails there', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const [sender, reader] = sides();
    const path = await sender.upload(await picture('png', 1000, 800), 'image/png');
    const small = await reader.get(`thumbnail/${path}?width=96&height=96&method=crop`);
    expect(small.status).toBe(200);
    expect(await about(small.bytes)).toMatchObject({ width: 96, height: 96 });
    const scaled = await reader.get(`thumbnail/${path}?width=640&height=480&method=scale`);
    expect(scaled.status).toBe(200);
    const { width, height } = await about(scaled.bytes);
    expect(Math.abs(width / height - 1.25)).toBeLessThan(0.02);
    expect(height).toBeGreaterThanOrEqual(480);
    expect((await reader.get(`download/${path}`)).type).toBe('image/png');
  });

  test('what is not there, or not yet', async ({ skip }) => {
    if (noSynapse) return skip(noSynapse);
    const [sender, reader] = sides();
    const path = await sender.create();
    const [server = ''] = path.split('/');
    expect(await reader.get(`download/${server}/nothing`)).toMatchObject({ status: 404, errcode: 'M_NOT_FOUND' });
    const early = await reader.get(`download/${path}?timeout_ms=100`);
    if (to === 'Hearth') expect(early).toMatchObject({ status: 504, errcode: 'M_NOT_YET_UPLOADED' });
    else expect(early.status).not.toBe(200);
    await sender.put(path, Buffer.from('at last'), 'text/plain');
    const late = await until(
      () => reader.get(`download/${path}`),
      ({ status }) => status === 200,
      { what: `${to} asks again` },
    );
    expect(late.bytes.toString()).toBe('at last');
  });
});
