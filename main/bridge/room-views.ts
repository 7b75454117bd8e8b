import type { RoomId, UserId } from '../../shared/ids.ts';
import type { MemberRow, RoomDetail, RoomServerRow, RoomSummary, StateRow } from '../../shared/views.ts';
import { breathe } from '../inspector/breathe.ts';
import { writeJson } from '../protocol/canonical-json.ts';
import type { JsonObject } from '../protocol/json.ts';
import { isObject } from '../protocol/json.ts';
import { creatorsOf, own, type PowerLevels, powerLevels } from '../protocol/power-levels.ts';
import type { AuthState } from '../protocol/state-map.ts';
import type { RoomInfo } from '../rooms/rooms.ts';
import { oneLine } from './event-summary.ts';
import type { FederationSources, RoomFacts } from './sources.ts';

/** Rows that are made at once: some milliseconds. */
const slice = 500;

/** All rooms that this server knows, with those that are being joined. */
export async function roomList(sources: FederationSources): Promise<readonly RoomSummary[]> {
  const { rooms, joins } = sources;
  const summaries: RoomSummary[] = [];
  const known = rooms.list();
  for (const [index, info] of known.entries()) {
    const summary = roomSummary(sources, info);
    if (summary !== undefined) summaries.push(summary);
    if (index % 10 === 9) await breathe();
  }
  for (const [roomId, progress] of joins()) {
    if (rooms.info(roomId) === undefined) summaries.push({ ...unknownRoom, roomId, progress });
  }
  return summaries;
}

/** None for a room that nobody here has to do with: an upgraded room's predecessor that somebody looked into. */
function roomSummary(sources: FederationSources, info: RoomInfo): RoomSummary | undefined {
  const { roomReads, joins } = sources;
  const { roomId, rules, gap } = info;
  const facts = roomReads.facts(roomId);
  if (facts === undefined) return undefined;
  const state = stateOf(sources, info, facts.strippedState);
  const progress = joins().get(roomId);
  return {
    roomId,
    name: line(contentOf(state, 'm.room.name'), 'name'),
    canonicalAlias: line(contentOf(state, 'm.room.canonical_alias'), 'alias'),
    version: rules.version,
    membership: facts.membership,
    encrypted: state.get('m.room.encryption', '') !== undefined,
    joinRule: line(contentOf(state, 'm.room.join_rules'), 'join_rule') ?? 'invite',
    localMembers: facts.localMembers,
    joinedMembers: facts.joinedMembers,
    servers: facts.servers,
    forwardExtremities: facts.forwardExtremities,
    refused: facts.refused,
    lastEventTs: facts.lastEventTs ?? facts.membershipTs,
    lastRemoteEventTs: facts.lastRemoteEventTs,
    state: progress !== undefined ? 'joining' : gap ? 'gap' : 'ok',
    progress,
  };
}

const unknownRoom = {
  name: undefined,
  canonicalAlias: undefined,
  version: 'unknown',
  membership: 'join',
  encrypted: false,
  joinRule: 'unknown',
  localMembers: 0,
  joinedMembers: 0,
  servers: 0,
  forwardExtremities: 0,
  refused: 0,
  lastEventTs: undefined,
  lastRemoteEventTs: undefined,
  state: 'joining',
} as const;

/** A room opened. */
export function roomDetail(sources: FederationSources, roomId: RoomId): RoomDetail | undefined {
  const { rooms, roomReads } = sources;
  const info = rooms.info(roomId);
  const summary = info && roomSummary(sources, info);
  if (info === undefined || summary === undefined) return undefined;
  const facts = roomReads.facts(roomId);
  const told = stateOf(sources, info, facts?.strippedState);
  const state = rooms.currentState(roomId);
  const create = state.get('m.room.create', '');
  return {
    ...summary,
    pending: pendingOf(facts),
    topic: line(contentOf(told, 'm.room.topic'), 'topic'),
    creators: (create === undefined ? [] : creatorsOf(create)) as readonly UserId[],
    createdTs: create?.originServerTs,
    historyVisibility: line(contentOf(told, 'm.room.history_visibility'), 'history_visibility') ?? 'shared',
    extremities: rooms.forwardExtremities(roomId),
    backwardExtremities: facts?.backwardExtremities ?? 0,
  };
}

function pendingOf(facts: RoomFacts | undefined): RoomDetail['pending'] {
  if (facts?.membership !== 'invite' && facts?.membership !== 'knock') return undefined;
  return { by: facts.membershipBy, since: facts.membershipTs };
}

/** The current state, whole: a large room's in slices, so that others have their turn. */
export async function roomState({ rooms }: FederationSources, roomId: RoomId): Promise<readonly StateRow[]> {
  if (rooms.info(roomId) === undefined) return [];
  const rows: StateRow[] = [];
  for (const ids of inSlices(rooms.currentState(roomId).entries(), ([, eventId]) => eventId)) {
    for (const { event } of rooms.events(ids)) {
      rows.push({
        type: event.type,
        stateKey: event.stateKey ?? '',
        eventId: event.eventId,
        sender: event.sender,
        originServerTs: event.originServerTs,
        content: writeJson(event.content),
      });
    }
    await breathe();
  }
  return rows;
}

interface Members {
  readonly members: readonly MemberRow[];
  readonly servers: readonly RoomServerRow[];
}

/** Who is in a room, was, or may come, and from where. */
export async function roomMembers(sources: FederationSources, roomId: RoomId): Promise<Members> {
  const { rooms, roomReads, peers, keys } = sources;
  const info = rooms.info(roomId);
  if (info === undefined) return { members: [], servers: [] };
  const power = powerLevels(rooms.currentState(roomId), info.rules);
  const members: MemberRow[] = [];
  for (let after = 0; ; ) {
    const page = roomReads.members(roomId, after, slice);
    for (const { userId, membership, displayName } of page) {
      members.push({
        userId,
        displayName: displayName === undefined ? undefined : oneLine(displayName),
        membership,
        powerLevel: levelOf(power, userId),
        server: userId.slice(userId.indexOf(':') + 1) as MemberRow['server'],
      });
    }
    const last = page.at(-1);
    if (last === undefined || page.length < slice) break;
    after = last.key;
    await breathe();
  }
  const servers = roomReads.servers(roomId).map(({ server, members: joinedMembers }) => ({
    server,
    joinedMembers,
    status: server === keys.ownServer ? ('own' as const) : peers.contact(server).status,
  }));
  return { members, servers };
}

/** A level that cannot be read is shown as 0. */
function levelOf(power: PowerLevels, userId: UserId): MemberRow['powerLevel'] {
  const level = power.userLevel(userId);
  if (level === Number.POSITIVE_INFINITY) return 'creator';
  return Number.isFinite(level) ? level : 0;
}

/** What is known of a room's state: all of it where we are in it, what we were told with an invite or knock elsewhere. */
function stateOf(
  { rooms }: FederationSources,
  { roomId, resident }: RoomInfo,
  strippedState: string | undefined,
): Stated {
  if (resident || strippedState === undefined) return rooms.currentState(roomId);
  const told = JSON.parse(strippedState) as unknown;
  const events = (Array.isArray(told) ? told : []).filter(isObject);
  return {
    get(type, stateKey) {
      const found = events.find((event) => event['type'] === type && event['state_key'] === stateKey);
      const content = found?.['content'];
      return isObject(content) ? { content } : undefined;
    },
  };
}

interface Stated {
  get(type: string, stateKey: string): Pick<NonNullable<ReturnType<AuthState['get']>>, 'content'> | undefined;
}

const contentOf = (state: Stated, type: string): JsonObject => state.get(type, '')?.content ?? {};

/** A string of a content, as one line; an empty one is none. */
function line(content: JsonObject, key: string): string | undefined {
  const value = own(content, key);
  return typeof value === 'string' && value !== '' ? oneLine(value) : undefined;
}

function* inSlices<T, U>(all: Iterable<T>, of: (item: T) => U): Iterable<readonly U[]> {
  let items: U[] = [];
  for (const item of all) {
    items.push(of(item));
    if (items.length < slice) continue;
    yield items;
    items = [];
  }
  if (items.length > 0) yield items;
}
