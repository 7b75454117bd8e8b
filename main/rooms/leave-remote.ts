import type { RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { Log } from '../log.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import { parseEvent, type RoomEvent } from '../protocol/event.ts';
import { referenceHash } from '../protocol/event-hash.ts';
import { signEvent } from '../protocol/event-signing.ts';
import type { JsonObject } from '../protocol/json.ts';
import { AllFailed, askEach } from './ask-each.ts';
import { fillTemplate, type OwnSigner } from './member-template.ts';
import type { Rooms } from './rooms.ts';

export interface WantedLeave {
  readonly roomId: RoomId;
  readonly userId: UserId;
  /** The invite or knock that is given up. */
  readonly standing: RoomEvent;
  readonly candidates: readonly ServerName[];
  readonly reason: string | undefined;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'setOutOfRoomMembership'>;
  readonly remote: Pick<RemoteServers, 'makeLeave' | 'sendLeave'>;
  readonly signer: OwnSigner;
  readonly log: Log;
}

/**
 * Rejects an invite, or takes back a knock, in a room that we are not in. Where no resident server helps, the user is rid
 * of it nevertheless: the leave is then known here only.
 * https://spec.matrix.org/v1.19/server-server-api/#leaving-rooms-rejecting-invites
 */
export function remoteLeaver({ rooms, remote, signer, log }: Needs) {
  return async ({ roomId, userId, standing, candidates, reason }: WantedLeave): Promise<void> => {
    const content: JsonObject = reason === undefined ? {} : { reason };
    const others = candidates.filter((server) => server !== signer.serverName);
    let event: RoomEvent;
    try {
      event = await askEach(others, async (server) => {
        const template = await remote.makeLeave(server, roomId, userId);
        const leave = fillTemplate(template, { roomId, userId, membership: 'leave', content }, signer);
        await remote.sendLeave(server, roomId, leave.eventId, leave.pdu);
        return leave;
      });
    } catch (error) {
      if (!(error instanceof AllFailed)) throw error;
      log.warn('an invite could be rejected here only', { roomId, userId, reason: error.message });
      event = leaveHere(standing, userId, content, signer);
    }
    rooms.setOutOfRoomMembership({ event, membership: 'leave', userId, strippedState: [] });
  };
}

/** A leave that follows the invite and goes nowhere. */
function leaveHere(standing: RoomEvent, userId: UserId, content: JsonObject, signer: OwnSigner): RoomEvent {
  const { rules, roomId, eventId, depth } = standing;
  const hasIds = rules.eventIdFormat === 'serverGiven';
  const reference = hasIds ? [eventId, { sha256: referenceHash(standing.pdu, rules) }] : eventId;
  const pdu: JsonObject = {
    type: 'm.room.member',
    room_id: roomId,
    sender: userId,
    state_key: userId,
    content: { ...content, membership: 'leave' },
    depth: Math.min(depth + 1, Number.MAX_SAFE_INTEGER),
    prev_events: [reference],
    auth_events: [reference],
    origin_server_ts: signer.platform.clock.now(),
    ...(hasIds && { event_id: `$${signer.platform.random.id()}:${signer.serverName}` }),
  };
  return parseEvent(signEvent(pdu, rules, signer.serverName, signer.signingKey()), rules);
}
