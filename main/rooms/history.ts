import type { EventId, RoomId, ServerName } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { Clock } from '../platform.ts';
import { serversOfThePowerful } from './powerful-servers.ts';
import { isRemoteError } from './remote-error.ts';
import type { Rooms, TopologicalToken } from './rooms.ts';

/** History that we do not have, fetched when somebody scrolls there. */
export interface History {
  /**
   * Fills the gaps that a client has come to who has read back to `from`; none: from the newest event. Says whether
   * anything new is there now. Asked twice at once, or soon after nobody could help, it asks nobody.
   * https://spec.matrix.org/v1.19/server-server-api/#backfilling-and-retrieving-missing-events
   */
  fillBefore(roomId: RoomId, from: TopologicalToken | undefined): Promise<boolean>;
}

interface Needs {
  readonly rooms: Pick<
    Rooms,
    'info' | 'event' | 'backwardExtremities' | 'servers' | 'stateBefore' | 'currentState' | 'receive'
  >;
  readonly remote: Pick<RemoteServers, 'backfill'>;
  readonly serverName: ServerName;
  readonly clock: Clock;
  readonly log: Log;
}

/** Events of one request, which is the most that servers give. */
const most = 100;
/** Gaps that one request is about, and servers that are asked about them while somebody waits. */
const mostGaps = 20;
const mostServers = 5;
const patienceMs = 30_000;
/** How long a server that could not help is left alone, and a gap that nobody could fill; longer each time. */
const serverRestMs = 10 * 60_000;
const gapRestMs = 60_000;
const longestRestMs = 6 * 60 * 60_000;
const mostRemembered = 10_000;

export function history({ rooms, remote, serverName, clock, log }: Needs): History {
  const filling = new Map<RoomId, Promise<boolean>>();
  const restingServers = restBook<string>(clock);
  const restingGaps = restBook<EventId>(clock);

  /** The gaps at or above the place, the lowest first: what is cited there is what comes next. */
  function gapsAt(roomId: RoomId, from: TopologicalToken | undefined) {
    return rooms
      .backwardExtremities(roomId)
      .filter(({ missing }) => !restingGaps.rests(missing))
      .map(({ missing, citedBy }) => ({ missing, citing: rooms.event(citedBy) }))
      .filter(({ citing }) => citing !== undefined && (from === undefined || citing.topological >= from.topological))
      .sort((one, other) => (one.citing?.topological ?? 0) - (other.citing?.topological ?? 0))
      .slice(0, mostGaps);
  }

  async function fill(roomId: RoomId, from: TopologicalToken | undefined): Promise<boolean> {
    const gaps = gapsAt(roomId, from);
    const [nearest] = gaps;
    if (nearest?.citing === undefined) return false;
    const { event: citing } = nearest.citing;
    const state = rooms.stateBefore(citing.eventId) ?? rooms.currentState(roomId);
    const present = rooms.servers(roomId);
    const servers = [citing.origin, ...serversOfThePowerful(state), ...present].filter(
      (server) => server !== serverName && present.has(server) && !restingServers.rests(`${server} ${roomId}`),
    );
    const missing = [...new Set(gaps.map((gap) => gap.missing))];
    const deadline = clock.now() + patienceMs;
    for (const server of [...new Set(servers)].slice(0, mostServers)) {
      if (clock.now() > deadline) break;
      if (await fillFrom(server, roomId, missing)) {
        restingServers.wake(`${server} ${roomId}`);
        return true;
      }
      restingServers.rest(`${server} ${roomId}`, serverRestMs);
    }
    for (const gap of missing) restingGaps.rest(gap, gapRestMs);
    return false;
  }

  /** Signatures and hashes are checked where all events are received. */
  async function fillFrom(server: ServerName, roomId: RoomId, missing: readonly EventId[]): Promise<boolean> {
    try {
      const { pdus } = await remote.backfill(server, roomId, missing, most);
      const outcomes = await rooms.receive(pdus.slice(0, most), { origin: server, source: 'backfill' });
      return outcomes.some(({ outcome }) => outcome === 'accepted' || outcome === 'redacted');
    } catch (error) {
      if (!isRemoteError(error)) throw error;
      log.info('backfill failed', { roomId, server, error });
      return false;
    }
  }

  return {
    async fillBefore(roomId, from) {
      if (rooms.info(roomId)?.resident !== true) return false;
      const first = filling.get(roomId);
      if (first !== undefined) return first;
      const work = fill(roomId, from);
      filling.set(roomId, work);
      try {
        return await work;
      } finally {
        filling.delete(roomId);
      }
    },
  };
}

/** Whom to leave alone, and until when: twice as long each time in a row. */
function restBook<K>(clock: Clock) {
  const resting = new Map<K, { readonly until: number; readonly ms: number }>();
  return {
    rests: (key: K) => (resting.get(key)?.until ?? 0) > clock.now(),
    rest(key: K, firstMs: number) {
      const before = resting.get(key)?.ms;
      const ms = Math.min(before === undefined ? firstMs : before * 2, longestRestMs);
      if (resting.size >= mostRemembered) resting.clear();
      resting.set(key, { until: clock.now() + ms, ms });
    },
    wake: (key: K) => void resting.delete(key),
  };
}
