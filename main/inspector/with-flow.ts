import { parseRoomId, type RoomId } from '../../shared/ids.ts';
import type { WireHeaders } from './capture.ts';
import type { Inspector, OpenFlow } from './inspector.ts';

/** An inbound request as it begins: its body has not been read yet. */
export interface InboundRequest {
  readonly method: string;
  /** As on the wire. */
  readonly uri: string;
  /** Of the route, `/_matrix/federation/v1/send/:txnId`; 'unknown' where there is none. */
  readonly path: string;
  /** Whose connection it is: '203.0.113.7:51234'. */
  readonly address: string;
}

interface Answered {
  readonly status: number;
  readonly headers: WireHeaders;
  readonly body: Uint8Array;
  /** In bytes, where it is more than `body`: files are not kept in memory. */
  readonly size?: number;
}

/**
 * The one place where an inbound request enters the log; `RemoteServers.request` is its outbound twin. All that `handle`
 * does, and asks of other servers, belongs to its trace. A reply, even a 500, closes the flow; where `handle` throws, no
 * reply was made: the flow has failed, and the error is thrown on.
 */
export async function withFlow<Reply extends Answered>(
  inspector: Inspector,
  { method, uri, path, address }: InboundRequest,
  handle: (flow: OpenFlow) => Promise<Reply>,
): Promise<Reply> {
  const roomId = roomIn(uri, path);
  const flow = inspector.open({
    direction: 'inbound',
    method,
    uri,
    address,
    endpoint: endpointOf(path),
    ...(roomId !== undefined && { roomId }),
  });
  try {
    const reply = await inspector.within(flow, () => handle(flow));
    flow.close(reply);
    return reply;
  } catch (error) {
    flow.fail({ stage: 'internal', message: error instanceof Error ? error.message : String(error) });
    throw error;
  }
}

/** `send` of `/_matrix/federation/v1/send/:txnId`, `key/v2/server` of `/_matrix/key/v2/server`: a name for the log. */
export function endpointOf(path: string): string {
  return path
    .replace(/^\/(_matrix\/)?(federation\/(v\d+|unstable\/[^/]+)\/)?/, '')
    .split('/')
    .filter((segment) => !segment.startsWith(':'))
    .join('/');
}

/** The room that a URI names where the route's path has `:roomId`. */
function roomIn(uri: string, path: string): RoomId | undefined {
  const [place] = uri.split('?', 1);
  const segment = place?.split('/')[path.split('/').indexOf(':roomId')];
  if (segment === undefined) return undefined;
  try {
    return parseRoomId(decodeURIComponent(segment));
  } catch {
    return undefined; // not well encoded: the server will refuse it
  }
}
