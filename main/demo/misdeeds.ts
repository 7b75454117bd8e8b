import type { RoomId } from '../../shared/ids.ts';
import type { MatrixServices } from '../matrix-services.ts';
import type { Platform } from '../platform.ts';
import { buildEvent, type EventPlace } from '../rooms/build-event.ts';
import type { EventDraft } from '../rooms/rooms.ts';
import { gone, pause, type Scene, stranger } from './stage.ts';

// What servers do that do not keep to the rules. These events are real: signed with the server's own key and sent in
// ordinary transactions. Their server's own room engine would have refused them, so it is passed by; whoever receives them
// judges them as anything that comes over the wire.

/** A member without the power for it sets the topic: rejected. */
export const trespass: Scene = async (stage, place) => {
  const trespasser = stranger(stage, place);
  if (trespasser === undefined) return;
  const services = trespasser.server.services();
  await slip(services, stage.platform, standing(services, place.roomId), {
    type: 'm.room.topic',
    stateKey: '',
    sender: trespasser.userId,
    content: { topic: `${trespasser.userId} was here` },
  });
};

/**
 * Somebody is put out, and their server passes on one more message of theirs as if it had been said before. Where it claims
 * to stand it was allowed, and the room as it is now forbids it: soft-failed.
 */
export const lastWord: Scene = async (stage, place) => {
  const out = stranger(stage, place);
  if (out === undefined || place.isPrivate || place.present.size < 4) return;
  const { roomId, host } = place;
  const services = out.server.services();
  const before = standing(services, roomId);
  const { membership } = host.server.services();
  await membership.kick({ userId: host.userId, roomId, target: out.userId, reason: 'once too often' });
  gone(place, out);
  await pause(stage, 1000);
  await slip(services, stage.platform, before, {
    type: 'm.room.message',
    sender: out.userId,
    content: { msgtype: 'm.text', body: 'And another thing!' },
  });
};

/** A server speaks for another server's user, whose signature it cannot make: dropped. */
export const forgery: Scene = async (stage, place) => {
  const forger = stranger(stage, place);
  if (forger === undefined) return;
  const services = forger.server.services();
  await slip(services, stage.platform, standing(services, place.roomId), {
    type: 'm.room.message',
    sender: place.host.userId,
    content: { msgtype: 'm.text', body: 'I owe everybody a cake.' },
  });
};

/** Where an event would stand now. Kept, it becomes a place in the past. */
function standing({ rooms, serverName }: MatrixServices, roomId: RoomId): EventPlace {
  const info = rooms.info(roomId);
  if (info === undefined) throw new Error(`${serverName} does not know ${roomId}`);
  const prevEvents = rooms.events(rooms.forwardExtremities(roomId)).map(({ event }) => event);
  return { roomId, rules: info.rules, state: rooms.currentState(roomId), prevEvents };
}

/** Makes an event without asking whether it is allowed, and sends it to every other server of the room. */
async function slip(
  { rooms, federation, serverName }: MatrixServices,
  { clock, random }: Platform,
  place: EventPlace,
  draft: EventDraft,
): Promise<void> {
  const signingKey = federation.ownKeys.current;
  const { pdu, roomId } = buildEvent(draft, place, {
    ...{ serverName, signingKey, now: clock.now, randomId: random.id },
  });
  const transaction = { origin: serverName, origin_server_ts: clock.now(), pdus: [pdu] };
  const others = [...rooms.servers(roomId)].filter((server) => server !== serverName);
  await Promise.all(
    others.map((server) => federation.remote.sendTransaction(server, `slip-${random.id()}`, transaction, 1)),
  );
}
