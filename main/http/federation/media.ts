import * as z from 'zod';
import type { ServerName } from '../../../shared/ids.ts';
import type { Media, ServedFile } from '../../media/media.ts';
import { multipartAround } from '../../media/multipart.ts';
import type { Random } from '../../platform.ts';
import { aboutFile, mediaId, shortTimeoutMs, thumbnailWish } from '../media-reply.ts';
import { type AnyRoute, Reply, route } from '../route.ts';

interface MediaServices {
  readonly media: Media;
  readonly serverName: ServerName;
  readonly random: Pick<Random, 'id'>;
}

const params = z.object({ mediaId });

/** Files of ours, and of ours alone. https://spec.matrix.org/v1.19/server-server-api/#content-repository */
export const mediaRoutes = ({ media, serverName, random }: MediaServices): readonly AnyRoute[] => {
  const multipart = (file: ServedFile): Reply => {
    const { type, before, after } = multipartAround(random.id() + random.id(), aboutFile(file));
    return new Reply(200, { 'Content-Type': type }, before, { ...file, after });
  };
  return [
    route({
      method: 'GET',
      path: '/_matrix/federation/v1/media/download/:mediaId',
      auth: 'server',
      params,
      query: z.object({ timeout_ms: shortTimeoutMs }),
      async handle({ params, query, signal }) {
        const id = { origin: serverName, mediaId: params.mediaId };
        return multipart(await media.download(id, { timeoutMs: query.timeout_ms, allowRemote: false, signal }));
      },
    }),
    route({
      method: 'GET',
      path: '/_matrix/federation/v1/media/thumbnail/:mediaId',
      auth: 'server',
      params,
      query: z.object({ ...thumbnailWish, timeout_ms: shortTimeoutMs }),
      async handle({ params, query: { timeout_ms, ...wish }, signal }) {
        const id = { origin: serverName, mediaId: params.mediaId };
        return multipart(await media.thumbnail(id, wish, { timeoutMs: timeout_ms, allowRemote: false, signal }));
      },
    }),
  ];
};
