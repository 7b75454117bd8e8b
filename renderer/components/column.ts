import type { ReactNode } from 'react';

/** A column is a header and a cell: adding one touches one place. */
export interface Column<Row> {
  readonly id: string;
  readonly title: ReactNode;
  readonly cell: (row: Row) => ReactNode;
  /** Its width, and by `p1`–`p4` when it leaves a window that is too narrow. */
  readonly className?: string;
  /** How its cells look: `mono`, `dim`. */
  readonly look?: string;
  /** What the column is sorted by, if it can be. */
  readonly sortBy?: (row: Row) => string | number | undefined;
  /** The whole of what a narrow cell cuts off. */
  readonly hint?: (row: Row) => string | undefined;
}
