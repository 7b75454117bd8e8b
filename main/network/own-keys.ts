import type { ServerName } from '../../shared/ids.ts';
import type { OwnKeyStatus } from '../../shared/views.ts';
import type { OwnKeysTable } from '../db/own-keys.ts';
import type { Log } from '../log.ts';
import type { Platform } from '../platform.ts';
import { decodeBase64, encodeBase64 } from '../protocol/base64.ts';
import type { JsonObject } from '../protocol/json.ts';
import { type SigningKey, signingKeyFromSeed, signJson } from '../protocol/signing.ts';

/** Where the private half of the key is. Its text is one line: `ed25519 a_1 <unpadded base64 of 32 bytes>`. */
export interface SigningKeyFile {
  /** Nothing where there is none. */
  read(): string | undefined;
  write(text: string): void;
  /** For the console: 'signing.key in the data folder, readable by you alone'. */
  readonly where: string;
}

export interface OwnKeys {
  /** The one that signs. */
  current(): SigningKey;
  /** All that we have ever signed with. */
  list(): readonly OwnKeyStatus[];
  /** What `/_matrix/key/v2/server` answers. */
  published(): JsonObject;
  /** A new key from now on. The old one is published as such, so that what it has signed stays believed. */
  rotate(): SigningKey;
}

interface OwnKeysOptions {
  readonly us: ServerName;
  readonly table: OwnKeysTable;
  readonly file: SigningKeyFile;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly log: Log;
}

const hour = 3_600_000;
/** As long as others may believe it at all. */
const validForMs = 7 * 24 * hour;
/** How long one reply serves. */
const publishedForMs = hour;

/**
 * Our signing keys: made at the first start, read from their file at each. A file that is gone is a rotation, and one
 * that came back from a backup is another.
 *
 * @throws Error for a file that is not what it should be: it is the server's identity, and is never written over
 */
export function createOwnKeys({ us, table, file, platform: { clock, random }, log }: OwnKeysOptions): OwnKeys {
  const makeKey = (): SigningKey => {
    const known = new Set(table.all().map(({ keyId }) => keyId));
    let keyId: string;
    do keyId = `ed25519:a_${Buffer.from(random.bytes(3)).toString('hex')}`;
    while (known.has(keyId));
    const seed = random.bytes(32);
    file.write(`ed25519 ${keyId.slice('ed25519:'.length)} ${encodeBase64(seed)}\n`);
    return signingKeyFromSeed(keyId, seed);
  };

  const text = file.read();
  if (text === undefined && table.all().length > 0) {
    log.warn('the signing key is gone; another one signs from now on', { file: file.where });
  }
  let current = text === undefined ? makeKey() : readKey(text, file.where);
  const signsAlready = table
    .all()
    .some(
      ({ keyId, publicKey, expiredTs }) =>
        keyId === current.keyId && publicKey === current.publicKey && expiredTs === undefined,
    );
  if (!signsAlready) table.signWith(current.keyId, current.publicKey, clock.now());

  let published: { readonly reply: JsonObject; readonly ts: number; readonly validUntilTs: number } | undefined;
  const publish = () => {
    const ts = clock.now();
    if (published !== undefined && ts < published.ts + publishedForMs && ts >= published.ts) return published;
    const validUntilTs = ts + validForMs;
    const old = table
      .all()
      .flatMap(({ keyId, publicKey, expiredTs }) =>
        expiredTs === undefined ? [] : [[keyId, { key: publicKey, expired_ts: expiredTs }] as const],
      );
    const reply = {
      server_name: us,
      valid_until_ts: validUntilTs,
      verify_keys: { [current.keyId]: { key: current.publicKey } },
      old_verify_keys: Object.fromEntries(old),
    };
    published = { reply: signJson(reply, us, current), ts, validUntilTs };
    return published;
  };

  return {
    current: () => current,
    list: () =>
      table.all().map(({ keyId, publicKey, createdTs, expiredTs }) => ({
        keyId,
        publicKey,
        createdAt: createdTs,
        expiredTs,
        validUntilTs: expiredTs === undefined ? publish().validUntilTs : undefined,
        storedIn: expiredTs === undefined ? file.where : 'nowhere: only its public half is kept',
      })),
    published: () => publish().reply,
    rotate() {
      current = makeKey();
      table.signWith(current.keyId, current.publicKey, clock.now());
      published = undefined;
      log.info('the signing key was rotated', { keyId: current.keyId });
      return current;
    },
  };
}

/** The first key of the file, in the form that other homeservers use, too. */
function readKey(text: string, where: string): SigningKey {
  const [algorithm, version = '', base64 = ''] = text.trim().split(/\s+/);
  const seed = decodeBase64(base64);
  if (algorithm !== 'ed25519' || !/^[A-Za-z0-9_]{1,255}$/.test(version) || seed?.length !== 32) {
    throw new Error(`There is no signing key in ${where}: it should be one line, "ed25519 <name> <base64>".`);
  }
  return signingKeyFromSeed(`ed25519:${version}`, seed);
}
