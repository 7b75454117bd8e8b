import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { StoredContent } from '../db/media.ts';
import type { Random } from '../platform.ts';

/** Bytes that are on the disk, and not in the store yet. */
export interface Draft extends StoredContent {
  readonly path: string;
}

/** Files under the hash of what is in them: the same twice is there once, and no name from outside becomes a path. */
export interface ContentStore {
  /**
   * Writes what `pour` hands on. Where that fails, nothing is left of it.
   *
   * @throws MatrixError 507 where the disk is full; what `pour` throws
   */
  draft(pour: (take: (piece: Uint8Array) => Promise<void>) => Promise<void>): Promise<Draft>;
  /** Puts it under its hash. Nothing happens between this and what the caller writes right after it. */
  keep(draft: Draft): void;
  dropDraft(draft: Draft): void;
  /** `undefined` where it is not there, or not as long as it was. */
  read(content: StoredContent): Promise<Readable | undefined>;
  /** For programs that read files themselves. */
  pathOf(sha256: string): string;
  remove(sha256: string): void;
}

/** Makes a new file, as `open` of `node:fs/promises` does. */
type OpenDraft = (path: string, flags: 'wx', mode: number) => Promise<Pick<FileHandle, 'write' | 'sync' | 'close'>>;

/** `folder` is Hearth's alone: what crashes have left in its drafts goes at the start. `openDraft` is for tests. */
export function createContentStore(
  folder: string,
  random: Pick<Random, 'id'>,
  openDraft: OpenDraft = open,
): ContentStore {
  const drafts = join(folder, 'drafts');
  rmSync(drafts, { recursive: true, force: true });
  mkdirSync(drafts, { recursive: true, mode: 0o700 });
  const folderOf = (sha256: string) => join(folder, sha256.slice(0, 2));
  const pathOf = (sha256: string) => {
    if (!/^[0-9a-f]{64}$/.test(sha256)) throw new TypeError(`${sha256} is no hash`);
    return join(folderOf(sha256), sha256.slice(2));
  };

  return {
    async draft(pour) {
      const path = join(drafts, random.id());
      const file = await openDraft(path, 'wx', 0o600).catch(refuseFullDisk);
      const hash = createHash('sha256');
      let size = 0;
      try {
        await pour(async (piece) => {
          for (let at = 0; at < piece.length; ) {
            const { bytesWritten } = await file.write(piece, at).catch(refuseFullDisk);
            at += bytesWritten;
          }
          hash.update(piece);
          size += piece.length;
        });
        await file.sync().catch(refuseFullDisk);
      } catch (error) {
        await file.close();
        unlinkSync(path);
        throw error;
      }
      await file.close();
      return { path, size, sha256: hash.digest('hex') };
    },

    keep({ path, sha256, size }) {
      const place = pathOf(sha256);
      if (statSync(place, { throwIfNoEntry: false })?.size === size) return unlinkSync(path);
      const isNew = mkdirSync(folderOf(sha256), { recursive: true, mode: 0o700 }) !== undefined;
      renameSync(path, place);
      syncFolder(folderOf(sha256));
      if (isNew) syncFolder(folder);
    },

    dropDraft: ({ path }) => rmSync(path, { force: true }),

    async read({ sha256, size }) {
      const file = await open(pathOf(sha256), 'r').catch(noneIfAbsent);
      if (file === undefined) return undefined;
      const { size: found } = await file.stat();
      if (found === size) return file.createReadStream();
      await file.close();
      return undefined;
    },

    pathOf,
    remove: (sha256) => rmSync(pathOf(sha256), { force: true }),
  };
}

/** A new name is on the disk only when its folder is. Windows cannot open folders, and needs no such thing. */
function syncFolder(path: string): void {
  if (process.platform === 'win32') return;
  const folder = openSync(path, 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function refuseFullDisk(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ENOSPC' && error.code !== 'EDQUOT') throw error;
  throw new MatrixError(507, 'M_UNKNOWN', 'The disk of this server is full: it cannot keep this file.', {
    cause: error,
  });
}

function noneIfAbsent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}
