import * as z from 'zod';
import type { ServedFile } from '../media/media.ts';
import { contentDisposition, safetyHeaders } from '../media/media-type.ts';
import { Reply } from './route.ts';
import { upTo } from './schemas.ts';

/** "MUST consist of only alphanumeric, `_` and `-`": https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris */
export const mediaId = z.string().regex(/^[A-Za-z0-9_-]{1,255}$/, 'is not a media ID');

/**
 * In milliseconds. "The default value is 20000", "the content repository SHOULD impose a maximum value", for other servers a
 * lower one: who waits holds a turn of that server's.
 */
export const timeoutMs = upTo(60_000, 20_000);
export const shortTimeoutMs = upTo(20_000, 20_000);

const side = z.coerce.number().int().positive();

/** Which thumbnail, in a query. */
export const thumbnailWish = {
  width: side,
  height: side,
  method: z.enum(['crop', 'scale']).default('scale'),
  animated: z
    .enum(['true', 'false'])
    .optional()
    .transform((word) => (word === undefined ? undefined : word === 'true')),
};

/** What says of a file what it is. `name` stands in for its own. */
export const aboutFile = ({ type, name }: ServedFile, instead?: string) => ({
  'Content-Type': type,
  'Content-Disposition': contentDisposition(type, instead ?? name),
});

/** A file as a client gets it: for a `mxc://` URI it is always the same. */
export const fileReply = (file: ServedFile, name?: string): Reply =>
  new Reply(
    200,
    {
      ...aboutFile(file, name),
      ...safetyHeaders,
      'Cache-Control': 'private, max-age=86400, immutable',
    },
    new Uint8Array(),
    file,
  );
