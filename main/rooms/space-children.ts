import { parseRoomId, parseServerName, type RoomId, type ServerName } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { RoomState } from './rooms.ts';

/** A room of a space, as its `m.space.child` event has it. */
export interface SpaceChild {
  readonly roomId: RoomId;
  /** Servers that may know it: since version 12 a room ID names none itself. */
  readonly via: readonly ServerName[];
  readonly suggested: boolean;
  /** Stripped, with `origin_server_ts`: as it goes into `children_state`. */
  readonly event: JsonObject & { readonly origin_server_ts: number };
}

/** Rooms of one space. Larger ones are cut: nobody reads that far. */
const mostChildren = 1000;
const mostServers = 20;

/** The children of a space that we are in, in their order. A room that is no space has none. */
export function childrenOf(state: RoomState): readonly SpaceChild[] {
  if (state.get('m.room.create', '')?.content['type'] !== 'm.space') return [];
  const children = state.ofType('m.space.child').map(({ stateKey, sender, content, originServerTs }) =>
    childFrom({
      type: 'm.space.child',
      state_key: stateKey ?? '',
      sender,
      content,
      origin_server_ts: originServerTs,
    }),
  );
  return inOrder(children.filter((child) => child !== undefined));
}

/** The same from another server's `children_state`. What is no child is left out. */
export const childrenFrom = (entries: JsonValue | undefined): readonly SpaceChild[] =>
  inOrder(
    (Array.isArray(entries) ? entries : [])
      .slice(0, mostChildren)
      .map(childFrom)
      .filter((child) => child !== undefined),
  );

/** "When not present or invalid, the child room is not considered to be part of the space" is said of `via`. */
function childFrom(event: JsonValue): SpaceChild | undefined {
  if (!isObject(event)) return undefined;
  const { type, state_key: key, sender, content, origin_server_ts: ts } = event;
  const roomId = typeof key === 'string' ? parseRoomId(key) : undefined;
  if (roomId === undefined || type !== 'm.space.child' || typeof sender !== 'string') return undefined;
  if (content === undefined || !isObject(content) || !Number.isSafeInteger(ts)) return undefined;
  const { via } = content;
  if (!Array.isArray(via) || via.length === 0 || !via.every((server) => typeof server === 'string')) return undefined;
  return {
    roomId,
    via: via
      .slice(0, mostServers)
      .map(parseServerName)
      .filter((server) => server !== undefined),
    suggested: content['suggested'] === true,
    event: { type, state_key: roomId, sender, content, origin_server_ts: ts as number },
  };
}

/**
 * By `order`, then by age, then by room ID.
 * https://spec.matrix.org/v1.19/client-server-api/#ordering-of-children-within-a-space
 */
function inOrder(children: readonly SpaceChild[]): readonly SpaceChild[] {
  const keyed = children.map((child) => ({ child, order: orderOf(child) }));
  const compare = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
  return keyed
    .sort(({ child: one, order: a }, { child: other, order: b }) => {
      if ((a === undefined) !== (b === undefined)) return a === undefined ? 1 : -1;
      return (
        compare(a ?? '', b ?? '') ||
        one.event.origin_server_ts - other.event.origin_server_ts ||
        compare(one.roomId, other.roomId)
      );
    })
    .slice(0, mostChildren)
    .map(({ child }) => child);
}

function orderOf({ event }: SpaceChild): string | undefined {
  const order = isObject(event['content'] ?? null) ? (event['content'] as JsonObject)['order'] : undefined;
  return typeof order === 'string' && /^[\x20-\x7E]{1,50}$/.test(order) ? order : undefined;
}
