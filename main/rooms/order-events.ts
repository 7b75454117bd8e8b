import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';

/**
 * Events after those that they cite, as far as these are among them; else in the order given. What cites itself, directly
 * or in a circle, is left out: only in room versions 1 and 2, where servers choose IDs, can there be such events.
 */
export function inOrder<E>(
  items: readonly E[],
  eventOf: (item: E) => RoomEvent,
  citedBy: (event: RoomEvent) => readonly EventId[],
): readonly E[] {
  const byId = new Map(items.map((item) => [eventOf(item).eventId, item]));
  const waitingFor = new Map<EventId, number>();
  const citers = new Map<EventId, E[]>();
  const ready: E[] = [];
  for (const item of byId.values()) {
    const event = eventOf(item);
    const cited = [...new Set(citedBy(event))].filter((id) => byId.has(id));
    waitingFor.set(event.eventId, cited.length);
    for (const id of cited) {
      const others = citers.get(id);
      if (others === undefined) citers.set(id, [item]);
      else others.push(item);
    }
    if (cited.length === 0) ready.push(item);
  }
  for (const item of ready) {
    for (const citer of citers.get(eventOf(item).eventId) ?? []) {
      const { eventId } = eventOf(citer);
      const left = (waitingFor.get(eventId) ?? 0) - 1;
      waitingFor.set(eventId, left);
      if (left === 0) ready.push(citer); // an array is walked to its end, also as it grows
    }
  }
  return ready;
}
