import * as z from 'zod';
import { invalidParam } from '../../shared/matrix-error.ts';
import type { RoomListQuery } from '../rooms/room-list.ts';

/** What clients and servers ask for when they want a list of published rooms; 0 is no limit. */
const fields = {
  since: z.string().nullish(),
  third_party_instance_id: z.string().nullish(),
};
const limit = z.number().int().min(0);

interface Asked {
  readonly limit?: number | null | undefined;
  readonly since?: string | null | undefined;
  readonly filter?:
    | {
        readonly generic_search_term?: string | null | undefined;
        readonly room_types?: readonly (string | null)[] | null | undefined;
      }
    | null
    | undefined;
  readonly include_all_networks?: boolean | null | undefined;
  readonly third_party_instance_id?: string | null | undefined;
}

function asQuery({ filter, ...asked }: Asked): RoomListQuery {
  const network = asked.third_party_instance_id ?? undefined;
  const allNetworks = asked.include_all_networks ?? false;
  if (network !== undefined && allNetworks) {
    throw invalidParam('third_party_instance_id is for when include_all_networks is false');
  }
  return {
    limit: asked.limit || undefined,
    since: asked.since ?? undefined,
    term: filter?.generic_search_term ?? undefined,
    types: filter?.room_types ?? undefined,
    network,
    allNetworks,
  };
}

/** https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1publicrooms */
export const roomListInQuery = z
  .object({
    ...fields,
    limit: z.coerce.number().pipe(limit).optional(),
    include_all_networks: z
      .enum(['true', 'false'])
      .optional()
      .transform((word) => word === 'true'),
  })
  .transform(asQuery);

/** https://spec.matrix.org/v1.19/server-server-api/#post_matrixfederationv1publicrooms */
export const roomListInBody = z
  .object({
    ...fields,
    limit: limit.nullish(),
    include_all_networks: z.boolean().nullish(),
    filter: z
      .object({
        generic_search_term: z.string().nullish(),
        room_types: z.array(z.string().nullable()).nullish(),
      })
      .nullish(),
  })
  .transform(asQuery);
