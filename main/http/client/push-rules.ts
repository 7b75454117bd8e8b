import * as z from 'zod';
import { ruleKinds } from '../../accounts/default-push-rules.ts';
import type { PushRules } from '../../accounts/push-rules.ts';
import { type AnyRoute, route } from '../route.ts';
import { jsonObject, jsonValue } from '../schemas.ts';
import { none } from './fields.ts';

const base = '/_matrix/client/v3/pushrules';
const ofRule = z.object({ kind: z.enum(ruleKinds), ruleId: z.string() });

/** https://spec.matrix.org/v1.19/client-server-api/#push-rules-api */
export const pushRulesRoutes = ({ pushRules }: { readonly pushRules: PushRules }): readonly AnyRoute[] => {
  /** Clients ask with the slash at the end and without. */
  const all = (path: string) =>
    route({
      method: 'GET',
      path,
      auth: 'client',
      params: none,
      query: none,
      handle: ({ caller }) => pushRules.content(caller.userId),
    });
  const global = (path: string) =>
    route({
      method: 'GET',
      path,
      auth: 'client',
      params: none,
      query: none,
      handle: ({ caller }) => ({ ...pushRules.ruleset(caller.userId) }),
    });
  return [
    all(base),
    all(`${base}/`),
    global(`${base}/global`),
    global(`${base}/global/`),
    route({
      method: 'GET',
      path: `${base}/global/:kind/:ruleId`,
      auth: 'client',
      params: ofRule,
      query: none,
      handle: ({ params, caller }) => ({ ...pushRules.rule(caller.userId, params.kind, params.ruleId) }),
    }),
    route({
      method: 'PUT',
      path: `${base}/global/:kind/:ruleId`,
      auth: 'client',
      params: ofRule,
      query: z.object({ before: z.string().optional(), after: z.string().optional() }),
      body: jsonObject,
      handle({ params, query, body, caller }) {
        pushRules.put(caller.userId, params.kind, params.ruleId, body, query);
        return {};
      },
    }),
    route({
      method: 'DELETE',
      path: `${base}/global/:kind/:ruleId`,
      auth: 'client',
      params: ofRule,
      query: none,
      handle({ params, caller }) {
        pushRules.remove(caller.userId, params.kind, params.ruleId);
        return {};
      },
    }),
    route({
      method: 'GET',
      path: `${base}/global/:kind/:ruleId/enabled`,
      auth: 'client',
      params: ofRule,
      query: none,
      handle: ({ params, caller }) => ({
        enabled: pushRules.rule(caller.userId, params.kind, params.ruleId).enabled,
      }),
    }),
    route({
      method: 'PUT',
      path: `${base}/global/:kind/:ruleId/enabled`,
      auth: 'client',
      params: ofRule,
      query: none,
      body: z.object({ enabled: z.boolean() }),
      handle({ params, body, caller }) {
        pushRules.setEnabled(caller.userId, params.kind, params.ruleId, body.enabled);
        return {};
      },
    }),
    route({
      method: 'GET',
      path: `${base}/global/:kind/:ruleId/actions`,
      auth: 'client',
      params: ofRule,
      query: none,
      handle: ({ params, caller }) => ({
        actions: pushRules.rule(caller.userId, params.kind, params.ruleId).actions,
      }),
    }),
    route({
      method: 'PUT',
      path: `${base}/global/:kind/:ruleId/actions`,
      auth: 'client',
      params: ofRule,
      query: none,
      body: z.object({ actions: z.array(jsonValue) }),
      handle({ params, body, caller }) {
        pushRules.setActions(caller.userId, params.kind, params.ruleId, body.actions);
        return {};
      },
    }),
  ];
};
