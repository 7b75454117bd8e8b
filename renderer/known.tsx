import { createContext, type ReactNode, useContext, useMemo } from 'react';
import type { RoomId } from '../shared/ids.ts';
import type { Overview, PeerStatus, RoomSummary } from '../shared/views.ts';
import { askAgain, type Loaded, useLive } from './use-live.ts';

/** What more than one screen shows: asked once, kept live for all. */
interface Known {
  readonly overview: Loaded<Overview>;
  readonly rooms: Loaded<readonly RoomSummary[]>;
  readonly peers: Loaded<readonly PeerStatus[]>;
  /** A room's name or alias. */
  readonly roomName: (roomId: RoomId) => string | undefined;
}

const KnownContext = createContext<Known | undefined>(undefined);

export function KnownProvider({ children }: { readonly children: ReactNode }) {
  const overview = useLive({ call: 'overview.get', args: [], event: 'overview.changed', apply: (_old, next) => next });
  const rooms = useLive({ call: 'rooms.list', args: [], event: 'rooms.changed', apply: () => askAgain });
  const peers = useLive({ call: 'peers.list', args: [], event: 'peers.changed', apply: () => askAgain });
  const roomName = useMemo(() => {
    const names = new Map(rooms.data?.map((room) => [room.roomId, room.name ?? room.canonicalAlias]));
    return (roomId: RoomId) => names.get(roomId);
  }, [rooms.data]);
  return <KnownContext value={{ overview, rooms, peers, roomName }}>{children}</KnownContext>;
}

export function useKnown(): Known {
  const known = useContext(KnownContext);
  if (known === undefined) throw new Error('there is no <KnownProvider> around this component');
  return known;
}
