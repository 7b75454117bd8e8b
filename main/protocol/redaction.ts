import { isObject, type JsonObject, type JsonValue } from './json.ts';
import type { RoomVersionRules } from './room-versions.ts';

const keptMembers = (
  'auth_events content depth event_id hashes origin_server_ts prev_events ' + 'room_id sender signatures state_key type'
).split(' ');
const keptMembersBefore11 = [...keptMembers, 'membership', 'origin', 'prev_state'];

const powerLevels = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'];

/**
 * What is left of a PDU when it is redacted: what the protocol needs, and what signatures and event IDs cover.
 * A new object; what it keeps is shared with `pdu`.
 *
 * https://spec.matrix.org/v1.19/client-server-api/#redactions, and "Redactions" of each room version
 */
export function redact(pdu: JsonObject, rules: RoomVersionRules): JsonObject {
  const kept = pick(pdu, rules.updatedRedaction ? keptMembers : keptMembersBefore11);
  const { content } = pdu;
  return isObject(content) ? { ...kept, content: redactContent(pdu['type'], content, rules) } : kept;
}

function redactContent(type: JsonValue | undefined, content: JsonObject, rules: RoomVersionRules): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, rules);
    case 'm.room.create':
      return rules.updatedRedaction ? content : pick(content, ['creator']);
    case 'm.room.join_rules':
      return pick(content, rules.redactionKeepsAllow ? ['join_rule', 'allow'] : ['join_rule']);
    case 'm.room.power_levels':
      return pick(content, rules.updatedRedaction ? [...powerLevels, 'invite'] : powerLevels);
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility']);
    case 'm.room.aliases':
      return pick(content, rules.specialAliases ? ['aliases'] : []);
    case 'm.room.redaction':
      return pick(content, rules.updatedRedaction ? ['redacts'] : []);
    default:
      return {};
  }
}

function redactMember(content: JsonObject, rules: RoomVersionRules): JsonObject {
  const kept = pick(content, [
    'membership',
    ...(rules.redactionKeepsAuthorisedVia ? ['join_authorised_via_users_server'] : []),
  ]);
  const { third_party_invite: invite } = content;
  return rules.updatedRedaction && isObject(invite) ? { ...kept, third_party_invite: pick(invite, ['signed']) } : kept;
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  const picked: Record<string, JsonValue> = {};
  for (const key of keys) {
    const value = object[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}
