import { strikeForm, strikeHeader, strikeJson } from './strike-out.ts';

/** How much of messages is kept: nothing; headers and JSON; everything, binary bodies as base64. */
export type CaptureLevel = 'metadata' | 'json' | 'full';

/** Bodies are cut at this length, in bytes. */
const maxBody = 64 * 1024;
const maxHeader = 4 * 1024;
const maxHeaders = 100;

export type WireHeaders = Readonly<Record<string, string | string[] | undefined>>;

/** Headers as they may be kept, each in one line, bounded in length and number. */
export function captureHeaders(headers: WireHeaders): Readonly<Record<string, string>> {
  const kept = Object.entries(headers)
    .filter((entry): entry is [string, string | string[]] => entry[1] !== undefined)
    .slice(0, maxHeaders)
    .map(([name, value]) => {
      const lines = typeof value === 'string' ? [value] : value;
      return [name, cut(lines.map((line) => strikeHeader(name, line)).join(', '), maxHeader)];
    });
  return Object.fromEntries(kept);
}

/** A body as it may be kept: struck out, cut, with a mark where it was cut. None where the level leaves it out. */
export function captureBody(level: 'json' | 'full', headers: WireHeaders, body: Uint8Array): string | undefined {
  if (body.length === 0) return undefined;
  const kept = body.length > maxBody ? body.subarray(0, maxBody) : body;
  const mark = kept === body ? '' : `\n[cut after ${kept.length} of ${body.length} bytes]`;
  const type = contentType(headers);
  if (looksLikeJson(type, kept)) return strikeJson(decode(kept, mark !== '')) + mark;
  if (type.startsWith('application/x-www-form-urlencoded')) return strikeForm(decode(kept, mark !== '')) + mark;
  if (level === 'json') return undefined;
  const text = decode(kept, mark !== '');
  return (text.includes('\uFFFD') ? `base64:${Buffer.from(kept).toString('base64')}` : strikeJson(text)) + mark;
}

function contentType(headers: WireHeaders): string {
  const name = Object.keys(headers).find((header) => header.toLowerCase() === 'content-type');
  return String((name !== undefined && headers[name]) || '').toLowerCase();
}

/** Matrix lets servers leave the type out, so the first character counts, too. */
function looksLikeJson(type: string, body: Uint8Array): boolean {
  if (/[/+]json\b/.test(type)) return true;
  const first = body.find((byte) => byte > 0x20);
  return (type === '' || type.startsWith('text/')) && (first === 0x7b || first === 0x5b);
}

/** UTF-8; half a character at a cut is left out. */
function decode(bytes: Uint8Array, isCut: boolean): string {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8');
  return isCut ? text.replace(/\uFFFD+$/, '') : text;
}

export const cut = (text: string, length: number): string =>
  text.length <= length ? text : `${text.slice(0, length)}…`;
