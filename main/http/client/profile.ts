import * as z from 'zod';
import type { UserId } from '../../../shared/ids.ts';
import { badJson, missingParam, notFound } from '../../../shared/matrix-error.ts';
import type { Profiles } from '../../accounts/profiles.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject } from '../schemas.ts';
import { mustBe, none, ofUser, orNull } from './fields.ts';

interface ProfileServices {
  readonly profiles: Profiles;
  /** Anyone's: other servers are asked for their users'. Throws 404 for who does not exist. */
  readonly profileOf: (userId: UserId, field?: string) => Promise<JsonObject>;
}

const ofField = ofUser.extend({ field: z.string() });

/** https://spec.matrix.org/v1.19/client-server-api/#profiles and #user-directory */
export const profileRoutes = ({ profiles, profileOf }: ProfileServices): readonly AnyRoute[] => [
  route({
    method: 'GET',
    path: '/_matrix/client/v3/profile/:userId',
    auth: 'none',
    params: ofUser,
    query: none,
    handle: ({ params }) => profileOf(params.userId),
  }),
  route({
    method: 'GET',
    path: '/_matrix/client/v3/profile/:userId/:field',
    auth: 'none',
    params: ofField,
    query: none,
    async handle({ params: { userId, field } }) {
      const profile = await profileOf(userId, field);
      const value = Object.hasOwn(profile, field) ? profile[field] : undefined;
      if (value === undefined) throw notFound('The profile has no such field.');
      return { [field]: value };
    },
  }),
  route({
    method: 'PUT',
    path: '/_matrix/client/v3/profile/:userId/:field',
    auth: 'client',
    params: ofField,
    query: none,
    body: jsonObject,
    async handle({ params: { userId, field }, body, caller }) {
      mustBe(caller, userId);
      if (!Object.hasOwn(body, field)) throw missingParam(`${field} is missing`);
      if (Object.keys(body).length > 1) throw badJson(`the body has more in it than ${field}`);
      await profiles.set(userId, field, body[field]);
      return {};
    },
  }),
  route({
    method: 'DELETE',
    path: '/_matrix/client/v3/profile/:userId/:field',
    auth: 'client',
    params: ofField,
    query: none,
    async handle({ params: { userId, field }, caller }) {
      mustBe(caller, userId);
      await profiles.set(userId, field, undefined);
      return {};
    },
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/user_directory/search',
    auth: 'client',
    params: none,
    query: none,
    body: z.object({ search_term: z.string(), limit: orNull(z.number()) }),
    handle({ body }) {
      const limit = Math.min(Math.max(body.limit ?? 10, 0), 50);
      const found = profiles.search(body.search_term, limit + 1);
      const results = found.slice(0, limit).map((userId) => {
        const { displayname, avatar_url: avatarUrl } = profiles.ofMember(userId);
        return {
          user_id: userId,
          ...(displayname !== undefined && { display_name: displayname }),
          ...(avatarUrl !== undefined && { avatar_url: avatarUrl }),
        };
      });
      return { results, limited: found.length > limit };
    },
  }),
];
