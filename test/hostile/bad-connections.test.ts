import { connect as connectPlainly, type Socket } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { connect as connectByTls } from 'node:tls';
import { beforeAll, describe, expect, test } from 'vitest';
import { RawNumber } from '../../main/protocol/json.ts';
import { atEnd } from '../support/at-end.ts';
import { type JoinedRoom, type Scene, setScene, unique } from '../support/hostile-scene.ts';

let scene: Scene;
let room: JoinedRoom;
beforeAll(async () => {
  scene = await setScene();
  room = await scene.room('12');
});

/** A connection of which each byte is ours. */
interface Wire {
  write(bytes: string | Uint8Array): void;
  /** All that came, once the other side has closed; fails if it has not in time. */
  closed(withinMs: number): Promise<string>;
  received(): string;
}

async function open(listener: 'client' | 'federation', { plain = listener === 'client' } = {}): Promise<Wire> {
  const { hostname: host, port } = new URL(
    listener === 'client' ? scene.hearth.clientUrl : `https://${scene.hearth.serverName}`,
  );
  const options = { host, port: Number(port) };
  const socket: Socket = plain ? connectPlainly(options) : connectByTls({ ...options, ca: scene.peer.ca.cert });
  await new Promise((resolve, reject) =>
    socket.once(plain ? 'connect' : 'secureConnect', resolve).once('error', reject),
  );
  atEnd(() => socket.destroy());
  let text = '';
  const end = new Promise<void>((resolve) => socket.once('close', () => resolve()).on('error', () => {}));
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('latin1');
  });
  return {
    write: (bytes) => void (socket.writable && socket.write(bytes)),
    received: () => text,
    async closed(withinMs) {
      const isLate = setTimeout(withinMs, 'late', { ref: false });
      if ((await Promise.race([end, isLate])) === 'late') throw new Error(`still open after ${withinMs} ms: ${text}`);
      return text;
    },
  };
}

const listeners = ['federation', 'client'] as const;

describe.each(listeners)('on the %s listener', (listener) => {
  test.each([
    ['words', 'HELLO WORLD\r\n\r\n'],
    ['a method that there is not', 'FROB / HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['HTTP/9', 'GET / HTTP/9.9\r\nHost: x\r\n\r\n'],
    ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['no Host', 'GET /_matrix/federation/v1/version HTTP/1.1\r\n\r\n'],
    ['a header without a colon', 'GET / HTTP/1.1\r\nHost: x\r\nnonsense\r\n\r\n'],
    ['a header with a NUL', 'GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n'],
    ['two lengths', 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello'],
    [
      'a length and chunks',
      'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a negative length', 'PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n'],
    [
      'chunks that are none',
      'PUT /_matrix/federation/v1/send/1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n',
    ],
    ['1 MB of headers', `GET / HTTP/1.1\r\nHost: x\r\n${`X: ${'x'.repeat(1000)}\r\n`.repeat(1000)}\r\n`],
    ['1 MB of path', `GET /${'x'.repeat(1_000_000)} HTTP/1.1\r\nHost: x\r\n\r\n`],
    ['random bytes', Buffer.from('160301ffff0badc0de0d0a0d0a0000ff', 'hex')],
  ])('%s get 4xx and lose the connection', async (_what, bytes) => {
    const wire = await open(listener);
    wire.write(bytes);
    expect(await wire.closed(5000)).toMatch(/^HTTP\/1\.1 4\d\d /);
    await room.expectOnly([]);
  });

  test('a request after a refused body is answered on the same connection', async () => {
    const wire = await open(listener);
    wire.write('PUT /_matrix/federation/v1/send/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\n\r\n{');
    wire.write('GET /_matrix/federation/v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    const text = await wire.closed(5000);
    expect(text).toContain('400 Bad Request');
    expect(text).toContain('"name":"Hearth"');
  });

  test('requests that never end are cut off within a minute, and hold up nobody', async () => {
    const started = Date.now();
    const silent = await open(listener);
    const slowHeaders = await open(listener);
    const slowBody = await open(listener);
    slowHeaders.write('GET /_matrix/federation/v1/version HTTP/1.1\r\nHost: x\r\n');
    slowBody.write('PUT /_matrix/federation/v1/send/1 HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{');
    const drip = new AbortController();
    atEnd(() => drip.abort());
    const dripping = (async () => {
      while (!drip.signal.aborted) {
        slowHeaders.write('X: y\r\n');
        await setTimeout(1000);
      }
    })();
    await room.expectOnly([]);
    await Promise.all([silent, slowHeaders, slowBody].map((wire) => wire.closed(60_000)));
    expect(Date.now() - started).toBeLessThan(60_000);
    drip.abort();
    await dripping;
    await room.expectOnly([]);
  }, 90_000);

  test('a body that ends too soon is nothing', async () => {
    const wire = await open(listener);
    wire.write('PUT /_matrix/federation/v1/send/short HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{"pdus":[');
    await setTimeout(200);
    wire.write('');
    await room.expectOnly([]);
  });
});

test('plain HTTP on the TLS listener loses the connection', async () => {
  const wire = await open('federation', { plain: true });
  wire.write('GET /_matrix/federation/v1/version HTTP/1.1\r\nHost: x\r\n\r\n');
  expect(await wire.closed(5000)).not.toContain('200');
  await room.expectOnly([]);
});

describe('many at once', () => {
  test('500 connections that say nothing hold up nobody', async () => {
    const wires = await Promise.all(Array.from({ length: 500 }, () => open('client')));
    await room.expectOnly([]);
    expect(wires).toHaveLength(500);
  });

  test('300 bad requests at once are all refused', async () => {
    const bad = ['{', '[]', '{"pdus":7}', `{"pdus":${'['.repeat(1000)}`, '\u0000'];
    const replies = await Promise.all(
      Array.from({ length: 300 }, (_, index) =>
        scene.peer.ask(
          scene.hearth.serverName,
          'PUT',
          `/_matrix/federation/v1/send/${unique()}`,
          bad[index % bad.length],
        ),
      ),
    );
    expect(replies.filter(({ status }) => ![400, 429].includes(status))).toEqual([]);
    await room.expectOnly([]);
  });

  test('50 bodies of 10 MB from nobody cost no more than a bounded memory', async () => {
    const before = scene.residentMegabytes();
    let highest = before;
    const body = Buffer.alloc(9_900_000, 'x');
    const heads = `PUT /_matrix/federation/v1/send/big HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length + 100}\r\n\r\n`;
    const wires = await Promise.all(Array.from({ length: 50 }, () => open('federation')));
    for (const wire of wires) {
      wire.write(heads);
      wire.write(body);
    }
    for (let second = 0; second < 10; second++) {
      await setTimeout(1000);
      highest = Math.max(highest, scene.residentMegabytes());
    }
    expect(highest - before).toBeLessThan(300);
    await room.expectOnly([]);
  }, 60_000);

  test('200 transactions of 50 bad events each, at once, are all answered', async () => {
    const before = scene.residentMegabytes();
    const other = await scene.room('12');
    const spoilt = { ...other.message('spoilt'), signatures: {} };
    const floats = { ...spoilt, n: new RawNumber('0.5') };
    const pdus = Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? floats : { ...spoilt, depth: index }));
    const replies = await Promise.all(
      Array.from({ length: 200 }, () => scene.peer.send(scene.hearth.serverName, pdus)),
    );
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([200]));
    expect(scene.residentMegabytes() - before).toBeLessThan(300);
    await room.expectOnly([]);
  }, 60_000);
});
