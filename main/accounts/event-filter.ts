import type { RoomId } from '../../shared/ids.ts';
import { badJson } from '../../shared/matrix-error.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';

/** Which events are wanted. https://spec.matrix.org/v1.19/client-server-api/#filtering */
export interface EventFilter {
  readonly limit: number | undefined;
  readonly types: readonly string[] | undefined; // with `*` for any number of characters
  readonly notTypes: readonly string[];
  readonly senders: ReadonlySet<string> | undefined;
  readonly notSenders: ReadonlySet<string>;
}

export interface RoomEventFilter extends EventFilter {
  readonly rooms: ReadonlySet<string> | undefined;
  readonly notRooms: ReadonlySet<string>;
  readonly containsUrl: boolean | undefined;
  readonly lazyLoadMembers: boolean;
  readonly includeRedundantMembers: boolean;
}

export interface SyncFilter {
  readonly format: 'client' | 'federation';
  readonly accountData: EventFilter;
  readonly presence: EventFilter;
  readonly rooms: ReadonlySet<string> | undefined;
  readonly notRooms: ReadonlySet<string>;
  readonly includeLeave: boolean;
  readonly timeline: RoomEventFilter;
  readonly state: RoomEventFilter;
  readonly ephemeral: RoomEventFilter;
  readonly roomAccountData: RoomEventFilter;
}

/** Throws 400 `M_BAD_JSON` for what has another shape. */
export function parseSyncFilter(filter: JsonObject): SyncFilter {
  const room = part(filter, 'room');
  const { event_format: format } = filter;
  if (format !== undefined && format !== 'client' && format !== 'federation') {
    throw badJson('event_format must be client or federation');
  }
  strings(filter, 'event_fields');
  return {
    format: format ?? 'client',
    accountData: parseEventFilter(part(filter, 'account_data')),
    presence: parseEventFilter(part(filter, 'presence')),
    rooms: strings(room, 'rooms') && new Set(strings(room, 'rooms')),
    notRooms: new Set(strings(room, 'not_rooms')),
    includeLeave: flag(room, 'include_leave') ?? false,
    timeline: parseRoomEventFilter(part(room, 'timeline')),
    state: parseRoomEventFilter(part(room, 'state')),
    ephemeral: parseRoomEventFilter(part(room, 'ephemeral')),
    roomAccountData: parseRoomEventFilter(part(room, 'account_data')),
  };
}

export function parseRoomEventFilter(filter: JsonObject): RoomEventFilter {
  const rooms = strings(filter, 'rooms');
  return {
    ...parseEventFilter(filter),
    rooms: rooms && new Set(rooms),
    notRooms: new Set(strings(filter, 'not_rooms')),
    containsUrl: flag(filter, 'contains_url'),
    lazyLoadMembers: flag(filter, 'lazy_load_members') ?? false,
    includeRedundantMembers: flag(filter, 'include_redundant_members') ?? false,
  };
}

function parseEventFilter(filter: JsonObject): EventFilter {
  const { limit } = filter;
  if (limit !== undefined && (typeof limit !== 'number' || limit < 0)) throw badJson('limit must be a number above 0');
  const senders = strings(filter, 'senders');
  return {
    limit,
    types: strings(filter, 'types'),
    notTypes: strings(filter, 'not_types') ?? [],
    senders: senders && new Set(senders),
    notSenders: new Set(strings(filter, 'not_senders')),
  };
}

/** What a filter looks at. */
interface Filtered {
  readonly type: string;
  readonly sender?: string;
  readonly content?: JsonObject;
}

export function passes(filter: EventFilter, { type, sender }: Filtered): boolean {
  const { types, notTypes, senders, notSenders } = filter;
  if (notTypes.some((pattern) => matchesType(pattern, type))) return false;
  if (types !== undefined && !types.some((pattern) => matchesType(pattern, type))) return false;
  if (sender === undefined) return true;
  return !notSenders.has(sender) && (senders === undefined || senders.has(sender));
}

export function passesInRoom(filter: RoomEventFilter, roomId: RoomId, event: Filtered): boolean {
  const { rooms, notRooms, containsUrl } = filter;
  if (notRooms.has(roomId) || rooms?.has(roomId) === false) return false;
  if (containsUrl !== undefined && (typeof event.content?.['url'] === 'string') !== containsUrl) return false;
  return passes(filter, event);
}

/** Each part between the stars at the first place where it is found after the one before; the last one at the end. */
function matchesType(pattern: string, type: string): boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop();
  if (last === undefined) return pattern === type;
  if (!type.startsWith(first)) return false;
  let at = first.length;
  for (const between of rest) {
    const found = type.indexOf(between, at);
    if (found === -1) return false;
    at = found + between.length;
  }
  return type.length - last.length >= at && type.endsWith(last);
}

const nothing: JsonObject = {};

function part(filter: JsonObject, name: string): JsonObject {
  const value: JsonValue = filter[name] ?? nothing;
  if (!isObject(value)) throw badJson(`${name} must be an object`);
  return value;
}

function strings(filter: JsonObject, name: string): readonly string[] | undefined {
  const value = filter[name];
  if (value === undefined || value === null) return undefined;
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  if (!isList) throw badJson(`${name} must be an array of strings`);
  return value as readonly string[];
}

function flag(filter: JsonObject, name: string): boolean | undefined {
  const value = filter[name];
  if (value !== undefined && typeof value !== 'boolean') throw badJson(`${name} must be true or false`);
  return value;
}
