import type { Column } from './column.ts';
import { Icon } from './icon.tsx';
import type { Sort } from './sorting.ts';

interface GridHeadProps<Row> {
  readonly columns: readonly Column<Row>[];
  readonly sort: Sort | undefined;
  readonly onSort: (column: string) => void;
}

export function GridHead<Row>({ columns, sort, onSort }: GridHeadProps<Row>) {
  return (
    <thead>
      <tr aria-rowindex={1}>
        {columns.map(({ id, title, className, sortBy }) => {
          const direction = sort?.column === id ? (sort.descending ? 'descending' : 'ascending') : undefined;
          return (
            <th key={id} scope="col" className={className} aria-sort={direction}>
              {sortBy === undefined ? (
                title
              ) : (
                <button type="button" onClick={() => onSort(id)}>
                  {title}
                  {direction !== undefined && <Icon name="sort" small />}
                </button>
              )}
            </th>
          );
        })}
      </tr>
    </thead>
  );
}
