import type { UserId } from '../../shared/ids.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';

export const ruleKinds = ['override', 'content', 'room', 'sender', 'underride'] as const;
export type RuleKind = (typeof ruleKinds)[number];

/** A rule as clients see it. */
export interface PushRule {
  readonly rule_id: string;
  readonly default: boolean;
  readonly enabled: boolean;
  readonly actions: readonly JsonValue[];
  readonly conditions?: readonly JsonValue[];
  readonly pattern?: string;
}
export type Ruleset = Readonly<Record<RuleKind, readonly PushRule[]>>;

const sound = (value: string): JsonObject => ({ set_tweak: 'sound', value });
const highlight: JsonObject = { set_tweak: 'highlight' };
const matches = (key: string, pattern: string): JsonObject => ({ kind: 'event_match', key, pattern });
const twoMembers: JsonObject = { kind: 'room_member_count', is: '2' };

const rule = (
  id: string,
  conditions: readonly JsonValue[],
  actions: readonly JsonValue[],
  enabled = true,
): PushRule => ({
  rule_id: `.m.rule.${id}`,
  default: true,
  enabled,
  conditions,
  actions,
});

/**
 * What notifies whom when nobody has said otherwise, in the order of the specification.
 * https://spec.matrix.org/v1.19/client-server-api/#predefined-rules
 */
export const defaultRules = (userId: UserId): Ruleset => ({
  override: [
    rule('master', [], [], false),
    rule('suppress_notices', [matches('content.msgtype', 'm.notice')], []),
    rule(
      'invite_for_me',
      [matches('type', 'm.room.member'), matches('content.membership', 'invite'), matches('state_key', userId)],
      ['notify', sound('default')],
    ),
    rule('member_event', [matches('type', 'm.room.member')], []),
    rule(
      'is_user_mention',
      [{ kind: 'event_property_contains', key: 'content.m\\.mentions.user_ids', value: userId }],
      ['notify', sound('default'), highlight],
    ),
    rule(
      'is_room_mention',
      [
        { kind: 'event_property_is', key: 'content.m\\.mentions.room', value: true },
        { kind: 'sender_notification_permission', key: 'room' },
      ],
      ['notify', highlight],
    ),
    rule('tombstone', [matches('type', 'm.room.tombstone'), matches('state_key', '')], ['notify', highlight]),
    rule('reaction', [matches('type', 'm.reaction')], []),
    rule('room.server_acl', [matches('type', 'm.room.server_acl'), matches('state_key', '')], []),
    rule(
      'suppress_edits',
      [{ kind: 'event_property_is', key: 'content.m\\.relates_to.rel_type', value: 'm.replace' }],
      [],
    ),
  ],
  content: [],
  room: [],
  sender: [],
  underride: [
    rule('call', [matches('type', 'm.call.invite')], ['notify', sound('ring')]),
    rule('encrypted_room_one_to_one', [twoMembers, matches('type', 'm.room.encrypted')], ['notify', sound('default')]),
    rule('room_one_to_one', [twoMembers, matches('type', 'm.room.message')], ['notify', sound('default')]),
    rule('message', [matches('type', 'm.room.message')], ['notify']),
    rule('encrypted', [matches('type', 'm.room.encrypted')], ['notify']),
  ],
});
