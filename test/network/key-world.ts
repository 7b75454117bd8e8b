import { ownKeysTable } from '../../main/db/own-keys.ts';
import { serverKeysTable } from '../../main/db/server-keys.ts';
import { createKeyring } from '../../main/network/create-keyring.ts';
import { createKeyFetcher } from '../../main/network/key-fetcher.ts';
import { createKeyServer } from '../../main/network/notary.ts';
import { createOwnKeys, type SigningKeyFile } from '../../main/network/own-keys.ts';
import { parseEvent, type RoomEvent } from '../../main/protocol/event.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import { isObject, type JsonObject, parseJson } from '../../main/protocol/json.ts';
import { rulesOf } from '../../main/protocol/room-versions.ts';
import { type SigningKey, signingKeyFromSeed, signJson } from '../../main/protocol/signing.ts';
import type { ServerName } from '../../shared/ids.ts';
import { type FakeNet, fakeNet, json } from '../support/fake-net.ts';
import { clientOver, us } from '../support/federation-client.ts';
import { memoryLog } from '../support/memory-log.ts';

export const now = 1_700_000_000_000;
export const hour = 3_600_000;
export const day = 24 * hour;

let seeds = 10;
export const newKey = (keyId = 'ed25519:k1'): SigningKey => signingKeyFromSeed(keyId, new Uint8Array(32).fill(seeds++));

/** What a server says of its keys; signed by those that `signedBy` names, else by all current ones. */
export function keyReply(
  server: ServerName,
  keys: readonly SigningKey[],
  {
    validUntilTs = now + day,
    old = [],
    signedBy = keys,
  }: {
    validUntilTs?: number;
    old?: readonly { key: SigningKey; expiredTs: number }[];
    signedBy?: readonly SigningKey[];
  } = {},
): JsonObject {
  const reply: JsonObject = {
    server_name: server,
    valid_until_ts: validUntilTs,
    verify_keys: Object.fromEntries(keys.map(({ keyId, publicKey }) => [keyId, { key: publicKey }])),
    old_verify_keys: Object.fromEntries(
      old.map(({ key: { keyId, publicKey }, expiredTs }) => [keyId, { key: publicKey, expired_ts: expiredTs }]),
    ),
  };
  return signedBy.reduce((signed, key) => signJson(signed, server, key), reply);
}

/** Another server, which tells its keys. */
export interface KeyPeer {
  readonly name: ServerName;
  reply: JsonObject | undefined; // none: it is down
  /** What it answers as a notary. */
  notary: ((asked: JsonObject) => readonly JsonObject[]) | undefined;
}

export const keyFile = (text?: string): SigningKeyFile & { text: string | undefined } => ({
  text,
  where: 'signing.key',
  read() {
    return this.text;
  },
  write(written) {
    this.text = written;
  },
});

/** The keyring of us.test, with the network that it asks. */
export async function keyWorld({ trustedNotaries = [] as readonly string[] } = {}) {
  const net: FakeNet = fakeNet({ hosts: {} });
  const client = await clientOver(net);
  const { platform, remote, inspector, db } = client;
  const table = serverKeysTable(db);
  const { log, lines } = memoryLog();
  const ownKeys = createOwnKeys({ us, table: ownKeysTable(db), file: keyFile(), platform, log });
  const fetcher = createKeyFetcher({
    us,
    remote,
    table,
    clock: platform.clock,
    inspector,
    log,
    trustedNotaries: trustedNotaries.map((name) => `${name}:1` as ServerName),
  });
  const keyring = createKeyring({ us, ownKeys, table, fetcher, clock: platform.clock });
  const keyServer = createKeyServer({ us, ownKeys, table, fetcher, clock: platform.clock });

  const peer = (host: string, reply?: (name: ServerName) => JsonObject): KeyPeer => {
    const name = `${host}:1` as ServerName;
    const made: KeyPeer = { name, reply: reply?.(name), notary: undefined };
    net.hosts[host] = ['1.1.1.1'];
    net.web[`https://${name}/_matrix/key/v2/server`] = () => {
      if (made.reply === undefined) throw new Error('ECONNREFUSED');
      return json(made.reply);
    };
    net.web[`https://${name}/_matrix/key/v2/query`] = ({ body = new Uint8Array() }) => {
      const { value } = parseJson(body);
      const asked = isObject(value) ? value['server_keys'] : undefined;
      if (made.notary === undefined || !isObject(asked)) throw new Error('ECONNREFUSED');
      return json({ server_keys: made.notary(asked) });
    };
    return made;
  };
  const fetches = (name: ServerName) =>
    net.asked.filter((one) => one === `GET https://${name}/_matrix/key/v2/server`).length;
  const queries = (name: ServerName) =>
    net.asked.filter((one) => one === `POST https://${name}/_matrix/key/v2/query`).length;
  return { ...client, net, table, ownKeys, fetcher, keyring, keyServer, peer, fetches, queries, lines };
}

/** A message of `@u` of the first signer's server, signed by all of them. */
export function signedEvent(
  signers: readonly (readonly [server: ServerName, key: SigningKey])[],
  { version = '10', ts = now, more = {} as JsonObject, body = 'hello' } = {},
): RoomEvent {
  const rules = rulesOf(version);
  const [[server] = [us]] = signers;
  if (rules === undefined) throw new Error(`there is no room version ${version}`);
  const pdu: JsonObject = {
    type: 'm.room.message',
    room_id: '!r:a.test',
    sender: `@u:${server}`,
    content: { body },
    depth: 1,
    origin_server_ts: ts,
    prev_events: [],
    auth_events: [],
    ...(rules.eventIdFormat === 'serverGiven' && { event_id: `$e:${server}` }),
    ...more,
  };
  const signed = signers.reduce((event, [signer, key]) => signEvent(event, rules, signer, key), pdu);
  return parseEvent(
    Object.keys(signed).includes('signatures') ? signed : { ...signed, signatures: {}, hashes: { sha256: '' } },
    rules,
  );
}
