import { writeJson } from '../../protocol/canonical-json.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { Reply } from '../route.ts';

/**
 * A JSON object with long lists of PDUs in it, written piece by piece, so that the loop has its turn between them: the
 * state of a large room is tens of megabytes. `lists` gives batches of a few milliseconds' work; `rest` are the other keys.
 */
export async function jsonWithPdus(
  lists: Readonly<Record<string, Iterable<readonly JsonObject[]>>>,
  rest: JsonObject = {},
): Promise<Buffer> {
  const pieces = [writeJson(rest).slice(0, -1)].map((text) => Buffer.from(text));
  let comma = Object.keys(rest).length === 0 ? '' : ',';
  for (const [name, batches] of Object.entries(lists)) {
    pieces.push(Buffer.from(`${comma}${JSON.stringify(name)}:[`));
    comma = '';
    for (const batch of batches) {
      if (batch.length === 0) continue;
      pieces.push(Buffer.from(comma + batch.map(writeJson).join(',')));
      comma = ',';
      await new Promise(setImmediate);
    }
    pieces.push(Buffer.from(']'));
    comma = ',';
  }
  return Buffer.concat([...pieces, Buffer.from('}')]);
}

/** JSON that is written already. */
export const jsonReply = (json: Uint8Array) => new Reply(200, { 'Content-Type': 'application/json' }, json);

/** What version 1 of some endpoints answers: `[200, {…}]`. They left the specification, and old servers still ask. */
export const jsonReplyV1 = (json: Uint8Array) =>
  jsonReply(Buffer.concat([Buffer.from('[200,'), json, Buffer.from(']')]));
