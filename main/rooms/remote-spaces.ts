import type { RoomId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { Clock } from '../platform.ts';
import { isObject, type JsonValue } from '../protocol/json.ts';
import { AllFailed, askEach, BadAnswer } from './ask-each.ts';
import { cardFrom, type RoomCard } from './room-card.ts';
import { childrenFrom, type SpaceChild } from './space-children.ts';

/** What another server told of a room that we are not in. */
export interface RemoteRoom {
  readonly from: ServerName;
  readonly card: RoomCard;
  readonly children: readonly SpaceChild[];
  /** Cards of its rooms. Of those that are spaces the children are not told. */
  readonly cards: ReadonlyMap<RoomId, RoomCard>;
  /** Rooms that are not for us, whomever we ask. */
  readonly inaccessible: ReadonlySet<RoomId>;
}

/** Asks one server after the other; `undefined` where none tells. Answers and failures are kept for a while. */
export type RemoteSpaces = (roomId: RoomId, candidates: readonly ServerName[]) => Promise<RemoteRoom | undefined>;

interface Needs {
  readonly remote: Pick<RemoteServers, 'request'>;
  readonly serverName: ServerName;
  readonly clock: Clock;
  readonly log: Log;
}

const keptMs = 5 * 60_000;
const failureKeptMs = 30_000;
const mostKept = 500;
const mostCandidates = 5;
const mostRooms = 1000;
/** A person waits, perhaps for many rooms. */
const patienceMs = 10_000;
const maxBytes = 5_000_000;

/** "Responses to this endpoint should be cached": https://spec.matrix.org/v1.19/server-server-api/#spaces */
export function remoteSpaces({ remote, serverName, clock, log }: Needs): RemoteSpaces {
  const kept = new Map<RoomId, { readonly until: number; readonly asked: string; readonly room: Promise<Told> }>();

  async function askOne(server: ServerName, roomId: RoomId): Promise<RemoteRoom> {
    const uri = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}?suggested_only=false`;
    const asked = { method: 'GET', uri, endpoint: 'hierarchy', roomId, timeoutMs: patienceMs, maxBytes } as const;
    const { body } = await remote.request(server, asked);
    const room = roomFrom(server, roomId, body);
    if (room === undefined) throw new BadAnswer(`${server} has not told of ${roomId} but of something else`);
    return room;
  }

  async function ask(roomId: RoomId, servers: readonly ServerName[]): Promise<Told> {
    try {
      return await askEach(servers, (server) => askOne(server, roomId));
    } catch (error) {
      if (!(error instanceof AllFailed)) throw error;
      log.info('nobody tells of a room', { roomId, reason: error.message });
      return undefined;
    }
  }

  return async (roomId, candidates) => {
    const servers = [...new Set(candidates)].filter((server) => server !== serverName).slice(0, mostCandidates);
    const asked = servers.join(' ');
    const known = kept.get(roomId);
    if (known !== undefined && known.until > clock.now()) {
      const room = await known.room;
      if (room !== undefined || known.asked === asked) return room; // others may know better
    }
    const room = ask(roomId, servers);
    if (kept.size >= mostKept) kept.clear();
    kept.set(roomId, { until: clock.now() + keptMs, asked, room });
    const told = await room;
    if (told === undefined) kept.set(roomId, { until: clock.now() + failureKeptMs, asked, room });
    return told;
  };
}

type Told = RemoteRoom | undefined;

function roomFrom(from: ServerName, roomId: RoomId, body: JsonValue): RemoteRoom | undefined {
  if (!isObject(body)) return undefined;
  const { room, children, inaccessible_children: inaccessible } = body;
  const card = cardFrom(room);
  if (card?.room_id !== roomId || room === undefined || !isObject(room)) return undefined;
  const isSpace = card.room_type === 'm.space';
  const told = (Array.isArray(children) ? children : []).slice(0, mostRooms).map(cardFrom);
  const closed = (Array.isArray(inaccessible) ? inaccessible : []).slice(0, mostRooms);
  return {
    from,
    card,
    children: isSpace ? childrenFrom(room['children_state']) : [],
    cards: new Map(told.filter((each) => each !== undefined).map((each) => [each.room_id, each])),
    inaccessible: new Set(closed.filter((id) => typeof id === 'string') as RoomId[]),
  };
}
