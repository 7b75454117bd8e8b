import type { FlowAuth } from '../../shared/flow.ts';
import { parseServerName, type ServerName } from '../../shared/ids.ts';
import { canonicalJson } from '../protocol/canonical-json.ts';
import type { JsonValue } from '../protocol/json.ts';
import { type SigningKey, verifySignature } from '../protocol/signing.ts';
import { isKeyId } from './key-reply.ts';
import type { RequestKeys } from './keyring.ts';

/** The parameters of one `Authorization: X-Matrix` header, unescaped and unverified. */
export interface XMatrix {
  readonly origin: string;
  readonly destination: string | undefined; // not there before v1.3
  readonly key: string;
  readonly sig: string;
}

/** A request as X-Matrix covers it. */
export interface SignedRequest {
  readonly method: string;
  /** Path and query exactly as on the wire. */
  readonly uri: string;
  readonly origin: string;
  readonly destination: string | undefined;
  /** None where there was no body: `content` is then not part of what is signed. */
  readonly body: JsonValue | undefined;
}

/** The value of `Authorization` for a request of ours. https://spec.matrix.org/v1.19/server-server-api/#request-authentication */
export function authorization(request: SignedRequest & { readonly destination: string }, key: SigningKey): string {
  const { origin, destination } = request;
  const sig = key.sign(covered(request));
  // One space, lower-case names, no backslash, no white space around commas: "for compatibility with older servers".
  return `X-Matrix origin="${origin}",destination="${destination}",key="${key.keyId}",sig="${sig}"`;
}

const covered = ({ method, uri, origin, destination, body }: SignedRequest): string =>
  canonicalJson({
    method,
    uri,
    origin,
    ...(destination !== undefined && { destination }),
    ...(body !== undefined && { content: body }),
  });

interface IncomingRequest {
  readonly method: string;
  readonly rawUri: string;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** As it was parsed; `undefined` where there was none. */
  readonly body: JsonValue | undefined;
}

interface Verifier {
  readonly us: ServerName;
  readonly keyring: RequestKeys;
}

/** A server may sign with each of its keys, in a header each. */
const maxHeaders = 10;

/**
 * Who sent a request, or why we do not know: the inspector shows it, and a reply is 401 `M_UNAUTHORIZED`.
 * At least one signature must hold, by a key that is valid now; old keys sign no requests.
 *
 * https://spec.matrix.org/v1.19/server-server-api/#request-authentication
 */
export async function verifyRequest(request: IncomingRequest, { us, keyring }: Verifier): Promise<FlowAuth> {
  const headers = [request.headers['authorization'] ?? []].flat().filter((header) => /^x-matrix(?: |$)/i.test(header));
  const no = (why: string, { origin, destination, key }: Partial<XMatrix> = {}): FlowAuth => ({
    verified: false,
    why,
    ...(origin !== undefined && { origin }),
    ...(destination !== undefined && { destination }),
    ...(key !== undefined && { keyId: key }),
  });
  if (headers.length === 0) return no('there is no Authorization header with X-Matrix');
  if (headers.length > maxHeaders) return no(`there are more than ${maxHeaders} signatures`);

  const claims: XMatrix[] = [];
  for (const header of headers) {
    const parsed = parseXMatrix(header);
    if (typeof parsed === 'string') return no(parsed);
    claims.push(parsed);
  }
  const [claim] = claims;
  if (claim === undefined || claims.some((other) => other.origin !== claim.origin)) {
    return no('the signatures are of different servers', claim);
  }
  const wrong = claims.find(({ destination }) => destination !== undefined && destination !== us);
  if (wrong !== undefined) return no(`it is for ${wrong.destination}, and this is ${us}`, wrong);
  const origin = parseServerName(claim.origin);
  if (origin === undefined) return no('the origin is no server name', claim);
  if (origin === us) return no('it claims to come from this server itself', claim);
  const usable = claims.filter(({ key }) => isKeyId(key));
  if (usable.length === 0) return no(`${claim.key} is no key ID that we know`, claim);

  const keyIds = usable.map(({ key }) => key);
  let why = '';
  for (const anew of [false, true]) {
    const keys = await keyring.keysForRequest(origin, keyIds, { anew });
    for (const { destination, key, sig } of usable) {
      const publicKey = keys.get(key);
      const message = covered({ ...request, uri: request.rawUri, origin, destination });
      if (publicKey !== undefined && verifySignature(publicKey, message, sig)) {
        return { verified: true, origin, keyId: key, ...(destination !== undefined && { destination }) };
      }
    }
    why =
      keys.size === 0
        ? `no key ${keyIds.join(', ')} of ${origin} is known and valid now`
        : 'the signature does not hold';
    if (keys.size === 0) break; // it has just been asked for
  }
  return no(why, claim);
}

// RFC 9110, sections 5.6 and 11.4. Colons outside quotes: "for compatibility with older servers".
const parameter =
  /[ \t]*([!#$%&'*+\-.^_`|~0-9A-Za-z]+)[ \t]*=[ \t]*(?:"((?:[\t \x21\x23-\x5b\x5d-\x7e\x80-\xff]|\\[\t \x21-\x7e\x80-\xff])*)"|([!#$%&'*+\-.^_`|~0-9A-Za-z:]+))[ \t]*(?:,|$)|[ \t]*,/y;

/** Longer than any honest header: names of 230 bytes, a key ID and a signature. */
const maxLength = 4096;

/** The parameters, in any order and with unknown ones among them; or a sentence that says what is wrong. */
export function parseXMatrix(header: string): XMatrix | string {
  if (header.length > maxLength) return 'the Authorization header is too long';
  const scheme = /^x-matrix +/i.exec(header)?.[0];
  if (scheme === undefined) return 'the Authorization header is not X-Matrix';
  const found = new Map<string, string>();
  for (let at = scheme.length; at < header.length; at = parameter.lastIndex) {
    parameter.lastIndex = at;
    const match = parameter.exec(header);
    if (match === null) {
      if (header.slice(at).trim() === '') break;
      return 'the Authorization header is not well formed';
    }
    const [, name, quoted, token] = match;
    if (name === undefined) continue; // an empty element of the list
    const key = name.toLowerCase();
    if (found.has(key)) return `the Authorization header has ${key} twice`;
    found.set(key, token ?? (quoted ?? '').replace(/\\(.)/g, '$1'));
  }
  const [origin, key, sig] = ['origin', 'key', 'sig'].map((name) => found.get(name));
  if (origin === undefined || key === undefined || sig === undefined) {
    return 'the Authorization header lacks origin, key or sig';
  }
  return { origin, destination: found.get('destination'), key, sig };
}
