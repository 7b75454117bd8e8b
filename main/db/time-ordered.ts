import type { Db } from './db.ts';

/** A table whose rows lie by `id` in the order of time, and are dropped from the old end. */
export interface TimeOrdered {
  /** The time of its `rows`th oldest row, or of its newest if it has fewer. None if it is empty. */
  reach(rows: number): number | undefined;
  /** Deletes rows up to that time, at most so many. Tells how many there were. */
  prune(upTo: number, rows: number): number;
}

/** `also` holds what belongs to a row, by the row's id in the column that is named: `flow_requests(flow_id)`. */
export function timeOrdered(db: Db, table: string, tsColumn: string, also: readonly string[] = []): TimeOrdered {
  const nth = db.prepare<[rows: number], { ts: number }>(
    `SELECT ${tsColumn} AS ts FROM (SELECT id, ${tsColumn} FROM ${table} ORDER BY id LIMIT ?) ORDER BY id DESC LIMIT 1`,
  );
  const last = db.prepare<[rows: number, upTo: number], { id: number; count: number }>(
    `SELECT max(id) AS id, count(*) AS count
      FROM (SELECT id, ${tsColumn} AS ts FROM ${table} ORDER BY id LIMIT ?) WHERE ts <= ?`,
  );
  const deletions = [`${table}(id)`, ...also].map((named) => {
    const [, name, column] = /^(\w+)\((\w+)\)$/.exec(named) ?? [];
    return db.prepare<[id: number]>(`DELETE FROM ${name} WHERE ${column} <= ?`);
  });
  return {
    reach: (rows) => nth.get(rows)?.ts,
    prune: (upTo, rows) =>
      db.transaction(() => {
        const { id, count } = last.get(rows, upTo) ?? { id: 0, count: 0 };
        if (count > 0) for (const deletion of deletions) deletion.run(id);
        return count;
      }),
  };
}
