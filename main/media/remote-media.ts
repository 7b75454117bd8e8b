import { MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { MediaId, ThumbnailKind } from '../db/media.ts';
import { withDeadline } from '../network/deadline.ts';
import type { FederationClient } from '../network/federation-client.ts';
import { type followRedirects, redirected } from '../network/follow-redirects.ts';
import { RemoteError } from '../network/remote-servers.ts';
import { createSlots } from '../network/slots.ts';
import type { Clock, InboundReply } from '../platform.ts';
import { contentType, fileName } from './media-type.ts';
import { BadMultipart, multipartOverhead, parseMultipart } from './multipart.ts';

/** A file of another server, in memory. */
export interface FetchedFile {
  readonly type: string;
  readonly name: string | null;
  readonly bytes: Uint8Array;
}

const v1 = '/_matrix/federation/v1/media';
const legacy = '/_matrix/media/v3';
/** For all of it: a film of 50 MB on a slow line. */
const deadlineMs = 180_000;
/** Files in memory at once, and of one server: what is slow there must not hold up what else we ask of it. */
const atOnce = { ofAll: 6, ofEach: 3 };
const maxRedirects = 5;

interface RemoteMediaOptions {
  readonly download: FederationClient['download'];
  readonly follow: ReturnType<typeof followRedirects>;
  readonly clock: Clock;
  /** Of one file. */
  readonly maxBytes: number;
}

/**
 * Files of other servers, from the server that their URI names: by federation, by the way of before v1.11 where that is not
 * known there. https://spec.matrix.org/v1.19/server-server-api/#content-repository
 */
export function createRemoteMedia({ download, follow, clock, maxBytes }: RemoteMediaOptions) {
  const ofAll = createSlots(atOnce.ofAll);
  const ofEach = createSlots(atOnce.ofEach);
  const never = new AbortController().signal;

  const ask = ({ origin }: MediaId, endpoint: string, uri: string, unsigned: boolean) =>
    download(origin, {
      method: 'GET',
      uri,
      endpoint,
      unsigned,
      accept: '*/*',
      timeoutMs: deadlineMs,
      maxBytes: maxBytes + multipartOverhead,
    });

  /** Where the other server says that it is: anywhere, so no secret of ours goes along. */
  const fetchFrom = async (location: string): Promise<FetchedFile> => {
    const url = redirected(location);
    const bounds = { accept: '*/*', maxBytes, maxRedirects };
    const reply = await withDeadline(clock, { ms: deadlineMs }, (signal) => follow(url, { ...bounds, signal }));
    if (reply.status !== 200) throw new BadMultipart(`it is to be had at ${url.host}, which answers ${reply.status}`);
    return fileIn(reply);
  };

  const byFederation = async (id: MediaId, what: string, query: string): Promise<FetchedFile> => {
    const reply = await ask(id, `media/${what}`, `${v1}/${what}/${encodeURIComponent(id.mediaId)}?${query}`, false);
    const parts = parseMultipart(headerOf(reply, 'content-type'), reply.body);
    if ('location' in parts) return await fetchFrom(parts.location);
    if (parts.bytes.length > maxBytes) throw tooLarge();
    return { type: contentType(parts.type), name: fileName(parts.disposition), bytes: parts.bytes };
  };

  /** "When falling back, servers MUST be sure to set `allow_remote` to `false`." */
  const byLegacy = async (id: MediaId, what: string, query: string): Promise<FetchedFile> => {
    const path = [id.origin, id.mediaId].map(encodeURIComponent).join('/');
    const uri = `${legacy}/${what}/${path}?allow_remote=false&allow_redirect=false&${query}`;
    return fileIn(await ask(id, `media/${what}`, uri, true));
  };

  const fetch = async (id: MediaId, what: 'download' | 'thumbnail', query: string): Promise<FetchedFile> => {
    const giveBacks = [await ofEach.take(id.origin, never), await ofAll.take('', never)];
    try {
      return await byFederation(id, what, query);
    } catch (error) {
      if (!isUnrecognized(error)) throw refusal(error);
      return await byLegacy(id, what, query).catch((again: unknown) => {
        throw refusal(again);
      });
    } finally {
      for (const giveBack of giveBacks) giveBack();
    }
  };

  return {
    /** @throws MatrixError 400, 404; 502 M_TOO_LARGE, or M_UNKNOWN where its server gives nothing of use; 504 M_NOT_YET_UPLOADED */
    file: (id: MediaId, timeoutMs: number) => fetch(id, 'download', `timeout_ms=${timeoutMs}`),

    /** The same of a thumbnail that its server makes. */
    thumbnail(id: MediaId, { width, height, method, animated }: ThumbnailKind, timeoutMs: number) {
      const query = `width=${width}&height=${height}&method=${method}&animated=${animated}`;
      return fetch(id, 'thumbnail', `${query}&timeout_ms=${timeoutMs}`);
    },
  };
}

const headerOf = ({ headers }: Pick<InboundReply, 'headers'>, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === 'string' ? value : value?.[0];
};

const fileIn = (reply: Pick<InboundReply, 'headers' | 'body'>): FetchedFile => ({
  type: contentType(headerOf(reply, 'content-type')),
  name: fileName(headerOf(reply, 'content-disposition')),
  bytes: reply.body,
});

const isUnrecognized = (error: unknown) =>
  error instanceof RemoteError && error.status === 404 && error.errcode === 'M_UNRECOGNIZED';

const tooLarge = () => new MatrixError(502, 'M_TOO_LARGE', 'This file is larger than this server takes.');

/** What our client is told of it. */
function refusal(error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  const isTooLong = error instanceof Error && 'isTooLong' in error && error.isTooLong === true;
  const { errcode, status, stage } = error instanceof RemoteError ? error : {};
  if (isTooLong || errcode === 'M_TOO_LARGE') return tooLarge();
  if (errcode === 'M_NOT_YET_UPLOADED') return new MatrixError(504, errcode, 'This file has not been uploaded yet.');
  if (status === 400) return new MatrixError(400, 'M_UNKNOWN', 'Its server says that it cannot give this.');
  if (status === 404) return notFound('Its server has no such file.');
  const message = `The file cannot be fetched: ${error instanceof Error ? error.message : String(error)}`;
  return new MatrixError(stage === 'timeout' ? 504 : 502, 'M_UNKNOWN', message, { cause: error });
}
