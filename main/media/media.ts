import { join } from 'node:path';
import type { Readable } from 'node:stream';
import type { ServerName } from '../../shared/ids.ts';
import { MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { Db } from '../db/db.ts';
import {
  type MediaId,
  type MediaRow,
  mediaTable,
  type StoredContent,
  type ThumbnailKind,
  type ThumbnailRow,
} from '../db/media.ts';
import type { Log } from '../log.ts';
import type { FederationClient } from '../network/federation-client.ts';
import type { followRedirects } from '../network/follow-redirects.ts';
import type { Platform } from '../platform.ts';
import { createContentStore } from './content-store.ts';
import { imageType, isThumbnailType } from './image-type.ts';
import { createImaging, type Imaging } from './imaging.ts';
import { createRemoteMedia, type FetchedFile } from './remote-media.ts';
import { createThumbnails, isWhole, kindOf, type ThumbnailWish } from './thumbnails.ts';
import { createUploads } from './uploads.ts';

/** A file on its way out. Whoever gets it reads `stream` to its end, or destroys it. */
export interface ServedFile {
  readonly type: string;
  readonly name: string | null;
  /** In bytes. */
  readonly size: number;
  readonly stream: Readable;
}

export interface Patience {
  /** How long to wait for what has not been uploaded yet. */
  readonly timeoutMs: number;
  /** Whether to ask other servers for what is not here. */
  readonly allowRemote: boolean;
  /** Aborts when whoever asked is gone. */
  readonly signal: AbortSignal;
}

interface MediaOptions {
  readonly db: Db;
  /** The files' own, in the data folder. */
  readonly folder: string;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly log: Log;
  readonly serverName: ServerName;
  readonly download: FederationClient['download'];
  readonly follow: ReturnType<typeof followRedirects>;
  /** Of one file, ours or another server's. */
  readonly maxFileBytes: number;
  /** Of all that is kept of other servers' files; thumbnails may take a quarter of that besides. */
  readonly maxFetchedBytes: number;
  readonly maxPixels?: number;
  readonly imaging?: Imaging;
}

export type Media = ReturnType<typeof openMedia>;

const defaultMaxPixels = 50_000_000;
/** The time of the last look need not be more exact: each is a write. */
const touchEveryMs = 3_600_000;

/** The content repository: files of our users, and of other servers as far as our users look at them. */
export function openMedia(options: MediaOptions) {
  const { db, folder, platform, log, serverName, download, follow, maxFileBytes, maxFetchedBytes } = options;
  const { clock } = platform;
  const table = mediaTable(db);
  const store = createContentStore(join(folder, 'media'), platform.random);
  const uploads = createUploads({ table, store, platform, serverName });
  const imaging = options.imaging ?? createImaging({ log, maxPixels: options.maxPixels ?? defaultMaxPixels });
  const thumbnails = createThumbnails({ table, store, imaging, clock, maxBytes: maxFetchedBytes / 4 });
  const remote = createRemoteMedia({ download, follow, clock, maxBytes: maxFileBytes });
  /** What is being fetched, so that it is fetched once. */
  const underWay = new Map<string, Promise<unknown>>();

  const once = <T>(key: readonly unknown[], work: () => Promise<T>): Promise<T> => {
    const name = JSON.stringify(key);
    const running = (underWay.get(name) as Promise<T> | undefined) ?? work().finally(() => underWay.delete(name));
    underWay.set(name, running);
    return running;
  };

  const drop = (id: MediaId) => {
    for (const hash of table.remove(id)) store.remove(hash);
  };

  /** What nobody has looked at for longest goes first. */
  const makeRoomFor = ({ origin, mediaId }: MediaId) => {
    while (table.fetchedSize() > maxFetchedBytes) {
      const oldest = table.leastRecent(2).find((row) => row.origin !== origin || row.mediaId !== mediaId);
      if (oldest === undefined) break;
      drop(oldest);
    }
  };

  const keep = async (id: MediaId, { type, name, bytes }: FetchedFile): Promise<MediaRow> => {
    const draft = await store.draft((take) => take(bytes));
    if (table.get(id) !== undefined) drop(id); // first, as it may be the same file
    store.keep(draft);
    table.add(id, { uploader: null, type, name, ts: clock.now() }, draft);
    makeRoomFor(id);
    const row = table.get(id);
    if (row === undefined) throw new Error('what has just been written is not there');
    return row;
  };

  const fetched = (id: MediaId, timeoutMs: number): Promise<MediaRow> =>
    once([id.origin, id.mediaId], async () => await keep(id, await remote.file(id, timeoutMs)));

  const find = async (id: MediaId, { timeoutMs, allowRemote, signal }: Patience): Promise<MediaRow> => {
    if (id.origin === serverName) return await uploads.find(id, timeoutMs, signal);
    const row = table.get(id);
    if (row !== undefined) return row;
    if (!allowRemote) throw notFound('This server does not have this file.');
    return await fetched(id, timeoutMs);
  };

  /** @throws MatrixError 404 where nobody may have it */
  const contentOf = (row: MediaRow): StoredContent => {
    if (row.quarantined === 1 || row.sha256 === null) throw notFound('There is no such file.');
    if (row.lastAccessTs < clock.now() - touchEveryMs) table.touch(row, clock.now());
    return { sha256: row.sha256, size: row.size };
  };

  const lost = (row: MediaRow) => {
    log.warn('a file is not where it was put', { origin: row.origin, mediaId: row.mediaId });
    return notFound('This file has been lost.');
  };

  /** A file and its stream. What was fetched before and is lost is fetched again. */
  const open = async (id: MediaId, patience: Patience): Promise<ServedFile> => {
    const row = await find(id, patience);
    const stream = await store.read(contentOf(row));
    if (stream !== undefined) return { type: row.type, name: row.name, size: row.size, stream };
    if (row.uploader !== null || !patience.allowRemote) throw lost(row);
    drop(row);
    const again = await fetched(id, patience.timeoutMs);
    const found = await store.read(contentOf(again));
    if (found === undefined) throw lost(again);
    return { type: again.type, name: again.name, size: again.size, stream: found };
  };

  /** By its server, which spares us the whole picture: `undefined` where that makes none, or none that is a picture. */
  const thumbnailByServer = (id: MediaId, kind: ThumbnailKind, timeoutMs: number): Promise<ThumbnailRow | undefined> =>
    once([id.origin, id.mediaId, kind], async () => {
      try {
        const { bytes } = await remote.thumbnail(id, kind, timeoutMs);
        const type = imageType(bytes);
        return isThumbnailType(type) ? await thumbnails.keep(id, kind, type, bytes) : undefined;
      } catch (error) {
        if (error instanceof MatrixError && [400, 404].includes(error.status)) return undefined;
        throw error;
      }
    });

  const thumbnailRow = async (id: MediaId, wish: ThumbnailWish, patience: Patience): Promise<ThumbnailRow> => {
    const kind = kindOf(wish);
    if (id.origin !== serverName && patience.allowRemote && !isWhole(kind) && table.get(id) === undefined) {
      const found = table.thumbnail(id, kind) ?? (await thumbnailByServer(id, kind, patience.timeoutMs));
      if (found !== undefined) return found;
    }
    const row = await find(id, patience);
    return await thumbnails.of(row, contentOf(row), wish);
  };

  return {
    maxFileBytes,
    upload: uploads.upload,
    create: uploads.create,
    uploadTo: uploads.uploadTo,

    /** @throws MatrixError 404, 502, 504: as `createUploads` and `createRemoteMedia` have them */
    download: open,

    /** @throws MatrixError what `download` throws; 400 for what is no picture; 413 M_TOO_LARGE, for others' files 502 */
    async thumbnail(id: MediaId, wish: ThumbnailWish, patience: Patience): Promise<ServedFile> {
      const row = await thumbnailRow(id, wish, patience);
      const stream = await store.read(row);
      if (stream !== undefined) {
        return { type: row.type, name: `thumbnail.${row.type.replace('image/', '')}`, size: row.size, stream };
      }
      thumbnails.forget(id);
      throw notFound('This thumbnail has been lost: ask again.');
    },

    /** Nobody gets it any more, or again. */
    quarantine: (id: MediaId, isOn: boolean): void => table.setQuarantined(id, isOn),
  };
}
