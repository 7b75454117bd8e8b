import {
  type EventId,
  parseUserId,
  type RoomId,
  type ServerName,
  serverNameOf,
  type UserId,
} from '../../shared/ids.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { Log } from '../log.ts';
import type { Keyring } from '../network/keyring.ts';
import { parseEvent } from '../protocol/event.ts';
import { cosignEvent } from '../protocol/event-signing.ts';
import { isObject, type JsonObject, type JsonValue, type Violation } from '../protocol/json.ts';
import type { RoomVersionRules } from '../protocol/room-versions.ts';
import { rulesOf } from '../protocol/room-versions.ts';
import type { SigningKey } from '../protocol/signing.ts';
import { checkMemberEvent } from './check-member-event.ts';
import { inviteBlocked } from './invites.ts';
import type { Rooms } from './rooms.ts';
import type { ServerAcls } from './server-acl.ts';
import { stateFromOutside } from './state-from-outside.ts';
import { stripped } from './stripped-state.ts';

/** https://spec.matrix.org/v1.19/server-server-api/#inviting-to-a-room */
export interface HandedInvite {
  readonly roomId: RoomId;
  readonly eventId: EventId;
  readonly roomVersion: string;
  readonly pdu: JsonValue;
  readonly violations: readonly Violation[];
  readonly inviteRoomState: readonly JsonValue[];
}

interface Needs {
  readonly rooms: Pick<Rooms, 'info' | 'event' | 'currentState' | 'setOutOfRoomMembership'>;
  readonly acls: ServerAcls;
  readonly keyring: Pick<Keyring, 'verifyEvents'>;
  readonly serverName: ServerName;
  readonly signingKey: () => SigningKey;
  readonly log: Log;
  /** Whether there is such an account. */
  readonly isLocalUser: (userId: UserId) => boolean;
  /** Whether they want no invites. */
  readonly blocksInvites: (userId: UserId) => boolean;
}

/**
 * Takes an invite of another server for a user of ours, and returns the event with our signature. We sign invites only,
 * and only those that the asking server may send.
 *
 * @throws MatrixError 400 `M_INCOMPATIBLE_ROOM_VERSION`, `M_INVALID_PARAM`, `M_BAD_JSON`, 403 `M_FORBIDDEN`,
 * `M_INVITE_BLOCKED`, 404 `M_NOT_FOUND`
 */
export function inviteReceiver(needs: Needs) {
  const { rooms, acls, keyring, serverName, signingKey, isLocalUser, blocksInvites } = needs;
  return async (origin: ServerName, invite: HandedInvite): Promise<JsonObject> => {
    const { roomId, roomVersion } = invite;
    const rules = rulesOf(roomVersion);
    if (rules === undefined) {
      throw new MatrixError(
        400,
        'M_INCOMPATIBLE_ROOM_VERSION',
        `This server does not know room version ${roomVersion}`,
        {
          fields: { room_version: roomVersion },
        },
      );
    }
    const known = rooms.info(roomId);
    if (known?.resident === true) acls.check(roomId, origin); // of other rooms we do not know what they say now
    const event = await checkMemberEvent({ ...invite, origin, rules, membership: 'invite' }, keyring);
    const invitee = parseUserId(event.stateKey ?? '');
    if (invitee === undefined || serverNameOf(invitee) !== serverName) {
      throw invalidParam(`${event.stateKey ?? 'Nobody'} is not a user of this server`);
    }
    if (!isLocalUser(invitee)) throw notFound(`There is no user ${invitee} here`);
    if (blocksInvites(invitee)) throw inviteBlocked(invitee);

    const signed = parseEvent(cosignEvent(event.pdu, rules, serverName, signingKey()), rules);
    const unsigned = isObject(invite.pdu) ? invite.pdu['unsigned'] : undefined;
    const cosigned = { ...signed.pdu, ...(unsigned !== undefined && { unsigned }) }; // "All other fields … untouched"
    if (known?.resident === true) {
      refuseWhoCannotBeInvited(rooms, roomId, invitee);
      return cosigned; // it comes again by /send, which is where it is judged and shown
    }
    if (rooms.event(event.eventId) !== undefined) return cosigned; // one that was answered long ago does not come back
    const state = await usableState(origin, invite, rules, needs);
    const strippedState = [...state.filter((entry) => entry['state_key'] !== invitee), signed.pdu].map(stripped);
    rooms.setOutOfRoomMembership({ event: signed, membership: 'invite', userId: invitee, strippedState });
    return cosigned;
  };
}

function refuseWhoCannotBeInvited(rooms: Pick<Rooms, 'currentState'>, roomId: RoomId, invitee: UserId): void {
  const membership = rooms.currentState(roomId).get('m.room.member', invitee)?.content['membership'];
  if (membership === 'join') throw forbidden(`${invitee} is in the room already`);
  if (membership === 'ban') throw forbidden(`${invitee} is banned from the room`);
}

/**
 * What of `invite_room_state` can be shown. Servers are asked to be strict in room versions from 12 on only; there the
 * create event has to be whole, since the room ID is its hash. Whatever else is doubtful is left out, with a warning.
 */
async function usableState(
  origin: ServerName,
  { roomId, inviteRoomState }: HandedInvite,
  rules: RoomVersionRules,
  { keyring, log }: Needs,
): Promise<readonly JsonObject[]> {
  const { usable, whole, doubts } = await stateFromOutside(inviteRoomState, { roomId, rules, from: origin }, keyring);
  const isStrict = rules.roomIdIsCreateHash;
  const entries = isStrict ? whole.map(({ pdu }) => pdu) : usable;
  const hasCreate = entries.some((entry) => entry['type'] === 'm.room.create' && entry['state_key'] === '');
  const all = hasCreate ? doubts : [...doubts, 'there is no usable m.room.create'];
  if (isStrict && all.length > 0) throw invalidParam(`invite_room_state: ${all.join('; ')}`);
  const notes = usable.length > whole.length ? [...all, 'it has stripped events'] : all;
  if (notes.length > 0) log.warn('doubtful invite_room_state', { origin, roomId, notes });
  return usable;
}
