import { parseUserId, serverNameOf } from '../../shared/ids.ts';
import { type AuthContext, type AuthRule, needsLevel, powersIn, quoted, senderIsJoined } from './auth-rule.ts';
import type { RoomEvent } from './event.ts';
import { memberRule } from './event-auth-member.ts';
import { powerLevelsRule } from './event-auth-power-levels.ts';
import { own } from './power-levels.ts';
import type { AuthState } from './state-map.ts';
import { allow, reject, type Verdict } from './verdict.ts';

/**
 * Whether the room's rules allow an event in a state. It is asked up to three times for an event that comes in: with the
 * state that its auth events make and with the state before it (refused: rejected), and with current state (refused:
 * soft-failed). `checkAuthEvents` comes before these; state resolution asks here again and again.
 *
 * Numbers of rules move between room versions, so a refusal names its rule in words. `context` says which signatures are
 * good; without it none is. https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export function authorize(event: RoomEvent, state: AuthState, context: AuthContext = nothingVerified): Verdict {
  for (const rule of rules) {
    const verdict = rule(event, state, context);
    if (verdict !== undefined) return verdict;
  }
  return allow; // "Otherwise, allow."
}

const nothingVerified: AuthContext = { verifiedBy: () => false, verifyThirdParty: () => false };

/** "If type is `m.room.create`: …" None of it depends on a state, and no later rule applies. */
const createRule: AuthRule = (event) => {
  if (event.type !== 'm.room.create') return undefined;
  const { content, rules, sender } = event;

  // "If it has any `prev_events`, reject."
  if (event.prevEvents.length > 0) return reject('create has no prev events', 'an event came before the create event');

  if (rules.roomIdIsCreateHash) {
    // "If the event has a `room_id`, reject." (v12)
    if (own(event.pdu, 'room_id') !== undefined) {
      return reject('create has no room ID', 'it has a room_id, which is made from its hash');
    }
  } else if (serverNameOf(event.roomId) !== event.origin) {
    // "If the domain of the `room_id` does not match the domain of the `sender`, reject."
    return reject('room ID is of the sender’s server', `${event.roomId} is not of ${event.origin}`);
  }

  // "If `content.room_version` is present and is not a recognised version, reject." Were it one, `rules` would be its.
  const version = content['room_version'];
  if (version !== undefined && version !== rules.version) {
    return reject('room version is known', `${quoted(version)} is none, or not that of the room`);
  }

  // "If `content` has no `creator` property, reject." (until v10)
  if (!rules.implicitCreator && content['creator'] === undefined) {
    return reject('create names the creator', `the create event of ${sender} has no creator`);
  }

  // "If `additional_creators` is present in `content` and is not an array of strings where each string passes the same
  // user ID validation applied to `sender`, reject." (v12)
  const additional = rules.privilegedCreators ? content['additional_creators'] : undefined;
  if (additional !== undefined) {
    if (!Array.isArray(additional)) return reject('additional creators are user IDs', 'they are not an array');
    const wrong = additional.find((user) => typeof user !== 'string' || parseUserId(user) === undefined);
    if (wrong !== undefined) {
      return reject('additional creators are user IDs', `${quoted(wrong)} is no user ID`);
    }
  }
  return allow;
};

/** Rules below read the create event from the state. `checkAuthEvents` has seen to it; a state without it is no room's. */
const roomIsCreated: AuthRule = (_event, state) =>
  state.get('m.room.create', '') === undefined
    ? reject('room is created', 'there is no m.room.create in this state')
    : undefined;

/**
 * "If the `content` of the `m.room.create` event in the room state has the property `m.federate` set to `false`, and the
 * `sender` domain of the event does not match the `sender` domain of the create event, reject."
 */
const roomFederates: AuthRule = (event, state) => {
  const create = state.get('m.room.create', '');
  if (create === undefined || create.content['m.federate'] !== false || create.origin === event.origin)
    return undefined;
  const reason = `the room is for users of ${create.origin} only, ${event.sender} is not one`;
  return reject('room federates', reason, [create.eventId]);
};

/** "If type is `m.room.aliases`: If event has no `state_key`, reject. If sender's domain doesn't match `state_key`, reject." (v1–5) */
const aliasesRule: AuthRule = (event) => {
  if (event.type !== 'm.room.aliases' || !event.rules.specialAliases) return undefined;
  if (event.stateKey === event.origin) return allow;
  const whose = event.stateKey === undefined ? 'no state key' : `the state key ${event.stateKey}`;
  return reject('aliases are of the sender’s server', `${event.sender} sent aliases with ${whose}`);
};

/**
 * "If type is `m.room.third_party_invite`: Allow if and only if `sender`'s current power level is greater than or equal to
 * the *invite level*."
 */
const thirdPartyInviteRule: AuthRule = (event, state) => {
  if (event.type !== 'm.room.third_party_invite') return undefined;
  const powers = powersIn(event, state);
  return needsLevel('sender may invite', event, powers, powers.invite, 'to invite') ?? allow;
};

/** "If the event type's *required power level* is greater than the `sender`'s power level, reject." */
const requiredLevel: AuthRule = (event, state) => {
  const powers = powersIn(event, state);
  const needed = powers.required(event.type, event.stateKey !== undefined);
  return needsLevel('sender has the required level', event, powers, needed, `for ${event.type}`);
};

/** "If the event has a `state_key` that starts with an `@` and does not match the `sender`, reject." */
const ownStateKey: AuthRule = (event) =>
  event.stateKey?.startsWith('@') && event.stateKey !== event.sender
    ? reject('state key is the sender’s own', `${event.sender} may not set ${event.type} of ${event.stateKey}`)
    : undefined;

/**
 * "If type is `m.room.redaction`: If the `sender`'s power level is greater than or equal to the *redact level*, allow. If
 * the domain of the `event_id` of the event being redacted is the same as the domain of the `event_id` of the
 * `m.room.redaction`, allow. Otherwise, reject." (v1–2; later versions judge when the redaction is applied)
 */
const redactionRule: AuthRule = (event, state) => {
  if (event.type !== 'm.room.redaction' || !event.rules.redactionAuthRule) return undefined;
  const powers = powersIn(event, state);
  const refusal = needsLevel('sender may redact', event, powers, powers.redact, 'to redact events of other servers');
  const target = event.redacts && serverNameOf(event.redacts);
  return refusal === undefined || (target !== undefined && target === serverNameOf(event.eventId)) ? allow : refusal;
};

/** In the order of the spec. The first that reaches a verdict decides. */
const rules: readonly AuthRule[] = [
  createRule,
  roomIsCreated,
  roomFederates,
  aliasesRule,
  memberRule,
  senderIsJoined,
  thirdPartyInviteRule,
  requiredLevel,
  ownStateKey,
  powerLevelsRule,
  redactionRule,
];
