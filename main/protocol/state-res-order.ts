import type { EventId } from '../../shared/ids.ts';
import type { RoomEvent } from './event.ts';
import { perStep, type Steps } from './steps.ts';

/** Events that go in order: less than 0 if `a` comes first. */
type Order = (a: RoomEvent, b: RoomEvent) => number;

/** "*x*'s `origin_server_ts` is less than *y*'s", or with equal ones *x*'s `event_id`: what breaks all ties. */
const byTimeThenId: Order = (a, b) =>
  a.originServerTs - b.originServerTs || (a.eventId < b.eventId ? -1 : a.eventId > b.eventId ? 1 : 0);

/**
 * The reverse topological power ordering: an event comes after those of `events` that it cites; among those that could
 * come next, the one whose sender has most power does. https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export function* reverseTopologicalPowerOrder(
  events: ReadonlyMap<EventId, RoomEvent>,
  senderLevel: (event: RoomEvent) => number,
): Steps<readonly RoomEvent[]> {
  const levels = new Map<RoomEvent, number>();
  const ready = heap((a, b) => {
    const [levelOfA, levelOfB] = [levels.get(a) ?? 0, levels.get(b) ?? 0];
    if (levelOfA !== levelOfB) return levelOfA > levelOfB ? -1 : 1; // creators are at Infinity: no subtraction
    return byTimeThenId(a, b);
  });

  // Kahn's algorithm
  const citing = new Map<EventId, RoomEvent[]>();
  const waitsFor = new Map<RoomEvent, number>();
  for (const event of events.values()) {
    if (waitsFor.size % perStep === perStep - 1) yield;
    levels.set(event, senderLevel(event));
    const cited = [...new Set(event.authEvents)].filter((id) => events.has(id));
    for (const id of cited) {
      const list = citing.get(id);
      if (list === undefined) citing.set(id, [event]);
      else list.push(event);
    }
    waitsFor.set(event, cited.length);
    if (cited.length === 0) ready.push(event);
  }
  const ordered: RoomEvent[] = [];
  for (let next = ready.pop(); next !== undefined; next = ready.pop()) {
    if (ordered.push(next) % perStep === 0) yield;
    for (const event of citing.get(next.eventId) ?? []) {
      const left = (waitsFor.get(event) ?? 0) - 1;
      waitsFor.set(event, left);
      if (left === 0) ready.push(event);
    }
  }
  return ordered; // without any that cite each other in a circle, which versions 1 and 2 cannot rule out
}

/**
 * The mainline ordering: by how long ago the power levels that an event rests on were those of the room, longest first.
 * `powerLevelsOf` answers which `m.room.power_levels` an event cites. https://spec.matrix.org/v1.19/rooms/v12/#definitions
 */
export function* mainlineOrder(
  events: Iterable<RoomEvent>,
  powerLevels: RoomEvent | undefined,
  powerLevelsOf: (event: RoomEvent) => RoomEvent | undefined,
): Steps<readonly RoomEvent[]> {
  const positions = new Map<EventId, number>(); // of power levels: those of the mainline, then all that were walked over
  for (let at = powerLevels; at !== undefined && !positions.has(at.eventId); at = powerLevelsOf(at)) {
    if (positions.size % perStep === perStep - 1) yield;
    positions.set(at.eventId, positions.size);
  }
  function* positionOf(event: RoomEvent): Steps<number> {
    const walked: EventId[] = [];
    let at = powerLevelsOf(event);
    for (; at !== undefined && !positions.has(at.eventId); at = powerLevelsOf(at)) {
      if (walked.push(at.eventId) % perStep === 0) yield;
      positions.set(at.eventId, Number.POSITIVE_INFINITY); // ends a walk in circles
    }
    const position = (at === undefined ? undefined : positions.get(at.eventId)) ?? Number.POSITIVE_INFINITY;
    for (const id of walked) positions.set(id, position);
    return position;
  }

  const placed: { readonly event: RoomEvent; readonly position: number }[] = [];
  for (const event of events) {
    if (placed.push({ event, position: yield* positionOf(event) }) % perStep === 0) yield;
  }
  return placed
    .sort((a, b) => {
      if (a.position !== b.position) return a.position > b.position ? -1 : 1;
      return byTimeThenId(a.event, b.event);
    })
    .map(({ event }) => event);
}

/** A binary heap: `pop` takes out the first in order. */
function heap(order: Order) {
  const items: RoomEvent[] = [];
  const precedes = (a: number, b: number) => {
    const [first, second] = [items[a], items[b]];
    return first !== undefined && second !== undefined && order(first, second) < 0;
  };
  const swap = (a: number, b: number) => {
    const [first, second] = [items[a], items[b]];
    if (first === undefined || second === undefined) return;
    items[a] = second;
    items[b] = first;
  };
  return {
    push(item: RoomEvent) {
      items.push(item);
      for (let at = items.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1;
        if (!precedes(at, parent)) break;
        swap(at, parent);
        at = parent;
      }
    },
    pop(): RoomEvent | undefined {
      swap(0, items.length - 1);
      const first = items.pop();
      for (let at = 0; ; ) {
        const [left, right] = [2 * at + 1, 2 * at + 2];
        const child = precedes(right, left) ? right : left;
        if (!precedes(child, at)) break;
        swap(at, child);
        at = child;
      }
      return first;
    },
  };
}
