import type { ServerName, UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { MediaId, MediaRow, MediaTable } from '../db/media.ts';
import type { Platform } from '../platform.ts';
import type { ContentStore } from './content-store.ts';

/** A file as it comes, and what is said about it. */
export interface Upload {
  readonly type: string;
  readonly name: string | null;
  /** Hands on its bytes, `maxBytes` at most. Throws what ends it. */
  readonly pour: (take: (piece: Uint8Array) => Promise<void>) => Promise<void>;
}

/** "The recommended default expiration is 24 hours". */
const lifetimeMs = 24 * 3_600_000;
/** URIs that one user may have without content. */
const mostAwaited = 50;

interface UploadsOptions {
  readonly table: MediaTable;
  readonly store: ContentStore;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly serverName: ServerName;
}

/** Files of our users. https://spec.matrix.org/v1.19/client-server-api/#content-repository */
export function createUploads({ table, store, platform: { clock, random }, serverName }: UploadsOptions) {
  /** Who waits for the content of a URI. */
  const waiting = new Map<string, Set<() => void>>();
  const newId = (): MediaId => ({ origin: serverName, mediaId: random.id() });

  /** The row of a URI that waits for its content, and is `uploader`'s. */
  const checkAwaited = (uploader: UserId, id: MediaId): void => {
    const row = id.origin === serverName ? table.get(id) : undefined;
    if (row === undefined || isExpired(row))
      throw notFound('This server has given out no such media ID, or it has expired.');
    if (row.uploader !== uploader) throw forbidden('This media ID was given to somebody else.');
    if (row.sha256 !== null)
      throw new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'This file has been uploaded already.');
  };
  const isExpired = ({ sha256, createdTs }: MediaRow) => sha256 === null && createdTs <= clock.now() - lifetimeMs;

  /** Resolves when the content has come, after `timeoutMs`, or when `signal` aborts. */
  const arrival = async ({ mediaId }: MediaId, timeoutMs: number, signal: AbortSignal): Promise<void> => {
    const others = waiting.get(mediaId) ?? new Set();
    waiting.set(mediaId, others);
    const over = new AbortController();
    let wake = () => {};
    const arrived = new Promise<void>((resolve) => {
      wake = resolve;
    });
    others.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    clock.sleep(timeoutMs, over.signal).then(wake, wake);
    await arrived;
    over.abort();
    signal.removeEventListener('abort', wake);
    others.delete(wake);
    if (others.size === 0 && waiting.get(mediaId) === others) waiting.delete(mediaId);
  };

  return {
    /** @throws MatrixError 413 M_TOO_LARGE; 507 where the disk is full */
    async upload(uploader: UserId, upload: Upload): Promise<MediaId> {
      const draft = await store.draft(upload.pour);
      const id = newId();
      store.keep(draft);
      table.add(id, { uploader, type: upload.type, name: upload.name, ts: clock.now() }, draft);
      return id;
    },

    /** A URI whose content comes later. @throws MatrixError 429 M_LIMIT_EXCEEDED with too many of them */
    create(uploader: UserId): { readonly id: MediaId; readonly expiresTs: number } {
      const now = clock.now();
      const { count, oldest } = table.awaited(uploader, now - lifetimeMs);
      if (count >= mostAwaited) {
        throw new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Use the media IDs that you have before you ask for more.', {
          fields: { retry_after_ms: Math.max(1000, (oldest ?? now) + lifetimeMs - now) },
        });
      }
      table.removeAwaited(now - lifetimeMs);
      const id = newId();
      table.add(id, { uploader, type: '', name: null, ts: now }, undefined);
      return { id, expiresTs: now + lifetimeMs };
    },

    /** @throws MatrixError 403, 404, 409 M_CANNOT_OVERWRITE_MEDIA, and what `upload` throws */
    async uploadTo(uploader: UserId, id: MediaId, upload: Upload): Promise<void> {
      checkAwaited(uploader, id);
      const draft = await store.draft(upload.pour);
      try {
        checkAwaited(uploader, id); // another upload may have been faster
      } catch (error) {
        store.dropDraft(draft);
        throw error;
      }
      store.keep(draft);
      table.fill(id, upload.type, upload.name, draft);
      for (const wake of waiting.get(id.mediaId) ?? []) wake();
      waiting.delete(id.mediaId);
    },

    /**
     * A file of ours, once it is there.
     *
     * @throws MatrixError 404 M_NOT_FOUND; 504 M_NOT_YET_UPLOADED after `timeoutMs`
     */
    async find(id: MediaId, timeoutMs: number, signal: AbortSignal): Promise<MediaRow> {
      const isAwaited = (row: MediaRow | undefined) => row?.sha256 === null && !isExpired(row);
      if (isAwaited(table.get(id)) && timeoutMs > 0) await arrival(id, timeoutMs, signal);
      const row = table.get(id);
      if (isAwaited(row)) throw new MatrixError(504, 'M_NOT_YET_UPLOADED', 'This file has not been uploaded yet.');
      if (row === undefined || row.sha256 === null) throw notFound('There is no such file.');
      return row;
    },
  };
}
