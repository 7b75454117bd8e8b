import type { RoomId, ServerName, UserId } from '../../shared/ids.ts';
import type { MembershipTemplate } from '../network/remote-servers.ts';
import type { Platform } from '../platform.ts';
import { BadEvent, parseEvent, type RoomEvent } from '../protocol/event.ts';
import { signEvent } from '../protocol/event-signing.ts';
import type { JsonObject } from '../protocol/json.ts';
import { rulesOf } from '../protocol/room-versions.ts';
import type { SigningKey } from '../protocol/signing.ts';
import { BadAnswer } from './ask-each.ts';

/** Who signs what this server says outside the rooms that it is in. */
export interface OwnSigner {
  readonly serverName: ServerName;
  /** The one that signs now: it may change while we run. */
  readonly signingKey: () => SigningKey;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
}

export interface Wanted {
  readonly roomId: RoomId;
  readonly userId: UserId;
  readonly membership: 'join' | 'leave' | 'knock';
  /** What we say besides the membership: a name, an avatar, a reason. */
  readonly content: JsonObject;
}

/** The template is not for what we asked, or nothing that can be signed. */
class BadTemplate extends BadAnswer {
  override readonly name = 'BadTemplate';
}

/**
 * Our member event, by a resident server's template: from it come only where in the room it stands, and who lets the user
 * in. Whatever else the template has is not signed.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid
 *
 * @throws BadTemplate
 */
export function fillTemplate({ event, roomVersion }: MembershipTemplate, wanted: Wanted, signer: OwnSigner): RoomEvent {
  const { roomId, userId, membership, content } = wanted;
  const rules = rulesOf(roomVersion);
  if (rules === undefined) throw new BadTemplate(`The room has version ${roomVersion}, which is not known here`);
  const given = event['content'];
  const theirs = typeof given === 'object' && given !== null ? (given as JsonObject) : {};
  const expected: readonly [what: string, is: unknown, shouldBe: string][] = [
    ['type', event['type'], 'm.room.member'],
    ['room_id', event['room_id'], roomId],
    ['sender', event['sender'], userId],
    ['state_key', event['state_key'], userId],
    ['membership', theirs['membership'], membership],
  ];
  for (const [what, is, shouldBe] of expected) {
    if (is !== shouldBe) throw new BadTemplate(`The template's ${what} is ${String(is)}, not ${shouldBe}`);
  }
  const via = membership === 'join' && rules.restricted ? theirs['join_authorised_via_users_server'] : undefined;
  const pdu: JsonObject = {
    type: 'm.room.member',
    room_id: roomId,
    origin: signer.serverName,
    sender: userId,
    state_key: userId,
    content: { ...content, membership, ...(typeof via === 'string' && { join_authorised_via_users_server: via }) },
    depth: event['depth'] ?? 0,
    prev_events: event['prev_events'] ?? [],
    auth_events: event['auth_events'] ?? [],
    origin_server_ts: signer.platform.clock.now(),
    ...(rules.eventIdFormat === 'serverGiven' && {
      event_id: `$${signer.platform.random.id()}:${signer.serverName}`,
    }),
  };
  try {
    return parseEvent(signEvent(pdu, rules, signer.serverName, signer.signingKey()), rules);
  } catch (error) {
    if (error instanceof BadEvent) throw new BadTemplate(error.message);
    throw error;
  }
}
