import type { TimelineQuery } from '../shared/bridge.ts';
import type { TimelineRow } from '../shared/views.ts';

/** What a timeline is ordered by. None for what has no place in it yet: events that wait, outliers. */
const placeOf = (row: TimelineRow, order: TimelineQuery['order']) => (order === 'stream' ? row.position : row.depth);

/** From where an older page goes on. */
export function oldestPlace(rows: readonly TimelineRow[], order: TimelineQuery['order']): number | undefined {
  const last = rows.findLast((row) => placeOf(row, order) !== undefined && row.outcome !== 'parked');
  return last && placeOf(last, order);
}

/** An older page goes to the end. An event that is there already is not shown twice. */
export function appendPage(rows: readonly TimelineRow[], older: readonly TimelineRow[]): readonly TimelineRow[] {
  const seen = new Set(rows.map(({ eventId }) => eventId));
  return [...rows, ...older.filter(({ eventId }) => !seen.has(eventId))];
}

interface Refresh {
  readonly known: readonly TimelineRow[];
  /** The newest page, as it is now. */
  readonly newest: readonly TimelineRow[];
  readonly order: TimelineQuery['order'];
}

/**
 * The newest page in place of what it covers. Older rows stay if the page reaches down to them: else there would be a gap
 * that nobody sees, and they are left to be loaded again.
 */
export function refreshPages({ known, newest, order }: Refresh): readonly TimelineRow[] {
  const end = oldestPlace(newest, order);
  const seen = new Set(newest.map(({ eventId }) => eventId));
  const overlaps = known.some((row) => seen.has(row.eventId) && row.outcome !== 'parked');
  if (end === undefined || !overlaps) return newest;
  const older = known.filter((row) => {
    const place = placeOf(row, order);
    return place !== undefined && place <= end && row.outcome !== 'parked' && !seen.has(row.eventId);
  });
  return [...newest, ...older];
}
