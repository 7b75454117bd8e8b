import type { RoomEvent } from './event.ts';
import type { JsonObject } from './json.ts';

/** What a client is told beside the event itself. */
export interface ClientEventExtras {
  /** `age`, `transaction_id`, `prev_content`, `redacted_because`, `m.relations`, `membership`. Left out when empty. */
  readonly unsigned?: JsonObject;
  /** In `/sync` the room stands above the event. */
  readonly withoutRoomId?: boolean;
}

/**
 * The event as clients get it. `redacts` stands both at the top level and in the content, in every room version.
 *
 * https://spec.matrix.org/v1.19/client-server-api/#room-event-format,
 * https://spec.matrix.org/v1.19/rooms/v11/#moving-the-redacts-property-of-mroomredaction-events-to-a-content-property
 */
export function clientEvent(event: RoomEvent, { unsigned, withoutRoomId }: ClientEventExtras = {}): JsonObject {
  const { content, redacts } = event;
  return {
    content: redacts === undefined ? content : { ...content, redacts },
    event_id: event.eventId,
    origin_server_ts: event.originServerTs,
    ...(withoutRoomId !== true && { room_id: event.roomId }),
    sender: event.sender,
    ...(event.stateKey !== undefined && { state_key: event.stateKey }),
    type: event.type,
    ...(redacts !== undefined && { redacts }),
    ...(unsigned !== undefined && Object.keys(unsigned).length > 0 && { unsigned }),
  };
}
