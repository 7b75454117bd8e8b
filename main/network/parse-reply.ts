import { JsonSyntaxError, type ParsedJson, parseJson } from '../protocol/json.ts';

/** The body of a reply; nothing where it is no JSON. */
export async function parseReply(body: Uint8Array): Promise<ParsedJson | undefined> {
  try {
    return parseJson(body);
  } catch (error) {
    if (error instanceof JsonSyntaxError) return undefined;
    throw error;
  }
}
