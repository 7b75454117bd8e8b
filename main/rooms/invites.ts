import { type RoomId, type ServerName, serverNameOf, type UserId } from '../../shared/ids.ts';
import { forbidden, MatrixError } from '../../shared/matrix-error.ts';
import type { Keyring } from '../network/keyring.ts';
import type { RemoteServers } from '../network/remote-servers.ts';
import type { RoomEvent } from '../protocol/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import { AllFailed, asClientError } from './ask-each.ts';
import { isRemoteError } from './remote-error.ts';
import type { EventDraft, Rooms } from './rooms.ts';
import { mergeSignatures } from './signatures.ts';
import { identifyingState } from './stripped-state.ts';

export interface WantedInvite {
  readonly roomId: RoomId;
  readonly sender: UserId;
  readonly invitee: UserId;
  /** The invitee's name and avatar as far as we know them, and a reason. */
  readonly content: JsonObject;
}

interface Needs {
  readonly rooms: Pick<Rooms, 'append' | 'template' | 'currentState'>;
  readonly remote: Pick<RemoteServers, 'invite'>;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly serverName: ServerName;
  /** Whether a user of ours wants no invites. */
  readonly blocksInvites: (userId: UserId) => boolean;
}

export const inviteBlocked = (invitee: UserId) =>
  new MatrixError(403, 'M_INVITE_BLOCKED', `${invitee} does not wish to be invited`);

/**
 * Invites somebody into a room that we are in. Another server's user only with that server's signature: it is asked, and
 * may refuse. https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room
 *
 * @throws MatrixError 403 for what the room's rules or the invitee's server forbid, 400 `M_UNSUPPORTED_ROOM_VERSION`, 502;
 *   403 `M_INVITE_BLOCKED` for who wants no invites
 */
export function inviter({ rooms, remote, keyring, serverName, blocksInvites }: Needs) {
  return async ({ roomId, sender, invitee, content }: WantedInvite): Promise<void> => {
    const draft: EventDraft = {
      type: 'm.room.member',
      sender,
      stateKey: invitee,
      content: { ...content, membership: 'invite' },
    };
    const server = serverNameOf(invitee);
    if (server === serverName) {
      if (blocksInvites(invitee)) throw inviteBlocked(invitee);
      await rooms.append(roomId, [draft]);
      return;
    }
    rooms.template(roomId, draft); // throws 403: nobody is asked before we know that the room allows it
    const sign = (event: RoomEvent) => signedBy(server, event);
    await rooms.append(roomId, [{ ...draft, origin: serverName }], { sign, alsoTo: [server] });
  };

  async function signedBy(server: ServerName, event: RoomEvent): Promise<JsonObject> {
    const state = identifyingState(rooms.currentState(event.roomId), event.sender);
    let answer: JsonObject;
    try {
      answer = await remote.invite(server, {
        roomId: event.roomId,
        eventId: event.eventId,
        roomVersion: event.rules.version,
        event: event.pdu,
        inviteRoomState: state.map(({ pdu }) => pdu),
      });
    } catch (error) {
      throw isRemoteError(error) ? inviteError(server, error) : error;
    }
    const signed: RoomEvent = { ...event, pdu: mergeSignatures(event, answer, new Set([server])) };
    const verdict = (await keyring.verifyEvents([signed], { askAlso: [server] })).get(event.eventId);
    if (verdict?.verifiedBy.has(server) === true) return signed.pdu;
    throw new MatrixError(502, 'M_UNKNOWN', `${server} has not signed the invite as it should have`);
  }
}

/** https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3roomsroomidinvite */
function inviteError(server: ServerName, error: Error & { readonly errcode?: string | undefined }): MatrixError {
  if (error.errcode === 'M_INCOMPATIBLE_ROOM_VERSION' || error.errcode === 'M_UNSUPPORTED_ROOM_VERSION') {
    return new MatrixError(400, 'M_UNSUPPORTED_ROOM_VERSION', `${server} does not know the version of this room`);
  }
  const refused = asClientError(new AllFailed([{ server, error }]), 'The invite was not taken');
  return refused.status === 404 ? forbidden(refused.message) : refused;
}
