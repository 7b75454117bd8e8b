import type { Events, ServedBridge } from '../../shared/bridge.ts';
import { type FlowSummary, flowState } from '../../shared/flow.ts';
import type { RoomId, ServerName } from '../../shared/ids.ts';
import type { Overview } from '../../shared/views.ts';
import { batches } from '../inspector/batches.ts';
import type { Clock } from '../platform.ts';

type Unsubscribe = () => void;

/** Who tells of changes. Each is listened to only while somebody looks. */
export interface LiveSources {
  readonly clock: Clock;
  readonly overview: () => Overview;
  /** Batched already. */
  onFlows(listener: (flows: readonly FlowSummary[]) => void): Unsubscribe;
  onRoom(listener: (roomId: RoomId) => void): Unsubscribe;
  onPeer(listener: (server: ServerName) => void): Unsubscribe;
  onKeys(listener: () => void): Unsubscribe;
  /** Listeners, tunnel, setup: what only the overview shows. */
  onServer(listener: () => void): Unsubscribe;
}

/** Tells attached consoles what changes. */
export interface Live {
  /** Until the port closes. */
  attach(bridge: ServedBridge): Unsubscribe;
  close(): void;
}

const everyMs = 100;
/** The overview is made of everything, so it costs more and changes all the time. */
const overviewEveryMs = 1000;

/** Whether a request tells something new of its peer: when we last met, how fast it answers. */
const isContact = (flow: FlowSummary) =>
  flowState(flow) !== 'pending' && (flow.direction === 'outbound' || flow.auth?.verified === true);

export function createLive(sources: LiveSources): Live {
  const bridges = new Set<ServedBridge>();
  let stop: Unsubscribe | undefined;

  const tell = <K extends keyof Events>(event: K, data: Events[K]) => {
    for (const bridge of bridges) bridge.emit(event, data);
  };

  /** Listens to all, and returns how to end that. Nothing runs before the first console is attached. */
  const start = (): Unsubscribe => {
    const { clock } = sources;
    const overview = batches<'overview', true>(clock, overviewEveryMs, () =>
      tell('overview.changed', sources.overview()),
    );
    const rooms = batches<RoomId, true>(clock, everyMs, (changed) => tell('rooms.changed', [...changed.keys()]));
    const peers = batches<ServerName, true>(clock, everyMs, (changed) => tell('peers.changed', [...changed.keys()]));
    const keys = batches<'keys', true>(clock, everyMs, () => tell('keys.changed', null));
    const overviewChanged = () => overview.put('overview', true);
    const subscriptions = [
      sources.onFlows((flows) => {
        tell('flows.changed', flows);
        for (const flow of flows) if (flow.peer !== undefined && isContact(flow)) peers.put(flow.peer, true);
        overviewChanged();
      }),
      sources.onRoom((roomId) => {
        rooms.put(roomId, true);
        overviewChanged();
      }),
      sources.onPeer((server) => {
        peers.put(server, true);
        overviewChanged();
      }),
      sources.onKeys(() => {
        keys.put('keys', true);
        overviewChanged();
      }),
      sources.onServer(overviewChanged),
    ];
    return () => {
      for (const unsubscribe of subscriptions) unsubscribe();
      for (const batch of [overview, rooms, peers, keys]) batch.stop();
    };
  };

  return {
    attach(bridge) {
      bridges.add(bridge);
      stop ??= start();
      return () => {
        bridges.delete(bridge);
        if (bridges.size > 0) return;
        stop?.();
        stop = undefined;
      };
    },
    close() {
      bridges.clear();
      stop?.();
      stop = undefined;
    },
  };
}
