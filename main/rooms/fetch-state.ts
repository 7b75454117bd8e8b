import type { EventId, ServerName } from '../../shared/ids.ts';
import { buildState, type StateRef, setInState } from '../db/state-trie.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { FetchOutliers } from './fetch-outliers.ts';
import type { RoomCore } from './room-core.ts';
import type { RoomHead } from './room-heads.ts';

/** The state at points of a room that we have no history for, as other servers know it. */
export interface FetchState {
  /** The state before an event, which need not be here. Nothing if no server gives all of it. */
  before(head: RoomHead, eventId: EventId, servers: readonly ServerName[]): Promise<StateRef | undefined>;
  /** The same with the event itself in it: the state after it. */
  after(head: RoomHead, eventId: EventId, servers: readonly ServerName[]): Promise<StateRef | undefined>;
}

/** Up to here events are asked for one by one; beyond, the whole state is sent. */
const fetchedOneByOne = 50;
const readWithoutPause = 1000;

interface FetchStateDeps {
  readonly core: RoomCore;
  readonly remote: RemoteServers;
  readonly outliers: FetchOutliers;
  readonly log: Log;
}

export function createFetchState({ core, remote, outliers, log }: FetchStateDeps): FetchState {
  const { tables, store } = core;
  const { load } = tables.stateNodes;
  const lacking = (ids: readonly EventId[]) => ids.filter((id) => !store.isGrounded(id));

  /** The state that these events make. What was rejected, or is no state event of this room, is not part of it. */
  const stateOf = async (head: RoomHead, ids: readonly EventId[]): Promise<StateRef> => {
    const entries = new Map<number, number>();
    for (const [index, id] of ids.entries()) {
      if (index % readWithoutPause === 0) await new Promise(setImmediate);
      const record = store.summary(id);
      if (record === undefined || record.room !== head.id || record.stateKey === null) continue;
      if (record.outcome === 'rejected' && record.step === 'authEvents') continue;
      entries.set(record.stateKey, record.id);
    }
    return buildState(entries);
  };

  const from = async (
    server: ServerName,
    head: RoomHead,
    eventId: EventId,
    servers: readonly ServerName[],
  ): Promise<StateRef | undefined> => {
    const { pduIds } = await remote.stateIds(server, head.roomId, eventId);
    if (pduIds.length === 0) return undefined; // only a create event has no state before it
    if (lacking(pduIds).length > fetchedOneByOne) {
      const { pdus, authChain } = await remote.state(server, head.roomId, eventId);
      await outliers.keep(head, { pdus: [...authChain.pdus, ...pdus] }, servers);
    }
    const missing = await outliers.fetch(head, lacking(pduIds), servers);
    if (missing.length === 0) return stateOf(head, pduIds);
    log.info('a state lacks events that nobody gives us', { roomId: head.roomId, eventId, server, missing });
    return undefined;
  };

  const before: FetchState['before'] = async (head, eventId, servers) => {
    for (const server of servers) {
      try {
        const state = await from(server, head, eventId, servers);
        if (state !== undefined) return state;
      } catch (error) {
        log.debug('a server did not give us a state', { roomId: head.roomId, eventId, server, error });
      }
    }
    return undefined;
  };
  return {
    before,
    async after(head, eventId, servers) {
      await outliers.fetch(head, [eventId], servers);
      const state = await before(head, eventId, servers);
      const record = store.find(eventId);
      if (state === undefined || record === undefined || record.room !== head.id) return state;
      const enters = record.stateKey !== null && record.outcome !== 'rejected';
      return enters ? setInState(state, record.stateKey ?? 0, record.id, load) : state;
    },
  };
}
