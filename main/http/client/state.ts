import * as z from 'zod';
import type { RoomId } from '../../../shared/ids.ts';
import { forbidden, notFound } from '../../../shared/matrix-error.ts';
import type { ClientEvents } from '../../accounts/client-events.ts';
import { placeAt } from '../../accounts/room-place.ts';
import { membershipOf, roomView } from '../../accounts/room-view.ts';
import type { RoomState, Rooms } from '../../rooms/rooms.ts';
import { type AnyRoute, Reply, route } from '../route.ts';
import { roomId } from '../schemas.ts';
import { none } from './fields.ts';

interface StateServices {
  readonly rooms: Rooms;
  readonly clientEvents: ClientEvents;
}

const ofRoom = z.object({ roomId });
const membership = z.enum(['join', 'invite', 'knock', 'leave', 'ban']).optional();

/** https://spec.matrix.org/v1.19/client-server-api/#getting-events-for-a-room */
export const stateRoutes = ({ rooms, clientEvents }: StateServices): readonly AnyRoute[] => {
  /** An empty state key, and the slash before it, may be left out. */
  const oneOf = (path: string) =>
    route({
      method: 'GET',
      path: `/_matrix/client/v3/rooms/:roomId/state/:eventType${path}`,
      auth: 'client',
      params: z.object({ roomId, eventType: z.string(), stateKey: z.string().default('') }),
      query: z.object({ format: z.enum(['content', 'event']).default('content') }),
      handle({ params, query, caller }) {
        const { state } = roomView(rooms, caller.userId, params.roomId);
        const id = state.id(params.eventType, params.stateKey);
        const stored = id === undefined ? undefined : rooms.event(id);
        if (stored === undefined) throw notFound('The room has no such state.');
        if (query.format === 'content') return stored.event.content;
        return clientEvents.render([stored], caller, { asState: true })[0] ?? {};
      },
    });

  /** The state at a place in the history that a token names: as far as the viewer is in the room at all. */
  const stateAt = (room: RoomId, token: string, now: RoomState): RoomState => {
    const [before] = rooms.page(room, { from: placeAt(rooms, room, token), towards: 'start', limit: 1 });
    return (before && rooms.stateAfter(before.event.eventId)) ?? now;
  };

  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/:roomId/state',
      auth: 'client',
      params: ofRoom,
      query: none,
      handle({ params, caller }) {
        const { state } = roomView(rooms, caller.userId, params.roomId);
        const ids = [...state.entries()].map(([, id]) => id);
        return Reply.json(200, clientEvents.render(rooms.events(ids), caller, { asState: true }));
      },
    }),
    oneOf(''),
    oneOf('/'),
    oneOf('/:stateKey'),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/:roomId/members',
      auth: 'client',
      params: ofRoom,
      query: z.object({ at: z.string().optional(), membership, not_membership: membership }),
      handle({ params, query, caller }) {
        const { state: now } = roomView(rooms, caller.userId, params.roomId);
        const state = query.at === undefined ? now : stateAt(params.roomId, query.at, now);
        const ids = state.ofType('m.room.member').map(({ eventId }) => eventId);
        const { membership: wanted, not_membership: unwanted } = query;
        const members = rooms.events(ids).filter(({ event }) => {
          const is = membershipOf(event);
          if (wanted === undefined) return unwanted === undefined || is !== unwanted;
          return is === wanted || (unwanted !== undefined && is !== unwanted);
        });
        return { chunk: clientEvents.render(members, caller, { asState: true }) };
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/rooms/:roomId/joined_members',
      auth: 'client',
      params: ofRoom,
      query: none,
      handle({ params, caller }) {
        const isKnown = rooms.info(params.roomId) !== undefined;
        const state = isKnown ? rooms.currentState(params.roomId) : undefined;
        if (membershipOf(state?.get('m.room.member', caller.userId)) !== 'join') {
          throw forbidden('You are not a member of this room.');
        }
        const members = state?.ofType('m.room.member') ?? [];
        const joined = members.filter((member) => membershipOf(member) === 'join');
        return { joined: Object.fromEntries(joined.map(({ stateKey = '', content }) => [stateKey, faceIn(content)])) };
      },
    }),
  ];
};

function faceIn({ displayname, avatar_url: avatarUrl }: Readonly<Record<string, unknown>>) {
  return {
    ...(typeof displayname === 'string' && { display_name: displayname }),
    ...(typeof avatarUrl === 'string' && avatarUrl.startsWith('mxc://') && { avatar_url: avatarUrl }),
  };
}
