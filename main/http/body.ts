import type { IncomingMessage } from 'node:http';
import { MatrixError, tooLarge } from '../../shared/matrix-error.ts';

/** How much of a body that is refused is still taken, so that whoever sends it gets to read the refusal. */
const patience = 4;
/** What each body may have without counting: a few large ones never keep the small ones out, which nearly all are. */
const smallBytes = 64 * 1024;

/** Of bodies that are held at once, each until its request is answered. By then nobody need have been authenticated. */
interface BodyLimits {
  readonly requests: number;
  readonly bytes: number; // beyond the first 64 KiB of each
}

export interface Bodies {
  /**
   * Does `work` with the bytes of a request's body, at most `limit`. Rejects with 413 `M_TOO_LARGE`, and with 429
   * `M_LIMIT_EXCEEDED` where all bodies together would be too much; one that then goes on for long loses its connection.
   */
  with<T>(request: IncomingMessage, limit: number, work: (bytes: Uint8Array) => Promise<T>): Promise<T>;
}

export function createBodies(most: BodyLimits = { requests: 300, bytes: 50_000_000 }): Bodies {
  let heldRequests = 0;
  let heldBytes = 0;
  return {
    async with(request, limit, work) {
      const isOneTooMany = heldRequests >= most.requests;
      let own = 0;
      const hold = (bytes: number) => {
        heldBytes += bytes - own;
        own = bytes;
      };
      const refusal = (size: number): MatrixError | undefined => {
        hold(Math.max(0, size - smallBytes));
        const isTooLong = size > limit;
        if (!isTooLong && !isOneTooMany && heldBytes <= most.bytes) return undefined;
        hold(0);
        return isTooLong ? tooLarge(`the body is longer than ${limit} bytes`) : busy();
      };
      if (!isOneTooMany) heldRequests++;
      try {
        return await work(await read(request, limit, refusal));
      } finally {
        if (!isOneTooMany) heldRequests--;
        hold(0);
      }
    },
  };
}

const busy = () =>
  new MatrixError(429, 'M_LIMIT_EXCEEDED', 'This server has too much to read at the moment', {
    fields: { retry_after_ms: 5000 },
  });

/** All of a body that `refusal`, asked with each piece for the size so far, says nothing against. */
function read(
  request: IncomingMessage,
  limit: number,
  refusal: (size: number) => MatrixError | undefined,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = [];
    let size = 0;
    let refused: MatrixError | undefined;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      refused ??= refusal(size);
      if (refused === undefined) chunks.push(chunk);
      else chunks = [];
      if (size > limit * patience) request.destroy();
    });
    request.once('end', () => {
      if (refused === undefined) resolve(Buffer.concat(chunks));
      else reject(refused);
    });
    request.once('close', () => reject(tooLarge('the body ended before its end')));
    request.once('error', reject);
  });
}
