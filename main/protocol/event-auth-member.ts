import { parseUserId, serverNameOf } from '../../shared/ids.ts';
import { type AuthRule, membershipIn, needsLevel, powersIn, quoted, senderIsJoined, shown } from './auth-rule.ts';
import type { RoomEvent } from './event.ts';
import { isObject, type JsonObject } from './json.ts';
import { creatorsOf, powerLevels } from './power-levels.ts';
import type { AuthState } from './state-map.ts';
import { allow, reject, type Verdict } from './verdict.ts';

/**
 * "If type is `m.room.member`: …" It always decides: members need not be joined to change their own membership, so that
 * no later rule applies. https://spec.matrix.org/v1.19/rooms/v12/#authorisation-rules
 */
export const memberRule: AuthRule = (event, state, context) => {
  if (event.type !== 'm.room.member') return undefined;
  const membership = event.content['membership'];

  // "If there is no `state_key` property, or no `membership` property in `content`, reject."
  if (event.stateKey === undefined) return reject('member event names user and membership', 'it has no state_key');
  if (membership === undefined) return reject('member event names user and membership', 'it has no membership');

  const rules = typeof membership === 'string' ? transitionsTo(membership, event) : undefined;
  for (const rule of rules === undefined ? [authorisingServerSigned] : [authorisingServerSigned, ...rules]) {
    const verdict = rule(event, state, context);
    if (verdict !== undefined) return verdict;
  }
  // "Otherwise, the membership is unknown. Reject."
  return reject(
    'membership is known',
    `there is no membership ${quoted(membership)} in version ${event.rules.version}`,
  );
};

/** The branch of the rules for a membership. The last rule of each decides. */
function transitionsTo(membership: string, event: RoomEvent): readonly AuthRule[] | undefined {
  switch (membership) {
    case 'join':
      return join;
    case 'invite':
      return event.content['third_party_invite'] === undefined ? invite : [thirdPartyInvite];
    case 'leave':
      return event.sender === event.stateKey ? [ownLeave] : kick;
    case 'ban':
      return ban;
    case 'knock':
      return event.rules.knock ? knock : undefined;
    default:
      return undefined;
  }
}

/**
 * "If `content` has a `join_authorised_via_users_server` property: If the event is not validly signed by the homeserver
 * of the user ID denoted by the key, reject." (v8)
 */
const authorisingServerSigned: AuthRule = ({ content, rules }, _state, context) => {
  const user = content['join_authorised_via_users_server'];
  if (!rules.restricted || user === undefined) return undefined;
  const rule = 'authorising server signed';
  const parsed = typeof user === 'string' ? parseUserId(user) : undefined;
  if (parsed === undefined) return reject(rule, `${quoted(user)} is no user ID`);
  const server = serverNameOf(parsed);
  if (context.verifiedBy(server)) return undefined;
  return reject(rule, `there is no valid signature of ${server}, whose ${parsed} is to have authorised the join`);
};

// -- join

/** "If the only previous event is an `m.room.create` and the `state_key` is the creator, allow." (v11: its sender) */
const creatorJoins: AuthRule = (event, state) => {
  const create = state.get('m.room.create', '');
  const [first, second] = event.prevEvents;
  if (create === undefined || first !== create.eventId || second !== undefined) return undefined;
  return creatorsOf(create)[0] === event.stateKey ? allow : undefined; // additional creators are invited
};

/** "If the `sender` does not match `state_key`, reject." */
const senderIsTarget: AuthRule = (event) =>
  event.sender === event.stateKey
    ? undefined
    : reject('sender is the member', `${event.sender} may not make ${event.stateKey} ${event.content['membership']}`);

/** "If the `sender` is banned, reject." */
const senderIsNotBanned: AuthRule = (event, state) =>
  membershipIn(state, event.sender) === 'ban'
    ? reject('sender is not banned', `${event.sender} is banned`, memberIds(state, event.sender))
    : undefined;

/** "If the `join_rule` is `invite` or `knock` then allow if membership state is `invite` or `join`." (`knock`: v7) */
const joinByInvite: AuthRule = (event, state) =>
  isWelcome(state, event) && ['invite', 'knock'].includes(joinRule(state, event)) ? allow : undefined;

/**
 * "If the `join_rule` is `restricted` or `knock_restricted`: If membership state is `join` or `invite`, allow. If the
 * `join_authorised_via_users_server` key in `content` is not a user with sufficient permission to invite other users or
 * is not a joined member of the room, reject. Otherwise, allow." (v8; `knock_restricted`: v10)
 */
const joinByRestriction: AuthRule = (event, state) => {
  if (!['restricted', 'knock_restricted'].includes(joinRule(state, event))) return undefined;
  if (isWelcome(state, event)) return allow;
  const user = event.content['join_authorised_via_users_server'];
  const joinRules = idsOf(state, 'm.room.join_rules', '');
  if (typeof user !== 'string') {
    const reason = `${event.sender} is not invited, and no user of the room has authorised the join`;
    return reject('restricted join is authorised', reason, joinRules);
  }
  if (membershipIn(state, user) !== 'join') {
    const reason = `${user}, who is to have authorised the join, is not joined to the room`;
    return reject('restricted join is authorised', reason, [...memberIds(state, user), ...joinRules]);
  }
  const powers = powersIn(event, state);
  if (powers.userLevel(user) >= powers.invite) return allow;
  const reason = `${user}, who is to have authorised the join, has ${shown(powers.userLevel(user))}, needs ${shown(powers.invite)} to invite`;
  return reject('restricted join is authorised', reason, powers.decidedBy);
};

/** "If the `join_rule` is `public`, allow. Otherwise, reject." */
const joinByPublicRule: AuthRule = (event, state) => {
  const rule = joinRule(state, event);
  if (rule === 'public') return allow;
  const decidedBy = [...idsOf(state, 'm.room.join_rules', ''), ...memberIds(state, event.sender)];
  const what = ['invite', 'knock'].includes(rule) ? `is not invited` : 'is not let in';
  return reject('join rule allows the join', `${event.sender} ${what}, the join rule is ${quoted(rule)}`, decidedBy);
};

const join = [creatorJoins, senderIsTarget, senderIsNotBanned, joinByInvite, joinByRestriction, joinByPublicRule];

// -- invite

/**
 * "If `content` has a `third_party_invite` property: …" It allows or rejects whatever the sender's membership and power
 * are now: the `m.room.third_party_invite` was judged when it was sent.
 */
const thirdPartyInvite: AuthRule = (event, state, context) => {
  const rule = 'third-party invite is redeemed';
  const target = event.stateKey ?? '';
  // "If *target user* is banned, reject."
  if (membershipIn(state, target) === 'ban') return reject(rule, `${target} is banned`, memberIds(state, target));

  // "If `content.third_party_invite` does not have a `signed` property, reject."
  const proof = event.content['third_party_invite'];
  const signed = isObject(proof) ? proof['signed'] : undefined;
  if (!isObject(signed)) return reject(rule, 'third_party_invite has nothing signed');

  // "If `signed` does not have `mxid` and `token` properties, reject. If `mxid` does not match `state_key`, reject."
  const { mxid, token } = signed;
  if (typeof mxid !== 'string' || typeof token !== 'string') return reject(rule, 'what is signed lacks mxid or token');
  if (mxid !== target) return reject(rule, `it was signed for ${quoted(mxid)}, not for ${target}`);

  // "If there is no `m.room.third_party_invite` event in the current room state with `state_key` matching `token`, reject."
  const pending = state.get('m.room.third_party_invite', token);
  if (pending === undefined) return reject(rule, `there is no m.room.third_party_invite ${quoted(token)}`);

  // "If `sender` does not match `sender` of the `m.room.third_party_invite`, reject."
  if (pending.sender !== event.sender) {
    return reject(rule, `the invite is of ${pending.sender}, not of ${event.sender}`, [pending.eventId]);
  }

  // "If any signature in `signed` matches any public key in the `m.room.third_party_invite` event, allow. Otherwise, reject."
  if (context.verifyThirdParty(signed, publicKeys(pending.content))) return allow;
  return reject(rule, 'no key of the m.room.third_party_invite made a signature of it', [pending.eventId]);
};

/** "A single public key in the `public_key` property. A list of public keys in the `public_keys` property." */
function publicKeys(content: JsonObject): readonly string[] {
  const listed = Array.isArray(content['public_keys']) ? content['public_keys'] : [];
  const keys = [content['public_key'], ...listed.map((entry) => (isObject(entry) ? entry['public_key'] : undefined))];
  return keys.filter((key) => typeof key === 'string');
}

/** "If *target user*'s current membership state is `join` or `ban`, reject." */
const targetMayBeInvited: AuthRule = (event, state) => {
  const target = event.stateKey ?? '';
  const membership = membershipIn(state, target);
  return membership === 'join' || membership === 'ban'
    ? reject('target may be invited', `${target} is at ${membership}`, memberIds(state, target))
    : undefined;
};

/** "If the `sender`'s power level is greater than or equal to the *invite level*, allow. Otherwise, reject." */
const senderMayInvite: AuthRule = (event, state) => {
  const powers = powersIn(event, state);
  return needsLevel('sender may invite', event, powers, powers.invite, 'to invite') ?? allow;
};

const invite = [senderIsJoined, targetMayBeInvited, senderMayInvite];

// -- leave, kick, unban, ban

/**
 * "If the `sender` matches `state_key`, allow if and only if that user's current membership state is `invite`, `join`,
 * or `knock`." (`knock`: v7)
 */
const ownLeave: AuthRule = (event, state) => {
  const membership = membershipIn(state, event.sender);
  const leavable = event.rules.knock ? ['invite', 'join', 'knock'] : ['invite', 'join'];
  if (leavable.includes(membership)) return allow;
  return reject('leaver is in', `${event.sender} is at ${quoted(membership)}`, memberIds(state, event.sender));
};

/**
 * "If the *target user*'s current membership state is `ban`, and the `sender`'s power level is less than the *ban
 * level*, reject." So that who unbans needs the kick level too.
 */
const senderMayUnban: AuthRule = (event, state) => {
  if (membershipIn(state, event.stateKey ?? '') !== 'ban') return undefined;
  const powers = powersIn(event, state);
  return needsLevel('sender may unban', event, powers, powers.ban, 'to unban');
};

/**
 * "If the `sender`'s power level is greater than or equal to the *kick level*, and the *target user*'s power level is
 * less than the `sender`'s power level, allow. Otherwise, reject."
 */
const senderMayKick: AuthRule = (event, state) => {
  const powers = powersIn(event, state);
  return needsLevel('sender may kick', event, powers, powers.kick, 'to kick') ?? outranksTarget(event, state) ?? allow;
};

const kick = [senderIsJoined, senderMayUnban, senderMayKick];

/**
 * "If the `sender`'s power level is greater than or equal to the *ban level*, and the *target user*'s power level is less
 * than the `sender`'s power level, allow. Otherwise, reject."
 */
const senderMayBan: AuthRule = (event, state) => {
  const powers = powersIn(event, state);
  return needsLevel('sender may ban', event, powers, powers.ban, 'to ban') ?? outranksTarget(event, state) ?? allow;
};

const ban = [senderIsJoined, senderMayBan];

function outranksTarget(event: RoomEvent, state: AuthState): Verdict | undefined {
  const powers = powerLevels(state, event.rules);
  const [target, sender] = [powers.userLevel(event.stateKey ?? ''), powers.userLevel(event.sender)];
  if (target < sender) return undefined;
  const reason = `${event.stateKey} has ${shown(target)}, ${event.sender} only ${shown(sender)}`;
  return reject('sender outranks the target', reason, powers.decidedBy);
}

// -- knock

/** "If the `join_rule` is anything other than `knock` or `knock_restricted`, reject." (`knock_restricted`: v10) */
const knockingIsAllowed: AuthRule = (event, state) => {
  const rule = joinRule(state, event);
  if (rule === 'knock' || rule === 'knock_restricted') return undefined;
  return reject('join rule allows knocking', `the join rule is ${quoted(rule)}`, idsOf(state, 'm.room.join_rules', ''));
};

/** "If the `sender`'s current membership is not `ban`, `invite`, or `join`, allow. Otherwise, reject." */
const knockerIsOutside: AuthRule = (event, state) => {
  const membership = membershipIn(state, event.sender);
  if (!['ban', 'invite', 'join'].includes(membership)) return allow;
  return reject('knocker is outside', `${event.sender} is at ${membership}`, memberIds(state, event.sender));
};

const knock = [knockingIsAllowed, senderIsTarget, knockerIsOutside];

// -- what the branches read

/** The room's join rule as far as its version knows it: a rule that it does not know admits nobody. */
function joinRule(state: AuthState, { rules }: RoomEvent): string {
  const event = state.get('m.room.join_rules', '');
  const rule = event === undefined ? 'invite' : event.content['join_rule'];
  const known =
    rule === 'public' ||
    rule === 'invite' ||
    (rule === 'knock' && rules.knock) ||
    (rule === 'restricted' && rules.restricted) ||
    (rule === 'knock_restricted' && rules.knockRestricted);
  return known ? rule : `unknown: ${quoted(rule)}`;
}

const isWelcome = (state: AuthState, event: RoomEvent): boolean =>
  ['invite', 'join'].includes(membershipIn(state, event.sender));

const memberIds = (state: AuthState, userId: string) => idsOf(state, 'm.room.member', userId);

const idsOf = (state: AuthState, type: string, stateKey: string) => {
  const event = state.get(type, stateKey);
  return event === undefined ? [] : [event.eventId];
};
