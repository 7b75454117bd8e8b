import { parseUserId, type ServerName, type UserId } from '../../shared/ids.ts';

/**
 * The local user whom a sign-in means: by `identifier`, or by `user` as old clients have it; a whole user ID or the
 * localpart. None where it is somebody else's, or a kind of identifier that we do not know.
 * https://spec.matrix.org/v1.19/client-server-api/#identifier-types
 */
export function identifiedUser(
  given: { readonly identifier?: unknown; readonly user?: unknown },
  serverName: ServerName,
): UserId | undefined {
  const user = nameIn(given.identifier) ?? given.user;
  if (typeof user !== 'string' || user === '') return undefined;
  const whole = user.startsWith('@') ? user : `@${user}:${serverName}`;
  const userId = parseUserId(whole.toLowerCase()); // no local user has capital letters
  return userId?.endsWith(`:${serverName.toLowerCase()}`)
    ? (`${localpart(userId)}:${serverName}` as UserId)
    : undefined;
}

const localpart = (userId: UserId): string => userId.slice(0, userId.indexOf(':'));

function nameIn(identifier: unknown): unknown {
  if (typeof identifier !== 'object' || identifier === null) return undefined;
  const { type, user } = identifier as Readonly<Record<string, unknown>>;
  return type === 'm.id.user' ? user : '';
}
