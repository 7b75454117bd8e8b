import type { EventId, ServerName } from '../../shared/ids.ts';
import type { RemoteKeyStatus } from '../../shared/views.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';

/** What the signatures of an event prove. */
export interface SignatureVerdict {
  /** Whether every server whose signature the specification asks for has signed. */
  readonly ok: boolean;
  /** A sentence, where not: 'no signature of b.test by a known key'. */
  readonly why: string | undefined;
  /** It may be well once a key can be had: the event waits instead of being dropped. */
  readonly keyMissing: boolean;
  /** All servers whose signature holds, asked for or not: `join_authorised_via_users_server` is judged by it. */
  readonly verifiedBy: ReadonlySet<ServerName>;
}

export interface KeyHints {
  /** Who else may be asked for keys of servers that do not answer: the resident server, the transaction's origin. */
  readonly askAlso?: readonly ServerName[];
  readonly deadlineMs?: number; // default 10 s
}

/** Keys of other servers: fetched, kept, and used to verify. https://spec.matrix.org/v1.19/server-server-api/#retrieving-server-keys */
export interface Keyring {
  /** Signatures of many events together: keys are fetched per server and once, verification runs off the loop. */
  verifyEvents(events: readonly RoomEvent[], hints?: KeyHints): Promise<ReadonlyMap<EventId, SignatureVerdict>>;
  /** A signed JSON object, such as a third-party invite or a cross-signing update, now. */
  verifyJson(object: JsonObject, server: ServerName): Promise<{ readonly ok: boolean; readonly why?: string }>;
}

/** What verifying requests needs of it. */
export interface RequestKeys {
  /**
   * Those of the keys that may sign requests now, by key ID: shown by the server itself or a trusted notary, not old, not
   * past their time. `anew`: what is known does not fit, so ask once more.
   */
  keysForRequest(
    origin: ServerName,
    keyIds: readonly string[],
    options?: { readonly anew?: boolean },
  ): Promise<ReadonlyMap<string, string>>;
}

/** What the console shows. */
export interface RemoteKeys {
  /** The most recently fetched ones. */
  remoteKeys(limit?: number): readonly RemoteKeyStatus[];
  remoteKeysOf(server: ServerName): readonly RemoteKeyStatus[];
}

/** Which keys of which servers are asked for, and until when they have to be valid. No key IDs: all of them. */
export type KeyQuery = ReadonlyMap<ServerName, { readonly keyIds: readonly string[]; readonly minimumTs?: number }>;

/** What `/_matrix/key/v2` answers. */
export interface KeyServer {
  /** Our own keys, signed by them. https://spec.matrix.org/v1.19/server-server-api/#publishing-keys */
  published(): JsonObject;
  /**
   * What others say of theirs, signed by us, too. Servers of which nothing is known are left out.
   * https://spec.matrix.org/v1.19/server-server-api/#querying-keys-through-another-server
   */
  query(asked: KeyQuery): Promise<readonly JsonObject[]>;
}
