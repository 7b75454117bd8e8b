import type { ServerName, UserId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export const schema = `
  -- Files by their mxc:// URIs, ours and those of others that we have fetched. What is in them lies in files by hash.
  CREATE TABLE media (
    origin TEXT NOT NULL, media_id TEXT NOT NULL,
    uploader TEXT,               -- a local user; NULL where it was fetched
    sha256 TEXT,                 -- NULL: the URI was given out, and nothing has been uploaded yet
    type TEXT NOT NULL, name TEXT, size INTEGER NOT NULL,
    created_ts INTEGER NOT NULL, -- uploaded, fetched or given out
    last_access_ts INTEGER NOT NULL,
    quarantined INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (origin, media_id)) STRICT, WITHOUT ROWID;
  CREATE INDEX media_by_content ON media (sha256);
  CREATE INDEX media_fetched ON media (last_access_ts, size) WHERE uploader IS NULL;
  CREATE INDEX media_awaited ON media (uploader, created_ts) WHERE sha256 IS NULL;

  CREATE TABLE thumbnails (
    origin TEXT NOT NULL, media_id TEXT NOT NULL,
    width INTEGER NOT NULL, height INTEGER NOT NULL, method TEXT NOT NULL, animated INTEGER NOT NULL, -- as asked for
    sha256 TEXT NOT NULL, type TEXT NOT NULL, size INTEGER NOT NULL,
    created_ts INTEGER NOT NULL,
    PRIMARY KEY (origin, media_id, width, height, method, animated)) STRICT, WITHOUT ROWID;
  CREATE INDEX thumbnails_by_content ON thumbnails (sha256);
  CREATE INDEX thumbnails_by_age ON thumbnails (created_ts, size);`;

/** `mxc://origin/mediaId` */
export interface MediaId {
  readonly origin: ServerName;
  readonly mediaId: string;
}

/** What lies in a file: its hash, in hex, is the file's name. */
export interface StoredContent {
  readonly sha256: string;
  readonly size: number;
}

export interface MediaRow extends MediaId {
  readonly uploader: UserId | null;
  readonly sha256: string | null;
  readonly type: string;
  readonly name: string | null;
  readonly size: number;
  readonly createdTs: number;
  readonly lastAccessTs: number;
  readonly quarantined: number;
}

/** Which thumbnail: the sizes as they are kept, not what came out. */
export interface ThumbnailKind {
  readonly width: number;
  readonly height: number;
  readonly method: 'crop' | 'scale';
  readonly animated: boolean;
}

export interface ThumbnailRow extends StoredContent {
  readonly type: string;
}

const columns = `origin, media_id AS mediaId, uploader, sha256, type, name, size, created_ts AS createdTs,
  last_access_ts AS lastAccessTs, quarantined`;

export type MediaTable = ReturnType<typeof mediaTable>;

export function mediaTable(db: Db) {
  const select = db.prepare<[string, string], MediaRow>(
    `SELECT ${columns} FROM media WHERE origin = ? AND media_id = ?`,
  );
  const insert = db.prepare<
    [string, string, UserId | null, sha256: string | null, type: string, name: string | null, number, number, number]
  >(
    `INSERT INTO media (origin, media_id, uploader, sha256, type, name, size, created_ts, last_access_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const fill = db.prepare<[sha256: string, type: string, name: string | null, size: number, string, string]>(
    'UPDATE media SET sha256 = ?, type = ?, name = ?, size = ? WHERE origin = ? AND media_id = ? AND sha256 IS NULL',
  );
  const touch = db.prepare<[ts: number, string, string]>(
    'UPDATE media SET last_access_ts = ? WHERE origin = ? AND media_id = ?',
  );
  const setQuarantined = db.prepare<[quarantined: number, string, string]>(
    'UPDATE media SET quarantined = ? WHERE origin = ? AND media_id = ?',
  );
  const remove = db.prepare<[string, string]>('DELETE FROM media WHERE origin = ? AND media_id = ?');
  const awaited = db.prepare<[UserId, since: number], { count: number; oldest: number | null }>(
    `SELECT count(*) AS count, min(created_ts) AS oldest FROM media
     WHERE uploader = ? AND sha256 IS NULL AND created_ts > ?`,
  );
  const removeAwaited = db.prepare<[before: number]>('DELETE FROM media WHERE sha256 IS NULL AND created_ts <= ?');
  const fetchedSize = db.prepare<[], { size: number }>(
    'SELECT coalesce(sum(size), 0) AS size FROM media WHERE uploader IS NULL',
  );
  const leastRecent = db.prepare<[limit: number], MediaRow>(
    `SELECT ${columns} FROM media WHERE uploader IS NULL ORDER BY last_access_ts LIMIT ?`,
  );

  const thumbnail = db.prepare<[string, string, number, number, method: string, animated: number], ThumbnailRow>(
    `SELECT sha256, type, size FROM thumbnails
     WHERE origin = ? AND media_id = ? AND width = ? AND height = ? AND method = ? AND animated = ?`,
  );
  const insertThumbnail = db.prepare<
    [string, string, number, number, method: string, animated: number, sha256: string, type: string, number, number]
  >(
    `INSERT OR REPLACE INTO thumbnails (origin, media_id, width, height, method, animated, sha256, type, size, created_ts)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  );
  const thumbnailCount = db.prepare<[string, string], { count: number }>(
    'SELECT count(*) AS count FROM thumbnails WHERE origin = ? AND media_id = ?',
  );
  const thumbnailsOf = db.prepare<[string, string], { sha256: string }>(
    'SELECT sha256 FROM thumbnails WHERE origin = ? AND media_id = ?',
  );
  const thumbnailsSize = db.prepare<[], { size: number }>('SELECT coalesce(sum(size), 0) AS size FROM thumbnails');
  const oldestThumbnails = db.prepare<[limit: number], MediaId>(
    'SELECT origin, media_id AS mediaId FROM thumbnails ORDER BY created_ts LIMIT ?',
  );
  const removeThumbnails = db.prepare<[string, string]>('DELETE FROM thumbnails WHERE origin = ? AND media_id = ?');
  const used = db.prepare<[string, string], { used: number }>(
    `SELECT EXISTS (SELECT 1 FROM media WHERE sha256 = ?) OR EXISTS (SELECT 1 FROM thumbnails WHERE sha256 = ?) AS used`,
  );

  const withoutUse = (hashes: Iterable<string>) =>
    [...new Set(hashes)].filter((hash) => used.get(hash, hash)?.used !== 1);
  const forgetThumbnails = ({ origin, mediaId }: MediaId): readonly string[] => {
    const hashes = thumbnailsOf.all(origin, mediaId).map((row) => row.sha256);
    removeThumbnails.run(origin, mediaId);
    return hashes;
  };
  return {
    get: ({ origin, mediaId }: MediaId): MediaRow | undefined => select.get(origin, mediaId),
    /** With its content, or `undefined` for a URI that waits for it. */
    add(
      { origin, mediaId }: MediaId,
      about: {
        readonly uploader: UserId | null;
        readonly type: string;
        readonly name: string | null;
        readonly ts: number;
      },
      content: StoredContent | undefined,
    ): void {
      const { uploader, type, name, ts } = about;
      insert.run(origin, mediaId, uploader, content?.sha256 ?? null, type, name, content?.size ?? 0, ts, ts);
    },
    /** The content of a URI that waits for it. */
    fill({ origin, mediaId }: MediaId, type: string, name: string | null, { sha256, size }: StoredContent): void {
      fill.run(sha256, type, name, size, origin, mediaId);
    },
    touch: ({ origin, mediaId }: MediaId, ts: number): void => touch.run(ts, origin, mediaId),
    setQuarantined: ({ origin, mediaId }: MediaId, quarantined: boolean): void =>
      setQuarantined.run(quarantined ? 1 : 0, origin, mediaId),
    /** URIs that a user was given after `since`, and has not used. */
    awaited: (uploader: UserId, since: number) => awaited.get(uploader, since) ?? { count: 0, oldest: null },
    removeAwaited: (before: number): void => removeAwaited.run(before),
    /** In bytes, of all that was fetched. */
    fetchedSize: (): number => fetchedSize.get()?.size ?? 0,
    /** Of what was fetched, what nobody has looked at for longest. */
    leastRecent: (limit: number): readonly MediaRow[] => leastRecent.all(limit),
    thumbnail: ({ origin, mediaId }: MediaId, { width, height, method, animated }: ThumbnailKind) =>
      thumbnail.get(origin, mediaId, width, height, method, animated ? 1 : 0),
    addThumbnail(
      { origin, mediaId }: MediaId,
      { width, height, method, animated }: ThumbnailKind,
      { sha256, type, size }: ThumbnailRow,
      ts: number,
    ): void {
      insertThumbnail.run(origin, mediaId, width, height, method, animated ? 1 : 0, sha256, type, size, ts);
    },
    thumbnailCount: ({ origin, mediaId }: MediaId): number => thumbnailCount.get(origin, mediaId)?.count ?? 0,
    /** Forgets a file and its thumbnails. Returns the hashes of contents that nothing else needs. */
    remove: ({ origin, mediaId }: MediaId): readonly string[] =>
      db.transaction(() => {
        const sha256 = select.get(origin, mediaId)?.sha256 ?? undefined;
        const hashes = forgetThumbnails({ origin, mediaId });
        remove.run(origin, mediaId);
        return withoutUse(sha256 === undefined ? hashes : [sha256, ...hashes]);
      }),
    /** The same for the thumbnails alone. */
    removeThumbnails: (id: MediaId): readonly string[] => db.transaction(() => withoutUse(forgetThumbnails(id))),
    /** In bytes, of all thumbnails. */
    thumbnailsSize: (): number => thumbnailsSize.get()?.size ?? 0,
    /** Whose thumbnails are the oldest. */
    oldestThumbnails: (limit: number): readonly MediaId[] => oldestThumbnails.all(limit),
  };
}
