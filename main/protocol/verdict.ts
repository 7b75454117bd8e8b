import type { EventId } from '../../shared/ids.ts';

/** May this event? Rules are named in words, since their numbers move between room versions. */
export type Verdict =
  | { readonly allowed: true }
  | {
      readonly allowed: false;
      /** 'sender is joined' */
      readonly rule: string;
      /** A sentence with the facts: '@eve:evil.test is not joined to the room'. */
      readonly reason: string;
      /** The state events that it was judged by: the member event, the power levels. */
      readonly decidedBy: readonly EventId[];
    };

export const allow: Verdict = { allowed: true };

export const reject = (rule: string, reason: string, decidedBy: readonly EventId[] = []): Verdict => ({
  allowed: false,
  rule,
  reason,
  decidedBy,
});
