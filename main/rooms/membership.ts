import {
  parseUserId,
  type RoomAlias,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import { forbidden, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Directory } from './directory.ts';
import type { inviter } from './invites.ts';
import type { RemoteJoiner } from './join-remote.ts';
import type { remoteKnocker } from './knock-remote.ts';
import type { remoteLeaver } from './leave-remote.ts';
import { serversOfThePowerful } from './powerful-servers.ts';
import type { RestrictedJoins } from './restricted-joins.ts';
import type { EventDraft, LocalMembership, Rooms } from './rooms.ts';

/**
 * What clients do about who is in a room. All throw `MatrixError`s as the client-server API has them: 403 `M_FORBIDDEN`
 * with the reason for what the room does not allow. https://spec.matrix.org/v1.19/client-server-api/#room-membership
 */
export interface Memberships {
  /** Into a room here or elsewhere. `via`: servers to go through. Two users at once into the same room are one join. */
  join(wanted: IntoRoom): Promise<RoomId>;
  /** Asks to be let in. */
  knock(wanted: IntoRoom): Promise<RoomId>;
  /** Leaves the room, rejects the invite, or takes back the knock. Again is no error. */
  leave(wanted: { readonly userId: UserId; readonly roomId: RoomId; readonly reason?: string }): Promise<void>;
  invite(wanted: OfAnother & { readonly isDirect?: boolean }): Promise<void>;
  /** Out of a room that the target is in, invited to or knocking at. */
  kick(wanted: OfAnother): Promise<void>;
  ban(wanted: OfAnother): Promise<void>;
  unban(wanted: OfAnother): Promise<void>;
}

export interface IntoRoom {
  readonly userId: UserId;
  readonly room: RoomId | RoomAlias;
  readonly via: readonly ServerName[];
  readonly reason?: string;
}

export interface OfAnother {
  readonly userId: UserId; // who does it
  readonly roomId: RoomId;
  readonly target: UserId;
  readonly reason?: string;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'list' | 'currentState' | 'servers' | 'memberships' | 'event' | 'append'>;
  readonly directory: Pick<Directory, 'resolve'>;
  readonly restricted: RestrictedJoins;
  readonly joiner: RemoteJoiner;
  readonly knockRemote: ReturnType<typeof remoteKnocker>;
  readonly leaveRemote: ReturnType<typeof remoteLeaver>;
  readonly inviteUser: ReturnType<typeof inviter>;
  readonly serverName: ServerName;
  /** A local user's displayname and avatar_url, as member events carry them. */
  readonly profile: (userId: UserId) => JsonObject | undefined;
  /** A user of ours has come into a room by their own will. */
  readonly onJoin?: (userId: UserId, roomId: RoomId) => void;
}

export function memberships(needs: Needs): Memberships {
  const { rooms, directory, restricted, joiner, knockRemote, leaveRemote, inviteUser, serverName, profile } = needs;
  const joining = new Map<RoomId, Promise<void>>();

  const isResident = (roomId: RoomId) => rooms.info(roomId)?.resident === true;
  const standingOf = (roomId: RoomId, userId: UserId) =>
    rooms.memberships(userId).find((membership) => membership.roomId === roomId);
  const membershipIn = (roomId: RoomId, userId: UserId) =>
    rooms.currentState(roomId).get('m.room.member', userId)?.content['membership'];

  /** What a member event says about one of ours. Of others' users we know no name. */
  const face = (userId: UserId, reason: string | undefined): JsonObject => {
    const { displayname, avatar_url } = profile(userId) ?? {};
    return {
      ...(typeof displayname === 'string' && { displayname }),
      ...(typeof avatar_url === 'string' && { avatar_url }),
      ...(reason !== undefined && { reason }),
    };
  };

  /** Who may know the way in: who was named, who invited, who upgraded to it, whose room it is, who was in it with us. */
  function candidates(roomId: RoomId, standing: LocalMembership | undefined, named: readonly ServerName[]) {
    const inviter = standing?.membership === 'invite' ? [serverNameOf(standing.sender)] : [];
    const known = rooms.info(roomId) === undefined ? [] : rooms.servers(roomId);
    const maker = serverNameOf(roomId); // none since version 12
    return [
      ...named,
      ...inviter,
      ...serversIn(standing),
      ...upgraders(roomId),
      ...(maker === undefined ? [] : [maker]),
      ...known,
    ];
  }

  /** The servers of those who have put up a tombstone that leads there. */
  function upgraders(roomId: RoomId): readonly ServerName[] {
    return rooms.list().flatMap((info) => {
      const tombstone = info.resident ? rooms.currentState(info.roomId).get('m.room.tombstone', '') : undefined;
      return tombstone?.content['replacement_room'] === roomId ? [tombstone.origin] : [];
    });
  }

  async function joinHere(roomId: RoomId, userId: UserId, content: JsonObject, via: readonly ServerName[]) {
    if (membershipIn(roomId, userId) === 'join') return;
    let authoriser: UserId | undefined;
    try {
      authoriser = restricted.authoriser(roomId, userId);
    } catch (error) {
      if (!isWordOfOthersNeeded(error)) throw error;
      const servers = [...via, ...serversOfThePowerful(rooms.currentState(roomId)), ...rooms.servers(roomId)];
      await joiner.joinResident({ roomId, userId, content, candidates: servers });
      return;
    }
    const word = authoriser === undefined ? {} : { join_authorised_via_users_server: authoriser };
    await rooms.append(roomId, [memberDraft(userId, userId, { ...content, ...word, membership: 'join' })]);
  }

  /** The first asks the other servers; who comes meanwhile waits, and then joins here. */
  async function joinElsewhere(roomId: RoomId, userId: UserId, content: JsonObject, via: readonly ServerName[]) {
    const first = joining.get(roomId);
    if (first !== undefined) {
      await first.catch(() => undefined); // whatever became of it is told to whoever asked for it
      await (isResident(roomId) ? joinHere : joinElsewhere)(roomId, userId, content, via);
      return;
    }
    const servers = candidates(roomId, standingOf(roomId, userId), via);
    const join = joiner.join({ roomId, userId, content, candidates: servers });
    joining.set(roomId, join);
    try {
      await join;
    } finally {
      joining.delete(roomId);
    }
  }

  /** A member event that one user of ours makes about another, here or elsewhere: their server learns of it in any case. */
  async function change(
    { userId, roomId, target, reason }: OfAnother,
    membership: 'leave' | 'ban',
    from?: readonly string[],
  ) {
    if (!isResident(roomId)) throw forbidden(`You are not in ${roomId}`);
    const now = membershipIn(roomId, target);
    if (from !== undefined && !from.includes(String(now))) {
      const state = now === undefined ? 'not in the room' : `not ${from.join(' or ')} but ${String(now)}`;
      throw forbidden(`${target} is ${state}`);
    }
    const content = { ...(reason !== undefined && { reason }), membership };
    await rooms.append(roomId, [memberDraft(userId, target, content)], { alsoTo: others(target) });
  }

  const resolved = async (room: RoomId | RoomAlias) =>
    isAlias(room) ? directory.resolve(room) : { roomId: room, servers: [] as readonly ServerName[] };

  const others = (user: UserId) => [serverNameOf(user)].filter((server) => server !== serverName);

  return {
    async join({ userId, room, via, reason }) {
      const { roomId, servers } = await resolved(room);
      const join = isResident(roomId) ? joinHere : joinElsewhere;
      const wasIn = isResident(roomId) && membershipIn(roomId, userId) === 'join';
      await join(roomId, userId, face(userId, reason), [...servers, ...via]);
      if (!wasIn) needs.onJoin?.(userId, roomId);
      return roomId;
    },

    async knock({ userId, room, via, reason }) {
      const { roomId, servers } = await resolved(room);
      const content = face(userId, reason);
      if (isResident(roomId)) {
        await rooms.append(roomId, [memberDraft(userId, userId, { ...content, membership: 'knock' })]);
      } else {
        const asked = candidates(roomId, standingOf(roomId, userId), [...servers, ...via]);
        await knockRemote({ roomId, userId, content, candidates: asked });
      }
      return roomId;
    },

    async leave({ userId, roomId, reason }) {
      const standing = standingOf(roomId, userId);
      if (standing === undefined) throw notFound(`You have nothing to do with ${roomId}`);
      if (standing.membership === 'leave') return;
      if (standing.membership === 'ban') throw forbidden(`You are banned from ${roomId}`);
      if (isResident(roomId)) {
        const content = { ...(reason !== undefined && { reason }), membership: 'leave' };
        await rooms.append(roomId, [memberDraft(userId, userId, content)]);
        return;
      }
      const event = rooms.event(standing.eventId)?.event;
      if (event === undefined) throw notFound(`The invite to ${roomId} is not here any more`);
      const servers = candidates(roomId, standing, []);
      await leaveRemote({ roomId, userId, standing: event, candidates: servers, reason });
    },

    async invite({ userId, roomId, target, reason, isDirect = false }) {
      if (!isResident(roomId)) throw forbidden(`You are not in ${roomId}`);
      await inviteUser({
        roomId,
        sender: userId,
        invitee: target,
        content: { ...face(target, reason), ...(isDirect && { is_direct: true }) },
      });
    },

    kick: (wanted) => change(wanted, 'leave', ['join', 'invite', 'knock']),
    ban: (wanted) => change(wanted, 'ban'),
    unban: (wanted) => change(wanted, 'leave', ['ban']),
  };
}

const memberDraft = (sender: UserId, stateKey: UserId, content: JsonObject): EventDraft => ({
  type: 'm.room.member',
  sender,
  stateKey,
  content,
});

/** Of those who made the state that we were shown with an invite or a knock: since version 12 no room ID names a server. */
const serversIn = (standing: LocalMembership | undefined): readonly ServerName[] =>
  (standing?.strippedState ?? [])
    .map(({ sender }) => (typeof sender === 'string' ? parseUserId(sender) : undefined))
    .filter((sender) => sender !== undefined)
    .map((sender) => serverNameOf(sender));

const isAlias = (room: RoomId | RoomAlias): room is RoomAlias => room.startsWith('#');

const isWordOfOthersNeeded = (error: unknown) =>
  error instanceof MatrixError &&
  (error.errcode === 'M_UNABLE_TO_AUTHORISE_JOIN' || error.errcode === 'M_UNABLE_TO_GRANT_JOIN');
