import { X509Certificate } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listen } from '../../main/http/server.ts';
import { watchCertificateFiles } from '../../main/reach/certificate-files.ts';
import type { Certificate } from '../../main/reach/local-ca.ts';
import { atEnd } from '../support/at-end.ts';
import { createTestCa } from '../support/certificates.ts';
import { fakePlatform } from '../support/fake-platform.ts';
import { memoryLog } from '../support/memory-log.ts';
import { serialNumberOf } from '../support/serial-number.ts';
import { tempFolder } from '../support/temp-folder.ts';

const minute = 60_000;
const hour = 60 * minute;
const serial = ({ cert }: Certificate) => new X509Certificate(cert).serialNumber;

/** A listener whose certificate is watched, by a clock that is moved by hand. */
async function watched() {
  const ca = await createTestCa();
  const [first, second] = await Promise.all([ca.issue('hearth.test'), ca.issue('hearth.test')]);
  const folder = tempFolder();
  const files = { cert: join(folder, 'tls.crt'), key: join(folder, 'tls.key') };
  const put = ({ cert, key }: Certificate) => {
    writeFileSync(files.cert, cert);
    writeFileSync(files.key, key);
  };
  put(first);
  const listener = await listen((_request, reply) => void reply.end(), { host: '127.0.0.1', port: 0 }, first);
  atEnd(listener.close);
  const platform = fakePlatform();
  const { log, lines } = memoryLog();
  const watcher = watchCertificateFiles({ files, current: first, clock: platform.clock, log, onNew: listener.renew });
  atEnd(watcher.close);
  const shown = () => serialNumberOf(listener.url);
  return { first, second, files, put, platform, lines, watcher, shown };
}

test('a new certificate is served within the hour, and at once when asked', async () => {
  const { first, second, put, platform, watcher, shown } = await watched();
  put(second);
  await platform.advance(hour - minute);
  expect(await shown()).toBe(serial(first));
  await platform.advance(minute);
  expect(await shown()).toBe(serial(second));
  put(first);
  watcher.check();
  expect(await shown()).toBe(serial(first));
});

test('a pair that does not fit, or is not there, leaves the old one, and is tried again a minute later', async () => {
  const { first, second, files, put, platform, lines, shown } = await watched();
  writeFileSync(files.cert, second.cert); // its key comes later
  await platform.advance(hour);
  expect(await shown()).toBe(serial(first));
  expect(lines.join()).toContain('the certificate was not read again');
  rmSync(files.key);
  await platform.advance(minute);
  expect(await shown()).toBe(serial(first));
  put(second);
  await platform.advance(minute);
  expect(await shown()).toBe(serial(second));
  expect(lines.filter((line) => line.includes('not read again'))).toHaveLength(2);
});

test('once closed it looks no more', async () => {
  const { first, second, put, platform, watcher, shown } = await watched();
  put(second);
  watcher.close();
  await platform.advance(2 * hour);
  expect(await shown()).toBe(serial(first));
});
