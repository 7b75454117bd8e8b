import type { TimelineRow } from '../shared/views.ts';

/** Two pages of one timeline, the newer one first. An event that stands in both is shown once, as the newer page has it. */
export function joinPages(newer: readonly TimelineRow[], older: readonly TimelineRow[]): readonly TimelineRow[] {
  const seen = new Set(newer.map(({ eventId }) => eventId));
  return [...newer, ...older.filter(({ eventId }) => !seen.has(eventId))];
}
