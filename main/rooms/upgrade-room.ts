import type { RoomId, UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import type { Log } from '../log.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import { type RoomVersionRules, rulesOf } from '../protocol/room-versions.ts';
import type { Directory } from './directory.ts';
import type { RoomList } from './room-list.ts';
import type { EventDraft, RoomState, Rooms } from './rooms.ts';
import { closedPowerLevels, upgradedPowerLevels } from './upgraded-power-levels.ts';

export interface WantedUpgrade {
  readonly userId: UserId;
  readonly roomId: RoomId;
  readonly version: string;
  /** Who is a creator besides the user, where the version knows of such; those of the old room are not taken over. */
  readonly additionalCreators: readonly UserId[];
}

export type UpgradeRoom = (wanted: WantedUpgrade) => Promise<RoomId>;

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'forwardExtremities' | 'create' | 'append' | 'template'>;
  readonly directory: Pick<Directory, 'ofRoom' | 'move'>;
  readonly roomList: Pick<RoomList, 'move'>;
  readonly profileOf: (userId: UserId) => JsonObject;
  /** The user is in the new room: what they have set for the old one holds there, too. */
  readonly onJoin: (userId: UserId, roomId: RoomId) => void;
  readonly log: Log;
}

/** "The recommended state events to transfer", power levels aside: they come last, since they bind the user, too. */
const transferred = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
];
/** Signed in one turn. */
const batch = 50;

/**
 * Replaces a room by one of another version. https://spec.matrix.org/v1.19/client-server-api/#room-upgrades
 *
 * @throws MatrixError 400 `M_UNSUPPORTED_ROOM_VERSION`, 403 for who may not end the room
 */
export function roomUpgrader(needs: Needs): UpgradeRoom {
  const { rooms, directory, roomList, profileOf, onJoin, log } = needs;
  const underWay = new Map<RoomId, Promise<RoomId>>();

  async function upgrade({ userId, roomId, version, additionalCreators }: WantedUpgrade): Promise<RoomId> {
    const rules = rulesOf(version);
    if (rules === undefined) {
      throw new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `This server knows no room version ${version}.`);
    }
    if (rooms.info(roomId)?.resident !== true) throw forbidden('You are not in the room.');
    const draft = (type: string, content: JsonObject, stateKey = ''): EventDraft => ({
      type,
      sender: userId,
      content,
      stateKey,
    });
    const tombstone = (replacement: string) =>
      draft('m.room.tombstone', { body: 'This room has been replaced', replacement_room: replacement });
    rooms.template(roomId, tombstone('!new')); // throws 403: nothing is made before we know that the user may

    const old = rooms.currentState(roomId);
    const additional = rules.privilegedCreators ? additionalCreators.filter((creator) => creator !== userId) : [];
    const [lastEvent] = rooms.forwardExtremities(roomId);
    const predecessor = {
      room_id: roomId,
      ...(!rules.roomIdIsCreateHash && lastEvent !== undefined && { event_id: lastEvent }),
    };
    const created = await rooms.create(rules, [
      draft('m.room.create', creationContent(old, { rules, predecessor, additional })),
      draft('m.room.member', { ...profileOf(userId), membership: 'join' }, userId),
      ...transferred.flatMap((type) => {
        const content = old.get(type, '')?.content;
        return content === undefined ? [] : [draft(type, content)];
      }),
      draft('m.room.join_rules', joinRules(old, rules)),
    ]);
    const rest = [...childrenAndBans(old, userId), draft('m.room.power_levels', levels(old, rules))];
    for (let start = 0; start < rest.length; start += batch) {
      await rooms.append(created.roomId, rest.slice(start, start + batch));
    }

    await moveAliases(roomId, created.roomId, userId);
    roomList.move(roomId, created.roomId);
    await rooms.append(roomId, [tombstone(created.roomId)]);
    await close(roomId, userId);
    onJoin(userId, created.roomId);
    return created.roomId;

    function levels(from: RoomState, to: RoomVersionRules): JsonObject {
      return upgradedPowerLevels(from, to, [userId, ...additional]);
    }
  }

  /** The canonical aliases that are ours go with the room; what others call it is theirs to say. */
  async function moveAliases(from: RoomId, to: RoomId, userId: UserId): Promise<void> {
    const ours: readonly string[] = directory.ofRoom(from, userId);
    directory.move(from, to);
    const type = 'm.room.canonical_alias';
    const content = rooms.currentState(from).get(type, '')?.content ?? {};
    const { alias, alt_aliases: alternatives } = content;
    const isOurs = (name: JsonValue | undefined) => typeof name === 'string' && ours.includes(name);
    const others = Array.isArray(alternatives) ? alternatives : [];
    const moved = {
      ...(isOurs(alias) && { alias: alias as string }),
      ...(others.some(isOurs) && { alt_aliases: others.filter(isOurs) }),
    };
    const stays = {
      ...(alias !== undefined && !isOurs(alias) && { alias }),
      ...(others.some((name) => !isOurs(name)) && { alt_aliases: others.filter((name) => !isOurs(name)) }),
    };
    if (Object.keys(moved).length === 0) return;
    const change = (roomId: RoomId, to: JsonObject) =>
      attempt(roomId, { type, sender: userId, stateKey: '', content: to });
    await change(to, moved);
    await change(from, stays);
  }

  async function close(roomId: RoomId, userId: UserId): Promise<void> {
    const content = closedPowerLevels(rooms.currentState(roomId));
    if (content === undefined) return;
    await attempt(roomId, { type: 'm.room.power_levels', sender: userId, stateKey: '', content });
  }

  /** "If possible": the upgrade holds without. */
  async function attempt(roomId: RoomId, draft: EventDraft): Promise<void> {
    try {
      await rooms.append(roomId, [draft]);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      log.info('an upgrade goes on without', { roomId, type: draft.type, error });
    }
  }

  return async (wanted) => {
    const { roomId } = wanted;
    if (underWay.has(roomId)) throw forbidden('The room is being upgraded already.');
    const work = upgrade(wanted);
    underWay.set(roomId, work);
    try {
      return await work;
    } finally {
      underWay.delete(roomId);
    }
  };
}

function creationContent(
  old: RoomState,
  {
    rules,
    predecessor,
    additional,
  }: { readonly rules: RoomVersionRules; readonly predecessor: JsonObject; readonly additional: readonly UserId[] },
): JsonObject {
  const { type, 'm.federate': federate } = old.get('m.room.create', '')?.content ?? {};
  return {
    room_version: rules.version,
    predecessor,
    ...(typeof type === 'string' && { type }),
    ...(federate === false && { 'm.federate': false }),
    ...(additional.length > 0 && { additional_creators: additional }),
  };
}

/** A rule that the new version does not know would admit nobody: then it is by invite. */
function joinRules(old: RoomState, rules: RoomVersionRules): JsonObject {
  const content = old.get('m.room.join_rules', '')?.content ?? {};
  const known: Readonly<Record<string, boolean>> = {
    public: true,
    invite: true,
    knock: rules.knock,
    restricted: rules.restricted,
    knock_restricted: rules.knockRestricted,
  };
  return known[String(content['join_rule'])] === true ? content : { join_rule: 'invite' };
}

/** What a space consists of, and who is to stay out. */
function childrenAndBans(old: RoomState, sender: UserId): readonly EventDraft[] {
  const isSpace = old.get('m.room.create', '')?.content['type'] === 'm.space';
  const children = isSpace ? old.ofType('m.space.child') : [];
  const bans = old.ofType('m.room.member').filter(({ content }) => content['membership'] === 'ban');
  return [
    ...children
      .filter(({ content }) => Object.keys(content).length > 0)
      .map(({ type, stateKey = '', content }) => ({ type, sender, stateKey, content })),
    ...bans.map(({ type, stateKey = '', content: { reason } }) => {
      const content = { membership: 'ban', ...(typeof reason === 'string' && { reason }) };
      return { type, sender, stateKey, content };
    }),
  ];
}
