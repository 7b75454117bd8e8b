import * as z from 'zod';
import type { RoomId, UserId } from '../../../shared/ids.ts';
import { notFound } from '../../../shared/matrix-error.ts';
import type { AccountData } from '../../accounts/account-data.ts';
import type { PushRules } from '../../accounts/push-rules.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, roomId } from '../schemas.ts';
import { mustBe, none, ofUser } from './fields.ts';

interface AccountDataServices {
  readonly accountData: AccountData;
  readonly pushRules: Pick<PushRules, 'content'>;
}

const ofRoom = ofUser.extend({ roomId });
const type = z.string().min(1).max(255);

/** https://spec.matrix.org/v1.19/client-server-api/#client-config and #room-tagging */
export const accountDataRoutes = ({ accountData, pushRules }: AccountDataServices): readonly AnyRoute[] => {
  const read = (userId: UserId, room: RoomId | undefined, name: string) => {
    const isRules = room === undefined && name === 'm.push_rules';
    const content = isRules ? pushRules.content(userId) : accountData.get(userId, room, name);
    if (content === undefined) throw notFound('There is no such account data.');
    return content;
  };
  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/:userId/account_data/:type',
      auth: 'client',
      params: ofUser.extend({ type }),
      query: none,
      handle({ params, caller }) {
        mustBe(caller, params.userId);
        return read(params.userId, undefined, params.type);
      },
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/user/:userId/account_data/:type',
      auth: 'client',
      params: ofUser.extend({ type }),
      query: none,
      body: jsonObject,
      handle({ params, body, caller }) {
        mustBe(caller, params.userId);
        accountData.set(params.userId, undefined, params.type, body);
        return {};
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/:userId/rooms/:roomId/account_data/:type',
      auth: 'client',
      params: ofRoom.extend({ type }),
      query: none,
      handle({ params, caller }) {
        mustBe(caller, params.userId);
        return read(params.userId, params.roomId, params.type);
      },
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/user/:userId/rooms/:roomId/account_data/:type',
      auth: 'client',
      params: ofRoom.extend({ type }),
      query: none,
      body: jsonObject,
      handle({ params, body, caller }) {
        mustBe(caller, params.userId);
        accountData.set(params.userId, params.roomId, params.type, body);
        return {};
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags',
      auth: 'client',
      params: ofRoom,
      query: none,
      handle({ params, caller }) {
        mustBe(caller, params.userId);
        return { tags: accountData.tags(params.userId, params.roomId) };
      },
    }),
    route({
      method: 'PUT',
      path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags/:tag',
      auth: 'client',
      params: ofRoom.extend({ tag: z.string() }),
      query: none,
      body: jsonObject,
      handle({ params, body, caller }) {
        mustBe(caller, params.userId);
        accountData.setTag(params.userId, params.roomId, params.tag, body);
        return {};
      },
    }),
    route({
      method: 'DELETE',
      path: '/_matrix/client/v3/user/:userId/rooms/:roomId/tags/:tag',
      auth: 'client',
      params: ofRoom.extend({ tag: z.string() }),
      query: none,
      handle({ params, caller }) {
        mustBe(caller, params.userId);
        accountData.setTag(params.userId, params.roomId, params.tag, undefined);
        return {};
      },
    }),
  ];
};
