import type { RoomId } from '../../shared/ids.ts';
import type { MatrixServices } from '../matrix-services.ts';
import type { Platform } from '../platform.ts';
import type { RoomEvent } from '../protocol/event.ts';
import { buildEvent, type EventPlace } from '../rooms/build-event.ts';
import type { EventDraft } from '../rooms/rooms.ts';

/**
 * What a server does that does not keep to the rules: it signs events that its own room engine would refuse, and sends them
 * in ordinary transactions. Whoever receives one judges it as anything that comes over the wire.
 */
export interface Mischief {
  /** Where an event would stand now: kept, it becomes a place in the past. */
  placeIn(roomId: RoomId): EventPlace;
  /** Makes an event at that place without asking whether it is allowed, and sends it to every other server of the room. */
  send(place: EventPlace, draft: EventDraft): Promise<void>;
}

export function mischiefOf(services: MatrixServices, { clock, random }: Platform): Mischief {
  const { rooms, federation, serverName } = services;
  const { remote, ownKeys } = federation;
  const signer = { serverName, signingKey: ownKeys.current, now: clock.now, randomId: random.id };

  const transmit = async (roomId: RoomId, { pdu }: RoomEvent) => {
    const others = [...rooms.servers(roomId)].filter((server) => server !== serverName);
    const transaction = { origin: serverName, origin_server_ts: clock.now(), pdus: [pdu] };
    await Promise.all(others.map((server) => remote.sendTransaction(server, random.id(), transaction, 1)));
  };

  return {
    placeIn(roomId) {
      const info = rooms.info(roomId);
      if (info === undefined) throw new Error(`${serverName} does not know ${roomId}`);
      const prevEvents = rooms.events(rooms.forwardExtremities(roomId)).map(({ event }) => event);
      return { roomId, rules: info.rules, state: rooms.currentState(roomId), prevEvents };
    },
    async send(place, draft) {
      const event = buildEvent(draft, place, signer);
      await transmit(event.roomId, event);
    },
  };
}
