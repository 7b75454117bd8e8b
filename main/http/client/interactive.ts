import type { Authentication } from '../../accounts/interactive-auth.ts';
import { type Answer, Reply } from '../route.ts';
import { jsonObject } from '../schemas.ts';

/** What a request brings to prove who sends it, beside what it asks for. */
export const authField = { auth: jsonObject.optional() };

/** Does the work once all stages are done, and else answers what there is to do. */
export async function onceProved(
  step: Promise<Authentication>,
  work: (proof: { readonly registrationToken: string | undefined }) => Answer | Promise<Answer>,
): Promise<Answer> {
  const outcome = await step;
  return outcome.done ? work(outcome) : Reply.json(401, outcome.challenge);
}
