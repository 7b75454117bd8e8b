import * as z from 'zod';
import { parseUserId, type UserId } from '../../../shared/ids.ts';
import { MatrixError } from '../../../shared/matrix-error.ts';
import type { CrossSigning } from '../../accounts/cross-signing.ts';
import type { DeviceKeys } from '../../accounts/device-keys.ts';
import type { DeviceLists } from '../../accounts/device-lists.ts';
import type { InteractiveAuth } from '../../accounts/interactive-auth.ts';
import type { KeyDirectory } from '../../accounts/key-directory.ts';
import { readSyncToken } from '../../accounts/sync-token.ts';
import { isObject, type JsonObject } from '../../protocol/json.ts';
import type { Rooms } from '../../rooms/rooms.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject } from '../schemas.ts';
import { keyAs, none, orNull } from './fields.ts';
import { authField, onceProved } from './interactive.ts';

interface KeyServices {
  readonly rooms: Pick<Rooms, 'memberships'>;
  readonly deviceKeys: DeviceKeys;
  readonly keyDirectory: KeyDirectory;
  readonly deviceLists: DeviceLists;
  readonly crossSigning: CrossSigning;
  readonly interactiveAuth: InteractiveAuth;
}

const timeout = orNull(z.number()).transform((ms) => Math.min(Math.max(ms ?? 10_000, 0), 60_000));

/** A map by user ID: whose keys are no user IDs is refused. */
const byUser = <T>(map: Readonly<Record<string, T>>): ReadonlyMap<UserId, T> =>
  new Map(Object.entries(map).map(([user, value]) => [keyAs(user, parseUserId, 'a user ID'), value]));

/** https://spec.matrix.org/v1.19/client-server-api/#key-management-api and #cross-signing */
export const keyRoutes = (services: KeyServices): readonly AnyRoute[] => {
  const { rooms, deviceKeys, keyDirectory, deviceLists, crossSigning, interactiveAuth } = services;
  return [
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/upload',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({
        device_keys: orNull(jsonObject),
        one_time_keys: orNull(jsonObject),
        fallback_keys: orNull(jsonObject),
      }),
      handle({ body, caller }) {
        deviceKeys.upload(caller, {
          deviceKeys: body.device_keys,
          oneTimeKeys: body.one_time_keys,
          fallbackKeys: body.fallback_keys,
        });
        return { one_time_key_counts: deviceKeys.oneTimeKeyCounts(caller) };
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/query',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({ device_keys: z.record(z.string(), z.array(z.string())), timeout }),
      handle: ({ body, caller }) => keyDirectory.query(caller.userId, byUser(body.device_keys), body.timeout),
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/claim',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({ one_time_keys: z.record(z.string(), jsonObject), timeout }),
      handle: ({ body }) => keyDirectory.claim(byUser(body.one_time_keys), body.timeout),
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v3/keys/changes',
      auth: 'client',
      params: none,
      query: z.object({ from: z.string(), to: z.string() }),
      handle({ query, caller }) {
        const [from, to] = [readSyncToken(query.from), readSyncToken(query.to)];
        const memberships = rooms.memberships(caller.userId);
        return { ...deviceLists.between(caller.userId, memberships, from.position, to.position) };
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/device_signing/upload',
      auth: 'client',
      params: none,
      query: none,
      body: z.object({
        ...authField,
        master_key: orNull(jsonObject),
        self_signing_key: orNull(jsonObject),
        user_signing_key: orNull(jsonObject),
      }),
      async handle({ body, caller: { userId } }) {
        const given = {
          master: body.master_key,
          self_signing: body.self_signing_key,
          user_signing: body.user_signing_key,
        };
        const keys = Object.fromEntries(Object.entries(given).filter(([, key]) => key !== undefined));
        const upload = () => {
          crossSigning.upload(userId, keys);
          return {};
        };
        if (crossSigning.isHarmless(userId, keys)) return upload();
        const step = interactiveAuth.step({
          auth: body.auth,
          operation: `cross-signing keys of ${userId}`,
          flows: [['m.login.password']],
          userId,
        });
        return onceProved(step, upload);
      },
    }),
    route({
      method: 'POST',
      path: '/_matrix/client/v3/keys/signatures/upload',
      auth: 'client',
      params: none,
      query: none,
      body: z.record(z.string(), jsonObject),
      handle({ body, caller }) {
        const failures: Record<string, Record<string, JsonObject>> = {};
        for (const [userId, byKey] of byUser(body)) {
          for (const [id, signed] of Object.entries(byKey)) {
            const refusal = isObject(signed)
              ? refusalOf(() => crossSigning.sign(caller.userId, { userId, id }, signed))
              : noObject;
            if (refusal !== undefined) failures[userId] = { ...failures[userId], [id]: refusal };
          }
        }
        return { failures };
      },
    }),
  ];
};

const noObject: JsonObject = { errcode: 'M_BAD_JSON', error: 'This is no object.' };

/** One bad signature does not keep the others from being taken. */
function refusalOf(work: () => void): JsonObject | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    if (error instanceof MatrixError) return { errcode: error.errcode, error: error.message };
    throw error;
  }
}
