import { type MouseEvent, memo } from 'react';
import type { Column } from './column.ts';

interface GridRowProps<Row> {
  readonly id: string;
  readonly row: Row;
  readonly rowIndex: number;
  readonly columns: readonly Column<Row>[];
  readonly isActive: boolean;
  readonly className: string | undefined;
  readonly onPress: (row: Row) => void;
}

/** A row renders again when what it shows changes, not whenever the list scrolls. */
export const GridRow = memo(PlainRow) as typeof PlainRow;

function PlainRow<Row>({ id, row, rowIndex, columns, isActive, className, onPress }: GridRowProps<Row>) {
  const press = ({ target }: MouseEvent<HTMLTableRowElement>) => {
    const isControl = target instanceof Element && target.closest('a, button') !== null;
    if (!isControl && getSelection()?.isCollapsed !== false) onPress(row);
  };
  return (
    <tr id={id} className={className} aria-rowindex={rowIndex} aria-selected={isActive} onClick={press}>
      {columns.map((column) => (
        <td key={column.id} className={`${column.className ?? ''} ${column.look ?? ''}`} title={column.hint?.(row)}>
          {column.cell(row)}
        </td>
      ))}
    </tr>
  );
}
