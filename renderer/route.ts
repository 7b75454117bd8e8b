import { useSyncExternalStore } from 'react';
import {
  type EventId,
  type FlowId,
  parseEventId,
  parseRoomId,
  parseServerName,
  type RoomId,
  type ServerName,
} from '../shared/ids.ts';

export const roomTabs = ['timeline', 'state', 'members'] as const;
export type RoomTab = (typeof roomTabs)[number];
export const flowTabs = ['summary', 'auth', 'request', 'response', 'pdus', 'timing', 'trace'] as const;
export type FlowTab = (typeof flowTabs)[number];

/** A screen, as the fragment of the page's address says it: `#/rooms/!id/state`, `#/log/17/pdus?q=peer:osk.example`. */
export type Route =
  | { readonly screen: 'overview' | 'rooms' | 'peers' | 'keys' }
  | { readonly screen: 'room'; readonly roomId: RoomId; readonly tab: RoomTab }
  | { readonly screen: 'peer'; readonly server: ServerName }
  | { readonly screen: 'event'; readonly eventId: EventId }
  | { readonly screen: 'log'; readonly flowId: FlowId | undefined; readonly tab: FlowTab; readonly filter: string }
  | { readonly screen: 'unknown'; readonly path: string };

/** Ids from addresses are as hostile as any: what is none leads to `unknown`. */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?', 2);
  const [screen = '', id, tab] = path.split('/').slice(1).map(decode);
  const unknown: Route = { screen: 'unknown', path };
  if (screen === '') return { screen: 'overview' };
  if (screen === 'log') {
    const filter = new URLSearchParams(query).get('q') ?? '';
    return { screen, flowId: id === undefined ? undefined : parseFlowId(id), tab: oneOf(flowTabs, tab), filter };
  }
  if (screen === 'events') {
    const eventId = parseEventId(id ?? '');
    return eventId === undefined ? unknown : { screen: 'event', eventId };
  }
  if (screen === 'rooms' && id !== undefined) {
    const roomId = parseRoomId(id);
    return roomId === undefined ? unknown : { screen: 'room', roomId, tab: oneOf(roomTabs, tab) };
  }
  if (screen === 'peers' && id !== undefined) {
    const server = parseServerName(id);
    return server === undefined ? unknown : { screen: 'peer', server };
  }
  return screen === 'rooms' || screen === 'peers' || screen === 'keys' ? { screen } : unknown;
}

/** The inverse of `parseRoute`. */
export function hrefOf(route: Route): string {
  switch (route.screen) {
    case 'overview':
      return '#/';
    case 'room':
      return `#/rooms/${encodeURIComponent(route.roomId)}/${route.tab}`;
    case 'peer':
      return `#/peers/${encodeURIComponent(route.server)}`;
    case 'event':
      return `#/events/${encodeURIComponent(route.eventId)}`;
    case 'log': {
      const query = route.filter === '' ? '' : `?${new URLSearchParams({ q: route.filter })}`;
      return `#/log${route.flowId === undefined ? '' : `/${route.flowId}/${route.tab}`}${query}`;
    }
    case 'unknown':
      return `#${route.path}`;
    default:
      return `#/${route.screen}`;
  }
}

export const roomHref = (roomId: RoomId) => hrefOf({ screen: 'room', roomId, tab: 'timeline' });
export const peerHref = (server: ServerName) => hrefOf({ screen: 'peer', server });
export const eventHref = (eventId: EventId) => hrefOf({ screen: 'event', eventId });
export const logHref = (filter: string) => hrefOf({ screen: 'log', flowId: undefined, tab: 'summary', filter });

/** `replace` for what should leave no step in the history: the next row, the next tab. */
export function go(route: Route, how: 'push' | 'replace' = 'push'): void {
  if (how === 'replace') location.replace(hrefOf(route));
  else location.hash = hrefOf(route);
}

export function useHash(): string {
  return useSyncExternalStore(onHashChange, () => location.hash);
}

function onHashChange(listener: () => void): () => void {
  addEventListener('hashchange', listener);
  return () => removeEventListener('hashchange', listener);
}

function parseFlowId(text: string): FlowId | undefined {
  return /^\d{1,16}$/.test(text) ? (text as FlowId) : undefined;
}

function oneOf<T extends string>(all: readonly [T, ...T[]], text: string | undefined): T {
  return all.find((each) => each === text) ?? all[0];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a lone % from somebody's keyboard
  }
}
