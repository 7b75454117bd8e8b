import type { Db } from './db.ts';

/** How many bytes the pages of a database take: the file, but for its write-ahead log. */
export function databaseSize(db: Db): () => number {
  const pageSize = db.prepare<[], { page_size: number }>('PRAGMA page_size').get()?.page_size ?? 4096;
  const pages = db.prepare<[], { page_count: number }>('PRAGMA page_count');
  return () => (pages.get()?.page_count ?? 0) * pageSize;
}
