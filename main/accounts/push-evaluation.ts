import type { UserId } from '../../shared/ids.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import type { PushRule, RuleKind, Ruleset } from './default-push-rules.ts';
import { type Glob, glob, isWhole, isWords, literal } from './glob.ts';

/** What conditions ask besides the event. */
export interface PushContext {
  readonly memberCount: number;
  /** The name of the rules' owner in the room. */
  readonly displayName: string | undefined;
  /** Whether the sender has the level that `notifications` of the power levels wants for this. */
  mayNotify(key: string): boolean;
}

export interface PushVerdict {
  readonly notify: boolean;
  readonly highlight: boolean;
}

const nothing: PushVerdict = { notify: false, highlight: false };
const inOrder: readonly RuleKind[] = ['override', 'content', 'room', 'sender', 'underride'];

/**
 * What an event is to a user: the first enabled rule that matches decides. `event` is in the format for clients.
 * https://spec.matrix.org/v1.19/client-server-api/#push-rules
 */
export function evaluate(rules: Ruleset, event: JsonObject, userId: UserId, context: PushContext): PushVerdict {
  if (event['sender'] === userId) return nothing;
  for (const kind of inOrder) {
    const rule = rules[kind].find((each) => each.enabled && matches(kind, each, event, context));
    if (rule !== undefined) return verdictOf(rule);
  }
  return nothing;
}

function verdictOf({ actions }: PushRule): PushVerdict {
  if (!actions.includes('notify')) return nothing;
  const tweak = actions.find((action) => isObject(action) && action['set_tweak'] === 'highlight');
  return { notify: true, highlight: tweak !== undefined && isObject(tweak) && tweak['value'] !== false };
}

function matches(kind: RuleKind, rule: PushRule, event: JsonObject, context: PushContext): boolean {
  switch (kind) {
    case 'content':
      return rule.pattern !== undefined && hasWords(property(event, 'content.body'), glob(rule.pattern));
    case 'room':
      return event['room_id'] === rule.rule_id;
    case 'sender':
      return event['sender'] === rule.rule_id;
    case 'override':
    case 'underride':
      return (rule.conditions ?? []).every((condition) => isObject(condition) && holds(condition, event, context));
  }
}

/** A condition that is not known never holds. */
function holds(condition: JsonObject, event: JsonObject, context: PushContext): boolean {
  const { kind, key, pattern, value, is } = condition;
  const named = typeof key === 'string' ? property(event, key) : undefined;
  switch (kind) {
    case 'event_match':
      if (typeof pattern !== 'string') return false;
      if (key === 'content.body') return hasWords(named, glob(pattern));
      return typeof named === 'string' && isWhole(glob(pattern), named);
    case 'event_property_is':
      return isSimple(value) && named === value;
    case 'event_property_contains':
      return isSimple(value) && Array.isArray(named) && named.includes(value);
    case 'contains_display_name':
      if (context.displayName === undefined) return false;
      return hasWords(property(event, 'content.body'), literal(context.displayName));
    case 'room_member_count':
      return typeof is === 'string' && compares(context.memberCount, is);
    case 'sender_notification_permission':
      return typeof key === 'string' && context.mayNotify(key);
    default:
      return false;
  }
}

const hasWords = (text: JsonValue | undefined, pattern: Glob): boolean =>
  typeof text === 'string' && isWords(pattern, text);

const isSimple = (value: JsonValue | undefined): boolean =>
  value === null || ['string', 'number', 'boolean'].includes(typeof value);

/** https://spec.matrix.org/v1.19/appendices/#dot-separated-property-paths */
function property(event: JsonObject, path: string): JsonValue | undefined {
  let at: JsonValue | undefined = event;
  for (const step of path.match(/(?:\\.|[^.\\]|\\)+/gs) ?? []) {
    const name = step.replace(/\\([.\\])/g, '$1');
    at = at !== undefined && isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return at;
}

function compares(count: number, is: string): boolean {
  const [, sign = '==', digits] = /^(==|<=|>=|<|>)?(\d{1,9})$/.exec(is) ?? [];
  if (digits === undefined) return false;
  const wanted = Number(digits);
  switch (sign) {
    case '<':
      return count < wanted;
    case '>':
      return count > wanted;
    case '<=':
      return count <= wanted;
    case '>=':
      return count >= wanted;
    default:
      return count === wanted;
  }
}
