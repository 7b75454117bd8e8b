import { useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, useCallback, useEffect, useId, useMemo, useRef, useState } from 'react';
import { useShortcuts } from '../shortcuts.ts';
import type { Column } from './column.ts';
import { GridHead } from './grid-head.tsx';
import { GridRow } from './grid-row.tsx';
import { type Sort, useSorting } from './sorting.ts';

interface GridProps<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  readonly onOpen?: ((row: Row) => void) | undefined;
  /** The row that is current, where the screen decides. */
  readonly activeKey?: string | undefined;
  readonly onMove?: ((row: Row) => void) | undefined;
  readonly className?: string;
  /** In rem: one for all rows, or for each. */
  readonly rowHeight?: number | ((row: Row) => number);
  readonly rowClass?: ((row: Row) => string) | undefined;
  readonly initialSort?: Sort | undefined;
  /** Which rows are in view, by index. */
  readonly onRange?: ((first: number, last: number) => void) | undefined;
  /** Whether one has scrolled down from the first row. */
  readonly onScrolled?: ((isAway: boolean) => void) | undefined;
  /** Whether j and k move in it: one grid of a screen has them. */
  readonly hasKeys?: boolean;
  /** Scrolls to the first row each time that it changes. */
  readonly toTop?: number | undefined;
  /** The last rows are in view: older ones may be asked for. */
  readonly onEnd?: (() => void) | undefined;
}

const rem = () => Number.parseFloat(getComputedStyle(document.documentElement).fontSize) || 16;

/**
 * A table of any length: only the rows in view are in the document. The keyboard moves a current row, which assistive
 * technology follows by `aria-activedescendant`.
 */
export function Grid<Row>(props: GridProps<Row>) {
  const { label, columns, rows, keyOf, onOpen, onMove, className = '', rowHeight = 1.875, rowClass, onRange } = props;
  const { sorted, sort, toggle } = useSorting(rows, columns, props.initialSort);
  const [ownActive, setOwnActive] = useState<string>();
  const activeKey = props.activeKey ?? ownActive;
  const active = useMemo(
    () => (activeKey === undefined ? -1 : sorted.findIndex((row) => keyOf(row) === activeKey)),
    [sorted, activeKey, keyOf],
  );
  const id = useId();
  const scroller = useRef<HTMLDivElement>(null);
  const heightOf = useCallback(
    (index: number) => {
      const row = sorted[index];
      return (typeof rowHeight === 'number' || row === undefined ? Number(rowHeight) : rowHeight(row)) * rem();
    },
    [sorted, rowHeight],
  );
  const virtualizer = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: heightOf,
    getItemKey: (index) => {
      const row = sorted[index];
      return row === undefined ? index : keyOf(row);
    },
    overscan: 8,
    scrollPaddingEnd: 1.75 * rem(), // the header covers as much
    useFlushSync: false,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: heights are read anew when the rows are others
  useEffect(() => virtualizer.measure(), [sorted, virtualizer]);
  const items = virtualizer.getVirtualItems();
  const { startIndex: first = 0, endIndex: last = 0 } = virtualizer.range ?? {};
  useEffect(() => onRange?.(first, last), [onRange, first, last]);
  const isAtEnd = sorted.length > 0 && last >= sorted.length - 10;
  const { onEnd } = props;
  useEffect(() => {
    if (isAtEnd) onEnd?.();
  }, [isAtEnd, onEnd]);

  const { toTop = 0 } = props;
  useEffect(() => {
    if (toTop > 0 && scroller.current !== null) scroller.current.scrollTop = 0;
  }, [toTop]);

  // The row that the screen opened stays in view, also when what it opened takes half of the room.
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another current row moves the list
  useEffect(() => {
    if (props.activeKey === undefined || active === -1) return;
    virtualizer.scrollToIndex(active, { align: 'auto' });
    const frame = requestAnimationFrame(() =>
      document.getElementById(`${id}${active}`)?.scrollIntoView({ block: 'nearest' }),
    );
    return () => cancelAnimationFrame(frame);
  }, [props.activeKey]);

  const moveTo = (index: number) => {
    const next = Math.min(sorted.length - 1, Math.max(0, index));
    const row = sorted[next];
    if (row === undefined) return;
    setOwnActive(keyOf(row));
    onMove?.(row);
    virtualizer.scrollToIndex(next, { align: 'auto' });
  };
  const open = (index: number) => {
    const row = sorted[index];
    if (row !== undefined) onOpen?.(row);
  };
  const inPage = Math.max(1, last - first - 1);
  const moves: Readonly<Record<string, () => void>> = {
    ArrowDown: () => moveTo(active + 1),
    ArrowUp: () => moveTo(active === -1 ? 0 : active - 1),
    PageDown: () => moveTo(active + inPage),
    PageUp: () => moveTo(active - inPage),
    Home: () => moveTo(0),
    End: () => moveTo(sorted.length - 1),
    Enter: () => open(active),
  };
  const pressKey = (event: KeyboardEvent<HTMLTableElement>) => {
    const action = moves[event.key];
    if (action === undefined || event.target !== event.currentTarget) return;
    event.preventDefault();
    action();
  };
  const enter = active === -1 ? {} : { Enter: () => open(active) };
  const move = { j: () => moveTo(active + 1), k: () => moveTo(active === -1 ? 0 : active - 1) };
  useShortcuts(props.hasKeys === false ? {} : { ...move, ...enter });

  const press = useRef<(row: Row) => void>(undefined);
  press.current = (row) => {
    setOwnActive(keyOf(row));
    onMove?.(row);
    onOpen?.(row);
  };
  const onPress = useCallback((row: Row) => press.current?.(row), []); // the same for ever, so that rows stay as they are

  const before = items[0]?.start ?? 0;
  const after = virtualizer.getTotalSize() - (items.at(-1)?.end ?? 0);
  const isActiveInView = items.some(({ index }) => index === active);
  return (
    <div
      className="table-scroll"
      ref={scroller}
      onScroll={({ currentTarget }) => props.onScrolled?.(currentTarget.scrollTop > 4)}
    >
      <table
        className={`fixed ${className}`}
        // biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a table with a current row is a grid
        role="grid"
        aria-label={label}
        aria-rowcount={sorted.length + 1}
        aria-activedescendant={isActiveInView ? `${id}${active}` : undefined}
        tabIndex={0}
        onKeyDown={pressKey}
      >
        <GridHead columns={columns} sort={sort} onSort={toggle} />
        <tbody>
          <Spacer height={before} />
          {items.map(({ index, key }) => {
            const row = sorted[index];
            if (row === undefined) return null;
            return (
              <GridRow
                key={key}
                id={`${id}${index}`}
                row={row}
                rowIndex={index + 2}
                columns={columns}
                isActive={index === active}
                className={rowClass?.(row)}
                onPress={onPress}
              />
            );
          })}
          <Spacer height={after} />
        </tbody>
      </table>
    </div>
  );
}

/** Stands for the rows that are not in view. */
function Spacer({ height }: { readonly height: number }) {
  if (height <= 0) return null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: it takes no focus
    <tr className="spacer" aria-hidden="true">
      <td style={{ height }} />
    </tr>
  );
}
