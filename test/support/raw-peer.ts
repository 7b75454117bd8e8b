import { randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { createServer, request as httpsRequest } from 'node:https';
import type { AddressInfo } from 'node:net';
import { canonicalJson } from '../../main/protocol/canonical-json.ts';
import { eventIdOf } from '../../main/protocol/event.ts';
import { referenceHash } from '../../main/protocol/event-hash.ts';
import { signEvent } from '../../main/protocol/event-signing.ts';
import { type JsonObject, JsonSyntaxError, type JsonValue, parseJson } from '../../main/protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../../main/protocol/room-versions.ts';
import { type SigningKey, signingKeyFromSeed, signJson } from '../../main/protocol/signing.ts';
import type { EventId, ServerName } from '../../shared/ids.ts';
import { atEnd } from './at-end.ts';
import type { TestCa } from './certificates.ts';
import { checkBody } from './check-replies.ts';

/** A federation peer that does exactly as it is told, wrong things too. It has one user, and rooms that others can join. */
export interface RawPeer {
  readonly serverName: ServerName;
  readonly userId: string;
  readonly key: SigningKey;
  readonly ca: TestCa;
  createRoom(version: string): RawRoom;
  /**
   * A signed request to a server that trusts nobody. A text goes as it is, signed as what it says if it is JSON. `change`
   * spoils it after the signing.
   */
  ask(
    server: string,
    method: string,
    uri: string,
    body?: JsonObject | string | Uint8Array,
    change?: (headers: Record<string, string>) => Record<string, string | string[]>,
  ): Promise<RawReply>;
  /** PUT /send, under a transaction ID of its own unless one is given. */
  send(server: string, pdus: readonly unknown[], txnId?: string): Promise<RawReply>;
  /** The transactions that others have sent. */
  readonly received: readonly JsonObject[];
  /** From now on requests to an endpoint (`make_join`) are answered so, whatever they get. */
  answer(api: string, how: RawAnswer): void;
}

export type RawAnswer = (
  asked: { readonly url: string; readonly body: JsonObject },
  response: ServerResponse,
) => unknown;

export interface RawReply {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export interface RawRoom {
  readonly roomId: string;
  readonly rules: RoomVersionRules;
  /** The newest event, which the next one cites. */
  tip(): EventId;
  /** A signed event on the tip, which it becomes unless `aside`. What `fields` say stands, whatever it is. */
  event(type: string, content: JsonObject, fields?: JsonObject, options?: { readonly aside?: boolean }): JsonObject;
  message(body: string): JsonObject;
  idOf(pdu: JsonObject): EventId;
  /** What the auth rules want a message to cite. Default: of our user. */
  auth(sender?: string): readonly EventId[];
  /** The event that is a piece of the room's state. */
  stateEvent(type: string, stateKey?: string): JsonObject;
  /** IDs as `prev_events` and `auth_events` have them in this room version. */
  cite(...ids: readonly EventId[]): JsonValue;
}

let transactions = 0;

export async function startRawPeer(ca: TestCa): Promise<RawPeer> {
  const key = signingKeyFromSeed('ed25519:raw', randomBytes(32));
  const rooms = new Map<string, RoomBook>();
  const answers = new Map<string, RawAnswer>();
  const received: JsonObject[] = [];
  const certificate = await ca.issue('127.0.0.1');
  const server = createServer(certificate, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString();
      const [url = '', asked] = [request.url, text === '' ? {} : parsed(text)];
      const told = answers.get(/\/v\d\/([a-z_]+)/.exec(url)?.[1] ?? '');
      if (told !== undefined) return void told({ url, body: asked }, response);
      const { status, body } = serve(request.method ?? '', url, asked);
      response.writeHead(status, { 'Content-Type': 'application/json' }).end(canonicalJson(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(() => {
    server.closeAllConnections();
    server.close();
  });
  const serverName = `127.0.0.1:${(server.address() as AddressInfo).port}` as ServerName;
  const userId = `@raw:${serverName}`;

  /** Just enough to be joined. */
  const serve = (method: string, url: string, body: JsonObject): { status: number; body: JsonObject } => {
    const { pathname } = new URL(url, 'https://raw');
    const [, api = '', roomId = '', last = ''] =
      /^\/_matrix\/(?:federation\/v\d|key\/v2)\/([a-z_]+)(?:\/([^/]+))?(?:\/([^/]+))?$/
        .exec(pathname)
        ?.map((part) => part && decodeURIComponent(part)) ?? [];
    const room = rooms.get(roomId);
    if (api === 'server') {
      const verify_keys = { [key.keyId]: { key: key.publicKey } };
      const reply = {
        server_name: serverName,
        verify_keys,
        old_verify_keys: {},
        valid_until_ts: Date.now() + 86_400_000,
      };
      return { status: 200, body: signJson(reply, serverName, key) };
    }
    if (api === 'version') return { status: 200, body: { server: { name: 'Raw', version: '1' } } };
    if (api === 'send') {
      received.push(body);
      return { status: 200, body: { pdus: {} } };
    }
    if (room !== undefined && api === 'make_join') {
      const event = room.template('m.room.member', { membership: 'join' }, { sender: last, state_key: last });
      return { status: 200, body: { room_version: room.rules.version, event } };
    }
    if (room !== undefined && api === 'send_join' && method === 'PUT') {
      const state = room.state();
      room.add(body);
      return { status: 200, body: { origin: serverName, state, auth_chain: state, event: body } };
    }
    return { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'a raw peer does not do this' } };
  };

  const ask: RawPeer['ask'] = (to, method, uri, body, change = (headers) => headers) => {
    const isWritten = typeof body === 'string' || body instanceof Uint8Array;
    const content = isWritten ? saidBy(body) : body;
    const bytes = isWritten || body === undefined ? body : canonicalJson(body);
    const signed = signJson(
      { method, uri, origin: serverName, destination: to, ...(content !== undefined && { content }) },
      serverName,
      key,
    );
    const sig = ((signed['signatures'] as JsonObject)[serverName] as JsonObject)[key.keyId];
    const authorization = `X-Matrix origin="${serverName}",destination="${to}",key="${key.keyId}",sig="${sig}"`;
    return overTls(ca, to, method, uri, change({ authorization, 'content-type': 'application/json' }), bytes);
  };

  return {
    serverName,
    userId,
    key,
    ca,
    ask,
    received,
    answer: (api, how) => void answers.set(api, how),
    send: (to, pdus, txnId = `raw-${++transactions}`) =>
      ask(to, 'PUT', `/_matrix/federation/v1/send/${txnId}`, {
        origin: serverName,
        origin_server_ts: Date.now(),
        pdus: pdus as never,
      }),
    createRoom(version) {
      const rules = rulesOf(version);
      if (rules === undefined) throw new Error(`there is no room version ${version}`);
      const room = roomBook(rules, serverName, userId, key);
      rooms.set(room.roomId, room);
      return room;
    },
  };
}

interface RoomBook extends RawRoom {
  template(type: string, content: JsonObject, fields: JsonObject): JsonObject;
  state(): JsonObject[];
  add(pdu: JsonObject): void;
}

/** A public room in which our user is alone. */
function roomBook(rules: RoomVersionRules, serverName: ServerName, userId: string, key: SigningKey): RoomBook {
  const state = new Map<string, JsonObject>();
  let roomId = rules.roomIdIsCreateHash ? '' : `!${randomBytes(8).toString('hex')}:${serverName}`;
  let tip: EventId | undefined;
  let depth = 0;
  const isServerGiven = rules.eventIdFormat === 'serverGiven';
  const hashes = new Map<EventId, string>();
  const idOf = (pdu: JsonObject) => eventIdOf(pdu, rules);
  const cite = (...ids: readonly EventId[]): JsonValue =>
    isServerGiven ? ids.map((id) => [id, { sha256: hashes.get(id) ?? '' }]) : ids;
  const cited = (type: string, stateKey: string) => {
    const pdu = state.get(`${type} ${stateKey}`);
    return pdu === undefined ? [] : [idOf(pdu)];
  };
  const authOf = (sender: string, type: string, content: JsonObject = {}): EventId[] => [
    ...(rules.roomIdIsCreateHash ? [] : cited('m.room.create', '')),
    ...cited('m.room.power_levels', ''),
    ...cited('m.room.member', sender),
    ...(type === 'm.room.member' && content['membership'] === 'join' ? cited('m.room.join_rules', '') : []),
  ];
  const template = (type: string, content: JsonObject, fields: JsonObject): JsonObject => {
    const sender = String(fields['sender'] ?? userId);
    return {
      ...(roomId !== '' && { room_id: roomId }),
      type,
      content,
      sender,
      origin_server_ts: Date.now(),
      depth: depth + 1,
      prev_events: tip === undefined ? [] : cite(tip),
      auth_events: cite(...authOf(sender, type, content)),
      ...fields,
    };
  };
  const add = (pdu: JsonObject) => {
    tip = idOf(pdu);
    hashes.set(tip, referenceHash(pdu, rules));
    depth++;
    if (typeof pdu['state_key'] === 'string') state.set(`${pdu['type']} ${pdu['state_key']}`, pdu);
  };
  const event: RawRoom['event'] = (type, content, fields = {}, { aside = false } = {}) => {
    const given = isServerGiven ? { event_id: `$${randomBytes(8).toString('hex')}:${serverName}`, ...fields } : fields;
    const pdu = signEvent(template(type, content, given), rules, serverName, key);
    if (!aside) add(pdu);
    return pdu;
  };
  const create = event('m.room.create', { room_version: rules.version, creator: userId }, { state_key: '' });
  if (rules.roomIdIsCreateHash) roomId = `!${idOf(create).slice(1)}`;
  event('m.room.member', { membership: 'join' }, { state_key: userId });
  const users = rules.privilegedCreators ? {} : { [userId]: 100 };
  event('m.room.power_levels', { users }, { state_key: '' });
  event('m.room.join_rules', { join_rule: 'public' }, { state_key: '' });
  event('m.room.history_visibility', { history_visibility: 'shared' }, { state_key: '' });
  return {
    roomId,
    rules,
    idOf,
    add,
    template,
    event,
    cite,
    auth: (sender = userId) => authOf(sender, 'm.room.message'),
    stateEvent(type, stateKey = '') {
      const pdu = state.get(`${type} ${stateKey}`);
      if (pdu === undefined) throw new Error(`there is no ${type} '${stateKey}' in ${roomId}`);
      return pdu;
    },
    tip: () => tip as EventId,
    state: () => [...state.values()],
    message: (body) => event('m.room.message', { msgtype: 'm.text', body }),
  };
}

const parsed = (text: string) => parseJson(text).value as JsonObject;

/** What a text says; nothing where it is no JSON. */
function saidBy(text: string | Uint8Array): JsonValue | undefined {
  try {
    return parseJson(text).value;
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}

function overTls(
  ca: TestCa,
  to: string,
  method: string,
  path: string,
  headers: Record<string, string | string[]>,
  body: string | Uint8Array | undefined,
): Promise<RawReply> {
  const { hostname, port } = new URL(`https://${to}`);
  return new Promise((resolve, reject) => {
    const options = { hostname, port, method, path, ca: ca.cert, headers: { ...headers, host: to }, agent: false };
    const sent = httpsRequest(options, (reply) => {
      let text = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      reply.once('end', () => {
        checkBody(method, path, reply.statusCode ?? 0, reply.headers['content-type'], text);
        resolve({ status: reply.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : {} });
      });
      reply.once('error', reject);
    });
    sent.once('error', reject);
    sent.end(body);
  });
}
