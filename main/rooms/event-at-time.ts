import { type EventId, parseEventId, type RoomId, type ServerName, type UserId } from '../../shared/ids.ts';
import { forbidden, notFound } from '../../shared/matrix-error.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import { serversOfThePowerful } from './powerful-servers.ts';
import { isRemoteError } from './remote-error.ts';
import type { Rooms, StoredEvent } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';
import type { Visibility } from './visibility.ts';

/** `f`: the first event at that time or later; `b`: the last one at that time or earlier. */
export interface PointInTime {
  readonly roomId: RoomId;
  readonly ts: number; // milliseconds, as events claim it
  readonly dir: 'f' | 'b';
}

interface EventAtTime {
  readonly event_id: EventId;
  readonly origin_server_ts: number;
}

/** Events by their time. All throw 404 `M_NOT_FOUND` where there is none to be seen. */
export interface EventsAtTime {
  /**
   * For a user, who is known to have business in the room. Where our history has a gap there, other servers are asked, and
   * the event is fetched. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidtimestamp_to_event
   */
  forUser(userId: UserId, point: PointInTime): Promise<EventAtTime>;
  /**
   * For a server that is in the room: else 403.
   * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1timestamp_to_eventroomid
   */
  forServer(origin: ServerName, point: PointInTime): Promise<EventAtTime>;
}

interface Needs {
  readonly rooms: Pick<
    Rooms,
    'info' | 'event' | 'atTime' | 'servers' | 'currentState' | 'backwardExtremities' | 'receive'
  >;
  readonly acls: ServerAcls;
  readonly visibility: Pick<Visibility, 'toUser' | 'toServer'>;
  readonly remote: Pick<RemoteServers, 'request' | 'event'>;
  readonly serverName: ServerName;
  readonly log: Log;
}

type Sees = (events: readonly StoredEvent[]) => ReadonlySet<EventId> | Promise<ReadonlySet<EventId>>;

/** Events looked at in the search for one that may be seen, and how many of them at once. */
const mostLookedAt = 500;
const batch = 20;
/** A person waits. */
const mostServers = 5;
const patienceMs = 10_000;

export function eventsAtTime({ rooms, acls, visibility, remote, serverName, log }: Needs): EventsAtTime {
  async function nearest({ roomId, ts, dir }: PointInTime, sees: Sees): Promise<EventAtTime | undefined> {
    for (let skip = 0; skip < mostLookedAt; skip += batch) {
      const events = rooms.atTime(roomId, { ts, dir, skip, limit: batch });
      const seen = await sees(events);
      const found = events.find(({ event }) => seen.has(event.eventId));
      if (found !== undefined) return { event_id: found.event.eventId, origin_server_ts: found.event.originServerTs };
      if (events.length < batch) return undefined;
    }
    return undefined;
  }

  /** Whether what is missing here may be nearer: it is older than the events that cite it. */
  function mayBeMissing({ roomId, ts, dir }: PointInTime, found: EventAtTime | undefined): boolean {
    const gaps = rooms.backwardExtremities(roomId);
    const newest = Math.max(...gaps.map(({ citedBy }) => rooms.event(citedBy)?.event.originServerTs ?? 0));
    if (gaps.length === 0) return false;
    return found === undefined || (dir === 'f' ? newest >= ts : newest > found.origin_server_ts);
  }

  async function askOthers(point: PointInTime, found: EventAtTime | undefined): Promise<void> {
    const { roomId } = point;
    const servers = [...serversOfThePowerful(rooms.currentState(roomId)), ...rooms.servers(roomId)];
    const others = [...new Set(servers)].filter((server) => server !== serverName).slice(0, mostServers);
    for (const server of others) {
      try {
        const told = await ask(server, point);
        if (told === undefined || !isNearer(point, told, found)) continue;
        const { pdus } = await remote.event(server, told.event_id);
        await rooms.receive(pdus.slice(0, 1), { origin: server, source: 'backfill' });
        if (rooms.event(told.event_id)?.outlier === false) return;
      } catch (error) {
        if (!isRemoteError(error)) throw error;
        log.info('a server tells no event by its time', { roomId, server, error });
      }
    }
  }

  async function ask(server: ServerName, { roomId, ts, dir }: PointInTime): Promise<EventAtTime | undefined> {
    const uri = `/_matrix/federation/v1/timestamp_to_event/${encodeURIComponent(roomId)}?ts=${ts}&dir=${dir}`;
    const asked = { method: 'GET', uri, endpoint: 'timestamp_to_event', roomId, timeoutMs: patienceMs } as const;
    return answerOf((await remote.request(server, asked)).body);
  }

  return {
    async forUser(userId, point) {
      const sees: Sees = (events) => visibility.toUser(userId, events);
      let found = await nearest(point, sees);
      if (rooms.info(point.roomId)?.resident === true && mayBeMissing(point, found)) {
        await askOthers(point, found);
        found = await nearest(point, sees);
      }
      if (found === undefined) throw nothingThere(point);
      return found;
    },

    async forServer(origin, point) {
      const { roomId } = point;
      if (rooms.info(roomId) === undefined) throw notFound(`${roomId} is not known here`);
      acls.check(roomId, origin);
      if (!rooms.servers(roomId).has(origin)) throw forbidden(`${origin} is not in ${roomId}`);
      const found = await nearest(point, (events) => visibility.toServer(origin, events));
      if (found === undefined) throw nothingThere(point);
      return found;
    },
  };
}

const nothingThere = ({ ts, dir }: PointInTime) =>
  notFound(`Unable to find event from ${ts} in ${dir === 'f' ? 'forward' : 'backward'} direction`);

function answerOf(body: JsonValue): EventAtTime | undefined {
  if (!isObject(body)) return undefined;
  const { event_id: id, origin_server_ts: ts } = body;
  const eventId = typeof id === 'string' ? parseEventId(id) : undefined;
  return eventId === undefined || !Number.isSafeInteger(ts)
    ? undefined
    : { event_id: eventId, origin_server_ts: ts as number };
}

function isNearer({ ts, dir }: PointInTime, told: EventAtTime, found: EventAtTime | undefined): boolean {
  const [one, other] = [told.origin_server_ts, found?.origin_server_ts];
  return dir === 'f'
    ? one >= ts && (other === undefined || one < other)
    : one <= ts && (other === undefined || one > other);
}
