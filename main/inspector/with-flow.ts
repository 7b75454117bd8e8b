import { parseRoomId } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { WireHeaders } from './capture.ts';
import type { FlowOpening, Inspector, OpenFlow } from './inspector.ts';

/** An inbound request, as the HTTP server has it when its body is read. */
export interface InboundRequest {
  readonly method: string;
  /** As on the wire. */
  readonly uri: string;
  /** Of the route: `/_matrix/federation/v1/send/:txnId`. */
  readonly path: string;
  readonly headers: WireHeaders;
  readonly body: Uint8Array | undefined;
  /** Whose connection it is: '203.0.113.7:51234'. */
  readonly address?: string | undefined;
  /** Decoded, by the names in `path`. */
  readonly params?: Readonly<Record<string, unknown>>;
}

interface Answered {
  readonly status: number;
  readonly headers: WireHeaders;
  readonly body: Uint8Array;
}

/**
 * The one place where an inbound request enters the log; `RemoteServers.request` is its outbound twin. All that `handle`
 * does, and asks of other servers, belongs to its trace. What `handle` throws is thrown on: a `MatrixError` is logged as
 * the reply that it becomes, anything else as a request that got none.
 */
export async function withFlow<Reply extends Answered>(
  inspector: Inspector,
  request: InboundRequest,
  handle: (flow: OpenFlow) => Promise<Reply>,
): Promise<Reply> {
  const flow = inspector.open(opening(request));
  flow.request(request.headers, request.body);
  try {
    const reply = await inspector.within(flow, () => handle(flow));
    flow.close(reply);
    return reply;
  } catch (error) {
    if (error instanceof MatrixError) {
      const body = Buffer.from(JSON.stringify(error));
      flow.close({ status: error.status, headers: {}, body, errcode: error.errcode });
    } else {
      flow.fail({ stage: 'internal', message: error instanceof Error ? error.message : String(error) });
    }
    throw error;
  }
}

function opening({ method, uri, path, address, params = {} }: InboundRequest): FlowOpening {
  const { roomId: named } = params;
  const roomId = typeof named === 'string' ? parseRoomId(named) : undefined;
  return {
    direction: 'inbound',
    method,
    uri,
    endpoint: endpointOf(path),
    ...(roomId !== undefined && { roomId }),
    ...(address !== undefined && { address }),
  };
}

/** `send` of `/_matrix/federation/v1/send/:txnId`, `key/v2/server` of `/_matrix/key/v2/server`: a name for the log. */
export function endpointOf(path: string): string {
  return path
    .replace(/^\/(_matrix\/)?(federation\/(v\d+|unstable\/[^/]+)\/)?/, '')
    .split('/')
    .filter((segment) => !segment.startsWith(':'))
    .join('/');
}
