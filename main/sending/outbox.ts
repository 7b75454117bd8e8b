import type { ServerName } from '../../shared/ids.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';

/** Where events go on their way to other servers. */
export interface Outbox {
  /** Inside the transaction that stores the event, so that neither is ever there without the other. */
  enqueue(event: RoomEvent, destinations: Iterable<ServerName>): void;
  /** After the commit. */
  wake(destinations: Iterable<ServerName>): void;
  /** EDUs that must arrive are written down in the caller's transaction; others may be lost. */
  enqueueEdu(edu: JsonObject, destinations: Iterable<ServerName>, durable: boolean): void;
}
