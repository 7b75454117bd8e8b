import type { ServerName } from '../../shared/ids.ts';
import type { NewKeys, ServerKeysTable } from '../db/server-keys.ts';
import type { Inspector } from '../inspector/inspector.ts';
import type { Log } from '../log.ts';
import type { Clock } from '../platform.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { signaturesBy, signedJson, verifySignature } from '../protocol/signing.ts';
import { withDeadline } from './deadline.ts';
import { readKeyReply } from './key-reply.ts';
import type { RemoteServers } from './remote-servers.ts';
import { createSlots } from './slots.ts';

/** Key IDs that are wanted, with the time at which each has to be valid. */
export type WantedKeys = ReadonlyMap<ServerName, ReadonlyMap<string, number>>;

export interface KeyFetcher {
  /** From the server itself. Whether it has just told, or did so seconds ago. */
  direct(server: ServerName): Promise<boolean>;
  /**
   * From the servers themselves, then the trusted notaries, then `askAlso`, until `satisfied` or the deadline passes.
   * Resolves with those that have told themselves.
   */
  fetch(
    wanted: WantedKeys,
    options: {
      readonly askAlso: readonly ServerName[];
      readonly deadlineMs: number;
      /** Whether what is known of a server is enough by now. */
      readonly satisfied: (server: ServerName) => boolean;
    },
  ): Promise<ReadonlySet<ServerName>>;
}

interface KeyFetcherOptions {
  readonly us: ServerName;
  readonly remote: Pick<RemoteServers, 'request'>;
  readonly table: ServerKeysTable;
  readonly clock: Clock;
  readonly inspector: Pick<Inspector, 'keyObserved'>;
  readonly log: Log;
  readonly trustedNotaries: readonly ServerName[];
}

const second = 1000;
const limits = {
  directMs: 10 * second,
  /** "Requesting servers should limit how frequently they query": a server that has just told is not asked again. */
  freshMs: 5 * second,
  firstRetryMs: 5 * second,
  lastRetryMs: 600 * second,
  atOnce: 20,
  serversPerQuery: 100,
  keysPerServer: 10,
  replyBytes: 1_000_000,
  notaryBytes: 10_000_000,
  remembered: 5000,
};

/** How it went the last time. */
interface Tried {
  readonly toldTs: number | undefined;
  readonly failures: number;
  readonly retryAt: number;
}

/** Asks for keys, once at a time and not too often. https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys */
export function createKeyFetcher(options: KeyFetcherOptions): KeyFetcher {
  const { us, remote, table, clock, inspector, log, trustedNotaries } = options;
  const slots = createSlots(limits.atOnce);
  const tried = new Map<string, Tried>();
  const underWay = new Map<ServerName, Promise<boolean>>();

  const succeeded = (what: string) => note(what, { toldTs: clock.now(), failures: 0, retryAt: 0 });
  const failed = (what: string) => {
    const failures = (tried.get(what)?.failures ?? 0) + 1;
    const wait = Math.min(limits.firstRetryMs * 2 ** Math.min(failures - 1, 20), limits.lastRetryMs);
    note(what, { toldTs: undefined, failures, retryAt: clock.now() + wait });
  };
  const note = (what: string, outcome: Tried) => {
    tried.delete(what);
    tried.set(what, outcome);
    for (const oldest of tried.keys()) {
      if (tried.size <= limits.remembered) break;
      tried.delete(oldest);
    }
  };
  const mayTry = (what: string) => clock.now() >= (tried.get(what)?.retryAt ?? 0);

  const store = (keys: NewKeys, source: string, confirmed: boolean) => {
    table.put(keys, { now: clock.now(), source, confirmed });
    for (const { keyId, publicKey } of keys.current) {
      inspector.keyObserved({ server: keys.server, keyId, publicKey, validUntilTs: keys.validUntilTs, source });
    }
  };

  const askItself = async (server: ServerName): Promise<boolean> => {
    try {
      const { body } = await withDeadline(clock, { ms: limits.directMs }, async (signal) => {
        const giveBack = await slots.take('', signal);
        try {
          return await remote.request(server, {
            method: 'GET',
            uri: '/_matrix/key/v2/server',
            endpoint: 'key/v2/server',
            unsigned: true,
            evenIfDown: true, // it may have come back, and want to tell us
            timeoutMs: limits.directMs,
            maxBytes: limits.replyBytes,
            signal,
          });
        } finally {
          giveBack();
        }
      });
      const keys = readKeyReply(server, body);
      if (typeof keys === 'string') throw new Error(`the keys of ${server} are not believed: ${keys}`);
      store(keys, 'direct', true);
      succeeded(server);
      return true;
    } catch (error) {
      log.info('keys could not be fetched', { server, error: messageOf(error) });
      failed(server);
      return false;
    }
  };

  const direct = async (server: ServerName): Promise<boolean> => {
    if (server === us) return false;
    const { toldTs } = tried.get(server) ?? {};
    if (toldTs !== undefined && clock.now() < toldTs + limits.freshMs) return true;
    const running = underWay.get(server);
    if (running !== undefined) return await running;
    if (!mayTry(server)) return false;
    const asking = askItself(server).finally(() => underWay.delete(server));
    underWay.set(server, asking);
    return await asking;
  };

  /** One request for many servers. A trusted notary has to sign; of others only what the servers themselves sign counts. */
  const askNotary = async (notary: ServerName, wanted: WantedKeys, confirmed: boolean): Promise<void> => {
    const servers = [...wanted.keys()].filter((server) => server !== notary && mayTry(`${notary} ${server}`));
    for (let from = 0; from < servers.length; from += limits.serversPerQuery) {
      const some = servers.slice(from, from + limits.serversPerQuery);
      const found = new Set<ServerName>();
      try {
        const answer = await remote.request(notary, {
          method: 'POST',
          uri: '/_matrix/key/v2/query',
          body: { server_keys: Object.fromEntries(some.map((server) => [server, criteria(wanted.get(server))])) },
          endpoint: 'key/v2/query',
          unsigned: true,
          maxBytes: limits.notaryBytes,
        });
        for (const reply of repliesIn(answer.body)) {
          const server = some.find((one) => one === reply['server_name']);
          if (server === undefined || (confirmed && !isSignedBy(notary, reply))) continue;
          const keys = readKeyReply(server, reply);
          if (typeof keys === 'string') continue;
          store(keys, notary, confirmed);
          found.add(server);
        }
      } catch (error) {
        log.info('a notary did not answer', { notary, error: messageOf(error) });
      }
      for (const server of some) {
        if (found.has(server)) succeeded(`${notary} ${server}`);
        else failed(`${notary} ${server}`);
      }
    }
  };

  const isSignedBy = (notary: ServerName, reply: JsonObject): boolean => {
    const signatures = signaturesBy(reply, notary);
    const message = signedJson(reply);
    return table.of(notary).some(({ keyId, publicKey, confirmed, expiredTs }) => {
      const signature = signatures.get(keyId);
      return (
        confirmed &&
        expiredTs === undefined &&
        signature !== undefined &&
        verifySignature(publicKey, message, signature)
      );
    });
  };

  return {
    direct,
    async fetch(wanted, { askAlso, deadlineMs, satisfied }) {
      const told = new Set<ServerName>();
      const missing = (): WantedKeys => new Map([...wanted].filter(([server]) => !satisfied(server)));
      const others = [...trustedNotaries, ...askAlso].filter((server) => server !== us);
      const end = clock.now() + deadlineMs;
      const left = (share: number) => Math.max((end - clock.now()) * share, 1);
      /** Goes on with what there is, when the time for it is over. */
      const within = async (ms: number, work: () => Promise<unknown>) => {
        await withDeadline(clock, { ms }, work).catch((error: unknown) => {
          log.debug('keys are late', { error: messageOf(error) });
        });
      };
      // Those who do not answer leave half of the time for others who may know them.
      await within(left(others.length > 0 ? 0.5 : 1), () =>
        Promise.all([...wanted.keys()].map(async (server) => ((await direct(server)) ? told.add(server) : undefined))),
      );
      for (const [index, notary] of others.entries()) {
        const stillMissing = missing();
        if (stillMissing.size === 0) break;
        const trusted = index < trustedNotaries.length;
        await within(left(1 / (others.length - index)), async () => {
          if (trusted) await direct(notary); // its own key, to check what it signs
          await askNotary(notary, own(stillMissing, trusted), trusted);
        });
      }
      return told;
    },
  };

  /** What our own lost keys were is no question for anybody but those whom the owner trusts. */
  function own(wanted: WantedKeys, trusted: boolean): WantedKeys {
    return trusted ? wanted : new Map([...wanted].filter(([server]) => server !== us));
  }
}

const criteria = (keys: ReadonlyMap<string, number> = new Map()): JsonObject =>
  Object.fromEntries(
    [...keys].slice(0, limits.keysPerServer).map(([keyId, ts]) => [keyId, { minimum_valid_until_ts: ts }]),
  );

function repliesIn(body: JsonValue): readonly JsonObject[] {
  const list = isObject(body) ? body['server_keys'] : undefined;
  const items: readonly JsonValue[] = Array.isArray(list) ? list : [];
  return items.filter(isObject).slice(0, limits.serversPerQuery * limits.keysPerServer);
}

const messageOf = (error: unknown) => (error instanceof Error ? error.message : String(error));
