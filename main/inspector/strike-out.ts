/** What stands where a secret stood. */
const struckOut = '[struck out]';

/** Members of JSON objects, fields of forms and query parameters whose value nobody may read again. */
const secretNames = new Set([
  'access_token',
  'client_secret',
  'id_token',
  'login_token',
  'mac',
  'new_password',
  'passphrase',
  'password',
  'private_key',
  'recovery_key',
  'refresh_token',
  'secret',
  'session_data', // a backed-up room key
  'session_key', // m.room_key and its like, should one ever travel in the open
  'sig',
  'signing_key',
  'token',
]);

/** Headers that are credentials as a whole. `Authorization` is not among them: its scheme and parameters are of interest. */
const secretHeaders = new Set(['cookie', 'set-cookie', 'proxy-authorization', 'x-api-key']);

/** A header as it may be kept: of X-Matrix all but the signature, of other credentials the scheme alone. */
export function strikeHeader(name: string, value: string): string {
  const lower = name.toLowerCase();
  if (secretHeaders.has(lower)) return struckOut;
  if (lower === 'location' || lower === 'referer') return strikeUri(value);
  if (lower !== 'authorization') return value;
  const [scheme = ''] = value.split(/\s/, 1);
  if (/^(bearer|basic)$/i.test(scheme)) return `${scheme} ${struckOut}`;
  if (!/^x-matrix$/i.test(scheme)) return struckOut; // even the first word may be the secret
  // Quoted or bare, and whatever follows a quote that is never closed.
  return value.replace(/\bsig(\s*=\s*)("[^"\\]*(?:\\.[^"\\]*)*("|$)|[^,\s]*)/gi, `sig$1"${struckOut}"`);
}

/** A request target: the values of secret query parameters go, every other byte stays as it was on the wire. */
export function strikeUri(uri: string): string {
  const query = uri.indexOf('?');
  return query === -1 ? uri : uri.slice(0, query + 1) + strikeForm(uri.slice(query + 1));
}

/** `application/x-www-form-urlencoded`, as in bodies and queries. */
export function strikeForm(form: string): string {
  return form
    .split('&')
    .map((pair) => {
      const [name = ''] = pair.split('=', 1);
      return secretNames.has(decoded(name).toLowerCase()) ? `${name}=${struckOut}` : pair;
    })
    .join('&');
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Sentences, such as the message of an error, that may quote what was sent. */
export function strikeText(text: string): string {
  return text
    .replace(/\b(Bearer\s+)[^\s"',]+/gi, `$1${struckOut}`)
    .replace(/\b(sig\s*=\s*)("[^"]*("|$)|[^,\s&]*)/gi, `$1${struckOut}`)
    .replace(/\b((?:access|refresh|login)_token=)[^&\s"']*/gi, `$1${struckOut}`);
}

const anySecretName = new RegExp(`"(?:${[...secretNames].join('|')})"|\\\\u`, 'i');
const stringAt = /"[^"\\]*(?:\\[\s\S][^"\\]*)*(?:"|\\?$)/gy;
const colonAt = /\s*:\s*/gy;
const plainAt = /[^,}\]\s]*/gy;

/**
 * The values of secret members of a JSON text, which may be cut off anywhere. It is read as tokens, not parsed: bodies
 * are up to 64 KiB, and most of them hold nothing secret, which one look tells.
 */
export function strikeJson(text: string): string {
  if (!anySecretName.test(text)) return text;
  let kept = '';
  let from = 0;
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at)) {
    const string = match(stringAt, text, at);
    const afterName = at + string.length;
    const colon = match(colonAt, text, afterName);
    at = afterName + colon.length;
    if (colon === '' || !isSecret(string)) continue;
    const end = endOfValue(text, at);
    if (end === at) break; // cut off before the value
    kept += `${text.slice(from, at)}"${struckOut}"`;
    from = end;
    at = end;
  }
  return kept + text.slice(from);
}

function match(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? '';
}

/** Whether a JSON string, quotes and all, is a secret name, however it is escaped. */
function isSecret(string: string): boolean {
  const name = string.slice(1, -1);
  const plain = name.replace(/\\u([0-9a-f]{4})/gi, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return secretNames.has(plain.toLowerCase());
}

/** Where the value that begins at `at` ends: a whole object or array, a string, or anything else. */
function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return at + match(stringAt, text, at).length;
  if (first !== '{' && first !== '[') return at + match(plainAt, text, at).length;
  let depth = 0;
  let position = at;
  while (position < text.length) {
    const character = text[position];
    if (character === '"') {
      position += match(stringAt, text, position).length;
      continue;
    }
    if (character === '{' || character === '[') depth++;
    if (character === '}' || character === ']') depth--;
    position++;
    if (depth === 0) break;
  }
  return position;
}
