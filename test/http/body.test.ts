import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { type Bodies, createBodies } from '../../main/http/body.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import { atEnd } from '../support/at-end.ts';

/** A server that reads bodies of up to 1 MB; a request is answered when `work` is done, by the length or an errcode. */
async function serve(bodies: Bodies, work: (path: string) => Promise<void> = async () => {}) {
  const server = createServer(async (incoming: IncomingMessage, response) => {
    try {
      const length = await bodies.with(incoming, 1_000_000, async (bytes) => {
        await work(incoming.url ?? '');
        return bytes.length;
      });
      response.end(String(length));
    } catch (error) {
      response.end(error instanceof MatrixError ? `${error.status} ${error.errcode}` : String(error));
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => server.close());
  const { port } = server.address() as AddressInfo;
  return (length: number, path = '/') =>
    new Promise<string>((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port, method: 'PUT', path, agent: false }, (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        reply.once('end', () => resolve(text));
      });
      asked.once('error', reject);
      asked.end(Buffer.alloc(length, 'x'));
    });
}

function gate() {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}

test('a body is read up to its limit, and one beyond is refused to whoever sends it', async () => {
  const put = await serve(createBodies());
  expect(await put(0)).toBe('0');
  expect(await put(1_000_000)).toBe('1000000');
  expect(await put(1_000_001)).toBe('413 M_TOO_LARGE');
  expect(await put(3_000_000)).toBe('413 M_TOO_LARGE');
});

test('large bodies are refused while others hold too much; small ones and those after them are not', async () => {
  const [start, end] = [gate(), gate()];
  const put = await serve(createBodies({ requests: 10, bytes: 900_000 }), async (path) => {
    if (path !== '/held') return;
    start.open();
    await end.passed;
  });
  const held = put(700_000, '/held');
  await start.passed;
  expect(await put(700_000)).toBe('429 M_LIMIT_EXCEEDED');
  expect(await put(200_000)).toBe('200000');
  expect(await put(60_000)).toBe('60000');
  end.open();
  expect(await held).toBe('700000');
  expect(await put(700_000)).toBe('700000');
});

test('no more bodies are read at once than there may be', async () => {
  const [start, end] = [gate(), gate()];
  let held = 0;
  const put = await serve(createBodies({ requests: 3, bytes: 1_000_000 }), () => {
    if (++held === 3) start.open();
    return end.passed;
  });
  const three = [put(10), put(10), put(10)];
  await start.passed;
  expect(await Promise.all([put(10), put(10)])).toEqual(['429 M_LIMIT_EXCEEDED', '429 M_LIMIT_EXCEEDED']);
  end.open();
  expect(await Promise.all(three)).toEqual(['10', '10', '10']);
  expect(await put(10)).toBe('10');
});
