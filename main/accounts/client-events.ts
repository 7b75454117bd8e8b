import type { Clock } from '../platform.ts';
import { clientEvent } from '../protocol/client-event.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Rooms, StoredEvent } from '../rooms/rooms.ts';
import type { ClientTransactions } from './client-transactions.ts';
import type { Session } from './sessions.ts';

export interface RenderOptions {
  /** In `/sync` the room stands above its events. */
  readonly withoutRoomId?: boolean;
  /** For lists of state, which may be long: without what each event has replaced. */
  readonly asState?: boolean;
  /** `federation`: as it came from other servers. */
  readonly format?: 'client' | 'federation';
}

/** Events as a client is told them. https://spec.matrix.org/v1.19/client-server-api/#room-event-format */
export interface ClientEvents {
  render(events: readonly StoredEvent[], viewer: Session, options?: RenderOptions): readonly JsonObject[];
}

interface ClientEventsOptions {
  readonly rooms: Pick<Rooms, 'event' | 'stateBefore' | 'stateAfter'>;
  readonly transactions: ClientTransactions;
  readonly clock: Clock;
  /** Whether a user may see an event: of a state event that another has replaced. */
  readonly maySee: (viewer: Session, event: StoredEvent) => boolean;
}

export function createClientEvents({ rooms, transactions, clock, maySee }: ClientEventsOptions): ClientEvents {
  const replaced = ({ eventId, type, stateKey }: RoomEvent, viewer: Session): JsonObject => {
    const before = stateKey === undefined ? undefined : rooms.stateBefore(eventId)?.get(type, stateKey);
    if (before === undefined) return {};
    const stored = rooms.event(before.eventId);
    const isSeen = stored !== undefined && (stored.outlier || maySee(viewer, stored));
    return { replaces_state: before.eventId, ...(isSeen && { prev_content: stored.event.content }) };
  };

  /** The viewer's own membership, with the change that the event itself makes. */
  const membership = ({ eventId }: RoomEvent, { userId }: Session): JsonObject => {
    const state = rooms.stateAfter(eventId);
    const member = state?.get('m.room.member', userId)?.content['membership'];
    return state === undefined ? {} : { membership: typeof member === 'string' ? member : 'leave' };
  };

  const unsignedOf = ({ event, redactedBy }: StoredEvent, viewer: Session, options: RenderOptions): JsonObject => {
    const redaction = redactedBy && rooms.event(redactedBy);
    const txnId = event.sender === viewer.userId ? transactions.txnIdOf(event.eventId, viewer) : undefined;
    return {
      age: clock.now() - event.originServerTs,
      ...(txnId !== undefined && { transaction_id: txnId }),
      ...(redaction && { redacted_because: clientEvent(redaction.event) }),
      ...(options.asState !== true && { ...replaced(event, viewer), ...membership(event, viewer) }),
    };
  };

  return {
    render: (events, viewer, options = {}) =>
      events.map((stored) => {
        const unsigned = unsignedOf(stored, viewer, options);
        if (options.format === 'federation') return { ...stored.event.pdu, unsigned };
        return clientEvent(stored.event, { unsigned, withoutRoomId: options.withoutRoomId ?? false });
      }),
  };
}
