import * as z from 'zod';
import type { UserId } from '../../../shared/ids.ts';
import { notFound, unrecognized } from '../../../shared/matrix-error.ts';
import type { Media } from '../../media/media.ts';
import { contentType } from '../../media/media-type.ts';
import type { Upload } from '../../media/uploads.ts';
import { fileReply, mediaId, thumbnailWish, timeoutMs } from '../media-reply.ts';
import { type AnyRoute, type RawBody, route } from '../route.ts';
import { serverName } from '../schemas.ts';
import { none } from './fields.ts';

interface MediaServices {
  readonly media: Media;
  /** Whether files of ours can be had without signing in: `--unauthenticated-media`. */
  readonly unauthenticatedMedia: boolean;
  readonly serverName: string;
}

const ofFile = z.object({ serverName, mediaId });
const ofNamedFile = ofFile.extend({ fileName: z.string().min(1).max(512) });
const about = z.object({ filename: z.string().max(512).optional() });
const waiting = z.object({ timeout_ms: timeoutMs });
const thumbnailQuery = waiting.extend(thumbnailWish);
/** We never redirect, so `allow_redirect` changes nothing. */
const oldQuery = waiting.extend({ allow_remote: z.enum(['true', 'false']).default('true') });

const idOf = (params: z.output<typeof ofFile>) => ({ origin: params.serverName, mediaId: params.mediaId });
const uriOf = ({ origin, mediaId: id }: ReturnType<typeof idOf>) => `mxc://${origin}/${id}`;

/** https://spec.matrix.org/v1.19/client-server-api/#content-repository */
export const mediaRoutes = (services: MediaServices): readonly AnyRoute[] => [
  ...uploadRoutes(services),
  ...downloadRoutes(services),
  ...oldRoutes(services),
];

const uploadRoutes = ({ media }: MediaServices): readonly AnyRoute[] => {
  const uploadOf = (raw: RawBody, name: string | undefined): Upload => ({
    type: contentType(raw.type),
    name: name ?? null,
    pour: (take) => raw.pour(media.maxFileBytes, take),
  });
  const create = (userId: UserId) => {
    const { id, expiresTs } = media.create(userId);
    return { content_uri: uriOf(id), unused_expires_at: expiresTs };
  };
  return [
    route({
      method: 'POST',
      path: '/_matrix/media/v1/create',
      auth: 'client',
      params: none,
      query: none,
      handle: ({ caller }) => create(caller.userId),
    }),
    ...['v3', 'r0'].map((version) =>
      route({
        method: 'POST',
        path: `/_matrix/media/${version}/upload`,
        auth: 'client',
        params: none,
        query: about,
        handle: async ({ caller, query, raw }) => ({
          content_uri: uriOf(await media.upload(caller.userId, uploadOf(raw, query.filename))),
        }),
      }),
    ),
    route({
      method: 'PUT',
      path: '/_matrix/media/v3/upload/:serverName/:mediaId',
      auth: 'client',
      params: ofFile,
      query: about,
      async handle({ caller, params, query, raw }) {
        await media.uploadTo(caller.userId, idOf(params), uploadOf(raw, query.filename));
        return {};
      },
    }),
  ];
};

const downloadRoutes = ({ media }: MediaServices): readonly AnyRoute[] => {
  const patience = (timeoutMs: number, signal: AbortSignal) => ({ timeoutMs, allowRemote: true, signal });
  return [
    route({
      method: 'GET',
      path: '/_matrix/client/v1/media/download/:serverName/:mediaId',
      auth: 'client',
      params: ofFile,
      query: waiting,
      handle: async ({ params, query, signal }) =>
        fileReply(await media.download(idOf(params), patience(query.timeout_ms, signal))),
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v1/media/download/:serverName/:mediaId/:fileName',
      auth: 'client',
      params: ofNamedFile,
      query: waiting,
      handle: async ({ params, query, signal }) =>
        fileReply(await media.download(idOf(params), patience(query.timeout_ms, signal)), params.fileName),
    }),
    route({
      method: 'GET',
      path: '/_matrix/client/v1/media/thumbnail/:serverName/:mediaId',
      auth: 'client',
      params: ofFile,
      query: thumbnailQuery,
      handle: async ({ params, query: { timeout_ms, ...wish }, signal }) =>
        fileReply(await media.thumbnail(idOf(params), wish, patience(timeout_ms, signal))),
    }),
    ...['/_matrix/client/v1/media/config', '/_matrix/media/v3/config', '/_matrix/media/r0/config'].map((path) =>
      route({
        method: 'GET',
        path,
        auth: 'client',
        params: none,
        query: none,
        handle: () => ({ 'm.upload.size': media.maxFileBytes }),
      }),
    ),
    ...['/_matrix/client/v1/media/preview_url', '/_matrix/media/v3/preview_url'].map((path) =>
      route({
        method: 'GET',
        path,
        auth: 'client',
        params: none,
        query: none,
        handle() {
          // It would tell a stranger's server who reads what, and lead us to addresses that strangers choose.
          throw unrecognized(404, 'This server makes no previews of URLs.');
        },
      }),
    ),
  ];
};

/** Without a token, as before v1.11: frozen (D28), but for who opens them for files of ours. */
const oldRoutes = ({ media, unauthenticatedMedia, serverName: own }: MediaServices): readonly AnyRoute[] => {
  const patience = (id: ReturnType<typeof idOf>, timeoutMs: number, signal: AbortSignal) => {
    if (unauthenticatedMedia && id.origin === own) return { timeoutMs, allowRemote: false, signal };
    throw notFound('This server gives files to those only who have signed in.');
  };
  return ['v3', 'r0'].flatMap((version) => [
    route({
      method: 'GET',
      path: `/_matrix/media/${version}/download/:serverName/:mediaId`,
      auth: 'none',
      params: ofFile,
      query: oldQuery,
      async handle({ params, query, signal }) {
        const id = idOf(params);
        return fileReply(await media.download(id, patience(id, query.timeout_ms, signal)));
      },
    }),
    route({
      method: 'GET',
      path: `/_matrix/media/${version}/download/:serverName/:mediaId/:fileName`,
      auth: 'none',
      params: ofNamedFile,
      query: oldQuery,
      async handle({ params, query, signal }) {
        const id = idOf(params);
        return fileReply(await media.download(id, patience(id, query.timeout_ms, signal)), params.fileName);
      },
    }),
    route({
      method: 'GET',
      path: `/_matrix/media/${version}/thumbnail/:serverName/:mediaId`,
      auth: 'none',
      params: ofFile,
      query: oldQuery.extend(thumbnailWish),
      async handle({ params, query, signal }) {
        const id = idOf(params);
        return fileReply(await media.thumbnail(id, query, patience(id, query.timeout_ms, signal)));
      },
    }),
  ]);
};
