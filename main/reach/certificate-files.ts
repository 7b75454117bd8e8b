import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import type { Certificate } from './local-ca.ts';

/** The certificate of a listener, as files that somebody else renews. */
export interface CertificateFiles {
  /** Reads them now, whatever the hour. */
  check(): void;
  close(): void;
}

interface CertificateFilesOptions {
  readonly files: { readonly cert: string; readonly key: string };
  /** What the listener has now. */
  readonly current: Certificate;
  readonly clock: Clock;
  readonly log: Log;
  /** A new pair, which fits together. Connections that stand keep the old one. */
  readonly onNew: (certificate: Certificate) => void;
}

const hour = 3_600_000;
/** After a pair that did not fit: it may have been read in the middle of being replaced. */
const soon = 60_000;

/** Looks every hour whether the files have changed. What cannot be used is logged, and the old certificate stays. */
export function watchCertificateFiles(options: CertificateFilesOptions): CertificateFiles {
  const { files, clock, log, onNew } = options;
  const closed = new AbortController();
  let { current } = options;

  /** Whether the files could be used. */
  const check = (): boolean => {
    try {
      const found = { cert: readFileSync(files.cert, 'utf8'), key: readFileSync(files.key, 'utf8') };
      if (found.cert === current.cert && found.key === current.key) return true;
      createSecureContext(found); // throws for what is no certificate, or not that of the key
      current = found;
      onNew(found);
      log.info('the certificate is new', { file: files.cert });
      return true;
    } catch (error) {
      log.warn('the certificate was not read again', { file: files.cert, error });
      return false;
    }
  };
  const watch = async () => {
    for (let wait = hour; ; wait = check() ? hour : soon) await clock.sleep(wait, closed.signal);
  };
  watch().catch((error: unknown) => {
    if (!closed.signal.aborted) log.error('the certificate is not watched any more', { error });
  });
  return { check: () => void check(), close: () => closed.abort() };
}
