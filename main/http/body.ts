import type { IncomingMessage } from 'node:http';
import { tooLarge } from '../../shared/matrix-error.ts';

/** How much of a body that is refused is still taken, so that whoever sends it gets to read the refusal. */
const patience = 4;

/**
 * The bytes of a request's body, at most `limit`. Rejects with 413 `M_TOO_LARGE`; a body that then goes on for far longer
 * loses its connection.
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= limit) chunks.push(chunk);
      else if (size > limit * patience) request.destroy();
    });
    request.once('end', () => {
      if (size <= limit) resolve(Buffer.concat(chunks));
      else reject(tooLarge(`the body is longer than ${limit} bytes`));
    });
    request.once('close', () => reject(tooLarge('the body ended before its end')));
    request.once('error', reject);
  });
}
