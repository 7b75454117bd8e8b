import { useMemo, useState } from 'react';
import type { Column } from './column.ts';

export interface Sort {
  readonly column: string;
  readonly descending: boolean;
}

/** Rows in the order of a column that its reader chose; as they came, until then. */
export function useSorting<Row>(rows: readonly Row[], columns: readonly Column<Row>[], initial: Sort | undefined) {
  const [sort, setSort] = useState(initial);
  const sorted = useMemo(() => {
    const sortBy = columns.find(({ id }) => id === sort?.column)?.sortBy;
    return sortBy === undefined ? rows : sortRows(rows, sortBy, sort?.descending ?? false);
  }, [rows, columns, sort]);
  const toggle = (column: string) =>
    setSort((old) => ({ column, descending: old?.column === column && !old.descending }));
  return { sorted, sort, toggle };
}

/** What has no value comes last, in both directions. Equal rows keep their order. */
export function sortRows<Row>(
  rows: readonly Row[],
  sortBy: NonNullable<Column<Row>['sortBy']>,
  descending: boolean,
): readonly Row[] {
  const keyed = rows.map((row) => ({ row, key: sortBy(row) }));
  keyed.sort((a, b) => {
    if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined);
    const order = compare(a.key, b.key);
    return descending ? -order : order;
  });
  return keyed.map(({ row }) => row);
}

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? Math.sign(a - b) || 0 : String(a).localeCompare(String(b));
}
