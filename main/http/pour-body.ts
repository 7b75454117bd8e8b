import type { IncomingMessage } from 'node:http';
import { badJson, tooLarge } from '../../shared/matrix-error.ts';

/** How much of a body that is refused is still taken, so that whoever sends it gets to read the refusal. */
const patience = 4;

/**
 * Hands a request's body to `take`, a piece at a time, and reads on when that is done: nothing of it stays in memory.
 * Rejects with what `take` throws. A body past `limit` bytes that goes on for far longer loses its connection.
 *
 * @throws MatrixError 413 M_TOO_LARGE
 */
export function pourBody(
  request: IncomingMessage,
  limit: number,
  take: (piece: Uint8Array) => Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let size = 0;
    let failed: unknown;
    const isTooLong = () => size > limit || Number(request.headers['content-length'] ?? 0) > limit;
    request.on('data', (piece: Buffer) => {
      size += piece.length;
      if (size > limit * patience) request.destroy();
      if (failed !== undefined || isTooLong()) return; // let by
      request.pause();
      take(piece)
        .catch((error: unknown) => {
          failed = error;
        })
        .finally(() => request.resume());
    });
    request.once('end', () => {
      if (failed !== undefined) reject(failed);
      else if (isTooLong()) reject(tooLarge(`files may be ${limit} bytes long, and no longer`));
      else resolve();
    });
    request.once('close', () => reject(badJson('the body ended before its end')));
    request.once('error', reject);
  });
}
