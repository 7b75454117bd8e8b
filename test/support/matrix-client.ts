import { setTimeout } from 'node:timers/promises';

/** An event as the client-server API gives it. */
export interface ClientEvent {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly state_key?: string;
  readonly content: Record<string, unknown>;
  readonly unsigned?: Record<string, unknown>;
}

interface Page {
  readonly chunk: readonly ClientEvent[];
  readonly end?: string;
}

/** A person with a client, on any Matrix server: the few calls that scenarios are told in. */
export interface MatrixClient {
  readonly userId: string;
  readonly token: string;
  /** Any request; throws for any status but 200, with the error's text. */
  request<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T>;
  createRoom(options: Record<string, unknown>): Promise<string>;
  join(room: string, via?: string): Promise<string>;
  invite(roomId: string, userId: string): Promise<void>;
  leave(roomId: string): Promise<void>;
  kick(roomId: string, userId: string): Promise<void>;
  ban(roomId: string, userId: string): Promise<void>;
  unban(roomId: string, userId: string): Promise<void>;
  send(roomId: string, body: string): Promise<string>;
  redact(roomId: string, eventId: string): Promise<string>;
  /** All the history that can be scrolled back to, oldest first. */
  history(roomId: string): Promise<readonly ClientEvent[]>;
  /** The bodies of all messages in it, oldest first. */
  bodies(roomId: string): Promise<readonly string[]>;
  /** `join`, `leave`, …, as this client's server knows it; `undefined` for none. */
  membership(roomId: string, userId: string): Promise<string | undefined>;
  /** Rooms that this client is invited to, from an initial sync. */
  invites(): Promise<readonly string[]>;
}

const part = encodeURIComponent;
let lastTxn = 0;

/** A request that was refused. */
export class Refused extends Error {
  readonly status: number;
  readonly errcode: string;
  constructor(status: number, errcode: string, message: string) {
    super(message);
    this.status = status;
    this.errcode = errcode;
  }
}

async function ask<T>(
  url: string,
  token: string | undefined,
  method: string,
  path: string,
  body?: unknown,
): Promise<T> {
  const reply = await fetch(`${url}${path}`, {
    method,
    headers: { ...(token && { authorization: `Bearer ${token}` }), 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await reply.text();
  if (reply.status === 200) return JSON.parse(text) as T;
  const { errcode = '' } = text.startsWith('{') ? (JSON.parse(text) as { errcode?: string }) : {};
  throw new Refused(reply.status, errcode, `${method} ${path}: ${reply.status} ${text}`);
}

/** Makes an account at an open server and signs in. */
export async function register(url: string, username: string): Promise<MatrixClient> {
  const body = { username, password: `pass-${username}`, auth: { type: 'm.login.dummy' } };
  const { access_token, user_id } = await ask<{ access_token: string; user_id: string }>(
    url,
    undefined,
    'POST',
    '/_matrix/client/v3/register',
    body,
  );
  return matrixClient(url, access_token, user_id);
}

export function matrixClient(url: string, token: string, userId: string): MatrixClient {
  const request = <T = Record<string, unknown>>(method: string, path: string, body?: unknown) =>
    ask<T>(url, token, method, `/_matrix/client/v3${path}`, body);
  const act = async (roomId: string, verb: string, body: unknown) =>
    void (await request('POST', `/rooms/${part(roomId)}/${verb}`, body));
  const history = async (roomId: string) => {
    const events: ClientEvent[] = [];
    let from = '';
    for (let pages = 0; pages < 100; pages++) {
      const page = await request<Page>('GET', `/rooms/${part(roomId)}/messages?dir=b&limit=50${from}`);
      events.push(...page.chunk);
      if (page.end === undefined) break;
      from = `&from=${part(page.end)}`;
    }
    return events.reverse();
  };
  return {
    userId,
    token,
    request,
    createRoom: async (options) => (await request<{ room_id: string }>('POST', '/createRoom', options)).room_id,
    join: async (room, via) => {
      const query = via === undefined ? '' : `?server_name=${part(via)}&via=${part(via)}`;
      return (await request<{ room_id: string }>('POST', `/join/${part(room)}${query}`, {})).room_id;
    },
    invite: (roomId, user_id) => act(roomId, 'invite', { user_id }),
    leave: (roomId) => act(roomId, 'leave', {}),
    kick: (roomId, user_id) => act(roomId, 'kick', { user_id, reason: 'a test' }),
    ban: (roomId, user_id) => act(roomId, 'ban', { user_id, reason: 'a test' }),
    unban: (roomId, user_id) => act(roomId, 'unban', { user_id }),
    send: async (roomId, body) => {
      const path = `/rooms/${part(roomId)}/send/m.room.message/txn${++lastTxn}`;
      return (await request<{ event_id: string }>('PUT', path, { msgtype: 'm.text', body })).event_id;
    },
    redact: async (roomId, eventId) => {
      const path = `/rooms/${part(roomId)}/redact/${part(eventId)}/txn${++lastTxn}`;
      return (await request<{ event_id: string }>('PUT', path, { reason: 'a test' })).event_id;
    },
    history,
    bodies: async (roomId) =>
      (await history(roomId)).flatMap(({ type, content }) =>
        type === 'm.room.message' && typeof content['body'] === 'string' ? [content['body']] : [],
      ),
    membership: async (roomId, user) => {
      try {
        const path = `/rooms/${part(roomId)}/state/m.room.member/${part(user)}`;
        return (await request<{ membership: string }>('GET', path)).membership;
      } catch (error) {
        if (error instanceof Refused && [403, 404].includes(error.status)) return undefined;
        throw error;
      }
    },
    invites: async () => {
      const { rooms } = await request<{ rooms?: { invite?: Record<string, unknown> } }>('GET', '/sync?timeout=0');
      return Object.keys(rooms?.invite ?? {});
    },
  };
}

/** Asks again and again until the answer is as it should be. Fails with the last answer. */
export async function until<T>(
  ask: () => Promise<T>,
  isRight: (answer: T) => boolean,
  { timeoutMs = 20_000, what = '' }: { timeoutMs?: number; what?: string } = {},
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  do {
    try {
      const answer = await ask();
      if (isRight(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    await setTimeout(150);
  } while (Date.now() < end);
  throw new Error(`not within ${timeoutMs} ms: ${what || isRight}; the last answer was ${show(last)}`);
}

const show = (value: unknown) => (value instanceof Error ? value.message : JSON.stringify(value)?.slice(0, 2000));
