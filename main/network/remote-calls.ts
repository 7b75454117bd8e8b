import type { PduOutcome } from '../../shared/flow.ts';
import {
  type EventId,
  parseEventId,
  parseRoomId,
  parseServerName,
  type RoomId,
  type ServerName,
} from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue, type Violation } from '../protocol/json.ts';
import type { FederationClient } from './federation-client.ts';
import {
  type MembershipTemplate,
  RemoteError,
  type RemotePdus,
  type RemoteReply,
  type RemoteRequest,
  type RemoteServers,
} from './remote-servers.ts';

const v1 = '/_matrix/federation/v1';
const v2 = '/_matrix/federation/v2';
const minute = 60_000;
const megabyte = 1_000_000;
/** Replies that grow with the room, and joins, which the resident server has to work out. */
const large = { timeoutMs: 10 * minute, maxBytes: 100 * megabyte };
const medium = { timeoutMs: minute, maxBytes: 20 * megabyte };

/** Parts of a path, each encoded whole: event IDs of room version 3 have `/` in them. */
const path = (...parts: readonly string[]) => parts.map((part) => `/${encodeURIComponent(part)}`).join('');

/** `?v=a&v=b`; nothing where there is none. */
function query(...pairs: readonly (readonly [name: string, value: string | undefined])[]): string {
  const given = pairs.flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encodeURIComponent(value)}`));
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

/** The requests of the server-server API, each as the method that asks it. */
export function createRemoteServers({ request }: Pick<FederationClient, 'request'>): RemoteServers {
  const get = (server: ServerName, endpoint: string, uri: string, rest: Partial<RemoteRequest> = {}) =>
    request(server, { ...rest, method: 'GET', uri, endpoint });

  const put = (
    server: ServerName,
    endpoint: string,
    uri: string,
    body: JsonObject,
    rest: Partial<RemoteRequest> = {},
  ) => request(server, { ...rest, method: 'PUT', uri, body, endpoint });

  const template = async (
    server: ServerName,
    endpoint: string,
    roomId: RoomId,
    uri: string,
  ): Promise<MembershipTemplate> => {
    const { event, room_version: version } = objectOf(server, await get(server, endpoint, uri, { roomId }));
    if (!isObject(event)) throw useless(server, `${endpoint} is answered without an event`);
    return { event, roomVersion: typeof version === 'string' ? version : '1' };
  };

  return {
    request: (server, asked) => request(server, asked),

    async version(server) {
      const reply = await get(server, 'version', `${v1}/version`, { unsigned: true });
      const { server: about } = objectOf(server, reply);
      const text = (key: string) => (isObject(about) && typeof about[key] === 'string' ? about[key] : undefined);
      return { name: text('name'), version: text('version') };
    },

    async sendTransaction(server, txnId, body, attempt, { signal, evenIfDown = false } = {}) {
      const sent = { pdus: lengthOf(body['pdus']), edus: lengthOf(body['edus']) };
      const roomId = oneRoomOf(body['pdus']);
      const reply = await request(
        server,
        {
          method: 'PUT',
          uri: `${v1}/send${path(txnId)}`,
          body,
          endpoint: 'send',
          attempt,
          timeoutMs: minute,
          evenIfDown,
          ...(roomId !== undefined && { roomId }),
          ...(signal && { signal }),
        },
        { edus: sent.edus, outcomes: ({ body: answer }) => outcomesOf(answer, sent.pdus) },
      );
      const { pdus } = objectOf(server, reply);
      return { pdus: isObject(pdus) ? pdus : {} };
    },

    event: async (server, eventId) => pdusOf(await get(server, 'event', `${v1}/event${path(eventId)}`), 'pdus'),

    eventAuth: async (server, roomId, eventId) =>
      pdusOf(
        await get(server, 'event_auth', `${v1}/event_auth${path(roomId, eventId)}`, { roomId, ...medium }),
        'auth_chain',
      ),

    async stateIds(server, roomId, eventId) {
      const uri = `${v1}/state_ids${path(roomId)}${query(['event_id', eventId])}`;
      const reply = objectOf(server, await get(server, 'state_ids', uri, { roomId, ...medium }));
      return { pduIds: eventIdsOf(reply['pdu_ids']), authChainIds: eventIdsOf(reply['auth_chain_ids']) };
    },

    async state(server, roomId, eventId) {
      const uri = `${v1}/state${path(roomId)}${query(['event_id', eventId])}`;
      const reply = await get(server, 'state', uri, { roomId, ...large });
      return { ...pdusOf(reply, 'pdus'), authChain: pdusOf(reply, 'auth_chain') };
    },

    async backfill(server, roomId, from, limit) {
      const asked = query(...from.map((eventId) => ['v', eventId] as const), ['limit', String(limit)]);
      return pdusOf(
        await get(server, 'backfill', `${v1}/backfill${path(roomId)}${asked}`, { roomId, ...medium }),
        'pdus',
      );
    },

    async missingEvents(server, roomId, { earliest, latest, limit, minDepth }) {
      const reply = await request(server, {
        method: 'POST',
        uri: `${v1}/get_missing_events${path(roomId)}`,
        body: { earliest_events: earliest, latest_events: latest, limit, min_depth: minDepth },
        endpoint: 'get_missing_events',
        roomId,
        ...medium,
      });
      return pdusOf(reply, 'events');
    },

    makeJoin: (server, roomId, userId, versions) =>
      template(server, 'make_join', roomId, `${v1}/make_join${path(roomId, userId)}${ver(versions)}`),

    sendJoin: (server, roomId, eventId, event) =>
      put(server, 'send_join', `${v2}/send_join${path(roomId, eventId)}`, event, { roomId, ...large }),

    makeLeave: (server, roomId, userId) =>
      template(server, 'make_leave', roomId, `${v1}/make_leave${path(roomId, userId)}`),

    async sendLeave(server, roomId, eventId, event) {
      await put(server, 'send_leave', `${v2}/send_leave${path(roomId, eventId)}`, event, { roomId });
    },

    makeKnock: (server, roomId, userId, versions) =>
      template(server, 'make_knock', roomId, `${v1}/make_knock${path(roomId, userId)}${ver(versions)}`),

    sendKnock: (server, roomId, eventId, event) =>
      put(server, 'send_knock', `${v1}/send_knock${path(roomId, eventId)}`, event, { roomId }),

    async invite(server, { roomId, eventId, roomVersion, event, inviteRoomState }) {
      const to = `/invite${path(roomId, eventId)}`;
      const rest = { roomId, timeoutMs: minute };
      try {
        const body = { room_version: roomVersion, event, invite_room_state: inviteRoomState };
        return invited(server, objectOf(server, await put(server, 'invite', v2 + to, body, rest)));
      } catch (error) {
        if (!(error instanceof RemoteError && isOfOldServer(error, roomVersion))) throw error;
      }
      const body = { ...event, unsigned: { invite_room_state: inviteRoomState } };
      const { body: answer } = await put(server, 'invite', v1 + to, body, rest);
      return invited(server, Array.isArray(answer) ? answer[1] : undefined); // [200, { event }]
    },

    async queryDirectory(server, alias) {
      const uri = `${v1}/query/directory${query(['room_alias', alias])}`;
      const reply = objectOf(server, await get(server, 'query/directory', uri));
      const roomId = typeof reply['room_id'] === 'string' ? parseRoomId(reply['room_id']) : undefined;
      if (roomId === undefined) throw useless(server, 'the directory answers without a room ID');
      return { roomId, servers: listOf(reply['servers'], parseServerName) };
    },

    async queryProfile(server, userId, field) {
      const uri = `${v1}/query/profile${query(['user_id', userId], ['field', field])}`;
      return objectOf(server, await get(server, 'query/profile', uri));
    },
  };
}

const ver = (versions: readonly string[]) => query(...versions.map((version) => ['ver', version] as const));

/** "Senders which receive a 400 or 404 response to this endpoint should retry using the v1 API", in rooms of the first versions. */
function isOfOldServer({ status, errcode = 'M_UNRECOGNIZED' }: RemoteError, roomVersion: string): boolean {
  const unknown = ['M_UNRECOGNIZED', 'M_UNKNOWN', 'M_NOT_FOUND'].includes(errcode);
  return (status === 400 || status === 404) && unknown && (roomVersion === '1' || roomVersion === '2');
}

function invited(server: ServerName, answer: JsonValue | undefined): JsonObject {
  const event = isObject(answer) ? answer['event'] : undefined;
  if (!isObject(event)) throw useless(server, 'the invite is answered without an event');
  return event;
}

const useless = (server: ServerName, why: string) =>
  new RemoteError(server, `${server}: ${why}`, { stage: 'reply', status: 200 });

function objectOf(server: ServerName, { body }: RemoteReply): JsonObject {
  if (!isObject(body)) throw useless(server, 'the answer is no JSON object');
  return body;
}

const lengthOf = (value: JsonValue | undefined) => (Array.isArray(value) ? value.length : 0);

/** The room of all these PDUs, where it is one: for the log. */
function oneRoomOf(pdus: JsonValue | undefined): RoomId | undefined {
  const rooms = new Set((Array.isArray(pdus) ? pdus : []).map((pdu) => (isObject(pdu) ? pdu['room_id'] : undefined)));
  const [only] = rooms;
  return rooms.size === 1 && typeof only === 'string' ? parseRoomId(only) : undefined;
}

/** Those of the strings that are what they should be. */
function listOf<T>(value: JsonValue | undefined, parse: (text: string) => T | undefined): readonly T[] {
  const strings: readonly JsonValue[] = Array.isArray(value) ? value : [];
  return strings.flatMap((item) => (typeof item === 'string' ? (parse(item) ?? []) : []));
}

const eventIdsOf = (value: JsonValue | undefined): readonly EventId[] => listOf(value, parseEventId);

/** The PDUs under `key`, each with its own violations. What is not an object is left out. */
function pdusOf({ body, violations }: RemoteReply, key: string): RemotePdus {
  const list = isObject(body) ? body[key] : undefined;
  if (!Array.isArray(list)) return { pdus: [] };
  const of = new Map<JsonValue, Violation[]>();
  for (const {
    kind,
    path: [first, index, ...rest],
  } of violations) {
    const pdu = first === key && typeof index === 'number' ? list[index] : undefined;
    if (pdu === undefined) continue;
    const own = of.get(pdu) ?? [];
    of.set(pdu, own);
    own.push({ kind, path: rest });
  }
  return { pdus: list.filter(isObject).map((pdu) => ({ pdu, violations: of.get(pdu) ?? [] })) };
}

/** What the peer says became of our PDUs. */
function outcomesOf(body: JsonValue, atMost: number): readonly PduOutcome[] {
  const results = isObject(body) && isObject(body['pdus']) ? Object.entries(body['pdus']) : [];
  return results.slice(0, atMost).map(([eventId, result]) => {
    const error = isObject(result) ? result['error'] : undefined;
    return {
      eventId: parseEventId(eventId),
      roomId: undefined,
      type: undefined,
      sender: undefined,
      source: 'local',
      outcome: error === undefined ? 'accepted' : 'rejected',
      step: undefined,
      rule: error === undefined ? undefined : 'the peer refused it',
      reason: error === undefined ? undefined : String(error).slice(0, 500),
      decidedBy: [],
      missing: [],
    };
  });
}
