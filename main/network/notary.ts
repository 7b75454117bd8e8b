import type { ServerName } from '../../shared/ids.ts';
import type { ServerKeysTable } from '../db/server-keys.ts';
import type { Clock } from '../platform.ts';
import { isObject, parseJson } from '../protocol/json.ts';
import { type SigningKey, signJson } from '../protocol/signing.ts';
import { withDeadline } from './deadline.ts';
import type { KeyFetcher } from './key-fetcher.ts';
import type { KeyServer } from './keyring.ts';
import type { OwnKeys } from './own-keys.ts';

interface NotaryOptions {
  readonly us: ServerName;
  readonly ownKeys: OwnKeys;
  readonly table: ServerKeysTable;
  readonly fetcher: Pick<KeyFetcher, 'direct'>;
  readonly clock: Clock;
}

const hour = 3_600_000;
/** Anybody may ask: what is over these is left out, like servers that cannot be reached. */
const limits = { servers: 200, keysPerServer: 10, fetched: 20, deadlineMs: 15_000 };

/** Our own keys, and those of others for whom we vouch. https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys */
export function createKeyServer({ us, ownKeys, table, fetcher, clock }: NotaryOptions): KeyServer {
  /** The replies that answer the query: one for each key, or the newest. */
  const kept = (server: ServerName, keyIds: readonly string[]): ReadonlySet<string> => {
    const newest = table.newestReply(server);
    const found = keyIds.length === 0 ? [newest] : keyIds.map((keyId) => table.replyWith(server, keyId) ?? newest);
    return new Set(found.flatMap((row) => row?.reply ?? []));
  };

  /**
   * "Cache a response for half of its lifetime". Nothing that we serve is to expire within the hour, nor before it is
   * wanted; and a key ID that we do not know may be a new one.
   */
  const isStale = (server: ServerName, keyIds: readonly string[], minimumTs: number): boolean => {
    const newest = table.newestReply(server);
    if (newest === undefined) return true;
    const { fetchedTs, validUntilTs } = newest;
    const now = clock.now();
    if (now > fetchedTs + (validUntilTs - fetchedTs) / 2 || validUntilTs < Math.max(now + hour, minimumTs)) return true;
    return keyIds.some((keyId) => table.replyWith(server, keyId) === undefined);
  };

  return {
    published: ownKeys.published,
    async query(asked) {
      const some = [...asked].slice(0, limits.servers).map(([server, { keyIds, minimumTs = clock.now() }]) => ({
        server,
        keyIds: keyIds.slice(0, limits.keysPerServer),
        minimumTs,
      }));
      const stale = some.filter(({ server, keyIds, minimumTs }) => server !== us && isStale(server, keyIds, minimumTs));
      const refreshed = stale.slice(0, limits.fetched).map(({ server }) => fetcher.direct(server));
      // Whoever does not answer in time is served from what is kept.
      await withDeadline(clock, { ms: limits.deadlineMs }, () => Promise.all(refreshed)).catch(() => undefined);
      const key = ownKeys.current();
      const answers = [];
      for (const { server, keyIds } of some) {
        if (server === us) answers.push(ownKeys.published());
        else for (const reply of kept(server, keyIds)) answers.push(countersigned(reply, us, key));
      }
      return answers;
    },
  };
}

function countersigned(reply: string, us: ServerName, key: SigningKey) {
  const { value } = parseJson(reply);
  if (!isObject(value)) throw new Error('a key reply that was kept is no object');
  return signJson(value, us, key);
}
