import { open } from 'node:fs/promises';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { MediaId, MediaRow, MediaTable, StoredContent, ThumbnailKind, ThumbnailRow } from '../db/media.ts';
import type { Clock } from '../platform.ts';
import type { ContentStore } from './content-store.ts';
import { headLength, type ImageType, imageType, isAnimatedPng, isThumbnailType } from './image-type.ts';
import type { Imaging, Made } from './imaging.ts';

/** As a client asks: `animated` is left out where it does not care, which is mostly no. */
export interface ThumbnailWish {
  readonly width: number;
  readonly height: number;
  readonly method: 'crop' | 'scale';
  readonly animated: boolean | undefined;
}

/** Those of the specification and a few above: a wish gets the next larger one, so that few are kept. */
const scaled = [
  [320, 240],
  [640, 480],
  [800, 600],
  [1600, 1200],
] as const;
const squares = [32, 96, 240, 480, 960];
/** Wishes for more get the picture as large as it is, since nothing is made larger. */
const mostCropped = 2000;
const wholeSize = 100_000;
/** Of one file. Who asks for ever new sizes begins anew. */
const mostOfOne = 16;

export function kindOf({ width, height, method, animated = false }: ThumbnailWish): ThumbnailKind {
  if (method === 'scale' || Math.max(width, height) > mostCropped) {
    const next = scaled.find(([across, down]) => across >= width && down >= height);
    return { width: next?.[0] ?? wholeSize, height: next?.[1] ?? wholeSize, method: 'scale', animated };
  }
  const square = width === height ? squares.find((side) => side >= width) : undefined;
  return { width: square ?? width, height: square ?? height, method, animated };
}

/** The picture itself would do, if it keeps still. */
export const isWhole = ({ width }: ThumbnailKind): boolean => width === wholeSize;

interface ThumbnailsOptions {
  readonly table: MediaTable;
  readonly store: ContentStore;
  readonly imaging: Imaging;
  readonly clock: Clock;
  /** Beyond this the oldest go: they can be made again. In bytes. */
  readonly maxBytes: number;
}

/** Thumbnails of files that are here, each made once. */
export function createThumbnails({ table, store, imaging, clock, maxBytes }: ThumbnailsOptions) {
  const underWay = new Map<string, Promise<ThumbnailRow>>();

  const keep = async (id: MediaId, kind: ThumbnailKind, type: string, bytes: Uint8Array): Promise<ThumbnailRow> => {
    const draft = await store.draft((take) => take(bytes));
    if (table.thumbnailCount(id) >= mostOfOne) forget(id);
    const row = { sha256: draft.sha256, size: draft.size, type };
    store.keep(draft);
    table.addThumbnail(id, kind, row, clock.now());
    while (table.thumbnailsSize() > maxBytes + row.size) {
      const oldest = table.oldestThumbnails(20);
      if (oldest.length === 0) break;
      for (const each of oldest) forget(each);
    }
    return row;
  };
  const forget = (id: MediaId) => {
    for (const hash of table.removeThumbnails(id)) store.remove(hash);
  };

  const make = async (row: MediaRow, content: StoredContent, kind: ThumbnailKind): Promise<ThumbnailRow> => {
    const path = store.pathOf(content.sha256);
    const head = await headOf(path);
    const type = imageType(head);
    if (type === undefined) throw cannot('it is no picture that this server can read');
    const made = await imaging({ path, type, isAnimated: isAnimatedPng(head) }, kind);
    if (made.kind === 'thumbnail') return await keep(row, kind, made.type, made.bytes);
    if (made.kind === 'original' || made.kind === 'unavailable') return standIn(content, type, kind, made.kind);
    throw refusal(made.kind, row);
  };

  return {
    /**
     * The thumbnail of a file that is here.
     *
     * @throws MatrixError 400 M_UNKNOWN for what is no picture; 413 M_TOO_LARGE, for others' files 502
     */
    async of(row: MediaRow, content: StoredContent, wish: ThumbnailWish): Promise<ThumbnailRow> {
      const kind = kindOf(wish);
      const known = table.thumbnail(row, kind);
      if (known !== undefined) return known;
      const key = JSON.stringify([row.origin, row.mediaId, kind]);
      let running = underWay.get(key);
      if (running === undefined) {
        running = make(row, content, kind).finally(() => underWay.delete(key));
        underWay.set(key, running);
      }
      return await running;
    },
    keep,
    forget,
  };
}

/** The original, where its type lets it be a thumbnail. Without a way to tell, what may move is no still picture. */
function standIn(content: StoredContent, type: ImageType, kind: ThumbnailKind, why: Made['kind']): ThumbnailRow {
  if (!isThumbnailType(type)) throw cannot('this server cannot make it smaller');
  const mayMove = type === 'image/gif' || type === 'image/webp';
  if (why === 'unavailable' && mayMove && !kind.animated) throw cannot('this server cannot make a still of it');
  return { ...content, type };
}

function refusal(why: 'tooLarge' | 'unreadable', { uploader }: MediaRow): MatrixError {
  if (why === 'unreadable') return cannot('it is damaged');
  return new MatrixError(uploader === null ? 502 : 413, 'M_TOO_LARGE', 'This picture has too many pixels.');
}

const cannot = (why: string) => new MatrixError(400, 'M_UNKNOWN', `There can be no thumbnail of this: ${why}.`);

async function headOf(path: string): Promise<Uint8Array> {
  const file = await open(path, 'r');
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(headLength), 0, headLength, 0);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}
