import type { EventId, RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { JsonObject } from './json.ts';
import type { RoomVersionRules } from './room-versions.ts';

/** An event as every layer above the wire sees it. `pdu` is the exact object that hashes and signatures cover. */
export interface RoomEvent {
  readonly eventId: EventId;
  readonly roomId: RoomId; // for a version 12 create event made from its own ID
  readonly type: string;
  readonly stateKey: string | undefined; // none for message events
  readonly sender: UserId;
  readonly origin: ServerName; // the sender's server
  readonly content: JsonObject;
  readonly depth: number; // as the wire says, clamped to 0 … 2^63-1 as far as numbers go; never trusted
  readonly originServerTs: number;
  readonly prevEvents: readonly EventId[];
  readonly authEvents: readonly EventId[]; // in version 12 without the create event
  /** Which event it redacts: from the top level, since version 11 from the content. */
  readonly redacts: EventId | undefined;
  readonly rules: RoomVersionRules;
  readonly pdu: JsonObject; // without `unsigned`
}
