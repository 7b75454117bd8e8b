import * as z from 'zod';
import { MatrixError } from '../../../shared/matrix-error.ts';
import type { CreateRoom } from '../../rooms/create-room.ts';
import type { Preset } from '../../rooms/first-events.ts';
import type { UpgradeRoom } from '../../rooms/upgrade-room.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, roomId, userId } from '../schemas.ts';
import { none, orNull, refuseViolations } from './fields.ts';

const stateEvent = z.object({ type: z.string(), state_key: z.string().default(''), content: jsonObject });

interface CreateRoomServices {
  readonly createRoom: CreateRoom;
  readonly upgradeRoom: UpgradeRoom;
}

/** https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3createroom, and rooms that replace others. */
export const createRoomRoutes = ({ createRoom, upgradeRoom }: CreateRoomServices): readonly AnyRoute[] => [
  route({
    method: 'POST',
    path: '/_matrix/client/v3/createRoom',
    auth: 'client',
    params: none,
    query: none,
    body: z.object({
      visibility: orNull(z.enum(['public', 'private'])),
      room_alias_name: orNull(z.string()),
      name: orNull(z.string()),
      topic: orNull(z.string()),
      invite: orNull(z.array(userId)),
      invite_3pid: orNull(z.array(jsonObject)),
      room_version: orNull(z.string()),
      creation_content: orNull(jsonObject),
      initial_state: orNull(z.array(stateEvent)),
      preset: orNull(z.enum(['private_chat', 'public_chat', 'trusted_private_chat'])),
      is_direct: orNull(z.boolean()),
      power_level_content_override: orNull(jsonObject),
    }),
    async handle({ body, caller, violations }) {
      refuseViolations(violations);
      if ((body.invite_3pid ?? []).length > 0) {
        throw new MatrixError(
          403,
          'M_THREEPID_DENIED',
          'This server knows no identity server to ask: invite by user ID.',
        );
      }
      const byVisibility: Preset = body.visibility === 'public' ? 'public_chat' : 'private_chat';
      const created = await createRoom({
        creator: caller.userId,
        version: body.room_version,
        preset: body.preset ?? byVisibility,
        published: body.visibility === 'public',
        aliasLocalpart: body.room_alias_name,
        name: body.name,
        topic: body.topic,
        invite: body.invite ?? [],
        isDirect: body.is_direct ?? false,
        creationContent: body.creation_content ?? {},
        powerLevelOverride: body.power_level_content_override ?? {},
        initialState: (body.initial_state ?? []).map(({ type, state_key: stateKey, content }) => ({
          ...{ type, stateKey, content },
        })),
      });
      return { room_id: created };
    },
  }),
  route({
    method: 'POST',
    path: '/_matrix/client/v3/rooms/:roomId/upgrade',
    auth: 'client',
    params: z.object({ roomId }),
    query: none,
    body: z.object({ new_version: z.string(), additional_creators: orNull(z.array(userId)) }),
    async handle({ params, body, caller: { userId: user } }) {
      const additionalCreators = body.additional_creators ?? [];
      const wanted = { userId: user, roomId: params.roomId, version: body.new_version, additionalCreators };
      return { replacement_room: await upgradeRoom(wanted) };
    },
  }),
];
