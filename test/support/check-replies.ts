import { type Api, problemsWith } from './openapi.ts';

/** A reply of ours, as somebody outside has got it. */
interface TakenReply {
  readonly method: string;
  readonly uri: string;
  readonly status: number;
  /** `undefined` where there was no body. */
  readonly json: unknown;
}

/** Replies that are as they are although the specification's schema says otherwise. */
const exceptions: readonly { readonly method: string; readonly path: RegExp; readonly status: number; why: string }[] =
  [
    {
      method: 'GET',
      path: /^\/_matrix\/client\/v3\/voip\/turnServer$/,
      status: 200,
      why: 'the schema has no word for "there is none", which Synapse and its clients say by {}',
    },
  ];

const apis: readonly (readonly [prefix: RegExp, api: Api])[] = [
  [/^\/_matrix\/(federation|key|policy)\//, 'server-server'],
  [/^\/\.well-known\/matrix\/server/, 'server-server'],
  [/^\/_matrix\/(client|media)\//, 'client-server'],
  [/^\/\.well-known\/matrix\//, 'client-server'],
];

/** What is wrong with a reply by the specification; nothing where it is not there to compare with. */
export function problemsOf({ method, uri, status, json }: TakenReply): readonly string[] {
  const path = (uri.split('?')[0] ?? '').replace('/_matrix/client/r0/', '/_matrix/client/v3/');
  const [, api] = apis.find(([prefix]) => prefix.test(path)) ?? [];
  const isException = exceptions.some((one) => one.method === method && one.path.test(path) && one.status === status);
  if (api === undefined || isException) return [];
  return problemsWith(api, method, path, status, json);
}

const found: string[] = [];

/**
 * Holds a reply against the specification. What is wrong fails the test at its end: whoever asked may go on asking until
 * an answer suits them, or try the next server.
 */
function checkReply(reply: TakenReply): void {
  const problems = problemsOf(reply);
  if (problems.length === 0) return;
  const { method, uri, status, json } = reply;
  found.push(`${method} ${uri} → ${status}: ${problems.join('; ')}: ${JSON.stringify(json)?.slice(0, 1000)}`);
}

/** `checkReply` for a body as bytes or text, of which only JSON has a schema. */
export function checkBody(method: string, uri: string, status: number, type: string | undefined, body: string): void {
  const isJson = type === undefined || type.startsWith('application/json');
  if (isJson || status >= 400) checkReply({ method, uri, status, json: isJson ? parsed(body) : body });
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text; // which no schema allows
  }
}

/** What has been found since the last time. */
export const takeProblems = (): readonly string[] => found.splice(0);
