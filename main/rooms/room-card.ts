import { parseRoomId, type RoomId } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { allowedRooms, isRestricted } from './restricted-joins.ts';
import type { RoomState } from './rooms.ts';

/** What is told of a room to those who are not in it: in the directory, in spaces, in summaries. */
export type RoomCard = JsonObject & {
  readonly room_id: RoomId;
  readonly num_joined_members: number;
  readonly world_readable: boolean;
  readonly guest_can_join: boolean;
  readonly room_type?: string;
  /** Not there: public. */
  readonly join_rule?: string;
};

const texts = ['name', 'topic', 'canonical_alias', 'avatar_url', 'join_rule', 'room_type'] as const;
const megolm = 'm.megolm.v1.aes-sha2';

/** The card of a room that we are in, as the directory has it. */
export function cardOf(roomId: RoomId, state: RoomState, members: number): RoomCard {
  const text = (type: string, key: string): string | undefined => {
    const value = state.get(type, '')?.content[key];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const found: Readonly<Record<(typeof texts)[number], string | undefined>> = {
    name: text('m.room.name', 'name'),
    topic: text('m.room.topic', 'topic'),
    canonical_alias: text('m.room.canonical_alias', 'alias'),
    avatar_url: text('m.room.avatar', 'url'),
    join_rule: text('m.room.join_rules', 'join_rule'),
    room_type: text('m.room.create', 'type'),
  };
  return {
    ...(Object.fromEntries(Object.entries(found).filter(([, value]) => value !== undefined)) as JsonObject),
    room_id: roomId,
    num_joined_members: members,
    world_readable: text('m.room.history_visibility', 'history_visibility') === 'world_readable',
    guest_can_join: text('m.room.guest_access', 'guest_access') === 'can_join',
  };
}

/** The same with what spaces and summaries have besides: who may come in by other rooms, encryption, the version. */
export function fullCardOf(roomId: RoomId, state: RoomState, rules: RoomVersionRules, members: number): RoomCard {
  const isEncrypted = state.get('m.room.encryption', '')?.content['algorithm'] === megolm;
  return {
    ...cardOf(roomId, state, members),
    ...(isRestricted(state, rules) && { allowed_room_ids: allowedRooms(state) }),
    ...(isEncrypted && { encryption: megolm }),
    room_version: rules.version,
  };
}

/** Rooms that one condition may name; more of them help nobody. */
const mostAllowed = 100;

/** A stranger's word on a room, as far as it has the form of one: clients count on that. None where it is no room. */
export function cardFrom(entry: JsonValue | undefined): RoomCard | undefined {
  if (entry === undefined || !isObject(entry)) return undefined;
  const { num_joined_members: members, world_readable: readable, guest_can_join: guests, encryption } = entry;
  const roomId = typeof entry['room_id'] === 'string' ? parseRoomId(entry['room_id']) : undefined;
  const isWhole = Number.isSafeInteger(members) && typeof readable === 'boolean' && typeof guests === 'boolean';
  if (roomId === undefined || !isWhole) return undefined;
  const given = texts.filter((key) => entry[key] !== undefined && entry[key] !== null);
  if (given.some((key) => typeof entry[key] !== 'string')) return undefined;
  const { allowed_room_ids: allowed, room_version: version } = entry;
  return {
    ...(Object.fromEntries(given.map((key) => [key, entry[key]])) as JsonObject),
    room_id: roomId,
    num_joined_members: members as number,
    world_readable: readable,
    guest_can_join: guests,
    ...(Array.isArray(allowed) && { allowed_room_ids: allowed.slice(0, mostAllowed).filter(isRoomId) }),
    ...(encryption === megolm && { encryption: megolm }),
    ...(typeof version === 'string' && { room_version: version }),
  };
}

const isRoomId = (value: JsonValue) => typeof value === 'string' && parseRoomId(value) !== undefined;
