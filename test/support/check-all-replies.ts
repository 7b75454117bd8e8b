import { afterAll, afterEach } from 'vitest';
import { checkBody, takeProblems } from './check-replies.ts';

/** Every test: what a server of ours answers by `fetch` is held against the specification, and so is what harnesses take. */
const { fetch } = globalThis;
globalThis.fetch = async (input, init) => {
  const reply = await fetch(input, init);
  const { pathname, search } = new URL(reply.url);
  const isOther = /synapse/i.test(reply.headers.get('server') ?? '');
  if (!isOther && /^\/(_matrix|\.well-known\/matrix)\//.test(pathname)) {
    const method = init?.method ?? (input instanceof Request ? input.method : 'GET');
    const type = reply.headers.get('content-type') ?? undefined;
    checkBody(method, pathname + search, reply.status, type, await reply.clone().text());
  }
  return reply;
};

const failIfWrong = () => {
  const problems = takeProblems();
  if (problems.length > 0) throw new Error(`not as the specification has it:\n${problems.join('\n')}`);
};
afterEach(failIfWrong);
afterAll(failIfWrong);
