import type { ServerName } from '../../shared/ids.ts';
import { MatrixError, notFound } from '../../shared/matrix-error.ts';
import { isRemoteError } from './remote-error.ts';

/** Nobody did as asked. Why, each for itself. */
export class AllFailed extends Error {
  override readonly name = 'AllFailed';
  readonly failures: readonly Failure[];

  constructor(failures: readonly Failure[]) {
    super(failures.map(reasonOf).join('; '));
    this.failures = failures;
  }
}

/** What a server answered cannot be used: the next one may have better. */
export class BadAnswer extends Error {
  override readonly name: string = 'BadAnswer';
}

export interface Failure {
  readonly server: ServerName;
  readonly error: unknown;
}

/** A person waits, and each may take its time. */
const mostCandidates = 20;

/**
 * The first server with which `attempt` succeeds, one after the other. What is not their failure but ours ends it.
 *
 * @throws AllFailed
 */
export async function askEach<T>(
  candidates: Iterable<ServerName>,
  attempt: (server: ServerName) => Promise<T>,
): Promise<T> {
  const failures: Failure[] = [];
  for (const server of [...new Set(candidates)].slice(0, mostCandidates)) {
    try {
      return await attempt(server);
    } catch (error) {
      if (!(isRemoteError(error) || error instanceof BadAnswer || error instanceof MatrixError)) throw error;
      failures.push({ server, error });
    }
  }
  throw new AllFailed(failures);
}

/**
 * What a client is told. What others say about the room or the user is passed on, 400 `M_MISSING_PARAM` and
 * `M_INVALID_PARAM` excepted: those are between servers, and so a 5xx.
 * https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1make_joinroomiduserid
 */
export function asClientError({ failures, message }: AllFailed, what: string): MatrixError {
  const answers = failures.map(({ error }) => error).filter(isRemoteError);
  const sentence = `${what}: ${message}`;
  const found = (status: number, errcodes?: readonly string[]) =>
    answers.find((error) => error.status === status && (errcodes?.includes(error.errcode ?? '') ?? true));

  const incompatible = found(400, ['M_INCOMPATIBLE_ROOM_VERSION']);
  if (incompatible !== undefined) {
    const { room_version: version } = incompatible.body;
    return new MatrixError(400, 'M_INCOMPATIBLE_ROOM_VERSION', sentence, {
      fields: typeof version === 'string' ? { room_version: version } : {},
    });
  }
  const refused = found(403);
  if (refused !== undefined) return new MatrixError(403, known(refused.errcode, 'M_FORBIDDEN'), sentence);
  const ours = ['M_MISSING_PARAM', 'M_INVALID_PARAM', 'M_BAD_JSON', 'M_NOT_JSON', 'M_UNKNOWN'];
  const other = answers.find(({ status, errcode }) => status === 400 && !ours.includes(errcode ?? 'M_UNKNOWN'));
  if (other !== undefined) return new MatrixError(400, known(other.errcode, 'M_UNKNOWN'), sentence);
  if (failures.length === 0) return notFound(`${what}: no server is known that could be asked`);
  const allSayUnknown = answers.length === failures.length && answers.every(({ status }) => status === 404);
  return allSayUnknown ? notFound(sentence) : new MatrixError(502, 'M_UNKNOWN', sentence);
}

/** Their word, where it is one that Matrix could have. */
const known = (errcode: string | undefined, otherwise: `M_${string}`): `M_${string}` =>
  errcode !== undefined && /^M_[A-Z0-9_]{1,60}$/.test(errcode) ? (errcode as `M_${string}`) : otherwise;

function reasonOf({ server, error }: Failure): string {
  if (isRemoteError(error) && error.status !== undefined) {
    return `${server} answers ${error.status}${error.errcode === undefined ? '' : ` ${error.errcode}`} (${error.message})`;
  }
  return `${server}: ${error instanceof Error ? error.message : String(error)}`;
}
