import type { Log } from '../log.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import { isObject } from '../protocol/json.ts';
import { roomVersions } from '../protocol/room-versions.ts';
import { AllFailed, asClientError, askEach } from './ask-each.ts';
import type { WantedJoin } from './join-remote.ts';
import { fillTemplate, type OwnSigner } from './member-template.ts';
import type { Rooms } from './rooms.ts';
import { stateFromOutside } from './state-from-outside.ts';
import { stripped } from './stripped-state.ts';

interface Needs {
  readonly rooms: Pick<Rooms, 'setOutOfRoomMembership'>;
  readonly remote: Pick<RemoteServers, 'makeKnock' | 'sendKnock'>;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly signer: OwnSigner;
  readonly log: Log;
}

const versionsWithKnocking = [...roomVersions.values()].filter(({ knock }) => knock).map(({ version }) => version);

/**
 * Asks to be let into a room that we are not in. Whether it is granted comes later, as an invite.
 * https://spec.matrix.org/v1.19/server-server-api/#knocking-rooms
 *
 * @throws MatrixError fit for the client
 */
export function remoteKnocker({ rooms, remote, keyring, signer, log }: Needs) {
  return async ({ roomId, userId, candidates, content }: WantedJoin): Promise<void> => {
    const others = candidates.filter((server) => server !== signer.serverName);
    try {
      await askEach(others, async (server) => {
        const template = await remote.makeKnock(server, roomId, userId, versionsWithKnocking);
        const event = fillTemplate(template, { roomId, userId, membership: 'knock', content }, signer);
        const { body } = await remote.sendKnock(server, roomId, event.eventId, event.pdu);
        const given = isObject(body) && Array.isArray(body['knock_room_state']) ? body['knock_room_state'] : [];
        const room = { roomId, rules: event.rules, from: server };
        const { usable, doubts } = await stateFromOutside(given, room, keyring);
        if (doubts.length > 0) log.warn('doubtful knock_room_state', { server, roomId, notes: doubts });
        const strippedState = [...usable, event.pdu].map(stripped);
        rooms.setOutOfRoomMembership({ event, membership: 'knock', userId, strippedState });
      });
    } catch (error) {
      throw error instanceof AllFailed ? asClientError(error, `${roomId} could not be knocked on`) : error;
    }
  };
}
