import type { UserId } from '../../shared/ids.ts';
import { badJson, invalidParam, MatrixError, notFound } from '../../shared/matrix-error.ts';
import type { pushRulesTable } from '../db/push-rules.ts';
import { type Encodable, writeJson } from '../protocol/canonical-json.ts';
import { isObject, type JsonObject, type JsonValue } from '../protocol/json.ts';
import { defaultRules, type PushRule, type RuleKind, type Ruleset, ruleKinds } from './default-push-rules.ts';
import { storedObject } from './stored-json.ts';
import type { Stream } from './stream.ts';

/** https://spec.matrix.org/v1.19/client-server-api/#push-rules-api */
export interface PushRules {
  ruleset(userId: UserId): Ruleset;
  /** As account data: `m.push_rules`. */
  content(userId: UserId): JsonObject;
  /** Throws 404 for a rule that is not there. */
  rule(userId: UserId, kind: RuleKind, ruleId: string): PushRule;
  /** Adds or changes a rule of the user's own. Throws 400. */
  put(
    userId: UserId,
    kind: RuleKind,
    ruleId: string,
    body: JsonObject,
    place: { readonly before?: string | undefined; readonly after?: string | undefined },
  ): void;
  /** Throws 404; 400 for a rule of the server. */
  remove(userId: UserId, kind: RuleKind, ruleId: string): void;
  setEnabled(userId: UserId, kind: RuleKind, ruleId: string, enabled: boolean): void;
  setActions(userId: UserId, kind: RuleKind, ruleId: string, actions: readonly JsonValue[]): void;
  /** Whether a user has changed something with `after < position <= upTo`. */
  changedBetween(userId: UserId, after: number, upTo: number): boolean;
}

/** What is kept: all rules of the user's own, and what differs from the server's. */
interface Kept {
  readonly own: Ruleset;
  readonly defaults: Readonly<Record<string, Partial<Pick<PushRule, 'enabled' | 'actions'>>>>;
}

const nothing: Kept = { own: { override: [], content: [], room: [], sender: [], underride: [] }, defaults: {} };
const maxRules = 1000;

export function createPushRules(table: ReturnType<typeof pushRulesTable>, stream: Stream): PushRules {
  const keptOf = (userId: UserId): Kept => {
    const row = table.get(userId);
    return row === undefined ? nothing : (storedObject(row.changes) as unknown as Kept); // as `keep` wrote it
  };

  const keep = (userId: UserId, kept: Kept) => {
    const text = writeJson(kept as unknown as Encodable);
    stream.write({ users: [userId] }, (next) => table.put(userId, text, next()));
  };

  const ruleset = (userId: UserId): Ruleset => {
    const { own, defaults } = keptOf(userId);
    const byKind = defaultRules(userId);
    const merged = ruleKinds.map((kind) => {
      const ofServer = byKind[kind].map((rule) => ({ ...rule, ...defaults[rule.rule_id] }));
      const master = ofServer.filter(({ rule_id }) => rule_id === '.m.rule.master'); // above even one's own
      return [kind, [...master, ...own[kind], ...ofServer.filter((rule) => !master.includes(rule))]] as const;
    });
    return Object.fromEntries(merged) as Record<RuleKind, PushRule[]>;
  };

  const find = (userId: UserId, kind: RuleKind, ruleId: string): PushRule => {
    const found = ruleset(userId)[kind].find(({ rule_id }) => rule_id === ruleId);
    if (found === undefined) throw notFound('The push rule was not found.');
    return found;
  };

  const change = (
    userId: UserId,
    kind: RuleKind,
    ruleId: string,
    changes: Partial<Pick<PushRule, 'enabled' | 'actions'>>,
  ) => {
    const rule = find(userId, kind, ruleId);
    const { own, defaults } = keptOf(userId);
    if (rule.default) {
      keep(userId, { own, defaults: { ...defaults, [ruleId]: { ...defaults[ruleId], ...changes } } });
    } else {
      const changed = own[kind].map((each) => (each.rule_id === ruleId ? { ...each, ...changes } : each));
      keep(userId, { own: { ...own, [kind]: changed }, defaults });
    }
  };

  return {
    ruleset,
    content: (userId) => ({
      global: Object.fromEntries(Object.entries(ruleset(userId)).map(([kind, rules]) => [kind, rules.map(asJson)])),
    }),
    rule: find,
    put(userId, kind, ruleId, body, place) {
      const rule = newRule(kind, ruleId, body);
      const { own, defaults } = keptOf(userId);
      const before = own[kind].find(({ rule_id }) => rule_id === ruleId);
      const others = own[kind].filter((each) => each !== before);
      if (others.length >= maxRules) throw invalidParam(`You have ${maxRules} rules of this kind already.`);
      const index = before === undefined ? 0 : own[kind].indexOf(before);
      const at = placeAmong(others, place) ?? index;
      const put = [...others.slice(0, at), { ...rule, enabled: before?.enabled ?? true }, ...others.slice(at)];
      keep(userId, { own: { ...own, [kind]: put }, defaults });
    },
    remove(userId, kind, ruleId) {
      if (find(userId, kind, ruleId).default) throw invalidParam('The rules of the server can only be disabled.');
      const { own, defaults } = keptOf(userId);
      keep(userId, { own: { ...own, [kind]: own[kind].filter(({ rule_id }) => rule_id !== ruleId) }, defaults });
    },
    setEnabled: (userId, kind, ruleId, enabled) => change(userId, kind, ruleId, { enabled }),
    setActions: (userId, kind, ruleId, actions) => change(userId, kind, ruleId, { actions: checkedActions(actions) }),
    changedBetween(userId, after, upTo) {
      const { position = 0 } = table.get(userId) ?? {};
      return after < position && position <= upTo;
    },
  };
}

const asJson = (rule: PushRule): JsonObject => ({ ...rule });

function placeAmong(
  rules: readonly PushRule[],
  { before, after }: { readonly before?: string | undefined; readonly after?: string | undefined },
): number | undefined {
  const relative = before ?? after;
  if (relative === undefined) return undefined;
  const index = rules.findIndex(({ rule_id }) => rule_id === relative);
  if (index === -1) throw new MatrixError(400, 'M_UNKNOWN', `before/after rule not found: ${relative}`);
  return before === undefined ? index + 1 : index;
}

function newRule(kind: RuleKind, ruleId: string, body: JsonObject): PushRule {
  if (ruleId.startsWith('.')) throw invalidParam('IDs with a dot at the beginning are for the rules of the server.');
  if (/[/\\]/.test(ruleId) || ruleId === '') throw invalidParam('The ID of a rule has no slashes.');
  const { conditions, pattern } = body;
  const base = { rule_id: ruleId, default: false, enabled: true, actions: checkedActions(body['actions']) };
  if (kind === 'content') {
    if (typeof pattern !== 'string') throw badJson('pattern must be a string');
    return { ...base, pattern };
  }
  if (kind === 'room' || kind === 'sender') return base;
  if (conditions !== undefined && !Array.isArray(conditions)) throw badJson('conditions must be an array');
  const list = (conditions ?? []) as readonly JsonValue[];
  if (!list.every(isObject)) throw badJson('each of conditions must be an object');
  return { ...base, conditions: list };
}

/** `dont_notify` and `coalesce` of old mean nothing any more. */
function checkedActions(actions: JsonValue | readonly JsonValue[] | undefined): readonly JsonValue[] {
  if (!Array.isArray(actions)) throw badJson('actions must be an array');
  const list = actions as readonly JsonValue[];
  const isAction = (action: JsonValue) =>
    typeof action === 'string' || (isObject(action) && typeof action['set_tweak'] === 'string');
  if (!list.every(isAction)) throw badJson('an action is a string, or an object with set_tweak');
  return list.filter((action) => action !== 'dont_notify' && action !== 'coalesce');
}
