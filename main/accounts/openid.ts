import { createHash } from 'node:crypto';
import type { UserId } from '../../shared/ids.ts';
import { MatrixError } from '../../shared/matrix-error.ts';
import type { openIdTokensTable } from '../db/openid-tokens.ts';
import type { Platform } from '../platform.ts';

/** Lets third parties find out that a user is who they say they are. https://spec.matrix.org/v1.19/client-server-api/#openid */
export interface OpenId {
  /** A token that is good for this alone. */
  newToken(userId: UserId): { readonly token: string; readonly expiresInMs: number };
  /** Throws 401 `M_UNKNOWN_TOKEN`. */
  userOf(token: string): UserId;
}

interface OpenIdOptions {
  readonly table: ReturnType<typeof openIdTokensTable>;
  readonly platform: Pick<Platform, 'clock' | 'random'>;
  readonly isActive: (userId: UserId) => boolean;
}

const expiresInMs = 60 * 60_000;

export function createOpenId({ table, platform: { clock, random }, isActive }: OpenIdOptions): OpenId {
  return {
    newToken(userId) {
      table.removeExpired(clock.now());
      const token = `hearth_openid_${Buffer.from(random.bytes(32)).toString('base64url')}`;
      table.add(hashOf(token), userId, clock.now() + expiresInMs);
      return { token, expiresInMs };
    },
    userOf(token) {
      const userId = table.userOf(hashOf(token), clock.now());
      if (userId === undefined || !isActive(userId)) {
        throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'This token is not known, or has expired.');
      }
      return userId;
    },
  };
}

/** Tokens have 256 bits of chance: a plain hash is enough to hide them. */
const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url');
