/** Content types, file names and the headers that tell them. All of it comes from strangers, and goes to browsers. */

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameter = `[ \\t]*;[ \\t]*${token}=(?:${token}|"[ !#-\\[\\]-~]*")`;
const mediaType = new RegExp(`^${token}/${token}(?:${parameter})*$`);
const longestType = 200;

const unknownType = 'application/octet-stream';

/** A content type as it may be told on: what is none, is bytes. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mediadownloadservernamemediaid */
export function contentType(said: string | undefined): string {
  const type = said?.trim() ?? '';
  return type.length <= longestType && mediaType.test(type) ? type : unknownType;
}

/** "Servers SHOULD restrict": https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content */
const inlineTypes = new Set([
  ...['text/css', 'text/plain', 'text/csv', 'application/json', 'application/ld+json'],
  ...['image/jpeg', 'image/gif', 'image/png', 'image/apng', 'image/webp', 'image/avif'],
  ...['video/mp4', 'video/webm', 'video/ogg', 'video/quicktime'],
  ...['audio/mp4', 'audio/webm', 'audio/aac', 'audio/mpeg', 'audio/ogg', 'audio/wave', 'audio/wav', 'audio/x-wav'],
  ...['audio/x-pn-wav', 'audio/flac', 'audio/x-flac'],
]);

/** `inline` for what browsers only look at, `attachment` for what they might run. */
export function contentDisposition(type: string, name: string | null): string {
  const essence = type.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const kind = inlineTypes.has(essence) ? 'inline' : 'attachment';
  if (name === null || name === '') return kind;
  if (/^[ !#-[\]-~]+$/.test(name)) return `${kind}; filename="${name}"`;
  return `${kind}; filename*=UTF-8''${percentEncoded(name)}`; // RFC 6266
}

const percentEncoded = (text: string) =>
  encodeURIComponent(text).replace(/['()*!]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`);

const longestName = 512;

/** The file name of a Content-Disposition, its extended form before the plain one; `null` where there is none. */
export function fileName(disposition: string | undefined): string | null {
  if (disposition === undefined || disposition.length > 16 * longestName) return null;
  const extended = /;[ \t]*filename\*[ \t]*=[ \t]*utf-8'[^']*'([^ \t;]*)/i.exec(disposition)?.[1];
  const name = (extended !== undefined ? percentDecoded(extended) : undefined) ?? plainName(disposition);
  return name === undefined || name === '' || name.length > longestName ? null : name;
}

function percentDecoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined; // not UTF-8: the plain form may do
  }
}

function plainName(disposition: string): string | undefined {
  const [, quoted, plain] = /;[ \t]*filename[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^ \t;"]+))/i.exec(disposition) ?? [];
  const name = quoted === undefined ? plain : quoted.replace(/\\(.)/g, '$1');
  // Headers are read as Latin-1, and many servers put UTF-8 there.
  return name === undefined ? undefined : utf8In(name);
}

function utf8In(latin1: string): string {
  const text = Buffer.from(latin1, 'latin1').toString('utf8');
  return text.includes('\uFFFD') ? latin1 : text;
}

/** For every file that is served. Whoever opens one by itself gets no scripts, no forms and no origin. */
export const safetyHeaders = {
  'Content-Security-Policy':
    "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';",
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};
