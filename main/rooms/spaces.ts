import { type RoomAlias, type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { forbidden, invalidParam, notFound } from '../../shared/matrix-error.ts';
import type { Platform } from '../platform.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Directory } from './directory.ts';
import type { RemoteRoom, RemoteSpaces } from './remote-spaces.ts';
import { type RoomAccess, serverOfRoom } from './room-access.ts';
import { fullCardOf, type RoomCard } from './room-card.ts';
import type { LocalMembership, Rooms } from './rooms.ts';
import { childrenOf, type SpaceChild } from './space-children.ts';

/** What users learn of rooms that they need not be in. */
export interface Spaces {
  /**
   * A page of the tree below a space, depth first. Throws 403 for a space that the user may not see, 400 `M_INVALID_PARAM`
   * for a token that is none. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1roomsroomidhierarchy
   */
  hierarchy(asked: {
    readonly userId: UserId;
    readonly roomId: RoomId;
    readonly suggestedOnly: boolean;
    readonly maxDepth: number | undefined;
    readonly limit: number;
    readonly from: string | undefined;
  }): Promise<JsonObject>;
  /**
   * One room. Throws 404 for one that the user may not see, or that nobody tells of.
   * https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1room_summaryroomidoralias
   */
  summary(asked: {
    readonly userId: UserId;
    readonly room: RoomId | RoomAlias;
    readonly via: readonly ServerName[];
  }): Promise<JsonObject>;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'currentState' | 'servers' | 'memberships'>;
  readonly directory: Pick<Directory, 'resolve'>;
  readonly access: RoomAccess;
  readonly remoteSpaces: RemoteSpaces;
  readonly memberCount: (roomId: RoomId) => number;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
}

/** A room on the way, with what the space above has told of it. */
interface Step {
  readonly roomId: RoomId;
  readonly depth: number;
  readonly servers: readonly ServerName[];
  readonly card: RoomCard | undefined;
}

/** How far a walk has come. Pages are steps of the same walk: a token stands for where it goes on. */
interface Walk {
  readonly userId: UserId;
  readonly roomId: RoomId;
  readonly suggestedOnly: boolean;
  readonly maxDepth: number;
  readonly pending: readonly Step[]; // the next one last
  readonly seen: ReadonlySet<RoomId>; // loops end here
  readonly until: number;
}

interface Found {
  readonly card: RoomCard;
  readonly children: readonly SpaceChild[];
  readonly remote: RemoteRoom | undefined;
}

const deepest = 20;
const mostRooms = 2000;
const walkKeptMs = 30 * 60_000;
const mostWalks = 200;
/** When a page has at least something, the rest can wait for the next one. */
const pageMs = 10_000;

export function spaces({ rooms, directory, access, remoteSpaces, memberCount, platform }: Needs): Spaces {
  const { clock, random } = platform;
  const walks = new Map<string, Walk>();

  const keep = (walk: Walk): string => {
    for (const [token, { until }] of walks) {
      if (until > clock.now() && walks.size < mostWalks) break;
      walks.delete(token);
    }
    const token = random.id();
    walks.set(token, walk);
    return token;
  };

  /** What is known of a room here is better than what others say of it. */
  async function find(step: Step, userId: UserId, standing: LocalMembership | undefined): Promise<Found | undefined> {
    const { roomId, servers, card } = step;
    const info = rooms.info(roomId);
    if (info?.resident === true) {
      if (!access.ofUser(info, userId)) return undefined;
      const state = rooms.currentState(roomId);
      const local = fullCardOf(roomId, state, info.rules, memberCount(roomId));
      return { card: local, children: childrenOf(state), remote: undefined };
    }
    const isWhole = card !== undefined && card.room_type !== 'm.space'; // it has no children that we would have to ask for
    const inviter = standing?.membership === 'invite' ? [serverNameOf(standing.sender)] : [];
    const known = info === undefined ? [] : rooms.servers(roomId);
    const candidates = [...servers, ...inviter, ...serverOfRoom(roomId), ...known];
    const remote = isWhole ? undefined : await remoteSpaces(roomId, candidates);
    const told = remote?.card ?? card;
    if (told === undefined || !access.toCard(told, userId, standing?.membership)) return undefined;
    return { card: told, children: remote?.children ?? [], remote };
  }

  const stepsBelow = ({ depth }: Step, { children, remote }: Found): readonly Step[] =>
    children
      .filter(({ roomId }) => rooms.info(roomId)?.resident === true || remote?.inaccessible.has(roomId) !== true)
      .map(({ roomId, via }) => ({
        roomId,
        depth: depth + 1,
        servers: remote === undefined ? via : [...via, remote.from],
        card: remote?.cards.get(roomId),
      }));

  const standings = (userId: UserId) => new Map(rooms.memberships(userId).map((each) => [each.roomId, each]));

  async function page(walk: Walk, limit: number): Promise<JsonObject> {
    const { userId, roomId: root, suggestedOnly, maxDepth } = walk;
    const [pending, seen] = [[...walk.pending], new Set(walk.seen)];
    const standing = standings(userId);
    const found: JsonObject[] = [];
    const end = clock.now() + pageMs;
    while (found.length < limit && seen.size < mostRooms && (found.length === 0 || clock.now() < end)) {
      const step = pending.pop();
      if (step === undefined) break;
      if (seen.has(step.roomId)) continue;
      seen.add(step.roomId);
      const room = await find(step, userId, standing.get(step.roomId));
      if (room === undefined && step.roomId === root) throw forbidden('You are not allowed to view this room.');
      if (room === undefined) continue;
      const children = room.children.filter(({ suggested }) => suggested || !suggestedOnly);
      found.push({ ...room.card, children_state: children.map(({ event }) => event) });
      if (step.depth < maxDepth) pending.push(...[...stepsBelow(step, { ...room, children })].reverse());
      await new Promise(setImmediate);
    }
    const isEnd = pending.length === 0 || seen.size >= mostRooms;
    return {
      rooms: found,
      ...(!isEnd && { next_batch: keep({ ...walk, pending, seen, until: clock.now() + walkKeptMs }) }),
    };
  }

  return {
    async hierarchy({ userId, roomId, suggestedOnly, maxDepth: wanted, limit, from }) {
      const maxDepth = Math.min(wanted ?? deepest, deepest);
      if (from === undefined) {
        const root = { roomId, depth: 0, servers: [], card: undefined };
        return page({ userId, roomId, suggestedOnly, maxDepth, pending: [root], seen: new Set(), until: 0 }, limit);
      }
      const walk = walks.get(from);
      if (walk === undefined || walk.until <= clock.now() || walk.userId !== userId || walk.roomId !== roomId) {
        throw invalidParam('The from token is not known here.');
      }
      if (walk.suggestedOnly !== suggestedOnly || walk.maxDepth !== maxDepth) {
        throw invalidParam('suggested_only and max_depth cannot change on paginated requests.');
      }
      return page(walk, limit);
    },

    async summary({ userId, room, via }) {
      const isAlias = room.startsWith('#');
      const { roomId, servers } = isAlias
        ? await directory.resolve(room as RoomAlias)
        : { roomId: room as RoomId, servers: [] };
      const standing = standings(userId).get(roomId);
      const step = { roomId, depth: 0, servers: [...via, ...servers], card: undefined };
      const found = await find(step, userId, standing);
      if (found === undefined) throw notFound('The room is not known, or not to be seen.');
      return { ...found.card, ...(standing !== undefined && { membership: standing.membership }) };
    },
  };
}
