import type { EventId, RoomId } from '../../shared/ids.ts';
import type { Db } from './db.ts';

export interface TimelinePage {
  readonly roomId: RoomId;
  readonly order: 'stream' | 'topological';
  /** The position that the page comes after; or the depth, which it may begin with again. */
  readonly before: number | undefined;
  readonly limit: number;
  /** Those that were rejected or soft-failed, too. */
  readonly refused: boolean;
  /** Those outside of the history, too: between the others, at most half as many as the page has rows. */
  readonly outliers: boolean;
}

/** A row with its place in the page: by arrival or by depth. */
interface Placed {
  readonly eventId: EventId;
  readonly position: number | null;
  readonly at: number;
}

/** Pages of a room's timeline for the console, newest first. */
export function timelineReads(db: Db): (page: TimelinePage) => readonly EventId[] {
  type Range = [RoomId, from: number, to: number, limit: number];
  const select = (columns: string, where: string, order: string) =>
    db.prepare<Range, Placed>(
      `SELECT event_id AS eventId, position, ${columns} FROM events JOIN event_ids USING (id)
      WHERE room = (SELECT id FROM rooms WHERE room_id = ?) AND ${where} ORDER BY ${order} LIMIT ?`,
    );
  const inHistory = (where: string, order: string, at: string) => {
    const all = select(at, `position IS NOT NULL AND ${where}`, order);
    const accepted = select(at, `position IS NOT NULL AND outcome = 'accepted' AND ${where}`, order);
    return (refused: boolean) => (refused ? all : accepted);
  };
  const byPosition = inHistory('position > ? AND position < ?', 'position DESC', 'received_ts AS at');
  const byDepth = inHistory('depth >= ? AND depth <= ?', 'depth DESC, position DESC', 'depth AS at');
  const outliersByArrival = select(
    'received_ts AS at',
    'position IS NULL AND received_ts >= ? AND received_ts < ?',
    'received_ts DESC',
  );
  const outliersByDepth = select('depth AS at', 'position IS NULL AND depth >= ? AND depth <= ?', 'depth DESC');
  const arrival = db.prepare<[RoomId, position: number], { at: number }>(
    'SELECT received_ts AS at FROM events WHERE room = (SELECT id FROM rooms WHERE room_id = ?) AND position = ?',
  );

  const stream = ({ roomId, before = highest, limit, refused, outliers }: TimelinePage) => {
    const history = byPosition(refused).all(roomId, lowest, before, limit);
    // History that was fetched afterwards has no place among arrivals, nor have outliers among it.
    if (!outliers || before <= 0) return history;
    const last = history.at(-1);
    const goesOn = history.length === limit && (last?.position ?? 0) > 0;
    const from = goesOn ? (last?.at ?? lowest) : lowest;
    const to = arrival.get(roomId, before)?.at ?? highest;
    return merge(history, outliersByArrival.all(roomId, from, to, Math.floor(limit / 2)), limit);
  };

  const topological = ({ roomId, before = highest, limit, refused, outliers }: TimelinePage) => {
    const upTo = (depth: number) => byDepth(refused).all(roomId, lowest, depth, limit);
    let history = upTo(before);
    // All that fits into a page has the depth that the last one ended with: it must not be the same page for ever.
    if (history.length === limit && history.at(-1)?.at === before) history = upTo(before - 1);
    if (!outliers) return history;
    const from = history.length === limit ? (history.at(-1)?.at ?? lowest) : lowest;
    return merge(history, outliersByDepth.all(roomId, from, before, Math.floor(limit / 2)), limit);
  };

  return (page) => (page.order === 'stream' ? stream(page) : topological(page)).map(({ eventId }) => eventId);
}

const highest = Number.MAX_SAFE_INTEGER;
const lowest = Number.MIN_SAFE_INTEGER;

/** Outliers stand before the first event of the history that is older; that keeps its order. */
function merge(history: readonly Placed[], outliers: readonly Placed[], limit: number): readonly Placed[] {
  const merged: Placed[] = [];
  let next = 0;
  for (const event of history) {
    for (let other = outliers[next]; other !== undefined && other.at > event.at; other = outliers[++next])
      merged.push(other);
    merged.push(event);
  }
  return [...merged, ...outliers.slice(next)].slice(0, limit);
}
