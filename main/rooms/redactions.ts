import { serverNameOf } from '../../shared/ids.ts';
import { powerLevels } from '../protocol/power-levels.ts';
import type { EventRecord, EventStore } from './event-store.ts';
import type { StateReader } from './room-state.ts';
import type { Tables } from './tables.ts';

/**
 * Marks an event that has just been written as redacted, or the one that it redacts: either may come first. One whose ID
 * is `new` here is redacted by nothing yet.
 */
export type ApplyRedactions = (record: EventRecord, isNew: boolean) => void;

export function createApplyRedactions(
  { relations, eventIds }: Tables,
  store: EventStore,
  reader: StateReader,
): ApplyRedactions {
  /** https://spec.matrix.org/v1.19/rooms/v3/#handling-redactions */
  const applies = (redaction: EventRecord, target: EventRecord): boolean => {
    if (redaction.outcome !== 'accepted' || redaction.room !== target.room || redaction.stateBefore === null)
      return false;
    const { event } = redaction;
    if (event.redacts !== target.event.eventId) return false;
    if (event.rules.redactionAuthRule) return true; // in room versions 1 and 2 it would not have been allowed
    if (serverNameOf(event.sender) === serverNameOf(target.event.sender)) return true;
    const powers = powerLevels(reader.auth(redaction.stateBefore), event.rules);
    return powers.userLevel(event.sender) >= powers.redact;
  };
  const apply = (redaction: EventRecord | undefined, target: EventRecord | undefined) => {
    if (redaction === undefined || target === undefined || target.redactedBy !== null) return;
    if (applies(redaction, target)) store.setRedactedBy(target, redaction.id);
  };
  return (record, isNew) => {
    const { redacts } = record.event;
    if (redacts !== undefined) {
      const target = eventIds.number(redacts);
      relations.addRedaction(record.id, target);
      apply(record, store.at(target));
    }
    if (isNew) return;
    for (const id of relations.redactionsOf(record.id)) apply(store.at(id), store.at(record.id));
  };
}
