/** `multipart/mixed` of federation media: https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1mediadownloadmediaid */

/** What another server sent: the file itself, or where it can be fetched. */
export type MediaParts =
  | { readonly type: string | undefined; readonly disposition: string | undefined; readonly bytes: Uint8Array }
  | { readonly location: string };

/** It is not as the specification has it. */
export class BadMultipart extends Error {
  override readonly name = 'BadMultipart';
}

const longestHeaders = 16 * 1024;
const mostHeaders = 32;
const longestMetadata = 64 * 1024;
/** What the parts weigh at most besides the file. */
export const multipartOverhead = 2 * longestHeaders + longestMetadata;

/** The bytes before and behind a file, and the content type of all. */
export function multipartAround(boundary: string, headers: Readonly<Record<string, string>>) {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  const before = `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n--${boundary}\r\n${lines.join('')}\r\n`;
  return {
    type: `multipart/mixed; boundary=${boundary}`,
    before: Buffer.from(before, 'latin1'),
    after: Buffer.from(`\r\n--${boundary}--\r\n`),
  };
}

/**
 * Exactly two parts: metadata, and the file or its place.
 *
 * @throws BadMultipart
 */
export function parseMultipart(contentType: string | undefined, body: Uint8Array): MediaParts {
  const delimiter = Buffer.from(`\r\n--${boundaryOf(contentType)}`, 'latin1');
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // The first delimiter may be the very beginning, without a line break before it.
  let at = bytes.subarray(0, delimiter.length - 2).equals(delimiter.subarray(2)) ? -2 : bytes.indexOf(delimiter);
  if (at !== -2 && (at === -1 || at > longestHeaders)) throw new BadMultipart('its boundary is not there');
  const parts: Part[] = [];
  for (;;) {
    const line = endOfDelimiter(bytes, at + delimiter.length);
    if (line.isLast) break;
    if (parts.length === 2) throw new BadMultipart('it has more than two parts');
    const end = bytes.indexOf(delimiter, line.next - 2);
    if (end === -1) throw new BadMultipart('it ends within a part');
    parts.push(partOf(bytes.subarray(line.next, Math.max(end, line.next))));
    at = end;
  }
  const [metadata, file] = parts;
  if (metadata === undefined || file === undefined) throw new BadMultipart('it has fewer than two parts');
  checkMetadata(metadata);
  const location = file.headers.get('location');
  if (location !== undefined) return { location };
  const { headers } = file;
  return { type: headers.get('content-type'), disposition: headers.get('content-disposition'), bytes: file.body };
}

/** RFC 2046, 5.1.1 */
function boundaryOf(contentType: string | undefined): string {
  const [, quoted, plain] =
    /^multipart\/mixed[ \t]*;(?:.*;)?[ \t]*boundary=(?:"([^"]+)"|([^";, \t]+))/i.exec(contentType ?? '') ?? [];
  const boundary = quoted ?? plain ?? '';
  if (!/^[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]$/.test(boundary)) {
    throw new BadMultipart('it is not multipart/mixed with a boundary');
  }
  return boundary;
}

/** `--` ends it all; white space may pad the line. */
function endOfDelimiter(bytes: Buffer, from: number): { readonly isLast: boolean; readonly next: number } {
  const isLast = bytes[from] === 0x2d && bytes[from + 1] === 0x2d;
  if (isLast) return { isLast, next: from + 2 };
  let at = from;
  while (at < from + 100 && (bytes[at] === 0x20 || bytes[at] === 0x09)) at++;
  if (bytes[at] !== 0x0d || bytes[at + 1] !== 0x0a) throw new BadMultipart('a boundary is followed by something else');
  return { isLast, next: at + 2 };
}

interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

function partOf(bytes: Buffer): Part {
  if (bytes[0] === 0x0d && bytes[1] === 0x0a) return { headers: new Map(), body: bytes.subarray(2) };
  const blank = bytes.subarray(0, longestHeaders).indexOf('\r\n\r\n');
  const end = blank === -1 ? bytes.length : blank; // a part may be headers alone
  if (end > longestHeaders) throw new BadMultipart('the headers of a part do not end');
  const lines = bytes.toString('latin1', 0, end).replace(/\r\n$/, '').split('\r\n');
  if (lines.length > mostHeaders) throw new BadMultipart('a part has too many headers');
  const headers = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\0\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined) throw new BadMultipart('a part has something that is no header');
    const key = name.toLowerCase();
    if (headers.has(key)) throw new BadMultipart(`a part has ${key} twice`);
    headers.set(key, value);
  }
  return { headers, body: bytes.subarray(end + 4) };
}

/** "Currently, this will always be an empty object": what is in it does not matter yet. */
function checkMetadata({ headers, body }: Part): void {
  if (!/^application\/json\b/i.test(headers.get('content-type') ?? '')) {
    throw new BadMultipart('its first part is not application/json');
  }
  if (body.length > longestMetadata) throw new BadMultipart('its metadata are too long');
  try {
    const metadata: unknown = JSON.parse(body.toString('utf8'));
    if (typeof metadata === 'object' && metadata !== null && !Array.isArray(metadata)) return;
  } catch {
    // no JSON: said below
  }
  throw new BadMultipart('its metadata are no JSON object');
}
