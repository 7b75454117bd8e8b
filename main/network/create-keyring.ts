import type { EventId, ServerName } from '../../shared/ids.ts';
import type { RemoteKeyStatus } from '../../shared/views.ts';
import type { ServerKey, ServerKeysTable } from '../db/server-keys.ts';
import type { Clock } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { authorisingServer, eventMessage, requiredSigners } from '../protocol/event-signing.ts';
import { isObject } from '../protocol/json.ts';
import { signaturesBy, signedJson, verifySignature, verifySignatureAsync } from '../protocol/signing.ts';
import type { KeyFetcher } from './key-fetcher.ts';
import { isKeyId } from './key-reply.ts';
import type { Keyring, RemoteKeys, RequestKeys, SignatureVerdict } from './keyring.ts';
import type { OwnKeys } from './own-keys.ts';

interface KeyringOptions {
  readonly us: ServerName;
  readonly ownKeys: OwnKeys;
  readonly table: ServerKeysTable;
  readonly fetcher: KeyFetcher;
  readonly clock: Clock;
  /** How many signatures are verified at once, off the loop: twice the cores, since files and names share the threads. */
  readonly atOnce?: number;
}

const day = 24 * 3_600_000;
const defaultDeadlineMs = 10_000;
const limits = {
  /** "Servers MUST use the lesser of this field and 7 days into the future". */
  trustedForMs: 7 * day,
  /** Signatures of one server on one event; more are not looked at. */
  signaturesPerServer: 5,
  /** Servers that nobody asked for and whose keys we happen to have. */
  furtherServers: 5,
  /** How many events are looked through before others have their turn. */
  slice: 200,
};

/** A signature that counts, if its key is known and was valid. */
interface Signature {
  readonly keyId: string;
  readonly signature: string;
}

export function createKeyring({
  us,
  ownKeys,
  table,
  fetcher,
  clock,
  atOnce = 4,
}: KeyringOptions): Keyring & RequestKeys & RemoteKeys {
  /** All that is known. Of our own keys also those that we have lost, where a trusted notary still knows them. */
  const keysOf = (server: ServerName): readonly ServerKey[] =>
    server === us ? [...ownAsServerKeys(), ...table.of(us)] : table.of(server);

  const ownAsServerKeys = (): readonly ServerKey[] =>
    ownKeys.list().map(({ keyId, publicKey, expiredTs }) => ({
      server: us,
      keyId,
      publicKey,
      validUntilTs: expiredTs ?? Number.MAX_SAFE_INTEGER,
      expiredTs,
      fetchedTs: Number.MAX_SAFE_INTEGER - limits.trustedForMs,
      source: 'own',
      confirmed: true,
    }));

  const forRequests = (server: ServerName, keyIds: readonly string[]): ReadonlyMap<string, string> => {
    const usable = keysOf(server).filter(
      (key) =>
        keyIds.includes(key.keyId) && key.confirmed && key.expiredTs === undefined && clock.now() < usableUntil(key),
    );
    return new Map(usable.map(({ keyId, publicKey }) => [keyId, publicKey]));
  };

  const keysForRequest: RequestKeys['keysForRequest'] = async (origin, keyIds, { anew = false } = {}) => {
    const known = forRequests(origin, keyIds);
    if (known.size > 0 && !anew) return known;
    const now = clock.now();
    await fetcher.fetch(new Map([[origin, new Map(keyIds.map((keyId) => [keyId, now]))]]), {
      askAlso: [],
      deadlineMs: defaultDeadlineMs,
      satisfied: () => forRequests(origin, keyIds).size > 0,
    });
    return forRequests(origin, keyIds);
  };

  return {
    keysForRequest,

    async verifyJson(object, server) {
      const signatures = signaturesOf(object, server);
      if (signatures.length === 0) return { ok: false, why: `no signature of ${server}` };
      const keys = await keysForRequest(
        server,
        signatures.map(({ keyId }) => keyId),
      );
      const message = signedJson(object);
      const holds = signatures.some(({ keyId, signature }) => {
        const publicKey = keys.get(keyId);
        return publicKey !== undefined && verifySignature(publicKey, message, signature);
      });
      if (holds) return { ok: true };
      const why =
        keys.size === 0 ? `no key of ${server} that signed it is known` : `the signature of ${server} does not hold`;
      return { ok: false, why };
    },

    async verifyEvents(events, { askAlso = [], deadlineMs = defaultDeadlineMs } = {}) {
      const batch = new BatchKeys(keysOf);
      const wanted = await wantedFor(events, batch);
      let told: ReadonlySet<ServerName> = new Set();
      if (wanted.size > 0) {
        const satisfied = (server: ServerName) => {
          batch.forget(server);
          return [...(wanted.get(server) ?? [])].every(
            ([keyId, ts]) => batch.usable(server, keyId, ts, true).length > 0,
          );
        };
        told = await fetcher.fetch(wanted, { askAlso, deadlineMs, satisfied });
        for (const server of wanted.keys()) batch.forget(server);
      }
      const verdicts = new Map<EventId, SignatureVerdict>();
      const queue = events.values();
      let judged = 0;
      const lane = async () => {
        for (const event of queue) {
          if (++judged % limits.slice === 0) await new Promise(setImmediate);
          verdicts.set(event.eventId, await judge(event, batch, told));
        }
      };
      await Promise.all(Array.from({ length: Math.min(atOnce, events.length) }, lane));
      return verdicts;
    },

    remoteKeys: (limit = 1000) => table.all(limit).map(statusOf),
    remoteKeysOf: (server) => table.of(server).map(statusOf),
  };

  /** The keys that some event needs and that are not known, or not for its time. */
  async function wantedFor(events: readonly RoomEvent[], batch: BatchKeys) {
    const wanted = new Map<ServerName, Map<string, number>>();
    for (const [index, event] of events.entries()) {
      if (index % limits.slice === limits.slice - 1) await new Promise(setImmediate);
      for (const server of serversAskedFor(event)) {
        const signatures = signaturesOf(event.pdu, server);
        const ts = event.originServerTs;
        const enforce = event.rules.enforceKeyValidity;
        if (signatures.some(({ keyId }) => batch.usable(server, keyId, ts, enforce).length > 0)) continue;
        for (const { keyId } of signatures) {
          const keys = wanted.get(server) ?? new Map<string, number>();
          wanted.set(server, keys);
          keys.set(keyId, Math.max(keys.get(keyId) ?? 0, enforce ? ts : 0));
        }
      }
    }
    return wanted;
  }

  async function judge(event: RoomEvent, batch: BatchKeys, told: ReadonlySet<ServerName>): Promise<SignatureVerdict> {
    const { originServerTs: ts, rules } = event;
    let message: Uint8Array | undefined;
    const verifiedBy = new Set<ServerName>();
    const refusals = new Map<ServerName, { readonly why: string; readonly keyMissing: boolean }>();
    for (const server of [...serversAskedFor(event), ...furtherServers(event, batch)]) {
      const signatures = signaturesOf(event.pdu, server);
      let tried = false;
      for (const { keyId, signature } of signatures) {
        for (const publicKey of batch.usable(server, keyId, ts, rules.enforceKeyValidity)) {
          if (verifiedBy.has(server)) break;
          tried = true;
          message ??= eventMessage(event.pdu, rules);
          if (await verifySignatureAsync(publicKey, message, signature)) verifiedBy.add(server);
        }
      }
      const known = signatures.some(({ keyId }) => batch.usable(server, keyId, ts, false).length > 0);
      const keyIds = signatures.map(({ keyId }) => keyId).join(', ');
      if (signatures.length === 0) refusals.set(server, { why: `no signature of ${server}`, keyMissing: false });
      else if (tried) refusals.set(server, { why: `the signature of ${server} does not hold`, keyMissing: false });
      else {
        const why = known
          ? `${keyIds} of ${server} was not valid at its time`
          : `no signature of ${server} by a known key (${keyIds})`;
        refusals.set(server, { why, keyMissing: !told.has(server) && server !== us });
      }
    }
    const missing = requiredSigners(event).filter((server) => !verifiedBy.has(server));
    const [first] = missing;
    return {
      ok: missing.length === 0,
      why: first && refusals.get(first)?.why,
      // One that is bad stays bad, whatever keys come.
      keyMissing: missing.length > 0 && missing.every((server) => refusals.get(server)?.keyMissing === true),
      verifiedBy,
    };
  }
}

/** The keys of the servers of one batch, read from the database once. */
class BatchKeys {
  readonly #keysOf: (server: ServerName) => readonly ServerKey[];
  readonly #known = new Map<ServerName, readonly ServerKey[]>();

  constructor(keysOf: (server: ServerName) => readonly ServerKey[]) {
    this.#keysOf = keysOf;
  }

  /**
   * The public keys under this ID that may have signed an event of that time. Room versions 1 to 4 do not ask how long a
   * key was valid: https://spec.matrix.org/v1.19/rooms/v5/#signing-key-validity-period
   */
  usable(server: ServerName, keyId: string, ts: number, enforceValidity: boolean): readonly string[] {
    return this.of(server)
      .filter((key) => key.keyId === keyId && (!enforceValidity || ts <= (key.expiredTs ?? usableUntil(key))))
      .map(({ publicKey }) => publicKey);
  }

  of(server: ServerName): readonly ServerKey[] {
    const known = this.#known.get(server) ?? this.#keysOf(server);
    this.#known.set(server, known);
    return known;
  }

  forget(server: ServerName): void {
    this.#known.delete(server);
  }
}

/** Those whose signature decides something: the required ones, and who let the user into a restricted room. */
function serversAskedFor(event: RoomEvent): ReadonlySet<ServerName> {
  const authorising = authorisingServer(event);
  return new Set([...requiredSigners(event), ...(authorising === undefined ? [] : [authorising])]);
}

/** Others that have signed, such as the invitee's: only if their keys are here. */
function furtherServers({ pdu, ...event }: RoomEvent, batch: BatchKeys): readonly ServerName[] {
  const asked = serversAskedFor({ pdu, ...event });
  const signatures = isObject(pdu['signatures']) ? pdu['signatures'] : {};
  const others = (Object.keys(signatures) as ServerName[]).filter((server) => !asked.has(server));
  return others.slice(0, limits.furtherServers).filter((server) => batch.of(server).length > 0);
}

function signaturesOf(object: RoomEvent['pdu'], server: ServerName): readonly Signature[] {
  const all = [...signaturesBy(object, server)].filter(([keyId]) => isKeyId(keyId));
  return all.slice(0, limits.signaturesPerServer).map(([keyId, signature]) => ({ keyId, signature }));
}

const usableUntil = ({ validUntilTs, fetchedTs }: ServerKey): number =>
  Math.min(validUntilTs, fetchedTs + limits.trustedForMs);

const statusOf = (key: ServerKey): RemoteKeyStatus => ({
  server: key.server,
  keyId: key.keyId,
  publicKey: key.publicKey,
  validUntilTs: key.validUntilTs,
  usableUntilTs: key.expiredTs ?? usableUntil(key),
  fetchedTs: key.fetchedTs,
  expiredTs: key.expiredTs,
  source: key.source,
});
