import type { RoomAlias, UserId } from '../../shared/ids.ts';
import { badJson, MatrixError } from '../../shared/matrix-error.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import type { EventDraft } from './rooms.ts';

export type Preset = 'private_chat' | 'trusted_private_chat' | 'public_chat';

/** What a new room is to be, as `POST /createRoom` asks for it. */
export interface RoomWishes {
  readonly creator: UserId;
  readonly creatorProfile: JsonObject; // `displayname` and `avatar_url`, as far as there are any
  readonly preset: Preset;
  readonly alias: RoomAlias | undefined;
  readonly name: string | undefined;
  readonly topic: string | undefined;
  readonly invite: readonly UserId[];
  readonly creationContent: JsonObject;
  readonly powerLevelOverride: JsonObject;
  readonly initialState: readonly { readonly type: string; readonly stateKey: string; readonly content: JsonObject }[];
}

/**
 * The events that a new room begins with, up to the invites, in the order of the specification:
 * https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom
 *
 * @throws MatrixError 400 M_BAD_JSON, M_INVALID_ROOM_STATE
 */
export function firstEvents(wishes: RoomWishes, rules: RoomVersionRules): readonly EventDraft[] {
  const { creator, creatorProfile, alias, name, topic, initialState } = wishes;
  const state = (type: string, content: JsonObject, stateKey = ''): EventDraft => ({
    type,
    sender: creator,
    content,
    stateKey,
  });
  const asked = new Set(initialState.map(({ type, stateKey }) => `${type}\0${stateKey}`));
  const fromPreset = Object.entries(presets[wishes.preset].state).filter(([type]) => !asked.has(`${type}\0`));
  return [
    state('m.room.create', createContent(wishes, rules)),
    state('m.room.member', { ...creatorProfile, membership: 'join' }, creator),
    state('m.room.power_levels', powerLevels(wishes, rules)),
    ...(alias === undefined ? [] : [state('m.room.canonical_alias', { alias })]),
    ...fromPreset.map(([type, content]) => state(type, content)),
    ...initialState.map(({ type, stateKey, content }) => state(type, content, stateKey)),
    ...(name === undefined ? [] : [state('m.room.name', { name })]),
    ...(topic === undefined ? [] : [state('m.room.topic', { topic, 'm.topic': { 'm.text': [{ body: topic }] } })]),
  ];
}

interface PresetRules {
  readonly state: Readonly<Record<string, JsonObject>>;
  readonly inviteLevel: number;
  readonly inviteesAreEqual: boolean;
}

const privateState = {
  'm.room.join_rules': { join_rule: 'invite' },
  'm.room.history_visibility': { history_visibility: 'shared' },
  'm.room.guest_access': { guest_access: 'can_join' },
};

const presets: Readonly<Record<Preset, PresetRules>> = {
  private_chat: { state: privateState, inviteLevel: 0, inviteesAreEqual: false },
  trusted_private_chat: { state: privateState, inviteLevel: 0, inviteesAreEqual: true },
  public_chat: {
    state: {
      'm.room.join_rules': { join_rule: 'public' },
      'm.room.history_visibility': { history_visibility: 'shared' },
      'm.room.guest_access': { guest_access: 'forbidden' },
    },
    inviteLevel: 50,
    inviteesAreEqual: false,
  },
};

function createContent(wishes: RoomWishes, rules: RoomVersionRules): JsonObject {
  const { creator: _ours, ...wished } = wishes.creationContent;
  const additional = additionalCreators(wishes, rules);
  return {
    ...wished,
    ...(additional.length > 0 && { additional_creators: additional }),
    ...(!rules.implicitCreator && { creator: wishes.creator }),
    room_version: rules.version,
  };
}

/** Who is a creator besides the sender, without repetitions. In older versions the field means nothing and stays as it is. */
function additionalCreators(wishes: RoomWishes, rules: RoomVersionRules): readonly JsonValue[] {
  const wished = wishes.creationContent['additional_creators'] ?? [];
  if (!Array.isArray(wished)) throw badJson('additional_creators must be an array');
  if (!rules.privilegedCreators) return wished;
  const equals = presets[wishes.preset].inviteesAreEqual ? wishes.invite : [];
  const all = new Set<JsonValue>([...(wished as readonly JsonValue[]), ...equals]);
  all.delete(wishes.creator);
  return [...all];
}

/** Creators of version 12 have no level: they are above all. Before, the creator has 100. */
function powerLevels(wishes: RoomWishes, rules: RoomVersionRules): JsonObject {
  const { creator, invite, powerLevelOverride } = wishes;
  const preset = presets[wishes.preset];
  const creators = rules.privilegedCreators ? [creator, ...additionalCreators(wishes, rules)] : [];
  const named = powerLevelOverride['users'];
  if (isObject(named) && creators.some((user) => Object.hasOwn(named, String(user)))) {
    const message = 'A creator of the room has no power level in this room version, and cannot be given one.';
    throw new MatrixError(400, 'M_INVALID_ROOM_STATE', message);
  }
  const equals = preset.inviteesAreEqual ? invite : [];
  const users = rules.privilegedCreators ? {} : Object.fromEntries([creator, ...equals].map((user) => [user, 100]));
  return {
    users,
    users_default: 0,
    events: {
      'm.room.name': 50,
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.power_levels': 100,
      'm.room.history_visibility': 100,
      'm.room.encryption': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': rules.privilegedCreators ? 150 : 100, // above all but creators
    },
    events_default: 0,
    state_default: 50,
    ban: 50,
    kick: 50,
    redact: 50,
    invite: preset.inviteLevel,
    ...powerLevelOverride,
  };
}
