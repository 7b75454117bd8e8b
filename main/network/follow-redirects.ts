import type { InboundReply, Net } from '../platform.ts';

/** Where it leads, we do not go: in a circle, too far, or off HTTPS. */
export class BadRedirect extends Error {
  override readonly name = 'BadRedirect';
}

export interface Bounds {
  readonly accept: string;
  readonly maxBytes: number;
  readonly maxRedirects: number;
  readonly signal: AbortSignal;
}

interface FollowOptions {
  readonly net: Pick<Net, 'request'>;
  /** Addresses that we may connect to. Throws where there is none. */
  readonly addressesOf: (host: string) => Promise<readonly string[]>;
}

/**
 * What is at a URL that a stranger named, be it somewhere else: by HTTPS only, at addresses that are judged anew at each
 * redirect. Whatever the status is that it ends with, it is a reply.
 *
 * @throws BadRedirect, `NetError`, what `addressesOf` throws
 */
export function followRedirects({ net, addressesOf }: FollowOptions) {
  const get = async (url: URL, { accept, maxBytes, signal }: Bounds): Promise<InboundReply> => {
    let failed: unknown;
    for (const address of await addressesOf(bare(url.hostname))) {
      try {
        return await net.request({
          method: 'GET',
          connectTo: { address, port: Number(url.port || 443) },
          certificateFor: bare(url.hostname),
          hostHeader: url.host,
          path: url.pathname + url.search,
          headers: { Accept: accept },
          maxBytes,
          signal,
        });
      } catch (error) {
        failed = error;
      }
      if (signal.aborted) break;
    }
    throw failed;
  };

  return async (start: URL, bounds: Bounds): Promise<InboundReply> => {
    const visited = new Set<string>();
    for (let url = start; visited.size <= bounds.maxRedirects; ) {
      if (visited.has(url.href)) throw new BadRedirect(`is redirected in a circle, by ${url.href}`);
      visited.add(url.href);
      const reply = await get(url, bounds);
      const { location } = reply.headers;
      if (![301, 302, 303, 307, 308].includes(reply.status) || typeof location !== 'string') return reply;
      url = redirected(location, url);
    }
    throw new BadRedirect(`is redirected more than ${bounds.maxRedirects} times`);
  };
}

/** @throws BadRedirect */
export function redirected(location: string, from?: URL): URL {
  const to = parseUrl(location, from);
  if (to?.protocol !== 'https:' || to.username !== '' || to.password !== '') {
    throw new BadRedirect(`is redirected to ${location.slice(0, 200)}, which is not by HTTPS`);
  }
  to.hash = '';
  return to;
}

function parseUrl(text: string, base: URL | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

/** IPv6 addresses stand in brackets in URLs, and nowhere below. */
const bare = (hostname: string) => hostname.replace(/^\[|\]$/g, '');
