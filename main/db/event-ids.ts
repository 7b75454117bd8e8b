import type { EventId } from '../../shared/ids.ts';
import type { Db } from './db.ts';
import { lruCache } from './lru-cache.ts';

export const schema = `
  -- Event IDs by number: of events that are here and of those that others refer to.
  CREATE TABLE event_ids (
    id INTEGER PRIMARY KEY,
    event_id TEXT NOT NULL UNIQUE) STRICT;`;

export interface EventIds {
  /** The number of an event, if it was ever heard of. */
  find(eventId: EventId): number | undefined;
  /** Its number, made if need be: inside the transaction of what refers to it. */
  number(eventId: EventId): number;
  name(id: number): EventId;
}

export function eventIdsTable(db: Db): EventIds {
  const select = db.prepare<[EventId], { id: number }>('SELECT id FROM event_ids WHERE event_id = ?');
  const selectName = db.prepare<[number], { eventId: EventId }>(
    'SELECT event_id AS eventId FROM event_ids WHERE id = ?',
  );
  const insert = db.prepare<[EventId], { id: number }>('INSERT INTO event_ids (event_id) VALUES (?) RETURNING id');
  const ids = lruCache<EventId, number>({ maxWeight: 50_000 });
  const names = lruCache<number, EventId>({ maxWeight: 50_000 });
  db.onRollback(() => {
    ids.clear();
    names.clear();
  });

  const find = (eventId: EventId): number | undefined => {
    const cached = ids.get(eventId);
    if (cached !== undefined) return cached;
    const known = select.get(eventId)?.id;
    if (known !== undefined) ids.set(eventId, known);
    return known;
  };
  return {
    find,
    number(eventId) {
      const known = find(eventId);
      if (known !== undefined) return known;
      const id = insert.get(eventId)?.id;
      if (id === undefined) throw new Error('the event ID was not stored');
      ids.set(eventId, id);
      names.set(id, eventId);
      return id;
    },
    name(id) {
      const cached = names.get(id);
      if (cached !== undefined) return cached;
      const name = selectName.get(id)?.eventId;
      if (name === undefined) throw new Error(`no event has the number ${id}`);
      names.set(id, name);
      return name;
    },
  };
}
