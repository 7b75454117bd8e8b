import * as z from 'zod';
import type { RoomId, UserId } from '../../../shared/ids.ts';
import { MatrixError } from '../../../shared/matrix-error.ts';
import type { Memberships } from '../../rooms/membership.ts';
import type { Rooms } from '../../rooms/rooms.ts';
import { type AnyRoute, route } from '../route.ts';
import { repeated, roomId, serverName, userId } from '../schemas.ts';
import { none, orNull, roomIdOrAlias } from './fields.ts';

export interface MembershipServices {
  readonly memberships: Memberships;
  readonly rooms: Pick<Rooms, 'memberships' | 'forget'>;
}

const ofRoom = z.object({ roomId });
const ofRoomOrAlias = z.object({ room: roomIdOrAlias });
const reason = { reason: orNull(z.string()) };
/** `server_name` is what `via` was called before v1.12. */
const via = z.object({ via: repeated(serverName), server_name: repeated(serverName) });

/** Only what is there: options that are absent and options that are `undefined` are not the same. */
const given = (why: string | undefined) => (why === undefined ? {} : { reason: why });

/** https://spec.matrix.org/v1.19/client-server-api/#room-membership */
export const membershipRoutes = ({ memberships, rooms }: MembershipServices): readonly AnyRoute[] => {
  /** What one user does about another. */
  const about = (path: string, act: 'invite' | 'kick' | 'ban' | 'unban') =>
    route({
      method: 'POST',
      path: `/_matrix/client/v3/rooms/:roomId/${path}`,
      auth: 'client',
      params: ofRoom,
      query: none,
      body: z.object({ user_id: userId, ...reason }),
      async handle({ params, body, caller }) {
        const target = body.user_id;
        await memberships[act]({ userId: caller.userId, roomId: params.roomId, target, ...given(body.reason) });
        return {};
      },
    });

  const standing = (user: UserId, room: RoomId) => rooms.memberships(user).find((each) => each.roomId === room);

  return [
    route({
      method: 'POST',
      path: '/_matrix/client/v3/join/:room',
      auth: 'client',
      params: ofRoomOrAlias,
      query: via,
      body: z.object(reason),
      optionalBody: true,
      async handle({ params, query, body, caller }) {
        const servers = [...query.via, ...query.server_name];
        const joined = { userId: caller.userId, room: params.room, via: servers, ...given(body.reason) };
        return { room_id: await memberships.join(joined) };
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/join',
      auth: 'client',
      params: ofRoom,
      query: none,
      body: z.object(reason),
      optionalBody: true,
      async handle({ params, body, caller }) {
        const joined = { userId: caller.userId, room: params.roomId, via: [], ...given(body.reason) };
        return { room_id: await memberships.join(joined) };
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/leave',
      auth: 'client',
      params: ofRoom,
      query: none,
      body: z.object(reason),
      optionalBody: true,
      async handle({ params, body, caller }) {
        await memberships.leave({ userId: caller.userId, roomId: params.roomId, ...given(body.reason) });
        return {};
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/rooms/:roomId/forget',
      auth: 'client',
      params: ofRoom,
      query: none,
      handle({ params, caller }) {
        const isForgotten = rooms.forget(caller.userId, params.roomId);
        if (!isForgotten && standing(caller.userId, params.roomId)?.forgotten !== true) {
          throw new MatrixError(400, 'M_UNKNOWN', 'Leave the room first.');
        }
        return {};
      },
    }),
    about('invite', 'invite'),
    about('kick', 'kick'),
    about('ban', 'ban'),
    about('unban', 'unban'),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/knock/:room',
      auth: 'client',
      params: ofRoomOrAlias,
      query: via,
      body: z.object(reason),
      optionalBody: true,
      async handle({ params, query, body, caller }) {
        const servers = [...query.via, ...query.server_name];
        const wanted = { userId: caller.userId, room: params.room, via: servers, ...given(body.reason) };
        return { room_id: await memberships.knock(wanted) };
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/joined_rooms',
      auth: 'client',
      params: none,
      query: none,
      handle({ caller }) {
        const joined = rooms.memberships(caller.userId).filter(({ membership }) => membership === 'join');
        return { joined_rooms: joined.map((each) => each.roomId) };
      },
    }),
  ];
};
