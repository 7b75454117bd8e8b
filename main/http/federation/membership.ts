import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { violationsUnder } from '../../protocol/json.ts';
import type { HandedInvite } from '../../rooms/receive-invite.ts';
import type { ServedHistory } from '../../rooms/serve-history.ts';
import type { JoinedRoom, MembershipServer, ServedMembership } from '../../rooms/serve-membership.ts';
import { type AnyRoute, Reply, route } from '../route.ts';
import { eventId, jsonObject, jsonValue, repeated, roomId, userId } from '../schemas.ts';
import { jsonReply, jsonReplyV1, jsonWithPdus } from './json-with-pdus.ts';

interface Needs {
  readonly memberships: MembershipServer;
  readonly history: Pick<ServedHistory, 'pdus'>;
  readonly receiveInvite: (origin: ServerName, invite: HandedInvite) => Promise<JsonObject>;
  readonly serverName: ServerName;
}

const handedIn = z.object({ roomId, eventId });
const flag = z
  .string()
  .default('false')
  .transform((text) => text === 'true');

/** How users of other servers come into our rooms and leave them, and how ours are invited into theirs. */
export const membershipRoutes = (needs: Needs): readonly AnyRoute[] => [
  make('join', needs),
  make('leave', needs),
  make('knock', needs),
  sendJoin('v1', needs),
  sendJoin('v2', needs),
  sendLeave('v1', needs),
  sendLeave('v2', needs),
  sendKnock(needs),
  inviteV1(needs),
  inviteV2(needs),
];

/** make_join, make_leave, make_knock. An absent `ver` means version 1; leaving asks for none. */
const make = (membership: ServedMembership, { memberships }: Needs) =>
  route({
    method: 'GET',
    path: `/_matrix/federation/v1/make_${membership}/:roomId/:userId`,
    auth: 'server',
    params: z.object({ roomId, userId }),
    query: z.object({ ver: repeated(z.string()) }),
    handle({ params, query, caller, flow }) {
      flow?.room(params.roomId);
      const versions = query.ver.length === 0 ? ['1'] : query.ver;
      return {
        ...memberships.make(
          membership,
          caller.origin,
          params.roomId,
          params.userId,
          membership === 'leave' ? undefined : versions,
        ),
      };
    },
  });

/** v2: https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid */
const sendJoin = (version: 'v1' | 'v2', { memberships, history, serverName }: Needs) =>
  route({
    method: 'PUT',
    path: `/_matrix/federation/${version}/send_join/:roomId/:eventId`,
    auth: 'server',
    params: handedIn,
    query: z.object({ omit_members: flag }),
    body: jsonObject,
    async handle({ params, query, body, violations, caller, flow }) {
      flow?.room(params.roomId);
      const omitMembers = version === 'v2' && query.omit_members;
      const joined = await memberships.sendJoin(caller.origin, { ...params, pdu: body, violations }, { omitMembers });
      const lists = { auth_chain: history.pdus(joined.authChain), state: history.pdus(joined.state) };
      const json = await jsonWithPdus(lists, joinFields(joined, serverName));
      return version === 'v1' ? jsonReplyV1(json) : jsonReply(json);
    },
  });

const joinFields = ({ event, membersOmitted, serversInRoom }: JoinedRoom, serverName: ServerName): JsonObject => ({
  origin: serverName, // not in the specification any more; servers of old want it
  event,
  members_omitted: membersOmitted,
  ...(membersOmitted && { servers_in_room: serversInRoom }),
});

const sendLeave = (version: 'v1' | 'v2', { memberships }: Needs) =>
  route({
    method: 'PUT',
    path: `/_matrix/federation/${version}/send_leave/:roomId/:eventId`,
    auth: 'server',
    params: handedIn,
    query: z.object({}),
    body: jsonObject,
    async handle({ params, body, violations, caller, flow }) {
      flow?.room(params.roomId);
      await memberships.sendLeave(caller.origin, { ...params, pdu: body, violations });
      return version === 'v1' ? Reply.json(200, [200, {}]) : {};
    },
  });

const sendKnock = ({ memberships }: Needs) =>
  route({
    method: 'PUT',
    path: '/_matrix/federation/v1/send_knock/:roomId/:eventId',
    auth: 'server',
    params: handedIn,
    query: z.object({}),
    body: jsonObject,
    async handle({ params, body, violations, caller, flow }) {
      flow?.room(params.roomId);
      const state = await memberships.sendKnock(caller.origin, { ...params, pdu: body, violations });
      return { knock_room_state: state };
    },
  });

const inviteState = z.array(jsonValue).default([]);
const unsignedInviteState = z.object({ invite_room_state: inviteState });

/** The body is the event: "must assume that the room version is either 1 or 2", which have the same events. */
const inviteV1 = ({ receiveInvite }: Needs) =>
  route({
    method: 'PUT',
    path: '/_matrix/federation/v1/invite/:roomId/:eventId',
    auth: 'server',
    params: handedIn,
    query: z.object({}),
    body: jsonObject,
    async handle({ params, body, violations, caller, flow }) {
      flow?.room(params.roomId);
      const { data } = unsignedInviteState.safeParse(body['unsigned']);
      const inviteRoomState = data?.invite_room_state ?? [];
      const invite = { ...params, roomVersion: '1', pdu: body, violations, inviteRoomState };
      return Reply.json(200, [200, { event: await receiveInvite(caller.origin, invite) }]);
    },
  });

const inviteV2 = ({ receiveInvite }: Needs) =>
  route({
    method: 'PUT',
    path: '/_matrix/federation/v2/invite/:roomId/:eventId',
    auth: 'server',
    params: handedIn,
    query: z.object({}),
    body: z.object({ room_version: z.string(), event: jsonObject, invite_room_state: inviteState }),
    async handle({ params, body, violations, caller, flow }) {
      flow?.room(params.roomId);
      const event = await receiveInvite(caller.origin, {
        ...params,
        roomVersion: body.room_version,
        pdu: body.event,
        violations: violationsUnder(violations, ['event']),
        inviteRoomState: body.invite_room_state,
      });
      return { event };
    },
  });
