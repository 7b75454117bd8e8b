import type { InboundReply, Net, NetError, OutboundRequest, SrvRecord } from '../../main/platform.ts';

/** The Internet as far as a test needs it. What is not there has no address, no record and no answer. */
export interface FakeNet extends Net {
  readonly hosts: Record<string, readonly string[] | Error>;
  readonly srv: Record<string, readonly SrvRecord[] | Error>;
  /** By URL, as `https://` + Host header + path; or by what that begins with, and `*`. */
  readonly web: Record<string, FakePage>;
  /** All that was asked, in order: `A example.org`, `SRV …`, `GET https://…`. */
  readonly asked: string[];
  readonly requests: OutboundRequest[];
}

export type FakePage = (request: OutboundRequest) => Partial<InboundReply> | Promise<Partial<InboundReply>>;

export function fakeNet(given: Partial<Pick<FakeNet, 'hosts' | 'srv' | 'web'>> = {}): FakeNet {
  const { hosts = {}, srv = {}, web = {} } = given;
  const asked: string[] = [];
  const requests: OutboundRequest[] = [];
  const answer = <T>(value: readonly T[] | Error | undefined): Promise<readonly T[]> =>
    value instanceof Error ? Promise.reject(value) : Promise.resolve(value ?? []);
  return {
    hosts,
    srv,
    web,
    asked,
    requests,
    resolveHost(host) {
      asked.push(`A ${host}`);
      return answer(hosts[host]);
    },
    resolveSrv(name) {
      asked.push(`SRV ${name}`);
      return answer(srv[name]);
    },
    async request(request) {
      const url = `https://${request.hostHeader}${request.path}`;
      asked.push(`${request.method} ${url}`);
      requests.push(request);
      const page =
        web[url] ??
        Object.entries(web).find(([start]) => start.endsWith('*') && url.startsWith(start.slice(0, -1)))?.[1];
      if (page === undefined) throw netError('connect', 'connect ECONNREFUSED');
      return { status: 200, headers: {}, body: new Uint8Array(), ...(await page(request)) };
    },
  };
}

export const netError = (stage: NetError['stage'], message: string): NetError =>
  Object.assign(new Error(message), { stage });

/** A page of JSON. */
export const json = (value: unknown, headers: InboundReply['headers'] = {}, status = 200) => ({
  status,
  headers,
  body: Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)),
});
