import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from 'react';
import type { Bridge, Port } from '../shared/bridge.ts';
import { type Connection, keepConnected } from './keep-connected.ts';

const connecting: Connection = { state: 'connecting', bridge: undefined };
const ConnectionContext = createContext<Connection & { retryNow(): void }>({ ...connecting, retryNow: () => {} });

interface ConnectionProviderProps {
  readonly connect: () => Promise<Port>;
  readonly children: ReactNode;
}

/** Holds the one connection of the page, and opens it again when it breaks. */
export function ConnectionProvider({ connect, children }: ConnectionProviderProps) {
  const [connection, setConnection] = useState(connecting);
  const kept = useRef<ReturnType<typeof keepConnected>>(undefined);
  useEffect(() => {
    kept.current = keepConnected(connect, setConnection);
    return () => kept.current?.stop();
  }, [connect]);
  return (
    <ConnectionContext value={{ ...connection, retryNow: () => kept.current?.retryNow() }}>
      {children}
    </ConnectionContext>
  );
}

export const useConnection = () => useContext(ConnectionContext);

/** The bridge, while there is one. */
export const useBridge = (): Bridge | undefined => useContext(ConnectionContext).bridge;
