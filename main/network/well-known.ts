import { parseServerName, type ServerName } from '../../shared/ids.ts';
import type { DiscoveryCache, WellKnownRow } from '../db/discovery-cache.ts';
import type { InboundReply, Platform } from '../platform.ts';
import { withDeadline } from './deadline.ts';
import { BadRedirect, followRedirects } from './follow-redirects.ts';

const path = '/.well-known/matrix/server';
const maxBytes = 50 * 1024;
const maxRedirects = 10;
const deadlineMs = 15_000;

const minute = 60_000;
const hour = 60 * minute;
/** "Use a sensible default when headers are not present" (24 hours), "impose a maximum cache time" (48 hours). */
const lifetime = { byDefault: 24 * hour, most: 48 * hour, least: 5 * minute };
/** "Errors are recommended to be cached for up to an hour", growing while they repeat. */
const errorLifetime = { first: 2 * minute, most: hour };

export interface WellKnown {
  /** From the cache, or by asking. It never rejects: that nothing of use was said is an answer, too. */
  lookUp(host: string): Promise<WellKnownRow & { readonly cached: boolean }>;
  /** Where it led us, nobody was: it may be asked again before its time, if it is older than an hour. */
  doubt(host: string): void;
}

interface WellKnownOptions {
  readonly platform: Pick<Platform, 'clock' | 'net'>;
  readonly cache: DiscoveryCache;
  /** Addresses that we may connect to. Throws where there is none. */
  readonly addressesOf: (host: string) => Promise<readonly string[]>;
}

/** `/.well-known/matrix/server`, asked and kept as https://spec.matrix.org/v1.19/server-server-api/#resolving-server-names wants. */
export function createWellKnown({ platform: { clock, net }, cache, addressesOf }: WellKnownOptions): WellKnown {
  const follow = followRedirects({ net, addressesOf });

  const ask = async (host: string, before: WellKnownRow | undefined): Promise<WellKnownRow> => {
    const fetchedTs = clock.now();
    try {
      const reply = await withDeadline(clock, { ms: deadlineMs }, (signal) =>
        follow(new URL(`https://${host}${path}`), { accept: 'application/json', maxBytes, maxRedirects, signal }),
      );
      const delegated = read(reply);
      const expiresTs = clock.now() + cacheLifetime(reply.headers, clock.now());
      return { delegated, said: `says ${delegated}`, fetchedTs, expiresTs, failures: 0 };
    } catch (error) {
      const isAnswer = error instanceof Useless || error instanceof BadRedirect;
      const said = isAnswer ? error.message : `cannot be asked: ${messageOf(error)}`;
      const failures = (before?.failures ?? 0) + 1;
      const definite = isAnswer && !(error instanceof Useless && error.passing);
      const wait = definite
        ? errorLifetime.most
        : Math.min(errorLifetime.first * 2 ** (failures - 1), errorLifetime.most);
      const expiresTs = clock.now() + wait;
      // A host that is down for an hour does not take its delegation back.
      if (!definite && before?.delegated !== undefined && clock.now() < before.fetchedTs + lifetime.most) {
        return { ...before, said: `said ${before.delegated}, and ${said} now`, expiresTs, failures };
      }
      return { delegated: undefined, said, fetchedTs, expiresTs, failures };
    }
  };

  return {
    async lookUp(host) {
      const kept = cache.wellKnown(host);
      if (kept !== undefined && clock.now() < kept.expiresTs) return { ...kept, cached: true };
      const answer = await ask(host, kept);
      cache.putWellKnown(host, answer);
      return { ...answer, cached: false };
    },
    doubt(host) {
      const kept = cache.wellKnown(host);
      if (kept === undefined || clock.now() < kept.fetchedTs + hour || kept.expiresTs <= clock.now()) return;
      cache.putWellKnown(host, { ...kept, expiresTs: clock.now() });
    },
  };
}

/** An answer came, and it is none that discovery can use. */
class Useless extends Error {
  /** It may be another one soon. */
  readonly passing: boolean;

  constructor(message: string, passing = false) {
    super(message);
    this.passing = passing;
  }
}

/** `m.server`, whatever the content type says. */
function read({ status, body }: InboundReply): ServerName {
  if (status !== 200) throw new Useless(`answers ${status}`, status >= 500 || status === 429);
  const server = memberOf(Buffer.from(body).toString('utf8'), 'm.server');
  if (server === undefined) throw new Useless('answers without m.server');
  const name = parseServerName(server);
  const port = /:(\d+)$/.exec(server)?.[1];
  if (name === undefined || (port !== undefined && !(Number(port) > 0 && Number(port) <= 65_535))) {
    throw new Useless(`names ${JSON.stringify(server.slice(0, 200))}, which is no server name`);
  }
  return name;
}

function memberOf(text: string, key: string): string | undefined {
  try {
    const json: unknown = JSON.parse(text);
    const value = typeof json === 'object' && json !== null ? (json as Record<string, unknown>)[key] : undefined;
    return typeof value === 'string' ? value : undefined;
  } catch {
    throw new Useless('answers with something that is no JSON');
  }
}

/** How long the answer may be kept, in milliseconds: by Cache-Control, else by Expires, within our bounds. */
function cacheLifetime(headers: InboundReply['headers'], now: number): number {
  const directives = String(headers['cache-control'] ?? '').toLowerCase();
  const maxAge = /(?:^|[\s,])max-age="?(\d+)/.exec(directives)?.[1];
  if (/(?:^|[\s,])no-(?:store|cache)(?:$|[\s,=])/.test(directives)) return lifetime.least;
  const age = Number(headers['age'] ?? 0) || 0;
  const wanted =
    maxAge !== undefined
      ? (Number(maxAge) - age) * 1000
      : headers['expires'] !== undefined
        ? (Date.parse(String(headers['expires'])) || 0) - now
        : lifetime.byDefault;
  return Math.min(Math.max(wanted, lifetime.least), lifetime.most);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
